"""Flood trees as rows: over which links a network's broadcast, multicast and unknown frames go, without a loop at any moment.

A tree changes by break, confirm, make: one end of each link that leaves it is closed, that bridge confirms, and only then are
the new links opened. A frame is accepted only from a member port (FLOOD stage), so a link is in the tree only where both ends
say so, and one closed end is enough. Measured: 0 duplicates this way, storms in every other order.

What a bridge was told and has not confirmed counts as open and as closed, whichever is worse. A link that is down counts as
one that is up: it may be back before its bridges have heard that it left the tree. The rows are kept, so that after a restart
it is known what the bridges have open.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Literal

from controller.model import Attachment, FloodPorts, Link
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
        self._doubtful: defaultdict[str, set[End]] = defaultdict(set)  # network -> ends closed, not known to be confirmed
        self._waiting: dict[str, dict[str, Reach]] = {}  # network -> bridges that it waits for, as they were
        self._far: dict[End, End] = {}  # the other end of each link, also of those that are gone
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

    @property
    def busy(self) -> bool:
        """Something is to be looked at, or waits for a confirmation."""
        return bool(self._stale or self._waiting)

    def update(self, tx: Tx, reach: Ask) -> None:
        """Take every network one step nearer to its tree. Called when all rules have run, and when bridges confirm."""
        for network, bridges in self._waiting.items():
            if any(reach(bridge) != was for bridge, was in bridges.items()):
                self._stale.add(network)
        stale, self._stale = self._stale, set()
        for network in sorted(stale):
            self._step(tx, network, reach)

    def _step(self, tx: Tx, network: str, reach: Ask) -> None:
        told = {(row.bridge, port) for row in self._tables.where(FloodPorts, network=network) for port in row.ports}
        doubtful = {end for end in self._doubtful[network] if reach(end[0]) != "done"}
        target = set(self._trees.flood(sorted(self._members[network]), frozenset(told)))
        leaving = self._passable(told | doubtful) - target
        self._waiting.pop(network, None)
        if leaving and target - told:
            closing = self._one_end_each(leaving, told, reach)
            ends = (told & (target | leaving)) - closing
            self._waiting[network] = {b: reach(b) for end in leaving for b, _ in (end, self._other(end))}
            self._waiting[network] |= {b: "busy" for b, _ in closing}  # it is, as soon as the rules have run
        else:
            ends = target
        self._doubtful[network] = (told | doubtful) - ends
        self._show(tx, network, ends)

    def _other(self, end: End) -> End:
        """The other end of its link; the end itself where nobody knows."""
        return self._far.get(end, end)

    def _passable(self, ends: set[End]) -> set[End]:
        """Those of the ends whose other end is among them too: frames may pass there."""
        return {end for end in ends if self._other(end) in ends and self._other(self._other(end)) == end}

    def _one_end_each(self, leaving: set[End], told: set[End], reach: Ask) -> set[End]:
        """Which ends to close: of each link one whose bridge can be told. Where neither can, what is new has to wait."""
        closing: set[End] = set()
        for end in sorted(leaving):
            able = [e for e in (end, self._other(end)) if reach(e[0]) != "away"]
            if able and all(e in told and e not in closing for e in able):
                closing.add(able[0])
        return closing

    def _show(self, tx: Tx, network: str, ends: set[End]) -> None:
        """Make the rows say that these ends are open; a bridge with members has a row also without any."""
        ports: defaultdict[str, list[int]] = defaultdict(list)
        for bridge, port in sorted(ends):
            ports[bridge].append(port)
        wanted = ports.keys() | self._members[network].keys()
        for row in self._tables.where(FloodPorts, network=network):
            if row.bridge not in wanted:
                tx.drop(row)
        for bridge in wanted:
            tx.put(FloodPorts(bridge, network, tuple(ports.get(bridge, ()))))
