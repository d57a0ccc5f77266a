"""Shortest paths as rows: watches links, their ports and hosts, and keeps Tree rows for each bridge that has hosts.

The one place between the pure `Trees` and the tables. Costs what changes. A link of which a port is down is used by no path
any more, but stays for a while in the sets of equally near ports, from which its bridges leave it out by themselves: so only
those destinations change at once to which a bridge has no other way as near. `shed` takes it out of the others, some at a time.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from zlib import crc32

from controller.model import HopSet, Host, Link, Port, Tree
from controller.state.engine import Engine
from controller.state.tables import Tx
from controller.topology.links import End, Ports
from controller.topology.trees import Trees

PARTS = 128  # rows of a tree, at the most: of a thousand bridges each has some 8
SOON = 0.02  # seconds for the other end of a link to say that it is down too; until then it sends into the dead link
LATER = 1.0  # seconds until a link both ends of which are down leaves the sets of equally near ports: it may come back
MOST = 16  # destinations that `shed` looks at together


@dataclass(slots=True)
class _Failed:
    """A link that is gone because a port is down, and when it is to leave all next hops."""

    ends: tuple[End, End]
    due: float


class Paths:
    """Tree and HopSet rows, from Link, Port and Host rows."""

    def __init__(self, engine: Engine) -> None:
        self._tables = engine.tables
        self.trees = Trees()
        self.changed = False
        self._failed: dict[End, _Failed] = {}  # by both ends
        self._hosts: Counter[str] = Counter()  # by bridge
        self._used: Counter[tuple[str, Ports]] = Counter()  # hop sets of two and more ports, by how many trees
        engine.watchers[Link].append(self._link)
        engine.watchers[Port].append(self._port)
        engine.watchers[Host].append(self._host)

    # ------------------------------------------------------------------ what changes

    def _link(self, old: Link | None, new: Link | None) -> None:
        if old is not None:
            ends = (old.bridge, old.port), (old.peer, old.peer_port)
            if new is None and False in self._up(ends) and None not in self._up(ends):
                self.trees.down(*ends[0])
                self._failed[ends[0]] = self._failed[ends[1]] = _Failed(ends, self._when(ends))
            else:
                self.trees.unlink(old.bridge, old.port)
        if new is not None:
            back = self._tables.get(Link, new.peer, new.peer_port)
            if back is not None and (back.peer, back.peer_port) == (new.bridge, new.port):
                self._recover((new.bridge, new.port))
                self._recover((new.peer, new.peer_port))
                self.trees.link(new.bridge, new.port, new.peer, new.peer_port, new.cost)
        self.changed = True

    def _recover(self, end: End) -> None:
        """There is a link at this end again: the same one, or another one in its place."""
        failed = self._forget(end)
        for each in failed.ends if failed else ():
            self.trees.up(*each)

    def _port(self, old: Port | None, new: Port | None) -> None:
        row = new or old
        failed = self._failed.get((row.bridge, row.port)) if row is not None and self._failed else None
        if failed is None:
            return
        if new is None:  # its number may be given to another port
            self._forget(failed.ends[0])
            self.trees.unlink(*failed.ends[0])
            self.changed = True
        elif old is None or old.up != new.up:
            failed.due = self._when(failed.ends)

    def _forget(self, end: End) -> _Failed | None:
        failed = self._failed.pop(end, None)
        for each in failed.ends if failed else ():
            self._failed.pop(each, None)
        return failed

    def _up(self, ends: tuple[End, End]) -> list[bool | None]:
        """Of each port whether it is up, None where there is no such port."""
        return [port.up if (port := self._tables.get(Port, *end)) else None for end in ends]

    def _when(self, ends: tuple[End, End]) -> float:
        """When a link is to leave all next hops: soon where one of its ports is up, for it is not left out there."""
        return time.perf_counter() + (SOON if True in self._up(ends) else LATER)

    def _host(self, old: Host | None, new: Host | None) -> None:
        if old is not None and new is not None and old.bridge == new.bridge:
            return
        for host, step in ((new, 1), (old, -1)):
            if host is not None:
                before = self._hosts[host.bridge]
                self._hosts[host.bridge] = after = before + step
                if not (before and after):  # the first host of a bridge, or its last: the others change no path
                    (self.trees.want if after else self.trees.unwant)(host.bridge)
                    self.changed = True

    # ------------------------------------------------------------------ rows

    def update(self, tx: Tx) -> None:
        """Put the rows that changed."""
        self.changed = False
        for dest, hops in self.trees.changes().items():
            self._put(tx, dest, dict.fromkeys(self._hops(dest), ()) if hops is None else hops)

    @property
    def due(self) -> float | None:
        """When there is something for `shed`, by `time.perf_counter`; None: there will be nothing."""
        if self.trees.lagging:
            return 0.0
        return min((failed.due for failed in self._failed.values()), default=None)

    def shed(self, tx: Tx) -> None:
        """Take links whose time has come out of the next hops towards some more destinations."""
        now = time.perf_counter()
        for end in [failed.ends[0] for end, failed in self._failed.items() if failed.due <= now and end == failed.ends[0]]:
            self._forget(end)
            self.trees.retire(*end)
        for dest, hops in self.trees.late(MOST).items():
            self._put(tx, dest, hops)

    def _hops(self, dest: str) -> list[str]:
        """The bridges that have next hops towards a destination."""
        rows = [self._tables.get(Tree, dest, part) for part in range(PARTS)]
        return [bridge for row in rows if row is not None for bridge, _ in row.hops]

    def _put(self, tx: Tx, dest: str, hops: Mapping[str, Ports]) -> None:
        """These bridges have these next hops towards the destination now."""
        parts: defaultdict[int, list[str]] = defaultdict(list)
        for bridge in hops:
            parts[crc32(bridge.encode()) % PARTS].append(bridge)
        for part, bridges in parts.items():
            row = self._tables.get(Tree, dest, part)
            now = dict(row.hops) if row is not None else {}
            for bridge in bridges:
                before, after = now.pop(bridge, ()), hops[bridge]
                if after:
                    now[bridge] = after
                self._count(tx, bridge, before, -1)
                self._count(tx, bridge, after, 1)
            if now:
                tx.put(Tree(dest, tuple(sorted(now.items())), part))
            else:
                tx.drop(Tree, dest, part)

    def _count(self, tx: Tx, bridge: str, ports: Ports, step: int) -> None:
        if len(ports) > 1:
            self._used[bridge, ports] += step
            if self._used[bridge, ports]:
                tx.put(HopSet(bridge, ports))
            else:
                del self._used[bridge, ports]
                tx.drop(HopSet, bridge, ports)
