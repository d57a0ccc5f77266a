"""The graph that rows describe, its paths and what it is exported as."""

from __future__ import annotations

import json
import re
from random import Random
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.model import Bridge, Host, IPv4, Link, Mac, Port
from controller.topology.graph import build, by_speed, distances, dot, equal_cost, graphml, node_link, plain, shortest_paths
from controller.topology.trees import Trees

GIGABIT = 10**9
STRING = r'"((?:[^"\\]|\\.)*)"'  # a quoted string of the DOT language
BRIDGES = [Bridge(f"s{number}", number) for number in (1, 2, 3, 4)]
CABLES = [("s1", 1, "s2", 2), ("s2", 1, "s3", 2), ("s3", 1, "s4", 2), ("s4", 1, "s1", 2)]  # a ring
BLUE1 = Host("blue", Mac("02:00:00:00:00:01"), "s1", 5, (IPv4("10.0.0.1"),))
BLUE3 = Host("blue", Mac("02:00:00:00:00:03"), "s3", 5)
RED1 = Host("red", Mac("02:00:00:00:00:01"), "s1", 6, (IPv4("10.0.0.1"),))
ELSEWHERE = Host("blue", BLUE1.mac, "s2", 2)  # the same host as seen on the way to it


def links(cables: list[tuple[str, int, str, int]]) -> list[Link]:
    """Both directions of each."""
    return [link for a, p, b, q in cables for link in (Link(a, p, b, q), Link(b, q, a, p))]


def ports(cables: list[tuple[str, int, str, int]], *down: tuple[str, int]) -> list[Port]:
    ends = [end for a, p, b, q in cables for end in ((a, p), (b, q))]
    return [Port(bridge, port, f"{bridge}-eth{port}", up=(bridge, port) not in down, speed=GIGABIT) for bridge, port in ends]


def ring(*down: tuple[str, int], **more: Any) -> nx.MultiDiGraph[str]:
    return build(BRIDGES, ports(CABLES, *down), links(CABLES), [BLUE1, BLUE3, RED1, ELSEWHERE], **more)


def test_nodes_are_bridges_and_hosts_and_edges_are_directions():
    graph = ring(trees={"blue": {("s1", 1), ("s2", 2), ("s2", 1)}, "red": {("s2", 2), ("s1", 1)}})
    assert graph.nodes["s4"] == {"kind": "bridge", "dpid": "0000000000000004"}
    blue = {"kind": "host", "network": "blue", "mac": "02:00:00:00:00:01", "ips": "10.0.0.1"}
    assert graph.nodes["blue/02:00:00:00:00:01"] == blue
    assert graph.nodes["red/02:00:00:00:00:01"] == blue | {"network": "red"}
    assert graph.nodes["blue/02:00:00:00:00:03"]["ips"] == ""
    assert graph.edges["s1", "s2", (1, 2)] == {
        "kind": "link",
        "port": 1,
        "port_name": "s1-eth1",
        "peer_port": 2,
        "peer_port_name": "s2-eth2",
        "cost": 1,
        "speed": GIGABIT,
        "up": True,
        "trees": "blue red",
    }
    assert graph.edges["s2", "s3", (1, 2)]["trees"] == ""
    assert graph.number_of_edges() == 2 * len(CABLES) + 2 * 3


def test_a_host_seen_on_a_link_lives_elsewhere():
    graph = ring()
    assert sorted(graph["blue/02:00:00:00:00:01"]) == ["s1"]
    assert sorted(graph.predecessors("blue/02:00:00:00:00:01")) == ["s1"]


def test_what_belongs_to_no_known_bridge_is_left_out():
    graph = build([Bridge("s1")], [], [Link("s1", 1, "s9", 1), Link("s9", 1, "s1", 1)], [Host("blue", Mac(1), "s9", 3)])
    assert list(graph) == ["s1"]
    assert not graph.edges


