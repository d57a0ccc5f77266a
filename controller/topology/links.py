"""Bridges and the links between them, with what they cost and which are down: the graph on which `trees` finds its ways.

Names and port numbers outside. Inside, a bridge is a small int, its place in `_names`, and keeps it for good, so that what is
known of all bridges is in plain lists.
"""

from __future__ import annotations

from dataclasses import dataclass

Ports = tuple[int, ...]  # OpenFlow port numbers, sorted
End = tuple[str, int]  # a bridge and its port: one end of a link

MOST = 2**32 - 1  # the greatest cost of a link
FAR = 1 << 62  # the distance of a bridge that cannot be reached: more than any sum of costs


@dataclass(slots=True)
class Side:
    """A link as one of its two bridges sees it."""

    peer: int
    peer_port: int
    cost: int
    down: bool = False  # this side's own port


class Links:
    """The graph, and what changed in it since `_settle` of who inherits it has taken that over."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._numbers: dict[str, int] = {}
        self._sides: list[dict[int, Side]] = []  # of each bridge: its links by port
        self._links: list[list[tuple[int, int, int]]] = []  # the same, sorted: port, peer, cost
        self._near: list[dict[int, int]] = []  # of each bridge: its neighbours over live links, and the least cost
        self._changed: set[int] = set()  # bridges whose links changed
        self._wired: set[int] = set()  # those of them with other links, or costs; one that is down is there
        self._nearer: set[int] = set()  # those of them that came nearer to a neighbour

    def link(self, a: str, port_a: int, b: str, port_b: int, cost: int = 1) -> None:
        """Add a two-way link, its ports being up, or change the cost of one. What was linked to these ports before is gone.

        Raises ValueError for a link of a bridge to itself and for a cost that is not in 1..2**32-1.
        """
        if a == b:
            raise ValueError(f"ports {port_a} and {port_b} of {a} are linked to each other: it leads nowhere, leave it out")
        if not 1 <= cost <= MOST:
            raise ValueError(f"the link {a} port {port_a} - {b} port {port_b} costs {cost}; give it a cost of 1 to {MOST}")
        u, v = self._number(a), self._number(b)
        side = self._sides[u].get(port_a)
        if side and (side.peer, side.peer_port) == (v, port_b):
            if side.cost == cost:
                return
            side.cost = self._sides[v][port_b].cost = cost
        else:
            self.unlink(a, port_a)
            self.unlink(b, port_b)
            self._sides[u][port_a] = Side(v, port_b, cost)
            self._sides[v][port_b] = Side(u, port_a, cost)
        self._wire(u, v)

    def unlink(self, a: str, port_a: int) -> None:
        """Remove the link at this end, in both directions. Nothing happens where there is none."""
        side = self._side(a, port_a)
        if side:
            u = self._numbers[a]
            del self._sides[u][port_a], self._sides[side.peer][side.peer_port]
            self._wire(u, side.peer)

    def down(self, a: str, port_a: int) -> None:
        """A port is down: no path uses its link, but both ends stay in the next-hop sets where they would be as near as the rest.

        The switches skip them by `watch_port`, each by its own port: where only one of the two sees its port go down, the
        other goes on sending into the dead link, so `unlink` or `retire` it. Nothing happens where there is no link.
        """
        self._set_down(a, port_a, True)

    def up(self, a: str, port_a: int) -> None:
        """A port is up again. Its link is live once both its ports are."""
        self._set_down(a, port_a, False)

    def _set_down(self, a: str, port_a: int, down: bool) -> None:
        side = self._side(a, port_a)
        if side and side.down != down:
            side.down = down
            self._change(self._numbers[a], side.peer)

    def _side(self, a: str, port_a: int) -> Side | None:
        return self._sides[self._numbers[a]].get(port_a) if a in self._numbers else None

    def _number(self, name: str) -> int:
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self._names)
            self._names.append(name)
            self._sides.append({})
            self._links.append([])
            self._near.append({})
        return number

    def _wire(self, u: int, v: int) -> None:
        """There are other links between two bridges, or what they cost is."""
        self._wired |= {u, v}
        self._change(u, v)

    def _change(self, u: int, v: int) -> None:
        """The links between two bridges are not what they were."""
        self._list(u, v)
        self._changed |= {u, v}

    def _list(self, u: int, v: int) -> None:
        for one, other in ((u, v), (v, u)):
            self._links[one] = sorted((port, side.peer, side.cost) for port, side in self._sides[one].items())
            live = [cost for port, peer, cost in self._links[one] if peer == other and self._live(one, port)]
            before = self._near[one].pop(other, FAR)
            if live:
                self._near[one][other] = min(live)
            if min(live, default=FAR) < before:
                self._nearer.add(one)

    def _live(self, u: int, port: int) -> bool:
        side = self._sides[u][port]
        return not (side.down or self._sides[side.peer][side.peer_port].down)
