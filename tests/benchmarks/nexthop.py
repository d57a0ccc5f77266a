"""A link of a fat tree fails: from the port-status to the bytes on their way, beside networkx.

The controller is whole, its bridges are fake switches that answer in memory; the hosts are behind the edge bridges, k*k/2 of
k*k*5/4: 128 of 320 with k=16, 392 of 980 with k=28.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, cast

import networkx as nx

from apps.fabric import Fabric
from apps.l2_learning import L2Learning
from apps.vlan_isolation import VlanIsolation
from controller.app import Tx
from controller.model import Host, Link, Mac, Network, Pipeline, PortRole, Row
from controller.openflow.events import Event, PortDesc, PortStatus, Ready
from controller.openflow.session import Session
from controller.runtime.channel import Channel
from controller.runtime.control import Control
from controller.runtime.journal import Journal
from controller.state.engine import Engine
from controller.topology.basis import Basis
from controller.topology.discovery import Discovery
from tests.benchmarks import results
from tests.benchmarks.product import quiet_collector
from tests.benchmarks.report import Table
from tests.fakes.switch import FakeSwitch
from topologies.openvswitch import PrivateOvs

K = 16
SAMPLE = 8  # destinations that networkx computes; its time for all is extrapolated
FAILURES = 3  # of each kind, times the repeats
TREES = "networkx: predecessors of all destinations, processor time"
SENT, CPU = "weft: port-status -> changed next hops on their way", "weft: its processor time for that"
REST = "weft and the fake switches: processor time until all next hops are without the link"
PAUSE = 0.3  # seconds
Cable = tuple[str, int, str, int]


def fat_tree(k: int) -> Iterator[Cable]:
    """The links of a k-ary fat tree (Al-Fares et al., SIGCOMM 2008) without its hosts."""
    half = k // 2
    for pod in range(k):
        for a in range(half):
            for i in range(half):
                yield f"core{a * half + i}", pod + 1, f"agg{pod}-{a}", i + 1
                yield f"agg{pod}-{a}", half + i + 1, f"edge{pod}-{i}", a + 1


class Wire:
    """In place of a Channel: what is to be sent is counted, and reaches the switch when `pump` says so."""

    def __init__(self, fabric: FatTree, switch: FakeSwitch) -> None:
        self.fabric, self.switch = fabric, switch
        self.session, self.address = Session(), "memory"
        self.waiting: list[bytes] = []
        self.session.start(0.0)
        self.flush()

    def flush(self) -> None:
        """Bytes that a connection would write now."""
        out = b"".join(self.session.out)
        self.session.out.clear()
        while (chunk := self.session.more()) is not None:
            out += chunk
        if out:
            self.waiting.append(out)
            self.fabric.sent(out)

    def close(self, reason: str) -> None:
        """Never called here."""
        raise AssertionError(reason)

    def pump(self) -> list[Event]:
        """What the switch answers to what it was sent."""
        answer = b"".join([self.switch.receive(out) for out in self.waiting])
        self.waiting.clear()
        return self.session.receive(answer, 0.0) if answer else []


class FatTree:
    """The controller and its bridges."""

    def __init__(self) -> None:
        self.cables = list(fat_tree(K))
        self.engine = Engine()
        self.control = Control(self.engine, Journal(), remove_foreign=True)
        self.bytes, self.last, self.cpu = 0, 0.0, 0.0
        for app in (Basis(), Discovery(), Fabric(), VlanIsolation(), L2Learning()):
            self.engine.enable(app)
        names = sorted({name for a, _, b, _ in self.cables for name in (a, b)})
        self.dests = [name for name in names if name.startswith("edge")]
        ports = K + 1  # one more than has cables, for a host
        self.wires = {name: Wire(self, FakeSwitch(n, ports, name)) for n, name in enumerate(names, 1)}
        tx = Tx(self.engine.tables)
        for row in (Pipeline(), Network("default", 1), *self._rows()):
            tx.put(row)
        self.engine.commit(tx)

    def _rows(self) -> Iterator[Row]:
        """What was known before a restart: roles, links, hosts."""
        for a, p, b, q in self.cables:
            for one, port, other, peer in ((a, p, b, q), (b, q, a, p)):
                yield PortRole(one, port, "link", f"to {other} port {peer}")
                yield Link(one, port, other, peer)
        cabled = {end for a, p, b, q in self.cables for end in ((a, p), (b, q))}
        free = ((name, port) for name in self.wires for port in range(1, K + 2) if (name, port) not in cabled)
        for name, port in free:
            yield PortRole(name, port, "edge")
        for number, name in enumerate(self.dests, 1):
            yield Host("default", Mac(0x020000000000 + number), name, K + 1)

    def sent(self, data: bytes) -> None:
        """Bytes were handed over."""
        self.bytes += len(data)
        self.last, self.cpu = time.perf_counter(), time.process_time()

    async def connect(self) -> None:
        """All of them, until each holds what it should."""
        self.control.drive()
        await self.idle()
        for wire in self.wires.values():
            wire.session.receive(wire.switch.hello(), 0.0)
            self.control.agreed(cast(Channel, wire))
            wire.flush()
        await self.quiet()

    def _take(self, wire: Wire, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Ready):
                self.control.ready(cast(Channel, wire), event)
        rest: list[Event] = [event for event in events if not isinstance(event, Ready)]
        if rest:
            self.control.received(cast(Channel, wire), rest)
        wire.flush()

    async def quiet(self) -> None:
        """Let everybody answer until there is nothing left to say."""
        while True:
            await self.idle()
            talking = [wire for wire in self.wires.values() if wire.waiting]
            if not talking:
                return
            for wire in talking:
                self._take(wire, wire.pump())

    async def idle(self) -> None:
        """Until all rules have run, paths are known, and trees."""
        while not self.control.idle or self.control.following.busy:
            await asyncio.sleep(0.001)

    async def fail(self, cable: Cable) -> tuple[float, float]:
        """Both ends say that they are down: seconds until the last changed next hop is on its way, wall and processor time."""
        await self.quiet()
        await asyncio.sleep(PAUSE)  # as a fabric in which nothing happened for a while
        self.bytes = 0
        began, cpu = time.perf_counter(), time.process_time()
        for name, port in (cable[:2], cable[2:]):
            down = PortDesc(port, f"{name}-eth{port}", bytes(6), False, None)
            self._take(self.wires[name], [PortStatus("modify", down)])
        while not self.control.idle or not self.bytes:
            await asyncio.sleep(0)
        return self.last - began, self.cpu - cpu

    async def rest(self) -> float:
        """Until the link has left all next hops: seconds of processor time, with that of the fake switches."""
        cpu = time.process_time()
        while self.control.following.busy or not self.control.idle:
            for wire in self.wires.values():
                if wire.waiting:
                    self._take(wire, wire.pump())
            await asyncio.sleep(0.01)
        return time.process_time() - cpu


class NextHops:
    """Links of both kinds fail, one after the other."""

    def __init__(self, fabric: FatTree, repeats: int) -> None:
        self.fabric, self.random = fabric, Random(1)
        self.table = Table(
            f"a link fails, fat tree k={K}: {len(fabric.wires)} bridges, {len(fabric.dests)} destinations", "ms", 1
        )
        self.count = FAILURES * repeats
        self.graph: nx.MultiGraph[Any] = nx.MultiGraph()
        for a, p, b, q in fabric.cables:
            self.graph.add_edge(a, b, (p, q))

    async def run(self) -> None:
        """Both kinds of links and networkx take turns."""
        uplinks = self.random.sample([c for c in self.fabric.cables if c[2].startswith("edge")], self.count)
        cores = self.random.sample([c for c in self.fabric.cables if c[0].startswith("core")], self.count)
        for pair in zip(uplinks, cores, strict=True):
            for kind, cable in zip(("edge", "core"), pair, strict=True):
                wall, cpu = await self.fabric.fail(cable)
                self.graph.remove_edge(cable[0], cable[2])
                self.table.add(f"{SENT}, {kind}", wall * 1000)
                self.table.add(f"{CPU}, {kind}", cpu * 1000)
                self.table.add(f"{REST}, {kind}", await self.fabric.rest() * 1000)
            self.networkx(nx.predecessor)

    def networkx(self, function: Callable[..., object]) -> None:
        """All of it anew, breadth first: the sets of next bridges, no ports, no flows."""
        dests = self.random.sample(self.fabric.dests, SAMPLE)
        began = time.process_time()
        for dest in dests:
            function(self.graph, dest)
        self.table.add(TREES, (time.process_time() - began) * len(self.fabric.dests) / SAMPLE * 1000)


async def _run(repeats: int) -> None:
    fabric = FatTree()
    began = time.perf_counter()
    await fabric.connect()
    print(
        f"{len(fabric.wires)} bridges connected and filled in {time.perf_counter() - began:.1f} s, {fabric.bytes >> 20} MiB sent"
    )
    hops = NextHops(fabric, repeats)
    with quiet_collector():
        await hops.run()
    hops.table.show()
    for kind in ("edge", "core"):
        what = f"a link of {'an edge' if kind == 'edge' else 'a core'} bridge fails, {len(fabric.wires)} bridges"
        hops.table.compare(f"processor time when {what}", f"{CPU}, {kind}", TREES)
        results.keep(f"ms when {what}", "1", hops.table.median(f"{SENT}, {kind}"))


def run(_ovs: PrivateOvs, repeats: int) -> None:
    """Print the table."""
    asyncio.run(_run(repeats))
