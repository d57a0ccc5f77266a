"""What links cost: what the network file says, else by the speed of their ports, and the same in both directions.

A row of a link is kept over a restart with its cost, and keeps that until the ports at both its ends are known again: so
paths, and the flows that follow from them, do not change because a bridge is away or was not heard of yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from controller.model import Bridge, BridgeName, Link, LinkConfig, Port
from controller.state.engine import Engine
from controller.state.tables import Tx

End = tuple[str, int]  # a bridge and its port

REFERENCE = 20 * 10**12  # bit/s: IEEE 802.1Q table 13-4, a port path cost is 20 Tbit/s divided by the speed
MOST = 200_000_000  # the greatest cost of a port there
USUAL = 10**9  # bit/s, where no speed is known


def by_speed(speeds: Iterable[int]) -> int:
    """The cost of a link by the slower of its ports, as IEEE 802.1Q recommends: 20000 for 1 Gbit/s, 2000 for 10 Gbit/s.

    Speeds in bit/s, 0 where a port does not say: it is taken to be as fast as the other one. A link of which nothing is
    known counts as 1 Gbit/s.
    """
    return max(1, min(MOST, REFERENCE // min(filter(None, speeds), default=USUAL)))


class Costs:
    """The costs in Link rows, from Port and LinkConfig rows."""

    def __init__(self, engine: Engine) -> None:
        self._tables = engine.tables
        self._stale: set[End] = set()  # one end of each link to look at
        self._all = False
        engine.watchers[Link].append(self._link)
        engine.watchers[Port].append(self._port)
        engine.watchers[LinkConfig].append(self._entry)
        engine.watchers[BridgeName].append(self._name)

    @property
    def stale(self) -> bool:
        """There are links to look at."""
        return self._all or bool(self._stale)

    def _link(self, old: Link | None, new: Link | None) -> None:
        if new is not None:
            self._stale.add(min((new.bridge, new.port), (new.peer, new.peer_port)))

    def _port(self, old: Port | None, new: Port | None) -> None:
        if new is not None and (old is None or (old.speed, old.name) != (new.speed, new.name)):
            self._stale.add((new.bridge, new.port))

    def _entry(self, old: LinkConfig | None, new: LinkConfig | None) -> None:
        for entry in filter(None, (old, new)):  # on whichever bridge: what the file calls it is looked at later
            self._stale.update((port.bridge, port.port) for port in self._tables.where(Port, name=entry.name))

    def _name(self, old: BridgeName | None, new: BridgeName | None) -> None:
        self._all = True

    def update(self, tx: Tx) -> None:
        """Put the rows that cost something else now."""
        links = self._tables.all(Link) if self._all else [self._tables.get(Link, *end) for end in sorted(self._stale)]
        self._stale, self._all = set(), False
        for link in links:
            back = self._tables.get(Link, link.peer, link.peer_port) if link is not None else None
            if link is not None and back is not None:
                cost = self._cost(link)
                for row in (link, back):
                    tx.put(replace(row, cost=cost))

    def _cost(self, link: Link) -> int:
        ends = (link.bridge, link.port), (link.peer, link.peer_port)
        ports = [port for end in ends if (port := self._tables.get(Port, *end)) is not None]
        if len(ports) < len(ends):
            return link.cost
        given = [entry.cost for port in ports if (entry := self._tables.get(LinkConfig, self._called(port.bridge), port.name))]
        return max(given) if given else by_speed(port.speed for port in ports)

    def _called(self, bridge: str) -> str:
        """The bridge's name in the network file: by datapath id, or its own where that is not given to another."""
        row = self._tables.get(Bridge, bridge)
        given = self._tables.get(BridgeName, row.dpid) if row is not None else None
        if given is not None:
            return given.name
        return "" if self._tables.where(BridgeName, name=bridge) else bridge
