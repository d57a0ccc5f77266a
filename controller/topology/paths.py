"""Shortest paths as rows: watches links and hosts, and keeps a Tree row for each bridge that has hosts.

The one place between the pure `Trees` and the tables. Costs what changes: a link that goes touches the destinations whose
paths used it.
"""

from __future__ import annotations

from collections import Counter

from controller.model import HopSet, Host, Link, Tree
from controller.state.engine import Engine
from controller.state.tables import Tx
from controller.topology.trees import Trees


class Paths:
    """Tree and HopSet rows, from Link and Host rows."""

    def __init__(self, engine: Engine) -> None:
        self._tables = engine.tables
        self.trees = Trees()
        self.changed = False
        self._hosts: Counter[str] = Counter()  # by bridge
        self._used: Counter[tuple[str, tuple[int, ...]]] = Counter()  # hop sets of two and more ports, by how many trees
        engine.watchers[Link].append(self._link)
        engine.watchers[Host].append(self._host)

    def _link(self, old: Link | None, new: Link | None) -> None:
        if old is not None:
            self.trees.unlink(old.bridge, old.port)
        if new is not None:
            back = self._tables.get(Link, new.peer, new.peer_port)
            if back is not None and (back.peer, back.peer_port) == (new.bridge, new.port):
                self.trees.link(new.bridge, new.port, new.peer, new.peer_port, new.cost)
        self.changed = True

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

    def update(self, tx: Tx) -> None:
        """Put the rows that changed."""
        self.changed = False
        for dest, hops in self.trees.changes().items():
            old = self._tables.get(Tree, dest)
            before = set(old.hops) if old else set()
            if hops is None:
                tx.drop(Tree, dest)
                after: set[tuple[str, tuple[int, ...]]] = set()
            else:
                row = Tree(dest, tuple(sorted((bridge, ports) for bridge, ports in hops.items() if ports)))
                after = set(row.hops)
                tx.put(row)
            self._count(tx, before - after, -1)
            self._count(tx, after - before, 1)

    def _count(self, tx: Tx, hops: set[tuple[str, tuple[int, ...]]], step: int) -> None:
        for bridge, ports in hops:
            if len(ports) > 1:
                self._used[bridge, ports] += step
                if self._used[bridge, ports]:
                    tx.put(HopSet(bridge, ports))
                else:
                    del self._used[bridge, ports]
                    tx.drop(HopSet, bridge, ports)
