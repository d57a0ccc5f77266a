"""Flood trees as rows: over which links a network's broadcast, multicast and unknown frames go, without a loop at any moment.

A frame is accepted only from a member port (FLOOD stage), so frames pass a link only where both its ends are open, and one
closed end is enough. A link is opened only where it joins parts that no link joins over which frames may pass already: so there
is no loop before, and none after. Links that leave the tree are closed at once, and what would make a loop with them waits until
one of the two bridges has confirmed (break, confirm, make). Measured: 0 duplicates this way, storms in every other order.

What a bridge was told and has not confirmed counts as open and as closed, whichever is worse: one that is away keeps its last
flows, and goes on forwarding by them. A link that is down counts as one that is up: it may be back before its bridges have
heard that it left the tree. After a restart a bridge that is not back yet may have all its links open.

Beside the trees of the networks there is one that spans all bridges with links, EVERY_BRIDGE.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable

from controller.model import EVERY_BRIDGE, Attachment, FloodPorts, Link
from controller.pipeline import FLOOD
from controller.pipeline.flow import GROUP_SLOT
from controller.state.desired import Desired
from controller.state.engine import Engine
from controller.state.ledger import Held
from controller.state.tables import Tx
from controller.topology.trees import Trees

End = tuple[str, int]  # a bridge and its port
Open = Collection[str | None]  # networks whose flooding a bridge has not confirmed; None among them: it may be any
Ask = Callable[[str], Open | None]  # of a bridge; None: it is not connected


class Flooding:
    """FloodPorts rows, from Attachment rows and the graph of links."""

    def __init__(self, engine: Engine, trees: Trees) -> None:
        self._tables, self._trees = engine.tables, trees
        self._members: defaultdict[str, Counter[str]] = defaultdict(Counter)  # network -> bridges by number of ports in it
        self._doubtful: defaultdict[str, set[End]] = defaultdict(set)  # network -> ends closed, not known to be confirmed
        self._waiting: dict[str, set[str]] = {}  # network -> bridges of which one has to confirm
        self._far: dict[End, End] = {}  # the other end of each link, also of those that are gone
        self._strange: set[str] = set()  # bridges with links that have confirmed nothing yet since the start
        self._met: set[str] = set()  # and those that have
        self._stale: set[str] = set()  # networks to look at
        engine.watchers[Attachment].append(self._attachment)
        engine.watchers[Link].append(self._link)

    def _attachment(self, old: Attachment | None, new: Attachment | None) -> None:
        for row, step in ((new, 1), (old, -1)):
            if row is not None:
                self._count(row.network, row.bridge, step)
                self._stale.add(row.network)

    def _link(self, old: Link | None, new: Link | None) -> None:
        if new is not None:
            self._far[new.bridge, new.port] = (new.peer, new.peer_port)
            self._strange |= {new.bridge} - self._met
        for row, step in ((new, 1), (old, -1)):
            if row is not None:
                self._count(EVERY_BRIDGE, row.bridge, step)
        self._stale.update(self._members)

    def _count(self, network: str, bridge: str, step: int) -> None:
        bridges = self._members[network]
        bridges[bridge] += step
        if not bridges[bridge]:
            del bridges[bridge]

    @property
    def busy(self) -> bool:
        """Something is to be looked at, or waits for a confirmation."""
        return bool(self._stale or self._waiting)

    def update(self, tx: Tx, ask: Ask) -> None:
        """Take every network one step nearer to its tree. Called when all rules have run, and when bridges confirm."""
        asked = _Asked(ask)
        for bridge in [bridge for bridge in self._strange if asked.everything(bridge)]:
            self._strange.remove(bridge)
            self._met.add(bridge)
        for network, bridges in self._waiting.items():
            if any(asked.confirmed(bridge, network) and bridge not in self._strange for bridge in bridges):
                self._stale.add(network)
        stale, self._stale = self._stale, set()
        for network in sorted(stale):
            self._step(tx, network, asked)

    def _step(self, tx: Tx, network: str, asked: _Asked) -> None:
        told = {(row.bridge, port) for row in self._tables.where(FloodPorts, network=network) for port in row.ports}
        doubtful = {end for end in self._doubtful[network] if not asked.confirmed(end[0], network)}
        target = set(self._trees.flood(sorted(self._members[network]), frozenset(told)))
        ends = told & target
        self._waiting.pop(network, None)
        if target - ends:
            strange = {end for end in self._far if end[0] in self._strange}
            ends |= self._safe(target - ends, told | doubtful | strange)
            if target - ends:
                self._waiting[network] = {bridge for bridge, _ in (told | doubtful | strange) - ends}
        self._doubtful[network] = (told | doubtful) - ends
        self._show(tx, network, ends)

    def _safe(self, new: set[End], maybe: set[End]) -> set[End]:
        """Of new links, both ends of those that close no loop, whichever of the ends that may be open are so."""
        parts = _Parts((end[0], self._far[end][0]) for end in self._passable(maybe))
        return {e for end in sorted(new) if parts.join(end[0], self._far[end][0]) for e in (end, self._far[end])}

    def _passable(self, ends: set[End]) -> list[End]:
        """Those of the ends whose other end is among them too: frames may pass there."""
        return [end for end in ends if self._far.get(end) in ends and self._far.get(self._far[end]) == end]

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


class _Asked:
    """What bridges have confirmed, each asked once."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._answers: dict[str, Open | None] = {}

    def confirmed(self, bridge: str, network: str) -> bool:
        """It is connected, and holds what it should for this network."""
        answer = self._answer(bridge)
        return answer is not None and network not in answer and None not in answer

    def everything(self, bridge: str) -> bool:
        """It is connected, and holds what it should for all networks."""
        answer = self._answer(bridge)
        return answer is not None and not answer

    def _answer(self, bridge: str) -> Open | None:
        if bridge not in self._answers:
            self._answers[bridge] = self._ask(bridge)
        return self._answers[bridge]


class _Parts:
    """Which bridges hang together (disjoint sets)."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._up: dict[str, str] = {}
        for one, other in pairs:
            self.join(one, other)

    def join(self, one: str, other: str) -> bool:
        """Put the parts of two bridges together; False where they are together already."""
        a, b = self._top(one), self._top(other)
        self._up[a] = b
        return a != b

    def _top(self, name: str) -> str:
        path = []
        while (up := self._up.get(name, name)) != name:
            path.append(name)
            name = up
        self._up |= dict.fromkeys(path, name)
        return name


def unconfirmed(desired: Desired, bridge: str) -> Open | None:
    """Ask of Flooding: the networks of which flows or groups of FLOOD are not on a bridge yet, or still are."""
    ledger = desired.ledgers.get(bridge)
    if ledger is None:
        return None
    found: set[str | None] = set()
    for slot, held in ledger.unconfirmed():
        if slot[0] == FLOOD.table or slot[0] == GROUP_SLOT:
            found.update(_networks(held), _networks(desired.effective(bridge, slot)))
    return found


def _networks(held: Held) -> Iterable[str | None]:
    """The network whose flooding this is; none where it is something else, None where only its bytes are known."""
    if held is None:
        return ()
    if len(held) == 3:
        return (None,)
    owner = held[0]
    return (str(owner.key[1]),) if owner.rule.each is FloodPorts else ()
