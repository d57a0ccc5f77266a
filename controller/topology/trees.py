"""Shortest-path next hops and flood trees of a graph of bridges, kept up to date as links come and go.

Pure: names and port numbers in, names and port numbers out; no rows, no clock. A wanted destination has a distance for
each bridge. When links change, only the bridges whose distance no longer holds are computed anew (after Ramalingam and
Reps, "On the computational complexity of dynamic graph problems", 1996), so a change costs what it changes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from controller.topology.links import FAR, End, Links, Ports


@dataclass(slots=True)
class _Tree:
    """Towards one destination: how far each bridge is, and the bridges whose next hops `changes` has to look at."""

    dist: list[int] = field(default_factory=list)  # empty: not computed yet
    touched: set[int] = field(default_factory=set)


class Trees(Links):
    """Next hops towards the wanted bridges, and flood trees. Parallel links and loops are welcome; costs hold in both directions.

    A call that changes the graph costs next to nothing: the trees follow when somebody asks.
    """

    def __init__(self) -> None:
        super().__init__()
        self._trees: dict[int, _Tree] = {}  # of each wanted destination
        self._order: list[int] = []  # all bridges by name
        self._told: dict[int, list[Ports]] = {}  # by destination: the next hops of each bridge as `changes` last said
        self._late: dict[int, set[int]] = {}  # by destination: bridges in whose next hops there may be a retired link

    def want(self, dest: str) -> None:
        """Have a tree towards this bridge from now on; it need not be linked yet."""
        self._trees.setdefault(self._number(dest), _Tree())

    def unwant(self, dest: str) -> None:
        """Have no tree towards this bridge any more."""
        self._trees.pop(self._numbers.get(dest, -1), None)

    def retire(self, a: str, port_a: int) -> None:
        """Remove a link that is down, without hurry: no path uses it, and next hops keep it until `late` gets to them.

        A link that is not down is removed as `unlink` does it. Nothing happens where there is none.
        """
        side = self._side(a, port_a)
        if not side:
            return
        u, v = self._numbers[a], side.peer
        if self._live(u, port_a):
            self.unlink(a, port_a)
            return
        del self._sides[u][port_a], self._sides[v][side.peer_port]
        self._list(u, v)
        for dest in self._trees:
            self._late.setdefault(dest, set()).update((u, v))

    def hops(self, dest: str) -> dict[str, Ports]:
        """The next hops of each bridge that can reach `dest`, by name, itself left out. Nothing where it is not wanted.

        Behind each live port is a bridge that is nearer to `dest`: whichever are chosen, no frame goes in a circle.
        """
        self._settle()
        tree = self._trees.get(self._numbers.get(dest, -1))
        return self._named([self._hops(tree.dist, u) for u in range(len(self._names))]) if tree else {}

    def changes(self) -> dict[str, dict[str, Ports] | None]:
        """The wanted destinations whose next hops are not as was said last, each with the bridges that differ; (): none any more.

        None: there is no tree any more. A destination that is newly wanted is among them even if no bridge reaches it.
        """
        self._settle()
        found: dict[str, dict[str, Ports] | None] = {}
        same: dict[Ports, Ports] = {}  # few different sets exist: each is kept once
        for dest in self._by_name({*self._trees, *self._told}):
            tree = self._trees.get(dest)
            if not tree:
                del self._told[dest]
                self._late.pop(dest, None)
                found[self._names[dest]] = None
            elif tree.touched or dest not in self._told:
                new = dest not in self._told
                differ = self._look(dest, tree, same)
                if differ or new:
                    found[self._names[dest]] = differ
        return found

    @property
    def lagging(self) -> bool:
        """There is something for `late`."""
        return bool(self._late)

    def late(self, most: int) -> dict[str, dict[str, Ports]]:
        """As `changes`, of up to so many of the destinations whose next hops may contain links that were retired."""
        self._settle()
        same: dict[Ports, Ports] = {}
        found = {}
        for dest in self._by_name(self._late)[:most]:
            tree = self._trees.get(dest)
            if tree and dest in self._told:
                found[self._names[dest]] = self._look(dest, tree, same)
            else:  # `changes` will say all of it
                del self._late[dest]
        return {name: differ for name, differ in found.items() if differ}

    def flood(self, members: Collection[str], previous: Collection[End] = frozenset()) -> frozenset[End]:
        """Both ends of each link of a broadcast tree that connects the members over live links; all its leaves are members.

        Members that cannot reach each other are in a tree for each part; no link where a part has one member alone.
        Links of the `previous` tree stay as long as they are live and lie between members; shortest paths join the rest.
        """
        missing = {self._numbers[name] for name in members if name in self._numbers}
        kept = self._kept(previous)
        tree: set[tuple[int, int]] = set()
        for root in self._by_name(missing):
            if root in missing:
                tree |= self._span(root, missing, kept)
        sides = [(u, port, self._sides[u][port]) for u, port in tree]
        ends = [end for u, port, side in sides for end in ((u, port), (side.peer, side.peer_port))]
        return frozenset((self._names[u], port) for u, port in ends)

    def _by_name(self, numbers: Iterable[int]) -> list[int]:
        """Bridges in the order of their names: numbers depend on who came first, and results must not."""
        return sorted(numbers, key=self._names.__getitem__)

    def _named(self, hops: list[Ports]) -> dict[str, Ports]:
        if len(self._order) < len(self._names):
            self._order = self._by_name(range(len(self._names)))
        return {self._names[u]: hops[u] for u in self._order if hops[u]}

    # Next hops

    def _settle(self) -> None:
        """Make all distances right again."""
        everyone, equal = range(len(self._names)), None
        for dest, tree in self._trees.items():
            tree.dist.extend([FAR] * (len(everyone) - len(tree.dist)))
            if tree.dist[dest]:  # far from itself: it is new
                equal = self._equal_cost() if equal is None else equal
                self._fill(tree.dist, dest, equal)
                tree.touched.update(everyone)
            elif self._changed:
                self._repair(tree, dest)
        self._changed.clear()
        self._wired.clear()
        self._nearer.clear()

    def _equal_cost(self) -> int:
        """The cost of every live link, 0 where not all are the same."""
        costs = {cost for near in self._near for cost in near.values()} or {1}
        return costs.pop() if len(costs) == 1 else 0

    def _fill(self, dist: list[int], dest: int, equal: int) -> None:
        """All distances from nothing: breadth first where all links cost the same, else Dijkstra's algorithm."""
        if not equal:
            self._relax(dist, [(0, dest)])
            return
        near, level, reached = self._near, [dest], 0
        dist[dest] = 0
        while level:
            reached += equal
            following = []
            for u in level:
                for v in near[u]:
                    if dist[v] > reached:
                        dist[v] = reached
                        following.append(v)
            level = following

    def _repair(self, tree: _Tree, dest: int) -> None:
        """Distances after links changed: those that no longer hold are forgotten, then what can be nearer becomes nearer."""
        dist, near = tree.dist, self._near
        lost = self._lost(dist, dest)
        for u in lost:
            dist[u] = FAR
        start = [(min([dist[v] + cost for v, cost in near[u].items()], default=FAR), u) for u in lost | self._nearer]
        moved = lost | self._relax(dist, [(reach, u) for reach, u in start if reach < dist[u]])
        tree.touched |= moved | self._wired
        tree.touched.update(peer for u in moved for _, peer, _ in self._links[u])

    def _lost(self, dist: list[int], dest: int) -> set[int]:
        """The bridges that have no neighbour left by which they are as near as they were, or nearer."""
        near, lost = self._near, set[int]()
        doubtful = [u for u in self._changed if u != dest and dist[u] < FAR]
        for u in doubtful:  # it grows: who loses its distance casts doubt on those behind it
            if u in lost:
                continue
            for v, cost in near[u].items():
                if dist[v] + cost <= dist[u] and v not in lost:
                    break
            else:
                lost.add(u)
                doubtful += [v for v, cost in near[u].items() if dist[u] + cost <= dist[v] < FAR]
        return lost

    def _relax(self, dist: list[int], heap: list[tuple[int, int]]) -> set[int]:
        """Dijkstra's algorithm from bridges that can be as near as the heap says. Returns those that became nearer."""
        heapify(heap)
        nearer = set()
        while heap:
            reach, u = heappop(heap)
            if reach < dist[u]:
                dist[u] = reach
                nearer.add(u)
                for v, cost in self._near[u].items():
                    if reach + cost < dist[v]:
                        heappush(heap, (reach + cost, v))
        return nearer

    def _hops(self, dist: list[int], u: int) -> Ports:
        """The ports of a bridge that lead nearer by exactly their cost, dead ones included."""
        mine = dist[u]
        if mine == FAR:
            return ()
        return tuple([port for port, peer, cost in self._links[u] if dist[peer] + cost == mine])

    def _look(self, dest: int, tree: _Tree, same: dict[Ports, Ports]) -> dict[str, Ports]:
        """Bring what was told up to date; what differs in it."""
        told = self._told.setdefault(dest, [])
        told.extend([()] * (len(self._names) - len(told)))
        differ = []
        for u in tree.touched | self._late.pop(dest, set()):
            hops = self._hops(tree.dist, u)
            if hops != told[u]:
                told[u] = same.setdefault(hops, hops)
                differ.append(u)
        tree.touched.clear()
        return {self._names[u]: told[u] for u in self._by_name(differ)}

    # Flood trees

    def _kept(self, previous: Collection[End]) -> dict[int, list[tuple[int, int]]]:
        """Of a tree, the links that are live and have both ends in it: bridge -> port and peer."""
        ends = {(self._numbers[name], port) for name, port in previous if name in self._numbers}
        kept: dict[int, list[tuple[int, int]]] = {}
        for u, port in sorted(ends):
            side = self._sides[u].get(port)
            if side and (side.peer, side.peer_port) in ends and self._live(u, port):
                kept.setdefault(u, []).append((port, side.peer))
        return kept

    def _span(self, root: int, missing: set[int], kept: dict[int, list[tuple[int, int]]]) -> set[tuple[int, int]]:
        """A tree from a member to all members that it reaches, each link by its end nearer to the root. They miss no more.

        Dijkstra's algorithm, in which what hangs together by kept links is reached at once and at no cost.
        """
        wanted = frozenset(missing)
        parents: dict[int, tuple[int, int]] = {}
        best = {root: 0}
        heap = [(0, self._names[root], root, (root, 0))]
        while heap:
            reach, _, u, parent = heappop(heap)
            if u in parents:
                continue
            parents[u] = parent
            together = self._gather(u, parents, kept)
            missing.difference_update(together)
            if not missing:
                break
            for near in together:
                for port, v, cost in self._links[near]:
                    if v not in parents and reach + cost < best.get(v, FAR) and self._live(near, port):
                        best[v] = reach + cost
                        heappush(heap, (best[v], self._names[v], v, (near, port)))
        return self._branches(root, wanted & parents.keys(), parents)

    def _gather(self, start: int, parents: dict[int, tuple[int, int]], kept: dict[int, list[tuple[int, int]]]) -> list[int]:
        """A bridge and all that hang together with it by kept links; each of these gets its parent."""
        together = [start]
        for u in together:  # it grows
            for port, v in kept.get(u, ()):
                if v not in parents:
                    parents[v] = (u, port)
                    together.append(v)
        return together

    def _branches(self, root: int, members: Iterable[int], parents: dict[int, tuple[int, int]]) -> set[tuple[int, int]]:
        """The links from the members up to the root."""
        tree, joined = set(), {root}
        for u in members:
            while u not in joined:
                joined.add(u)
                tree.add(parents[u])
                u = parents[u][0]
        return tree
