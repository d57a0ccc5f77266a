"""Paths and trees follow links: once for all that changed together, and never most of the time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from controller.model import FloodPorts, Host, Link, Mac, Port, Tree
from controller.runtime import following
from controller.runtime.following import Following
from controller.state.engine import Engine
from controller.state.tables import Tx
from controller.topology import paths

pytestmark = pytest.mark.unit


class Lab:
    """An engine and what follows, with a drive like that of the controller."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.following = Following(self.engine, self.drive)
        self.updates = 0
        flood = self.following.flooding.update

        def counted(tx: Tx, ask: Any) -> None:
            self.updates += 1
            self.busy()
            flood(tx, ask)

        self.following.flooding.update = counted  # type: ignore[method-assign]
        self.busy: Callable[[], None] = lambda: None

    def drive(self) -> None:
        while self.engine.run() and self.following.step():
            pass

    def link(self, a: int, b: int, up: bool = True) -> None:
        tx = Tx(self.engine.tables)
        for one, port, other, peer in ((a, 1, b, 2), (b, 2, a, 1)):
            row = Link(f"s{one}", port, f"s{other}", peer)
            tx.put(row) if up else tx.drop(row)
        self.engine.commit(tx)
        self.drive()

    @property
    def members(self) -> set[str]:
        return {row.bridge for row in self.engine.tables.all(FloodPorts)}


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(main, 10))


def test_what_arrives_together_is_followed_once() -> None:
    async def main() -> None:
        lab = Lab()
        for n in range(1, 50):
            lab.link(n, n + 1)
        assert (lab.updates, lab.members, lab.following.due) == (0, set(), True)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not lab.following.due
        assert lab.updates < 5  # a few steps of one round
        assert lab.members == {f"s{n}" for n in range(1, 51)}

    run(main())


def test_a_change_alone_is_followed_at_once() -> None:
    async def main() -> None:
        lab = Lab()
        lab.link(1, 2)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        lab.link(1, 2, up=False)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert lab.members == set()

    run(main())


def test_after_a_long_round_of_trees_paths_and_others_have_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stands still but for the rounds, each of which takes a second."""
    now = 0.0

    def second() -> None:
        nonlocal now
        now += 1

    async def main() -> None:
        lab = Lab()
        monkeypatch.setattr(time, "perf_counter", lambda: now)
        monkeypatch.setattr(following, "PACE", 0.01)
        lab.busy = second
        lab.link(1, 2)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        first = lab.updates
        assert first
        lab.link(2, 3)
        for _ in range(5):
            await asyncio.sleep(0)
        assert not lab.following.paths.changed  # paths do not wait for trees
        assert not lab.following.due  # and nobody else
        assert lab.updates == first
        while lab.updates == first:
            await asyncio.sleep(0.01)
        assert lab.members == {"s1", "s2", "s3"}

    run(main())


def test_a_port_that_is_down_leaves_next_hops_later_and_a_few_in_each_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """s1 has two links to s2, and hosts are behind s2 to s5, which are in a line."""
    monkeypatch.setattr(paths, "MOST", 1)
    monkeypatch.setattr(paths, "LATER", 0.05)

    def left(lab: Lab) -> int:
        return sum(dict(tree.hops).get("s1") == (1, 7) for tree in lab.engine.tables.all(Tree))

    def busy(lab: Lab) -> bool:
        return lab.following.busy

    async def main() -> None:
        lab = Lab()
        tx = Tx(lab.engine.tables)
        for one, port, other, peer in (("s1", 7, "s2", 7), ("s2", 7, "s1", 7)):
            tx.put(Link(one, port, other, peer))
            tx.put(Port(one, port, up=False))
        tx.put(Port("s1", 1))
        tx.put(Port("s2", 2))
        for n in range(2, 6):
            tx.put(Host("default", Mac(n), f"s{n}", 9))
        lab.engine.commit(tx)
        for n in range(1, 5):
            lab.link(n, n + 1)
        while busy(lab):
            await asyncio.sleep(0)
        assert left(lab) == 4
        tx = Tx(lab.engine.tables)
        tx.drop(Link, "s1", 7)
        tx.drop(Link, "s2", 7)
        lab.engine.commit(tx)
        lab.drive()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (left(lab), lab.following.due, busy(lab)) == (4, False, True)
        seen = set()
        while busy(lab):
            seen.add(left(lab))
            await asyncio.sleep(0)
        assert seen >= {4, 3, 2, 1}
        assert left(lab) == 0

    run(main())