def test_the_order_of_rows_does_not_matter():
    rows: list[list[Any]] = [list(BRIDGES), ports(CABLES), links(CABLES), [BLUE1, BLUE3, RED1]]
    first = build(*rows)
    for kind in rows:
        kind.reverse()
    second = build(*rows)
    assert (dot(first), graphml(first), node_link(first)) == (dot(second), graphml(second), node_link(second))


@pytest.mark.parametrize(
    ("speeds", "cost"),
    [((10**9, 10**9), 20_000), ((10**10, 10**8), 200_000), ((0, 10**11), 200), ((0, 0), 20_000), ((10**15, 10**15), 1)],
)
def test_a_link_costs_by_its_slower_port_as_ieee_802_1q_says(speeds, cost):
    cost_of = by_speed([Port("s1", 1, speed=speeds[0]), Port("s2", 2, speed=speeds[1])])
    assert cost_of(Link("s1", 1, "s2", 2)) == cost_of(Link("s2", 2, "s1", 1)) == cost


def test_paths_between_hosts_and_bridges():
    graph = ring()
    a, b = "blue/02:00:00:00:00:01", "blue/02:00:00:00:00:03"
    assert shortest_paths(graph, a, b) == [
        [(a, "s1", (0, 5)), ("s1", "s2", (1, 2)), ("s2", "s3", (1, 2)), ("s3", b, (5, 0))],
        [(a, "s1", (0, 5)), ("s1", "s4", (2, 1)), ("s4", "s3", (2, 1)), ("s3", b, (5, 0))],
    ]
    assert len(shortest_paths(graph, a, b, limit=1)) == 1
    assert shortest_paths(graph, "s1", "s4") == [[("s1", "s4", (2, 1))]]
    assert shortest_paths(graph, "s1", "s1") == [[]]
    assert equal_cost(graph, b) == {"s1": (1, 2), "s2": (1,), "s3": (5,), "s4": (2,)}
    assert distances(graph, b) == {b: 0, "s3": 0, "s2": 1, "s4": 1, "s1": 2, a: 2, "red/02:00:00:00:00:01": 2}


def test_a_port_that_is_down_is_no_way():
    graph = ring(("s1", 1))
    assert not graph.edges["s2", "s1", (2, 1)]["up"]
    assert shortest_paths(graph, "s1", "s2") == [[("s1", "s4", (2, 1)), ("s4", "s3", (2, 1)), ("s3", "s2", (2, 1))]]
    assert shortest_paths(ring(("s1", 1), ("s4", 1)), "s1", "s2") == []


def test_no_path_leads_through_a_host():
    twice = [Host("blue", Mac(1), "s1", 5), Host("blue", Mac(1), "s2", 5)]  # it moved, and one bridge does not know yet
    assert shortest_paths(build(BRIDGES, [], [], twice), "s1", "s2") == []


def test_who_is_not_in_the_graph_is_named():
    for source, target in (("s1", "s9"), ("s9", "s1")):
        with pytest.raises(ValueError, match="there is no bridge or host 's9'"):
            shortest_paths(ring(), source, target)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 30), st.randoms(use_true_random=False))
def test_the_ports_are_those_that_the_trees_have(count: int, random: Random):
    trees, taken, costs = Trees(), set[tuple[str, int]](), dict[tuple[str, int], int]()
    cables: list[tuple[str, int, str, int]] = []
    for _ in range(count):
        a, b = random.sample(["s1", "s2", "s3", "s4"], 2)
        p, q, cost = random.randint(1, 9), random.randint(1, 9), random.choice([1, 1, 2])
        if not taken & {(a, p), (b, q)}:
            taken |= {(a, p), (b, q)}
            costs |= {(a, p): cost, (b, q): cost}
            cables.append((a, p, b, q))
            trees.link(a, p, b, q, cost)
    graph = build(BRIDGES, [], links(cables), [], cost=lambda link: costs[link.bridge, link.port])
    for dest in ("s1", "s2", "s3", "s4"):
        trees.want(dest)
        assert equal_cost(graph, dest) == trees.hops(dest)
        for source in equal_cost(graph, dest):
            reference = nx.all_shortest_paths(nx.DiGraph(graph), source, dest, weight=lambda a, b, _: distance(graph, a, b))
            found = shortest_paths(graph, source, dest, limit=10_000)
            assert {(source, *(to for _, to, _ in path)) for path in found} == set(map(tuple, reference))
            assert len(set(map(tuple, found))) == len(found)


