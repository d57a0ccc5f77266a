"""Flood trees change without a loop at any moment, however slow bridges are to confirm and whichever of them are away."""

from __future__ import annotations

from collections import defaultdict
from random import Random

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.model import Attachment, FloodPorts, Link, Row
from controller.state.engine import Engine
from controller.state.tables import Tx
from controller.topology.flooding import End, Flooding, Reach
from controller.topology.paths import Paths

pytestmark = pytest.mark.unit

Cable = tuple[End, End]
Ports = frozenset[int]


class Bridge:
    """What a bridge holds open, what is on its way to it, and whether it is connected."""

    def __init__(self) -> None:
        self.open: Ports = frozenset()
        self.sent: Ports | None = None
        self.state = "up"  # or "new": connected, but it is not known yet what it holds; or "away"

    @property
    def possibly_open(self) -> Ports:
        """What it holds, or will hold once what was sent arrives."""
        return self.open | (self.sent or frozenset())


class Network:
    """One network over some cables, with bridges that confirm when the test wants it."""

    def __init__(self, cables: list[Cable], members: list[str]) -> None:
        self.engine = Engine()
        self.trees = Paths(self.engine).trees
        self.flooding = Flooding(self.engine, self.trees)
        self.cables, self.members = cables, members
        self.bridges = {bridge: Bridge() for bridge in sorted({end[0] for cable in cables for end in cable} | {*members})}
        self.change(*(Attachment(bridge, 99, "default") for bridge in members))

    def change(self, *rows: Row, drop: tuple[Row, ...] = ()) -> None:
        """Rows change, and what follows from that is told to the bridges."""
        tx = Tx(self.engine.tables)
        for row in rows:
            tx.put(row)
        for row in drop:
            tx.drop(row)
        self.engine.commit(tx)
        self.update()

    def update(self) -> None:
        """As the runtime does it: until nothing changes any more."""
        for _ in range(100):
            self.send()
            tx = Tx(self.engine.tables)
            if self.flooding.busy:
                self.flooding.update(tx, self.reach)
            if not self.engine.commit(tx):
                break
        else:
            raise AssertionError("it never comes to an end")
        self.check()

    def wanted(self, bridge: str) -> Ports:
        """What the rows say of a bridge."""
        row = self.engine.tables.get(FloodPorts, bridge, "default")
        return frozenset(row.ports if row else ())

    def reach(self, name: str) -> Reach:
        """Whether a bridge has confirmed all that it was told."""
        bridge = self.bridges[name]
        if bridge.state != "up":
            return "away"
        return "busy" if bridge.sent is not None or bridge.open != self.wanted(name) else "done"

    def send(self) -> None:
        """One thing at a time is on its way to a bridge."""
        for name, bridge in self.bridges.items():
            if bridge.state == "up" and bridge.sent is None and bridge.open != self.wanted(name):
                bridge.sent = self.wanted(name)

    def confirm(self, name: str) -> None:
        """A bridge did what it was told, or turned out to hold what was read back."""
        bridge = self.bridges[name]
        if bridge.state == "up" and bridge.sent is not None:
            bridge.open, bridge.sent = bridge.sent, None
        elif bridge.state == "new":
            bridge.state = "up"
        self.update()

    def away(self, name: str, *, done: bool) -> None:
        """A bridge goes away, having done what was on its way or not."""
        bridge = self.bridges[name]
        if done and bridge.sent is not None:
            bridge.open = bridge.sent
        bridge.sent, bridge.state = None, "away"
        self.update()

    def back(self, name: str) -> None:
        """A bridge is connected again."""
        if self.bridges[name].state == "away":
            self.bridges[name].state = "new"
        self.update()

    def link(self, cable: Cable) -> None:
        """Both ends of a cable hear each other."""
        self.change(*directions(cable))

    def unlink(self, cable: Cable) -> None:
        """A cable is no link any more, for whatever reason; frames may still get through."""
        self.change(drop=directions(cable))

    def settle(self) -> None:
        """Everybody is there and confirms."""
        for name in self.bridges:
            self.back(name)
        for _ in range(20):
            for name in self.bridges:
                self.confirm(name)

    def over(self, ends: set[End]) -> nx.MultiGraph[str]:
        """The cables that frames may pass."""
        graph: nx.MultiGraph[str] = nx.MultiGraph()
        graph.add_nodes_from(self.bridges)
        graph.add_edges_from((one[0], other[0]) for one, other in self.cables if {one, other} <= ends)
        return graph

    def check(self) -> None:
        """No loop, whatever the bridges do with what is on its way."""
        ends = {(name, port) for name, bridge in self.bridges.items() for port in bridge.possibly_open}
        ends |= {(name, port) for name in self.bridges for port in self.wanted(name)}
        assert nx.is_forest(self.over(ends)), ends

    def at_rest(self) -> None:
        """All members that links connect are in one tree, and nothing else is open."""
        told = {(name, port) for name in self.bridges for port in self.wanted(name)}
        assert told == {(name, port) for name, bridge in self.bridges.items() for port in bridge.open}
        assert told == self.trees.flood(self.members, told)
        links = self.over({(row.bridge, row.port) for row in self.engine.tables.all(Link)})
        for part in nx.connected_components(links):
            here = [m for m in self.members if m in part]
            assert not here or {*here} <= nx.node_connected_component(self.over(told), here[0])


def directions(cable: Cable) -> tuple[Link, Link]:
    (a, port_a), (b, port_b) = cable
    return Link(a, port_a, b, port_b), Link(b, port_b, a, port_a)


