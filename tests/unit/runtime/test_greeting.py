"""What a bridge is sent before its pipeline: nothing twice, nothing beside what is in the way, and the same in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.vlan_isolation import VlanIsolation
from controller.app import App
from controller.model import Link as LinkRow
from controller.model import Network, Pipeline, PortRole
from controller.openflow import codec
from controller.openflow.osken import V13, V14
from controller.packet import NEAREST_BRIDGE
from controller.pipeline import ADMIT, DROP, LLDP
from controller.runtime.channel import listen
from controller.runtime.control import Control
from controller.runtime.journal import Journal
from controller.state.engine import Engine
from controller.state.tables import Tx
from controller.topology.basis import Basis
from controller.topology.discovery import Discovery
from tests.fakes.switch import FakeSwitch, Link, connect

pytestmark = pytest.mark.unit
FOREIGN = ADMIT.flow(DROP, priority=400, eth_type=LLDP)
ELSEWHERE = b"\x0a" + FOREIGN.slot[1:]  # the same in another table
WRONG = (0x57 << 56 | 7, bytes(8), b"")
Held = dict[bytes, tuple[int, bytes, bytes]]


def hears(port: int) -> bytes:
    """The slot of the flow by which a port hears its neighbours."""
    return ADMIT.flow(DROP, priority=300, in_port=port, eth_dst=NEAREST_BRIDGE, eth_type=LLDP).slot


class Recorded(FakeSwitch):
    """Remembers which flows were put there, in their order, and how often."""

    def __init__(self, held: Held, version: int, dpid: int = 1) -> None:
        super().__init__(dpid, ports=2, versions=(version,))
        self.things = dict(held)
        self.put: list[bytes] = []
        self.loose: list[bytes] = []  # those that came outside of a bundle

    def _apply(self, message: bytes) -> tuple[int, int] | None:
        before = dict(self.things)
        refused = super()._apply(message)
        self.put += [slot for slot, thing in self.things.items() if before.get(slot) != thing]
        return refused

    def _take(self, message: bytes) -> None:
        before = len(self.put)
        super()._take(message)
        self.loose += self.put[before:] if message[1] == codec.FLOW_MOD else []


class Lab:
    """A controller that listens."""

    def __init__(self, *apps: App) -> None:
        self.engine, self.journal = Engine(), Journal()
        self.control = Control(self.engine, self.journal, remove_foreign=True)
        tx = Tx(self.engine.tables)
        tx.put(Pipeline())
        tx.put(Network("default", 1))
        self.engine.commit(tx)
        for app in apps or (Basis(), Discovery(), VlanIsolation()):
            self.engine.enable(app)
        self.engine.run()

    def wanted(self, bridge: str) -> Held:
        """What should be there; meters and groups bear no cookie."""
        view = self.engine.desired.view(bridge)
        return {slot: (owner.cookie * (slot[0] < 254), flow.opts, flow.body) for slot, (owner, flow) in view.items()}

    def settled(self, *switches: FakeSwitch) -> bool:
        """These hold what they should."""
        peers = [self.control.peers.get(switch.name) for switch in switches]
        done = all(peer is not None and peer.state == "connected" for peer in peers) and self.control.idle
        return done and all(switch.things == self.wanted(switch.name) for switch in switches)


async def until(there: Callable[[], bool]) -> None:
    """Wait until it is true."""
    async with asyncio.timeout(10):
        while not there():
            await asyncio.sleep(0.002)


async def connected(lab: Lab, switch: FakeSwitch, port: int) -> None:
    """Let it connect, and wait until it holds what it should."""
    await connect(switch, port)
    await until(lambda: lab.settled(switch))


def with_lab(scenario: Callable[[Lab, int], Awaitable[None]], *apps: App) -> None:
    """Run it beside a controller."""

    async def main() -> None:
        lab = Lab(*apps)
        server = await listen("tcp:127.0.0.1:0", lab.control)
        try:
            await scenario(lab, server.port)
        finally:
            await server.close()

    asyncio.run(main())


@pytest.mark.parametrize("version", [V14, V13])
def test_a_fresh_bridge_hears_before_it_has_its_pipeline(version: int) -> None:
    switch = Recorded({}, version)

    async def scenario(lab: Lab, port: int) -> None:
        await connected(lab, switch, port)
        first = [slot for slot in switch.put if slot[0] < 254][:2]
        assert set(first) == set(switch.loose) == {hears(1), hears(2)}
        assert len(switch.put) == len(set(switch.put)) == len(switch.things)  # nothing twice
        assert lab.journal.events(kind="flow.") == ()

    with_lab(scenario)


@given(
    version=st.sampled_from([V14, V13]),
    right=st.sets(st.integers(0, 200)),
    wrong=st.sets(st.sampled_from([hears(1), hears(2), FOREIGN.slot, ELSEWHERE, b"\xfe\0\0\0\1", b"\xfe\0\0\0\2"])),
)
@settings(max_examples=40, deadline=None)
def test_whatever_it_holds_it_is_right_in_the_end(version: int, right: set[int], wrong: set[bytes]) -> None:
    """A part of what weft wants, as after a restart, and other things in its place or beside it."""

    async def scenario(lab: Lab, port: int) -> None:
        teacher = FakeSwitch(1, ports=2, versions=(version,))
        link = await connect(teacher, port)
        await until(lambda: lab.settled(teacher))
        link.stop()
        full = lab.wanted("s1")
        held = {slot: thing for number, (slot, thing) in enumerate(sorted(full.items())) if number in right}
        there = dict(held)
        for slot in wrong:
            there[slot] = (0, bytes(8), b"\0\1" + bytes(16)) if slot[0] == 254 else WRONG if slot in full else (0, bytes(8), b"")
        switch = Recorded(there, version)
        await until(lambda: lab.control.peers["s1"].state == "disconnected")
        await connected(lab, switch, port)
        assert len(switch.put) == len(set(switch.put))
        assert not set(switch.put) & {slot for slot, thing in there.items() if full.get(slot) == thing}
        if wrong & (full.keys() | {FOREIGN.slot}):
            assert switch.loose == []  # what is in the way goes with the bundle

    with_lab(scenario)


def test_a_refused_flow_is_told_once_and_the_rest_is_there() -> None:
    switch = Recorded({}, V14)
    switch.faults.early = lambda message: (
        (5, 1) if message[1] == codec.FLOW_MOD and message[48:] and hears(1)[3:] in message else None
    )

    async def scenario(lab: Lab, port: int) -> None:
        await connect(switch, port)
        await until(lambda: (peer := lab.control.peers.get("s1")) is not None and peer.state == "connected")
        assert switch.things.keys() == lab.wanted("s1").keys() - {hears(1)}
        (event,) = lab.journal.events(kind="flow.rejected")
        assert "PortRole s1 1" in event.text

    with_lab(scenario)


class Late(Recorded):
    """Ends what it tells of its meters when all else was said long ago."""

    link: Link

    def _take(self, message: bytes) -> None:
        before = len(self._out)
        super()._take(message)
        if message[1] == codec.MULTIPART_REQUEST and int.from_bytes(message[8:10], "big") == codec.MP_METER_CONFIG:
            late = b"".join(self._out[before:])
            del self._out[before:]
            asyncio.get_running_loop().call_later(0.1, lambda: self.link.send(late))


@pytest.mark.parametrize("version", [V14, V13])
def test_what_a_bridge_holds_may_come_when_nothing_else_is_due(version: int) -> None:
    switch = Late({}, version)

    async def scenario(lab: Lab, port: int) -> None:
        switch.link = await connect(switch, port)
        await until(lambda: lab.settled(switch))

    with_lab(scenario, Basis())  # no discovery: that would be due soon


class Unplugged(Recorded):
    """Loses a port while it takes its first flows, before it confirms them."""

    def _take(self, message: bytes) -> None:
        if message[1] == codec.BARRIER_REQUEST and 2 in self.ports:
            self._out.append(self.port_status(2, up=False, reason=1))
            del self.ports[2]
        super()._take(message)


@pytest.mark.parametrize("version", [V14, V13])
def test_a_port_that_goes_meanwhile_takes_its_flow_and_meter_along(version: int) -> None:
    switch = Unplugged({}, version)

    async def scenario(lab: Lab, port: int) -> None:
        await connected(lab, switch, port)
        assert hears(2) in switch.loose
        assert hears(2) not in switch.things
        assert lab.journal.events(kind="flow.") == (), "nobody else did it"

    with_lab(scenario)


class Cabled(Recorded):
    """In a row with others: what leaves by port 1 arrives at port 2 of the next one."""

    row: list[Cabled]
    link: Link

    def _take(self, message: bytes) -> None:
        super()._take(message)
        if message[1] != codec.PACKET_OUT:
            return
        out = int.from_bytes(message[28:32], "big")
        number = self.row.index(self) + (1 if out == 1 else -1)
        if 0 <= number < len(self.row):
            far, port = self.row[number], 3 - out
            if hears(port) in far.things:
                far.link.send(far.packet_in(port, message[40:], far.things[hears(port)][0]))


@pytest.mark.parametrize("count", [2, 12])
def test_links_are_known_of_bridges_that_connect_together(count: int) -> None:
    switches = [Cabled({}, V14, dpid) for dpid in range(1, count + 1)]

    async def scenario(lab: Lab, port: int) -> None:
        for switch in switches:
            switch.row = switches
            switch.link = await connect(switch, port)
        await until(lambda: len(lab.engine.tables.rows[LinkRow]) == 2 * (count - 1))
        await until(lambda: lab.settled(*switches))
        for one, other in pairwise(switches):
            roles = [lab.engine.tables.get(PortRole, *end) for end in ((one.name, 1), (other.name, 2))]
            assert [role.role for role in roles if role] == ["link", "link"]

    with_lab(scenario)
