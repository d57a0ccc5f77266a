"""Bridges with discovery, the cables between them, and a clock: what the tests of discovery share."""

from __future__ import annotations

from dataclasses import replace
from struct import unpack_from

from controller.model import BridgeUp, Greeted, Link, PacketIn, Port, PortDown, PortRole, PortUp, Prepared
from controller.state.tables import Tx
from controller.topology.discovery import BEAT, TICK, Discovery
from tests.apps.engine import Lab

End = tuple[str, int]
TURN = 1.01  # seconds


class Wires(Lab):
    """Bridges with discovery, the cables between them, and a clock."""

    def __init__(self) -> None:
        self.now, self.ticks = 0.0, 0
        self.timers: list[tuple[float, object]] = []
        self.cables: dict[End, list[End]] = {}  # what leaves by a port arrives at these
        self.told: list[str] = []
        super().__init__(Discovery())

    def _commit(self, tx: Tx) -> None:
        self.timers += [(self.now + seconds, event) for seconds, event in tx.timers]
        self.told += [kind for _severity, kind, *_ in tx.notes]
        super()._commit(tx)

    def join(self, one: End, *others: End) -> None:
        """A cable between ports, or a segment of several."""
        ends = (one, *others)
        for end in ends:
            self.cables[end] = [other for other in ends if other != end]

    def start(self, name: str, ports: int = 3) -> None:
        """A bridge connects, and has its flows."""
        self.bridge(name, dpid=int(name[1:]), ports=ports)
        self.event(BridgeUp(name))
        for port in range(1, ports + 1):
            self.event(PortUp(name, port))
        self.event(Greeted(name))
        self.event(Prepared(name))
        self.deliver()

    def deliver(self) -> None:
        """Frames arrive where their cables end, and what is sent in answer as well."""
        while self.frames:
            bridge, _in_port, actions, frame = self.frames.pop(0)
            (port,) = unpack_from("!I", actions[0], 4)
            for end in self.cables.get((bridge, port), ()):
                self.event(PacketIn(*end, frame))

    def wait(self, seconds: float) -> None:
        """Time passes: turns are taken, and what is due happens."""
        for _ in range(round(seconds / TICK)):
            self.ticks += 1
            self.now += TICK
            due, self.timers = [e for at, e in self.timers if at <= self.now], [t for t in self.timers if t[0] > self.now]
            for event in due:
                self.event(event)
            self.tick("repeat")
            if self.ticks % round(BEAT / TICK) == 0:
                self.tick("take_turns")
            self.deliver()

    def cut(self, one: End, other: End) -> None:
        """A cable breaks and nobody says so."""
        self.cables.pop(one), self.cables.pop(other)

    def down(self, bridge: str, port: int) -> None:
        """A port goes down, and its bridge says so."""
        self.put(replace(self.port(bridge, port), up=False))
        self.event(PortDown(bridge, port))

    def up(self, bridge: str, port: int) -> None:
        """A port comes up."""
        self.put(replace(self.port(bridge, port), up=True))
        self.event(PortUp(bridge, port))
        self.deliver()

    def port(self, bridge: str, port: int) -> Port:
        """The row of a port."""
        found = self.engine.tables.get(Port, bridge, port)
        assert found is not None
        return found

    def role(self, bridge: str, port: int) -> str:
        """What a port is there for; nothing where it is down."""
        row = self.engine.tables.get(PortRole, bridge, port)
        return row.role if row else ""

    @property
    def links(self) -> set[tuple[str, int, str, int]]:
        """Both directions of all links; they are there both or not at all."""
        found = {(row.bridge, row.port, row.peer, row.peer_port) for row in self.rows(Link) if isinstance(row, Link)}
        assert found == {(peer, peer_port, bridge, port) for bridge, port, peer, peer_port in found}
        ends = {(row.bridge, row.port) for row in self.rows(PortRole) if isinstance(row, PortRole) and row.role == "link"}
        assert {link[:2] for link in found} == ends
        return found


def linked() -> Wires:
    """Two bridges, port 1 to port 1, with a link between."""
    lab = Wires()
    lab.join(("s1", 1), ("s2", 1))
    lab.start("s1")
    lab.start("s2")
    return lab


LINK = {("s1", 1, "s2", 1), ("s2", 1, "s1", 1)}
