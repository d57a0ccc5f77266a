"""Tree and HopSet rows follow links and ports: at once where a way is gone, later where a bridge helps itself."""

from __future__ import annotations

import time
from random import Random

import pytest

from controller.model import HopSet, Host, Link, Mac, Port, Row, Tree
from controller.state.engine import Engine
from controller.state.tables import Tx
from controller.topology import paths
from controller.topology.links import End, Ports
from controller.topology.paths import LATER, SOON, Paths
from tests.fakes.rows import commit

pytestmark = pytest.mark.unit

LEAVES, SPINES = ("leaf1", "leaf2", "leaf3"), ("spine1", "spine2")
CABLES = [((leaf, n), (spine, m)) for m, leaf in enumerate(LEAVES, 1) for n, spine in enumerate(SPINES, 1)]
Hops = dict[tuple[str, str], Ports]  # by destination and bridge


class Lab:
    """Three leaves with hosts, two spines, each leaf linked with each spine; a clock of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)
        self.engine = Engine()
        self.paths = Paths(self.engine)
        self.put(*(Port(*end) for cable in CABLES for end in cable))
        self.put(*(Host("default", Mac(n), leaf, 9) for n, leaf in enumerate(LEAVES)))
        for one, other in CABLES:
            self.link(one, other)

    def put(self, *rows: Row, drop: tuple[Row, ...] = ()) -> None:
        """Rows change, then what follows of it at once."""
        commit(self.engine, rows, drop)
        if self.paths.changed:
            tx = Tx(self.engine.tables)
            self.paths.update(tx)
            self.engine.commit(tx)

    def link(self, one: End, other: End) -> None:
        """Both directions are found."""
        self.put(Link(*one, *other), Link(*other, *one))

    def unlink(self, end: End) -> None:
        """Both directions are gone."""
        link = self.engine.tables.get(Link, *end)
        if link is not None:
            self.put(drop=(link, Link(link.peer, link.peer_port)))

    def fail(self, *ends: End) -> None:
        """The bridges say that these ports are down, one after the other."""
        for end in ends:
            self.put(Port(*end, up=False))
            self.unlink(end)

    def shed(self) -> int:
        """What is due by now; the number of rows that changed."""
        due, tx = self.paths.due, Tx(self.engine.tables)
        if due is not None and due <= self.now:
            self.paths.shed(tx)
        self.engine.commit(tx)
        return len(tx.changes)

    def wait(self, seconds: float) -> None:
        """And all that is due then."""
        self.now += seconds
        while self.paths.due is not None and self.paths.due <= self.now:
            self.shed()

    @property
    def hops(self) -> Hops:
        return {(row.dest, bridge): ports for row in self.engine.tables.all(Tree) for bridge, ports in row.hops}

    def way(self, dest: str, bridge: str) -> Ports:
        """The next hops of a bridge towards another one."""
        return self.hops[dest, bridge]

    @property
    def sets(self) -> set[tuple[str, Ports]]:
        return {(row.bridge, row.ports) for row in self.engine.tables.all(HopSet)}


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    return Lab(monkeypatch)


def test_only_who_has_no_other_way_as_near_changes_at_once(lab: Lab) -> None:
    before = lab.hops
    lab.fail(("leaf1", 1), ("spine1", 1))
    after = lab.hops
    assert {dest for dest, bridge in after.keys() | before.keys() if before.get((dest, bridge)) != after.get((dest, bridge))} == {
        "leaf1"
    }
    assert after["leaf1", "spine1"] == (2, 3)  # the way round
    assert after["leaf1", "leaf2"] == (2,)
    assert after["leaf2", "leaf1"] == (1, 2)  # it leaves out port 1 by itself
    lab.wait(LATER / 2)
    assert lab.hops == after
    lab.wait(LATER)
    assert lab.hops == after | {("leaf2", "leaf1"): (2,), ("leaf3", "leaf1"): (2,)}
    assert lab.sets == {("leaf2", (1, 2)), ("leaf3", (1, 2)), ("spine1", (2, 3))}
    assert lab.paths.due is None


def test_a_bridge_that_does_not_see_its_port_go_down_is_told_soon(lab: Lab) -> None:
    lab.fail(("spine1", 1))
    lab.wait(2 * SOON)
    assert lab.way("leaf2", "leaf1") == (2,)


def test_there_is_time_when_the_other_end_is_down_too(lab: Lab) -> None:
    lab.fail(("spine1", 1))
    lab.wait(SOON / 2)
    lab.fail(("leaf1", 1))
    lab.wait(2 * SOON)
    assert lab.way("leaf2", "leaf1") == (1, 2)
    lab.wait(LATER)
    assert lab.way("leaf2", "leaf1") == (2,)


def test_a_port_that_is_up_again_is_held_so_nothing_is_sent_there(lab: Lab) -> None:
    lab.fail(("spine1", 1), ("leaf1", 1))
    lab.put(Port("leaf1", 1))
    lab.wait(2 * SOON)
    assert lab.way("leaf2", "leaf1") == (2,)


def test_a_link_that_is_back_in_time_never_left(lab: Lab) -> None:
    before = lab.hops
    lab.fail(("spine1", 1), ("leaf1", 1))
    lab.put(Port("leaf1", 1), Port("spine1", 1))
    lab.link(("leaf1", 1), ("spine1", 1))
    assert lab.hops == before
    lab.wait(LATER)
    assert (lab.hops, lab.paths.due) == (before, None)


def test_a_cable_that_was_put_elsewhere_is_a_new_link(lab: Lab) -> None:
    lab.fail(("spine1", 1), ("leaf1", 1))
    lab.put(Port("leaf1", 1), Port("spine2", 7))
    lab.link(("leaf1", 1), ("spine2", 7))
    assert lab.way("leaf1", "spine2") == (1, 7)
    assert lab.way("leaf2", "leaf1") == (1, 2)
    lab.wait(2 * LATER)
    assert lab.way("leaf1", "spine2") == (1, 7)
    assert lab.way("leaf2", "leaf1") == (1, 2)


def test_a_link_that_is_silent_and_one_whose_port_is_removed_leave_at_once(lab: Lab) -> None:
    lab.unlink(("leaf1", 1))
    assert lab.way("leaf2", "leaf1") == (2,)
    lab.fail(("leaf2", 1), ("spine1", 2))
    assert lab.way("leaf3", "leaf2") == (1, 2)
    lab.put(drop=(Port("spine1", 2),))
    assert lab.way("leaf3", "leaf2") == (2,)
    assert lab.paths.due is None


def test_few_destinations_are_looked_at_together(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "MOST", 1)
    lab.fail(("leaf1", 1), ("spine1", 1))
    lab.now += 2 * LATER
    assert [lab.shed() for _ in range(4)] == [0, 1, 2, 0]  # leaf1 itself, leaf2, leaf3 and with it the set of both ports


def test_no_host_no_tree(lab: Lab) -> None:
    lab.fail(("leaf1", 1), ("spine1", 1))
    lab.put(drop=tuple(lab.engine.tables.all(Host)))
    assert (lab.hops, lab.sets) == ({}, set())
    lab.wait(2 * LATER)
    assert (lab.hops, lab.sets, lab.paths.due) == ({}, set(), None)


@pytest.mark.parametrize("seed", range(20))
def test_in_the_end_rows_are_those_of_the_links_that_are_left(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    random, lab = Random(seed), Lab(monkeypatch)
    for _ in range(60):
        one, other = random.choice(CABLES)
        change = random.randrange(6)
        if change == 0:
            lab.fail(one)
        elif change == 1:
            lab.fail(one, other)
        elif change == 2:
            lab.unlink(random.choice((one, other)))
        elif change == 3:
            lab.put(Port(*one), Port(*other))
            lab.unlink(one)
            lab.unlink(other)
            lab.link(one, other)
        elif change == 4:
            lab.put(drop=(Port(*one),))
            lab.unlink(one)
        else:
            lab.wait(random.choice((SOON / 2, SOON, LATER)))
    lab.wait(2 * LATER)
    links, hosts = lab.engine.tables.all(Link), lab.engine.tables.all(Host)
    fresh = Lab(monkeypatch)
    fresh.put(drop=tuple(fresh.engine.tables.all(Link)))
    fresh.put(*links, *hosts)
    assert (lab.hops, lab.sets) == (fresh.hops, fresh.sets)