def ring(size: int) -> list[Cable]:
    """Bridges a, b, ..., each with its port 1 to the port 2 of the next."""
    names = "abcdefgh"[:size]
    return [((names[n], 1), (names[(n + 1) % size], 2)) for n in range(size)]


@pytest.fixture
def four() -> Network:
    """A ring of four, at rest; the cable from d to a is not in the tree."""
    network = Network(ring(4), ["a", "b", "c", "d"])
    for cable in network.cables:
        network.link(cable)
    network.settle()
    network.at_rest()
    return network


def unused(network: Network) -> Cable:
    """The cable of a ring that its tree does without."""
    (found,) = [(one, other) for one, other in network.cables if one[1] not in network.wanted(one[0])]
    return found


def used(network: Network) -> Cable:
    """A cable of the tree that has no end in common with the bridges of the unused one."""
    apart = {end[0] for end in unused(network)}
    return next(cable for cable in network.cables if not apart & {end[0] for end in cable})


def test_break_confirm_make(four: Network) -> None:
    spare, leaving = unused(four), used(four)
    four.unlink(leaving)
    closed = [end for end in leaving if end[1] not in four.wanted(end[0])]
    assert len(closed) == 1  # one end, and nothing is made before it has confirmed
    assert all(end[1] not in four.wanted(end[0]) for end in spare)
    four.confirm(closed[0][0])
    assert all(end[1] in four.wanted(end[0]) for end in spare)
    assert all(end[1] not in four.wanted(end[0]) for end in leaving)
    four.settle()
    four.at_rest()


@pytest.mark.parametrize("which", [0, 1])
def test_the_end_that_can_be_told_is_closed(four: Network, which: int) -> None:
    spare, leaving = unused(four), used(four)
    away, near = leaving[which], leaving[1 - which]
    four.away(away[0], done=False)
    four.unlink(leaving)
    assert near[1] not in four.wanted(near[0])
    four.confirm(near[0])
    assert all(end[1] in four.wanted(end[0]) for end in spare)


def test_a_bridge_that_goes_away_before_it_confirms_has_not_confirmed(four: Network) -> None:
    spare, leaving = unused(four), used(four)
    four.unlink(leaving)
    ((first, _port),) = [end for end in leaving if end[1] not in four.wanted(end[0])]
    (second,) = {end[0] for end in leaving} - {first}
    four.away(first, done=False)
    assert all(end[1] not in four.wanted(end[0]) for end in spare)
    four.confirm(second)  # it was asked instead
    assert all(end[1] in four.wanted(end[0]) for end in spare)


def test_with_both_ends_away_what_is_new_waits_until_one_is_back(four: Network) -> None:
    spare, leaving = unused(four), used(four)
    for name, _port in leaving:
        four.away(name, done=False)
    four.unlink(leaving)
    assert all(end[1] not in four.wanted(end[0]) for end in spare)
    name = leaving[0][0]
    four.back(name)
    four.confirm(name)
    assert all(end[1] not in four.wanted(end[0]) for end in spare)
    four.confirm(name)
    assert all(end[1] in four.wanted(end[0]) for end in spare)
    four.settle()
    four.at_rest()


def test_a_link_that_is_back_before_anybody_confirmed(four: Network) -> None:
    leaving = used(four)
    four.unlink(leaving)
    four.link(leaving)
    four.settle()
    four.at_rest()


def test_after_a_restart_the_tree_stays_as_the_bridges_have_it(four: Network) -> None:
    leaving = used(four)
    four.unlink(leaving)
    four.settle()
    four.link(leaving)  # by itself it would not be the one that is left out
    four.settle()
    rows = [row for cls in (FloodPorts, Link) for row in four.engine.tables.all(cls)]
    before = {name: four.wanted(name) for name in four.bridges}
    again = Network(four.cables, [])
    again.bridges = four.bridges
    for name in again.bridges:
        again.away(name, done=True)
    again.members = four.members
    again.change(*rows, *(Attachment(bridge, 99, "default") for bridge in four.members))
    assert {name: again.wanted(name) for name in again.bridges} == before


def test_a_network_without_members_floods_nowhere(four: Network) -> None:
    four.change(drop=tuple(four.engine.tables.all(Attachment)))
    assert four.engine.tables.all(FloodPorts) == []


@st.composite
def cables(draw: st.DrawFn) -> list[Cable]:
    """A random multigraph of 2 to 8 bridges."""
    names = "abcdefgh"[: draw(st.integers(2, 8))]
    pairs = draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names)), min_size=1, max_size=16))
    last: defaultdict[str, int] = defaultdict(int)
    found = []
    for a, b in pairs:
        if a != b:
            last[a] += 1
            last[b] += 1
            found.append(((a, last[a]), (b, last[b])))
    return found or [(("a", 1), ("b", 1))]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(cables(), st.randoms(use_true_random=False), st.integers(10, 80))
def test_never_a_loop_whatever_happens_in_whatever_order(wires: list[Cable], random: Random, steps: int) -> None:
    names = sorted({end[0] for cable in wires for end in cable})
    network = Network(wires, random.sample(names, random.randint(1, len(names))))
    for _ in range(steps):
        what = random.choice(["link", "link", "unlink", "confirm", "confirm", "confirm", "away", "back", "member"])
        name, cable = random.choice(names), random.choice(wires)
        if what in ("link", "unlink"):
            getattr(network, what)(cable)
        elif what == "away":
            network.away(name, done=random.random() < 0.5)
        elif what == "member":
            row, there = Attachment(name, 99, "default"), name in network.members
            (network.members.remove if there else network.members.append)(name)
            network.change(*([] if there else [row]), drop=(row,) if there else ())
        else:
            getattr(network, what)(name)
    network.settle()
    network.at_rest()
