"""The graph that rows describe, its paths and what it is exported as."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from random import Random
from typing import Any

import networkx as nx
import pydot
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.model import Bridge, Host, IPv4, Link, Mac, Port
from controller.topology.graph import Graph, build, distances, dot, graphml, node_link, node_of, plain, shortest_paths
from controller.topology.trees import Trees

GIGABIT = 10**9
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
    graph = ring(
        states=dict.fromkeys(["s1", "s2", "s3", "s4"], "connected"),
        trees={"blue": {("s1", 1), ("s2", 2), ("s2", 1)}, "red": {("s2", 2), ("s1", 1)}},
    )
    assert graph.nodes["s4"] == {"kind": "bridge", "dpid": "0000000000000004", "state": "connected"}
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
    graph = build(BRIDGES, [], [replace(link, cost=costs[link.bridge, link.port]) for link in links(cables)], [])
    for dest in ("s1", "s2", "s3", "s4"):
        trees.want(dest)
        hops = trees.hops(dest)
        for source in {"s1", "s2", "s3", "s4"} - {dest}:
            found = shortest_paths(graph, source, dest, limit=10_000)
            assert tuple(sorted({path[0][2][0] for path in found})) == hops.get(source, ())
            if not found:
                continue
            reference = nx.all_shortest_paths(nx.DiGraph(graph), source, dest, weight=lambda a, b, _: distance(graph, a, b))
            assert {(source, *(to for _, to, _ in path)) for path in found} == set(map(tuple, reference))
            assert len(set(map(tuple, found))) == len(found)


def distance(graph: nx.MultiDiGraph[str], a: str, b: str) -> int:
    return min(edge["cost"] for edge in graph[a][b].values())


# Exports: whatever bridges and ports are called, other programs read back what was written

NASTY = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6) | st.sampled_from(
    [
        's"1',
        "s\\",
        's\\"',
        "a\0b\n",
        "<b>",
        "ümlaut <&>",
        "-",
        "->",
        "]];",
        "graph",
        "node",
        "edge",
        "\\N",
        "//",
        "#",
        "{",
        "1.5",
        "\ud7ff",
    ]
)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Bridges with any names, links between them, hosts on them."""
    names = draw(st.lists(NASTY, unique_by=printable, min_size=1, max_size=4))
    bridges = [Bridge(name, draw(st.integers(0, 2**64 - 1))) for name in names]
    cables, taken = [], set[tuple[str, int]]()
    for end, other in draw(st.lists(st.tuples(*[st.tuples(st.sampled_from(names), st.integers(1, 3))] * 2), max_size=4)):
        if end[0] != other[0] and not taken & {end, other}:
            taken |= {end, other}
            cables.append((*end, *other))
    speeds = st.sampled_from([0, GIGABIT])
    known = [
        Port(name, n, draw(NASTY | st.just("")), up=draw(st.booleans()), speed=draw(speeds)) for name in names for n in (1, 2)
    ]
    hosts = [
        Host(draw(NASTY), Mac(n), draw(st.sampled_from(names)), 9, (IPv4(n),) * (n % 2)) for n in range(draw(st.integers(0, 3)))
    ]
    hosts = list(
        {printable(node_of(host)): host for host in hosts if printable(node_of(host)) not in map(printable, names)}.values()
    )
    trees = {draw(NASTY): {end for a, p, b, q in cables for end in ((a, p), (b, q))}}
    graph = build(bridges, known, links(cables), hosts, trees=trees, states=dict.fromkeys(names, "connected"))
    graph.graph["revision"] = 7
    return graph


def printable(text: str) -> str:
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def assert_equal(read: nx.Graph[str], graph: Graph) -> None:
    assert isinstance(read, nx.MultiDiGraph)
    assert read.graph["revision"] == 7
    assert dict(read.nodes.items()) == dict(plain(graph).nodes.items())
    assert sorted(read.edges(keys=True, data=True), key=str) == sorted(plain(graph).edges(keys=True, data=True), key=str)


def test_nothing_but_the_key_differs_in_a_plain_copy() -> None:
    graph, flat = ring(), plain(ring())
    assert list(flat.nodes(data=True)) == list(graph.nodes(data=True))
    data = [(a, b, (data["port"], data["peer_port"]), data) for a, b, data in flat.edges(data=True)]
    assert data == list(graph.edges(keys=True, data=True))
    assert len({key for _, _, key in flat.edges(keys=True)}) == graph.number_of_edges()
    assert "s1:1-s2:2" in flat["s1"]["s2"]


@settings(max_examples=100, deadline=None)
@given(graphs())
def test_networkx_reads_node_link_json(graph: Graph) -> None:
    assert_equal(nx.node_link_graph(json.loads(json.dumps(node_link(graph))), edges="edges"), graph)


@settings(max_examples=100, deadline=None)
@given(graphs())
def test_networkx_reads_graphml(graph: Graph) -> None:
    text = graphml(graph)
    assert text.startswith("<?xml")
    read = nx.parse_graphml(text, edge_key_type=str, force_multigraph=True)
    assert_equal(read, graph)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pyparsing, which pydot uses by its old names
@settings(max_examples=50, deadline=None)
@given(graphs())
def test_pydot_reads_dot(graph: Graph) -> None:
    (read,) = pydot.graph_from_dot_data(dot(graph)) or []
    flat = plain(graph)
    assert {unquoted(name): attributes(node) for node in read.get_nodes() if (name := node.get_name()) != "graph"} == {
        node: texts(data) for node, data in flat.nodes(data=True)
    }
    found = {attributes(edge)["id"]: edge for edge in read.get_edges()}
    assert len(found) == flat.number_of_edges()
    for node, peer, key, data in flat.edges(keys=True, data=True):
        edge = found[key]
        assert (unquoted(str(edge.get_source())), unquoted(str(edge.get_destination()))) == (node, peer)
        read_back = attributes(edge)
        assert texts(data).items() <= read_back.items()
        assert read_back.get("taillabel", "") == (data["port_name"] or str(data["port"] or ""))
        assert read_back.get("headlabel", "") == (data["peer_port_name"] or str(data["peer_port"] or ""))


def texts(data: dict[str, Any]) -> dict[str, str]:
    """Attributes as DOT has them, without those that are for the drawing."""
    return {name: str(value) for name, value in data.items()}


def attributes(part: Any) -> dict[str, str]:
    """What a node or an edge has; the label and the shape of a node are for the drawing."""
    drawn = ("label", "shape") if isinstance(part, pydot.Node) else ()
    return {name: unquoted(value) for name, value in part.get_attributes().items() if name not in drawn}


def unquoted(text: str) -> str:
    """A quoted string of DOT, in which what is written after a backslash stands for itself."""
    assert text[0] == text[-1] == '"'
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)


def test_an_empty_network_is_an_empty_graph() -> None:
    empty = build([], [], [], [])
    assert node_link(empty)["nodes"] == []
    assert nx.parse_graphml(graphml(empty)).number_of_nodes() == 0
    (read,) = pydot.graph_from_dot_data(dot(empty)) or []
    assert read.get_edges() == []
