"""A whole controller in this process, without dashboard and store, that says when a bridge is as it should be."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import Iterable, Iterator
from unittest import mock

from controller.app import App, Tx, rules
from controller.model import Host, Mac, Network, Pipeline, Row
from controller.pipeline import ANSWER, FORWARD, LEARN, to, to_port
from controller.runtime import wiring
from controller.runtime.channel import Channel, Server, listen
from controller.runtime.control import Control
from controller.runtime.journal import Journal
from controller.state.engine import Engine
from controller.topology.basis import Basis
from topologies.openvswitch import PrivateOvs

PATIENCE = 60.0  # seconds
HELLO = 0  # message type


class TwoFlows(App, stages=(LEARN, FORWARD)):
    """Two flows for each host, as a learning switch has them."""

    @rules(each=Host)
    def forward(self, host: Host) -> Iterable[object]:
        """Who may send, and where it is."""
        number = int(host.network)
        yield LEARN.flow(to(ANSWER), network=number, in_port=host.port, eth_src=host.mac)
        yield FORWARD.flow(*to_port(host.port), network=number, eth_dst=host.mac)


def hosts(count: int, bridge: str = "br0") -> list[Row]:
    """So many hosts in fifty networks on forty ports."""
    return [Host(network=str(1 + i % 50), mac=Mac(0x020000000000 + i), bridge=bridge, port=1 + i % 40) for i in range(count)]


class Watched(Control):
    """A controller that tells when a bridge holds what it should hold."""

    consistent: asyncio.Event | None = None

    def drive(self) -> None:
        """As it is, and then a look whether anything is left to do."""
        super().drive()
        if self.consistent is not None and self.idle and self.peers and all(map(self._is_consistent, self.peers)):
            self.at = time.perf_counter()
            self.consistent.set()

    def _is_consistent(self, name: str) -> bool:
        ledger = self.engine.desired.ledgers.get(name)
        return self.peers[name].state == "connected" and ledger is not None and not ledger.pending and ledger.inflight is None

    async def settled(self) -> float:
        """Wait until every bridge is as it should be; when that was."""
        self.consistent = asyncio.Event()
        self.drive()
        try:
            await asyncio.wait_for(self.consistent.wait(), PATIENCE)
        finally:
            self.consistent = None
        return self.at


class Product:
    """The controller and its listener, for one bridge."""

    def __init__(self, app: App) -> None:
        self.engine = Engine()
        self.control = Watched(self.engine, Journal(), remove_foreign=True)
        self.server: Server
        tx = Tx(self.engine.tables)
        tx.put(Pipeline())
        tx.put(Network("default", 1))
        self.engine.commit(tx)
        self.engine.enable(Basis())
        self.engine.enable(app)
        self.engine.run()

    def change(self, rows: list[Row]) -> None:
        """Put rows in one transaction and begin the work that follows."""

        def put(tx: Tx) -> None:
            for row in rows:
                tx.put(row)

        self.control.dispatch.change(put)
        self.control.drive()

    async def connect(self, ovs: PrivateOvs, bridge: str = "br0") -> None:
        """Listen, let the bridge connect and be brought to what it should hold."""
        self.server = await listen("tcp:127.0.0.1:0", self.control)
        ovs.connect([bridge], self.server.target)
        await self.control.settled()

    async def reconnect(self, bridge: str = "br0") -> tuple[float, float]:
        """End the connection and wait until the bridge is back and as it should be.

        Seconds from its new connection to its answer to our hello, and from there until it is as it should be. Open vSwitch
        does not look out for the hello but finds it when something else wakes it up, often after half a second.
        """
        channel = self.control.peers[bridge].channel
        assert channel is not None
        with moments() as times:
            channel.close("a benchmark")
            while not times:  # Open vSwitch waits for a second
                await asyncio.sleep(0.05)
            done = await self.control.settled()
        connected, answered = times[:2]
        return answered - connected, done - answered

    async def disconnect(self) -> None:
        """Listen no more. The bridge keeps its controller's address and its flows: without an address it would drop them."""
        await self.server.close()


@contextlib.contextmanager
def quiet_collector() -> Iterator[None]:
    """The garbage collector as a controller sets it up, while the block runs."""
    thresholds = gc.get_threshold()
    wiring.quiet_collector()
    try:
        yield
    finally:
        gc.enable()  # the loop may have ended while it was held
        gc.unfreeze()
        gc.set_threshold(*thresholds)


@contextlib.contextmanager
def moments() -> Iterator[list[float]]:
    """When a switch connected and when it first answered after its hello, while the block runs."""
    times: list[float] = []
    made, received = Channel.connection_made, Channel.data_received

    def timed_made(channel: Channel, transport: asyncio.BaseTransport) -> None:
        times.append(time.perf_counter())
        made(channel, transport)

    def timed_received(channel: Channel, data: bytes) -> None:
        if len(times) == 1 and data[1] != HELLO:
            times.append(time.perf_counter())
        received(channel, data)

    with mock.patch.object(Channel, "connection_made", timed_made), mock.patch.object(Channel, "data_received", timed_received):
        yield times
