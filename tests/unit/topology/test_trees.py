"""Next hops and flood trees against networkx, after each of many random changes of random multigraphs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random

import networkx as nx
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from controller.topology.links import End, Ports
from controller.topology.trees import Trees

BRIDGES = [f"s{number}" for number in range(1, 13)]
PORTS = range(1, 7)
ENDS = st.tuples(st.sampled_from(BRIDGES), st.sampled_from(PORTS))
RANDOM = st.integers(0, 2**32).map(Random)
MEMBERS = st.sets(st.sampled_from(BRIDGES), max_size=6)


class Network:
    """What the trees were told, and what follows from it by networkx."""

    def __init__(self) -> None:
        self.links: dict[frozenset[End], int] = {}  # both ends -> cost
        self.down: set[End] = set()

    def at(self, end: End) -> frozenset[End] | None:
        return next((ends for ends in self.links if end in ends), None)

    def link(self, a: End, b: End, cost: int) -> None:
        if frozenset((a, b)) not in self.links:
            self.unlink(a)
            self.unlink(b)
        self.links[frozenset((a, b))] = cost

    def unlink(self, end: End) -> None:
        ends = self.at(end)
        if ends:
            del self.links[ends]
            self.down -= ends

    def live(self) -> nx.MultiGraph[str]:
        graph: nx.MultiGraph[str] = nx.MultiGraph()
        graph.add_nodes_from(BRIDGES)
        for ends, cost in self.links.items():
            if not ends & self.down:
                (a, _), (b, _) = ends
                graph.add_edge(a, b, key=ends, weight=cost)
        return graph

    def all_hops(self, dests: Iterable[str]) -> dict[str, dict[str, Ports]]:
        live = self.live()
        return {dest: self.hops(live, dest) for dest in dests}

    def hops(self, live: nx.MultiGraph[str], dest: str) -> dict[str, Ports]:
        """Live next hops as networkx finds them, and dead ports behind which a bridge is nearer by as much."""
        behind, dist = nx.dijkstra_predecessor_and_distance(live, dest)
        found: dict[str, set[int]] = {}
        for ends, cost in self.links.items():
            for (u, port), (v, _) in (tuple(ends), tuple(ends)[::-1]):
                if u not in dist or v not in dist or dist[v] + cost != dist[u]:
                    continue
                assert v in behind[u] or ends & self.down
                found.setdefault(u, set()).add(port)
        assert set(found) == set(dist) - {dest}
        return {u: tuple(sorted(ports)) for u, ports in found.items()}

    def tell(self, trees: Trees, random: Random) -> None:
        """Tell other trees the same, in another order and the other way round."""
        for (a, b), cost in random.sample([(tuple(ends), cost) for ends, cost in self.links.items()], len(self.links)):
            one, other = random.sample((a, b), 2)
            trees.link(*one, *other, cost)
        for end in random.sample(sorted(self.down), len(self.down)):
            trees.down(*end)


def assert_nearer_at_each_hop(live: nx.MultiGraph[str], dest: str, hops: dict[str, Ports]) -> None:
    """Whichever live ports are chosen, the destination comes nearer."""
    dist = nx.single_source_dijkstra_path_length(live, dest)
    for u, ports in hops.items():
        ahead = [v for port in ports for _, v, ends in live.edges(u, keys=True) if (u, port) in ends]
        assert ahead
        assert all(dist[v] < dist[u] for v in ahead)


def differences(before: dict[str, Ports], after: dict[str, Ports]) -> dict[str, Ports]:
    """The bridges whose next hops differ, with those that they have now."""
    return {u: after.get(u, ()) for u in before.keys() | after.keys() if before.get(u, ()) != after.get(u, ())}


def only(graph: nx.MultiGraph[str], links: set[frozenset[End]]) -> nx.MultiGraph[str]:
    """A graph with no more than these of its links."""
    part: nx.MultiGraph[str] = nx.MultiGraph()
    for a, b, ends in graph.edges(keys=True):
        if ends in links:
            part.add_edge(a, b, key=ends)
    return part


def pruned(graph: nx.MultiGraph[str], members: set[str]) -> nx.MultiGraph[str]:
    """Without the ends that are no members."""
    graph = graph.copy()
    while ends := [u for u in graph if graph.degree(u) < 2 and (u not in members or graph.degree(u) == 0)]:
        graph.remove_nodes_from(ends)
    return graph


def assert_broadcast_tree(network: Network, members: set[str], tree: frozenset[End], previous: frozenset[End]) -> None:
    """It connects what is connected, has no circle and no end in vain, and keeps all it can of the tree before."""
    live = network.live()
    links = {ends for _, _, ends in live.edges(keys=True) if ends <= tree}
    assert {end for ends in links for end in ends} == tree  # both ends of live links
    used = only(live, links)
    assert not used or nx.is_forest(used)
    assert all(u in members for u in used if used.degree(u) == 1)
    used.add_nodes_from(members)
    parts = [part for part in nx.connected_components(live) if part & members]
    assert sorted(map(sorted, nx.connected_components(used))) == sorted(sorted(part & used.nodes) for part in parts)
    before = {ends for _, _, ends in live.edges(keys=True) if ends <= previous}
    if before and not nx.is_forest(only(live, before)):
        return  # a new link between two ports of the tree that led elsewhere: not all that is open can stay
    both = only(live, links | before)
    assert not both or nx.is_forest(both)  # no link of the tree stands in for one that could have stayed
    assert {ends for _, _, ends in pruned(both, members).edges(keys=True)} == links


class AnyChange(RuleBasedStateMachine):
    """`asked` is looked at after each change, `seldom` after some: it then has several changes to take in at once."""

    def __init__(self) -> None:
        super().__init__()
        self.network, self.asked, self.seldom = Network(), Trees(), Trees()
        self.wanted: set[str] = set()
        self.told: dict[Trees, dict[str, dict[str, Ports]]] = {self.asked: {}, self.seldom: {}}
        self.retired: set[End] = set()
        self.members: set[str] = set()
        self.tree: frozenset[End] = frozenset()

    def both(self, call: str, *arguments: object) -> None:
        for trees in (self.asked, self.seldom):
            getattr(trees, call)(*arguments)

    @initialize(
        costs=st.sampled_from([[1], [4], [1, 2, 3], [1, 1, 10, 2**32 - 1]]),
        links=st.integers(0, 30),
        random=RANDOM,
    )
    def begin(self, costs: list[int], links: int, random: Random) -> None:
        self.costs = costs
        for number in range(links):
            a, b = random.sample(BRIDGES, 2)
            self.add((a, random.choice(PORTS)), (b, random.choice(PORTS)), number)
        for dest in random.sample(BRIDGES, 4):
            self.want(dest, True)
        self.members = set(random.sample(BRIDGES, 4))

    @rule(a=ENDS, b=ENDS, choice=st.integers(0, 5))
    def add(self, a: End, b: End, choice: int) -> None:
        if a[0] != b[0]:
            cost = self.costs[choice % len(self.costs)]
            self.network.link(a, b, cost)
            self.both("link", *a, *b, cost)

    @rule(end=ENDS)
    def remove(self, end: End) -> None:
        self.network.unlink(end)
        self.both("unlink", *end)

    @precondition(lambda self: self.network.links)
    @rule(data=st.data(), call=st.sampled_from(["unlink", "down", "down", "down"]))
    def lose(self, data: st.DataObject, call: str) -> None:
        end = data.draw(st.sampled_from(sorted(end for ends in self.network.links for end in ends)))
        self.network.unlink(end) if call == "unlink" else self.network.down.add(end)
        self.both(call, *end)

    @precondition(lambda self: self.network.down)
    @rule(data=st.data())
    def retire(self, data: st.DataObject) -> None:
        end = data.draw(st.sampled_from(sorted(self.network.down)))
        self.retired |= self.network.at(end) or frozenset()
        self.network.unlink(end)
        self.both("retire", *end)

    @rule(most=st.integers(1, 5))
    def look_at_some(self, most: int) -> None:
        for trees in self.told:
            self.assert_changes(trees)
            differ = trees.late(most)
            assert len(differ) <= most
            self.apply(trees, differ)
            self.assert_changes(trees)

    @precondition(lambda self: self.network.down)
    @rule(data=st.data())
    def recover(self, data: st.DataObject) -> None:
        end = data.draw(st.sampled_from(sorted(self.network.down)))
        self.network.down.discard(end)
        self.both("up", *end)

    @rule(dest=st.sampled_from(BRIDGES), wanted=st.booleans())
    def want(self, dest: str, wanted: bool) -> None:
        self.wanted = self.wanted | {dest} if wanted else self.wanted - {dest}
        self.both("want" if wanted else "unwant", dest)

    @rule(members=MEMBERS)
    def other_members(self, members: set[str]) -> None:
        self.members = members

    @rule()
    def look(self) -> None:
        self.assert_changes(self.seldom)

    @rule(random=RANDOM)
    def tell_another(self, random: Random) -> None:
        other = Trees()
        for dest in random.sample(sorted(self.wanted), len(self.wanted)):
            other.want(dest)
        self.network.tell(other, random)
        assert [other.hops(dest) for dest in BRIDGES] == [self.seldom.hops(dest) for dest in BRIDGES]
        assert other.flood(self.members) == self.asked.flood(self.members)
        assert other.flood(self.members, self.tree) == self.asked.flood(self.members, self.tree)

    def assert_changes(self, trees: Trees) -> None:
        told, now = self.told[trees], self.network.all_hops(self.wanted)
        news = {dest for dest in now if dest not in told}
        changes = trees.changes()
        assert news | (told.keys() - now.keys()) <= changes.keys()
        assert all(differ or dest in news or dest not in now for dest, differ in changes.items())
        self.apply(trees, changes)
        assert trees.changes() == {}
        assert {dest: trees.hops(dest) for dest in BRIDGES} == {dest: now.get(dest, {}) for dest in BRIDGES}
        assert told.keys() == now.keys()
        for dest, hops in now.items():
            left = differences(hops, told[dest])
            assert trees.lagging or not left
            for u, ports in left.items():  # what was retired, and is not looked at yet
                assert set(ports) > set(hops[u])
                assert {(u, port) for port in set(ports) - set(hops[u])} <= self.retired

    def apply(self, trees: Trees, changes: Mapping[str, Mapping[str, Ports] | None]) -> None:
        """Take over what was said; all of it is new."""
        told = self.told[trees]
        for dest, differ in changes.items():
            if differ is None:
                del told[dest]
                continue
            now = told.setdefault(dest, {})
            assert all(now.get(u, ()) != ports for u, ports in differ.items())
            told[dest] = {u: ports for u, ports in (now | dict(differ)).items() if ports}

    @invariant()
    def is_as_networkx_says(self) -> None:
        self.assert_changes(self.asked)
        live = self.network.live()
        for dest in self.wanted:
            assert_nearer_at_each_hop(live, dest, self.asked.hops(dest))

    @invariant()
    def floods_along_a_tree(self) -> None:
        fresh = self.asked.flood(self.members)
        assert_broadcast_tree(self.network, self.members, fresh, frozenset())
        tree = self.asked.flood(self.members, self.tree)
        assert_broadcast_tree(self.network, self.members, tree, self.tree)
        assert self.asked.flood(self.members, tree) == tree
        self.tree = tree


AnyChange.TestCase.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
TestAnyChange = AnyChange.TestCase


def ring(count: int = 4) -> Trees:
    """Bridges in a circle: port 1 leads on, port 2 back."""
    trees = Trees()
    for number in range(count):
        trees.link(f"s{number + 1}", 1, f"s{(number + 1) % count + 1}", 2)
    return trees


def leaf_spine() -> Trees:
    """Three leaves, each with port 1 to the first spine and port 2 to the second."""
    trees = Trees()
    for leaf in (1, 2, 3):
        for spine in (1, 2):
            trees.link(f"leaf{leaf}", spine, f"spine{spine}", leaf)
    return trees


def test_a_link_that_goes_down_beside_an_equal_one_changes_nothing_at_its_ends():
    trees = leaf_spine()
    trees.want("leaf2")
    assert trees.changes() == {"leaf2": {"leaf1": (1, 2), "leaf3": (1, 2), "spine1": (2,), "spine2": (2,)}}
    trees.down("leaf1", 1)
    trees.down("spine1", 1)
    assert trees.changes() == {}
    trees.up("leaf1", 1)
    assert trees.changes() == {}, "one port of the link is still down"
    trees.up("spine1", 1)
    assert trees.changes() == {}


def test_where_no_equal_link_is_left_the_way_round_is_taken_at_once():
    trees = leaf_spine()
    trees.want("leaf2")
    trees.changes()
    trees.down("spine1", 2)
    assert trees.changes() == {"leaf2": {"leaf1": (2,), "leaf3": (2,), "spine1": (1, 3)}}
    trees.up("spine1", 2)
    assert trees.changes() == {"leaf2": {"leaf1": (1, 2), "leaf3": (1, 2), "spine1": (2,)}}


def test_a_link_that_is_retired_leaves_so_many_destinations_a_call():
    trees = leaf_spine()
    for dest in ("leaf1", "leaf2", "leaf3"):
        trees.want(dest)
    trees.changes()
    trees.down("leaf1", 1)
    assert trees.changes().keys() == {"leaf1"}
    trees.retire("leaf1", 1)
    assert trees.changes() == {}
    assert trees.late(1) == {}  # to leaf1 itself that link is no way any more
    assert (trees.late(1), trees.lagging) == ({"leaf2": {"leaf1": (2,)}}, True)
    assert (trees.late(5), trees.lagging) == ({"leaf3": {"leaf1": (2,)}}, False)
    trees.retire("leaf2", 1)  # it is not down: as if unlinked
    assert trees.changes().keys() == {"leaf1", "leaf2", "leaf3"}
    assert not trees.lagging


def test_down_and_up_again_between_two_looks_is_no_change():
    trees = ring()
    trees.want("s1")
    trees.changes()
    trees.down("s1", 1)
    trees.up("s1", 1)
    trees.unwant("s1")
    trees.want("s1")
    assert trees.changes() == {}


def test_bridges_that_come_later_get_next_hops_too():
    trees = ring()
    trees.want("s1")
    trees.changes()
    trees.link("s3", 7, "s9", 1)
    assert trees.changes() == {"s1": {"s9": (1,)}}
    trees.unlink("s9", 1)
    assert trees.changes() == {"s1": {"s9": ()}}


def test_a_wanted_bridge_without_links_has_an_empty_tree_and_an_unwanted_one_none():
    trees = Trees()
    trees.want("s1")
    assert trees.changes() == {"s1": {}}
    trees.unwant("s1")
    assert trees.changes() == {"s1": None}
    trees.unwant("s1")
    trees.unwant("s2")
    assert trees.changes() == {}
    assert trees.hops("s2") == {}


def test_a_port_linked_anew_leaves_its_former_link():
    trees = ring()
    trees.want("s1")
    trees.link("s2", 2, "s4", 9)
    assert trees.hops("s1") == {"s2": (2,), "s3": (1,), "s4": (1,)}


def test_a_tree_changes_by_one_link_where_one_link_goes():
    trees = ring(6)
    before = trees.flood(["s1", "s3", "s5"])
    assert before == {("s1", 1), ("s2", 2), ("s2", 1), ("s3", 2), ("s1", 2), ("s6", 1), ("s6", 2), ("s5", 1)}
    trees.down("s2", 1)
    after = trees.flood(["s1", "s3", "s5"], before)
    assert after == before - {("s1", 1), ("s2", 2), ("s2", 1), ("s3", 2)} | {("s3", 1), ("s4", 2), ("s4", 1), ("s5", 2)}
    trees.up("s2", 1)
    assert trees.flood(["s1", "s3", "s5"], after) == after


def test_fewer_than_two_members_or_unknown_ones_need_no_tree():
    trees = ring()
    assert trees.flood([]) == trees.flood(["s1"]) == trees.flood(["s1", "s99"]) == frozenset()


def test_what_cannot_be_linked_is_refused_with_a_sentence():
    trees = Trees()
    with pytest.raises(ValueError, match="ports 1 and 2 of s1 are linked to each other"):
        trees.link("s1", 1, "s1", 2)
    for cost in (0, -1, 2**32):
        with pytest.raises(ValueError, match=f"s1 port 1 - s2 port 1 costs {cost}; give it a cost of 1 to 4294967295"):
            trees.link("s1", 1, "s2", 1, cost)
    trees.want("s1")
    assert trees.hops("s1") == {}
