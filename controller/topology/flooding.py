"""Flood trees as rows: over which links a network's broadcast, multicast and unknown frames go, without a loop at any moment.

A tree changes by break, confirm, make: one end of each link that leaves it is closed, that bridge confirms, and only then are
the new links opened. A frame is accepted only from a member port (FLOOD stage), so a link is in the tree only where both ends
say so, and one closed end is enough. Measured: 0 duplicates this way, storms in every other order.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Literal

from controller.model import Attachment, FloodPorts, Link, Port
from controller.state.engine import Engine
from controller.state.tables import Tx
from controller.topology.trees import Trees

End = tuple[str, int]  # a bridge and its port
Reach = Literal["away", "busy", "done"]  # a bridge is not connected, has not confirmed its changes, or has
Ask = Callable[[str], Reach]


class Flooding:
    """FloodPorts rows, from Attachment rows and the graph of links."""

    def __init__(self, engine: Engine, trees: Trees) -> None:
        self._tables, self._trees = engine.tables, trees
        self._members: defaultdict[str, Counter[str]] = defaultdict(Counter)  # network -> bridges by number of edge ports
        self._open: defaultdict[str, set[End]] = defaultdict(set)  # network -> ends that are open, as rows say
        self._closing: dict[str, set[End]] = {}  # network -> ends closed, not confirmed yet
        self._far: dict[End, End] = {}  # the other end of each link, also of those that are gone
        self._stuck: set[str] = set()  # networks that wait for a bridge to come back
        self._stale: set[str] = set()  # networks to look at
        engine.watchers[Attachment].append(self._attachment)
        engine.watchers[Link].append(self._link)

    def _attachment(self, old: Attachment | None, new: Attachment | None) -> None:
        for row, step in ((new, 1), (old, -1)):
            if row is not None:
                bridges = self._members[row.network]
                bridges[row.bridge] += step
                if not bridges[row.bridge]:
                    del bridges[row.bridge]
                self._stale.add(row.network)

    def _link(self, old: Link | None, new: Link | None) -> None:
        if new is not None:
            self._far[new.bridge, new.port] = (new.peer, new.peer_port)
        self._stale.update(self._members)

    def bridge_back(self) -> None:
        """A bridge can be told things again: what waited for it goes on."""
        self._stale |= self._stuck
        self._stuck = set()

    @property
    def busy(self) -> bool:
        """Something is to be looked at, or waits for a confirmation."""
        return bool(self._stale or self._closing)

    def update(self, tx: Tx, reach: Ask) -> None:
        """Take every network one step nearer to its tree. Called when all rules have run, and when bridges confirm."""
        for network in [n for n, ends in self._closing.items() if all(reach(b) != "busy" for b, _ in ends)]:
            del self._closing[network]
            self._stale.add(network)
        stale, self._stale = self._stale, set()
        for network in sorted(stale):
            if network in self._closing:
                self._stale.add(network)  # one change at a time: it is looked at again when this one is confirmed
            else:
                self._step(tx, network, reach)

    def _step(self, tx: Tx, network: str, reach: Ask) -> None:
        now = self._open[network]
        target = set(self._trees.flood(sorted(self._members[network]), frozenset(now)))
        live = {end for end in now - target if self._is_live(end)}
        closing = self._one_end_each(live, reach)
        if closing is None:
            self._stuck.add(network)  # neither end of a link that leaves can be told: what is new has to wait
            self._show(tx, network, now & target)
        elif closing and target - now:
            self._closing[network] = closing
            self._show(tx, network, (now & target) | (live - closing))
        else:
            self._show(tx, network, target)

    def _is_live(self, end: End) -> bool:
        """Frames may still pass the link at this end: neither of its ports is known to be down."""
        ports = [self._tables.get(Port, *e) for e in (end, self._far.get(end, end))]
        return all(port is not None and port.up for port in ports)

    def _one_end_each(self, live: set[End], reach: Ask) -> set[End] | None:
        closing: set[End] = set()
        for end in sorted(live):
            far = self._far.get(end, end)
            if far in closing:
                continue
            near = next((e for e in (end, far) if reach(e[0]) != "away"), None)
            if near is None:
                return None
            closing.add(near)
        return closing

    def _show(self, tx: Tx, network: str, ends: set[End]) -> None:
        """Make the rows say that these ends are open; a bridge with members has a row also without any."""
        self._open[network] = ends
        ports: defaultdict[str, list[int]] = defaultdict(list)
        for bridge, port in sorted(ends):
            ports[bridge].append(port)
        wanted = ports.keys() | self._members[network].keys()
        for row in self._tables.where(FloodPorts, network=network):
            if row.bridge not in wanted:
                tx.drop(row)
        for bridge in wanted:
            tx.put(FloodPorts(bridge, network, tuple(ports.get(bridge, ()))))
