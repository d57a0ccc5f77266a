"""Flood trees change without a loop at any moment, however slow bridges are to confirm and whichever of them are away."""

from __future__ import annotations

from collections import defaultdict
from random import Random

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.model import EVERY_BRIDGE, Attachment, FloodPorts, Link, Row
from controller.state.engine import Engine
from controller.state.tables import Tx
from controller.topology.flooding import End, Flooding, Open
from controller.topology.paths import Paths
from tests.fakes.rows import commit

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
        commit(self.engine, rows, drop)
        self.update()

    def update(self) -> None:
        """As the runtime does it: until nothing changes any more."""
        for _ in range(100):
            self.send()
            tx = Tx(self.engine.tables)
            if self.flooding.busy:
                self.flooding.update(tx, self.ask)
            if not self.engine.commit(tx):
                break
        else:
            raise AssertionError("it never comes to an end")
        self.check()

    def wanted(self, bridge: str) -> Ports:
        """What the rows say of a bridge."""
        row = self.engine.tables.get(FloodPorts, bridge, "default")
        return frozenset(row.ports if row else ())

    def ask(self, name: str) -> Open | None:
        """The networks that a bridge has not confirmed; it is not connected before it is known what it holds."""
        bridge = self.bridges[name]
        if bridge.state != "up":
            return None
        return {"default"} if bridge.sent is not None or bridge.open != self.wanted(name) else set()

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


@pytest.mark.parametrize("first", [0, 1])
def test_break_confirm_make(four: Network, first: int) -> None:
    spare, leaving = unused(four), used(four)
    four.unlink(leaving)
    assert all(end[1] not in four.wanted(end[0]) for end in leaving)
    assert all(end[1] not in four.wanted(end[0]) for end in spare)  # nothing is made before one end is known to be closed
    four.confirm(leaving[first][0])
    assert all(end[1] in four.wanted(end[0]) for end in spare)
    four.settle()
    four.at_rest()


def test_it_waits_for_what_is_told_of_the_same_network_alone(four: Network) -> None:
    spare, leaving = unused(four), used(four)
    usual = four.ask
    four.ask = lambda name: {*(usual(name) or ()), "another"}  # type: ignore[method-assign]
    four.unlink(leaving)
    assert all(end[1] not in four.wanted(end[0]) for end in spare)
    four.confirm(leaving[0][0])
    assert all(end[1] in four.wanted(end[0]) for end in spare)


def test_a_bridge_of_which_only_bytes_are_known_has_not_confirmed(four: Network) -> None:
    spare, leaving = unused(four), used(four)
    four.ask = lambda name: {None}  # type: ignore[method-assign]
    four.unlink(leaving)
    for name in four.bridges:
        four.confirm(name)
    assert all(end[1] not in four.wanted(end[0]) for end in spare)


@pytest.mark.parametrize("which", [0, 1])
def test_one_end_that_can_be_told_is_enough(four: Network, which: int) -> None:
    spare, leaving = unused(four), used(four)
    away, near = leaving[which], leaving[1 - which]
    four.away(away[0], done=False)
    four.unlink(leaving)
    assert all(end[1] not in four.wanted(end[0]) for end in spare)
    four.confirm(near[0])
    assert all(end[1] in four.wanted(end[0]) for end in spare)


def test_a_bridge_that_goes_away_before_it_confirms_has_not_confirmed(four: Network) -> None:
    spare, leaving = unused(four), used(four)
    (first, _), (second, _) = leaving
    four.unlink(leaving)
    four.away(first, done=False)
    assert all(end[1] not in four.wanted(end[0]) for end in spare)
    four.confirm(second)
    assert all(end[1] in four.wanted(end[0]) for end in spare)


def test_with_both_ends_away_what_would_make_a_loop_waits_until_one_is_back(four: Network) -> None:
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


def test_with_both_ends_away_a_link_that_makes_no_loop_is_opened() -> None:
    """A ring of four, and e, which a new link joins while two others of the ring are gone for good."""
    network = Network([*ring(4), (("a", 5), ("e", 1))], ["a", "b", "c", "d", "e"])
    for cable in network.cables[:4]:
        network.link(cable)
    network.settle()
    spare = next(cable for cable in network.cables[:4] if cable[0][1] not in network.wanted(cable[0][0]))
    leaving = next(cable for cable in network.cables[:4] if not {end[0] for end in cable} & {end[0] for end in spare})
    for name, _port in leaving:
        network.away(name, done=False)
    network.unlink(leaving)
    network.link(network.cables[4])
    assert all(end[1] in network.wanted(end[0]) for end in network.cables[4])
    assert all(end[1] not in network.wanted(end[0]) for end in spare)


def test_bridges_that_are_dead_hold_up_nobody_once_their_neighbours_ports_are_down() -> None:
    """A ring of six. Two neighbours die; the others see their ports to them go down, and close the ring another way."""
    network = Network([*ring(6), (("a", 5), ("d", 5))], list("abcdef"))
    for cable in network.cables[:6]:
        network.link(cable)
    network.settle()
    for name in "bc":
        network.away(name, done=False)
    for cable in network.cables[:3]:  # a-b, b-c, c-d
        network.unlink(cable)
    network.link(network.cables[6])
    for name in "adef":
        network.confirm(name)
        network.confirm(name)
    told = {(name, port) for name in "adef" for port in network.wanted(name)}
    assert nx.is_connected(network.over(told).subgraph("adef"))


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


def test_after_a_restart_bridges_that_are_not_back_may_have_any_link_open(four: Network) -> None:
    """The controller closed a link, and ended before it had told anybody."""
    spare, leaving = unused(four), used(four)
    for name in four.bridges:
        four.away(name, done=False)
    rows: list[Row] = [row for row in four.engine.tables.all(Link) if (row.bridge, row.port) not in leaving]
    told = {name: four.wanted(name) - {port for bridge, port in leaving if bridge == name} for name in four.bridges}
    rows += [FloodPorts(name, "default", tuple(sorted(ports))) for name, ports in told.items()]
    again = Network(four.cables, [])
    again.bridges, again.members = four.bridges, four.members
    again.change(*directions(leaving), *rows, *(Attachment(bridge, 99, "default") for bridge in four.members))
    again.unlink(leaving)
    assert all(end[1] not in again.wanted(end[0]) for end in spare)
    again.settle()
    again.at_rest()
    assert all(end[1] in again.wanted(end[0]) for end in spare)


def test_a_network_without_members_floods_nowhere(four: Network) -> None:
    four.change(drop=tuple(four.engine.tables.all(Attachment)))
    assert four.engine.tables.where(FloodPorts, network="default") == []


def test_one_tree_spans_all_bridges_with_links_whatever_networks_they_have() -> None:
    network = Network(ring(4), ["a"])
    for cable in network.cables[:3]:
        network.link(cable)
    network.settle()
    rows = network.engine.tables.where(FloodPorts, network=EVERY_BRIDGE)
    assert {(row.bridge, port) for row in rows for port in row.ports} == {end for cable in network.cables[:3] for end in cable}
    network.unlink(network.cables[0])
    assert [row.bridge for row in network.engine.tables.where(FloodPorts, network=EVERY_BRIDGE)] == ["b", "c", "d"]


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