def distance(graph: nx.MultiDiGraph[str], a: str, b: str) -> int:
    return min(edge["cost"] for edge in graph[a][b].values())


ODD = build(
    [Bridge('s"1', 1), Bridge("s\\", 2**64 - 1), Bridge("ümlaut <&>", 3)],
    [Port('s"1', 1, "a\0b\n", up=False), Port("s\\", 1, "", speed=10**11)],
    [Link('s"1', 1, "s\\", 1), Link("s\\", 1, 's"1', 1), Link("s\\", 2, 's"1', 2), Link('s"1', 2, "s\\", 2)],
    [Host('x"\\', Mac(7), "ümlaut <&>", 3, (IPv4(1),))],
)
GRAPHS = pytest.mark.parametrize("graph", [ring(), ODD, build([], [], [], [])], ids=["ring", "odd names", "empty"])


def assert_equal(read: nx.Graph[str], graph: nx.MultiDiGraph[str]) -> None:
    assert isinstance(read, nx.MultiDiGraph)
    assert list(read.nodes(data=True)) == list(plain(graph).nodes(data=True))
    assert sorted(read.edges(keys=True, data=True), key=str) == sorted(plain(graph).edges(keys=True, data=True), key=str)


def test_nothing_but_the_key_differs_in_a_plain_copy():
    graph, flat = ring(), plain(ring())
    assert list(flat.nodes(data=True)) == list(graph.nodes(data=True))
    data = [(a, b, (data["port"], data["peer_port"]), data) for a, b, data in flat.edges(data=True)]
    assert data == list(graph.edges(keys=True, data=True))
    assert len({key for _, _, key in flat.edges(keys=True)}) == graph.number_of_edges()
    assert "s1:1-s2:2" in flat["s1"]["s2"]


@GRAPHS
def test_node_link_json_reads_back_equal(graph):
    assert_equal(nx.node_link_graph(json.loads(json.dumps(node_link(graph))), edges="edges"), graph)


@GRAPHS
def test_graphml_reads_back_equal(graph):
    text = graphml(graph)
    assert text.startswith("<?xml")
    assert_equal(nx.parse_graphml(text, edge_key_type=str, force_multigraph=True), graph)


@GRAPHS
def test_dot_reads_back_equal(graph):
    assert_equal(read_dot(dot(graph), plain(graph)), graph)


def read_dot(text: str, like: nx.MultiDiGraph[str]) -> nx.MultiDiGraph[str]:
    """A graph from the part of DOT that is written: a quoted name, or two, and attributes. Their types are those of `like`."""
    first, *lines, last = text.splitlines()
    assert (first, last) == ("digraph weft {", "}")
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    for line in lines:
        statement = re.fullmatch(rf"  {STRING}(?: -> {STRING})? \[(\w+={STRING}(?:, \w+={STRING})*)\];", line)
        assert statement, line
        name, peer, attributes = statement[1], statement[2], statement[3]
        data = {found[1]: unquoted(found[2]) for found in re.finditer(rf"(\w+)={STRING}", attributes)}
        if peer is None:
            assert data.pop("shape") in ("box", "ellipse")
            assert data.pop("label")
            graph.add_node(unquoted(name), **data)
        else:
            key = data.pop("id")
            tail, head = data.pop("taillabel"), data.pop("headlabel")
            assert tail in (data["port_name"], data["port"])
            assert head in (data["peer_port_name"], data["peer_port"])
            likes = like.edges[unquoted(name), unquoted(peer), key]
            typed = {k: value == "True" if type(likes[k]) is bool else type(likes[k])(value) for k, value in data.items()}
            graph.add_edge(unquoted(name), unquoted(peer), key=key, **typed)
    return graph


def unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
