"""What readers ask of the rows of a topology: which ends are meant, the paths between them, trees of networks."""

from __future__ import annotations

import json

import pytest

from controller.model import (
    EVERY_BRIDGE,
    Attachment,
    Bridge,
    FloodPorts,
    Host,
    IPv4,
    Link,
    Mac,
    Mesh,
    Network,
    Port,
    TunnelAt,
    Vtep,
)
from controller.query import HopView, QueryError
from controller.runtime.topology import Topology

pytestmark = pytest.mark.unit

CABLES = [("s1", 1, "s2", 2), ("s2", 1, "s3", 2), ("s3", 1, "s4", 2), ("s4", 1, "s1", 2)]  # a ring
HOSTS = [
    Host("blue", Mac(1), "s1", 5, (IPv4("10.0.0.1"),)),
    Host("blue", Mac(3), "s3", 5, (IPv4("10.0.0.3"),)),
    Host("red", Mac(1), "s1", 6, (IPv4("10.0.0.1"),)),
    Host("red", Mac(4), "s4", 6),
]
BLUE1, BLUE3 = "blue/00:00:00:00:00:01", "blue/00:00:00:00:00:03"


def topology(*down: tuple[str, int], flood: tuple[FloodPorts, ...] = ()) -> Topology:
    """A ring of four bridges with four hosts in two networks."""
    ends = [end for a, p, b, q in CABLES for end in ((a, p), (b, q))]
    return Topology(
        [Bridge(f"s{n}", n) for n in (1, 2, 3, 4)],
        [Port(bridge, port, f"eth{port}", up=(bridge, port) not in down) for bridge, port in ends],
        [link for a, p, b, q in CABLES for link in (Link(a, p, b, q, 10), Link(b, q, a, p, 10))],
        HOSTS,
        [Network("blue", 10, description="cameras"), Network("red", 20, vni=5020, mesh="core")],
        [Attachment("s1", 5, "blue"), Attachment("s3", 5, "blue", isolated=True), Attachment("s1", 6, "red")],
        flood,
    )


def test_equal_paths_are_all_shown() -> None:
    one, other = topology().paths("10.0.0.3", "00:00:00:00:00:01")
    assert (one.number, one.source, one.target, one.cost) == (1, BLUE3, BLUE1, 20)
    assert one.hops == (HopView("s3", 5, "5", 2, "eth2"), HopView("s2", 1, "eth1", 2, "eth2"), HopView("s1", 1, "eth1", 5, "5"))
    assert [hop.bridge for hop in other.hops] == ["s3", "s4", "s1"]


def test_a_port_that_is_down_leaves_the_longer_way() -> None:
    (path,) = topology(("s1", 1)).paths("s1", "s2")
    assert ([hop.bridge for hop in path.hops], path.cost) == (["s1", "s4", "s3", "s2"], 30)
    assert (path.hops[0].in_port, path.hops[-1].out_port) == (0, 0)
    assert topology(("s1", 1), ("s1", 2)).paths("s1", "s2") == ()


def test_a_path_of_one_bridge() -> None:
    (path,) = topology().paths("s1", "s1")
    assert (path.cost, path.hops) == (0, (HopView("s1", 0, "", 0, ""),))


def test_an_address_of_two_networks_is_that_in_the_network_of_the_other_end() -> None:
    (path,) = topology().paths("10.0.0.1", "00:00:00:00:00:04")
    assert (path.source, path.target) == ("red/00:00:00:00:00:01", "red/00:00:00:00:00:04")


@pytest.mark.parametrize(
    ("source", "target", "code", "says"),
    [
        ("10.0.0.1", "s3", 409, f"may mean {BLUE1}, red/00:00:00:00:00:01: write NETWORK/MAC"),
        ("10.0.0.3", "00:00:00:00:00:04", 409, "10.0.0.3 is in blue and 00:00:00:00:00:04 in red"),
        ("s1", "s9", 404, "there is no bridge or host 's9'"),
        ("blue/00:00:00:00:00:04", "s1", 404, "there is no bridge or host 'blue/00:00:00:00:00:04'"),
    ],
)
def test_ends_that_are_not_clear_are_refused(source: str, target: str, code: int, says: str) -> None:
    with pytest.raises(QueryError) as caught:
        topology().paths(source, target)
    assert caught.value.code == code
    assert says in caught.value.detail


def test_networks_count_their_members_and_show_their_tree() -> None:
    flood = (
        FloodPorts("s1", "blue", (1,)),
        FloodPorts("s2", "blue", (1, 2)),
        FloodPorts("s3", "blue", (1, 2)),  # port 1 leads to s4, which has not opened its end
        *(FloodPorts(f"s{n}", EVERY_BRIDGE, (1, 2)) for n in (1, 2, 3, 4)),
    )
    shown = topology(flood=flood)
    blue, red = shown.network_views()
    assert (blue.vlan, blue.description, blue.ports, blue.isolated, blue.hosts) == (10, "cameras", 2, 1, 2)
    assert (blue.vni, blue.mesh, red.vni, red.mesh) == (None, "", 5020, "core")
    assert (blue.bridges, red.bridges) == (("s1", "s3"), ("s1",))
    assert (blue.tree, red.tree) == (("s1/eth1>s2/eth2", "s2/eth1>s3/eth2"), ())
    assert {(link.bridge, link.port) for link in shown.link_views() if link.networks == ("blue",)} == {
        ("s1", 1), ("s2", 2), ("s2", 1), ("s3", 2),
    }  # fmt: skip
    assert {link.cost for link in shown.link_views()} == {10}


def overlay(hub: str = "") -> Topology:
    """Three hypervisors on a mesh, and one network of two that goes by it."""
    names = ("hv1", "hv2", "hv3")
    return Topology(
        bridges=[Bridge(name, number) for number, name in enumerate(names, 1)],
        ports=[Port(name, 9, "weft-core") for name in names],
        links=[],
        hosts=[Host(network, Mac(n), f"hv{n}", 1) for network in ("blue", "red") for n in (1, 2)],
        networks=[Network("blue", 10, vni=5010, mesh="core"), Network("red", 20)],
        tunnels=[TunnelAt(name, "core", 9) for name in names],
        meshes=[Mesh("core", hub=hub)],
        vteps=[Vtep(name, name) for name in names],
    )


def test_hosts_of_a_network_on_a_mesh_reach_each_other_by_tunnel() -> None:
    (path,) = overlay().paths("blue/00:00:00:00:00:01", "blue/00:00:00:00:00:02")
    assert path.hops == (HopView("hv1", 1, "1", 9, "weft-core"), HopView("hv2", 9, "weft-core", 1, "1"))
    assert overlay().paths("red/00:00:00:00:00:01", "red/00:00:00:00:00:02") == ()  # red is on no mesh


def test_with_a_hub_all_go_by_it() -> None:
    (path,) = overlay(hub="hv3").paths("blue/00:00:00:00:00:01", "blue/00:00:00:00:00:02")
    assert [(hop.bridge, hop.in_port, hop.out_port) for hop in path.hops] == [("hv1", 1, 9), ("hv3", 9, 9), ("hv2", 9, 1)]


def test_a_mesh_is_one_node_of_the_graph() -> None:
    graph = json.loads(overlay().export("node-link"))
    assert {"id": "mesh/core", "kind": "mesh", "networks": "blue"} in graph["nodes"]
    tunnels = [edge for edge in graph["edges"] if edge["kind"] == "tunnel"]
    assert len(tunnels) == 2 * 3
    assert {edge["trees"] for edge in tunnels} == {"blue"}
    assert 'shape="hexagon"' in overlay().export("dot")
    assert len([edge for edge in json.loads(overlay("hv3").export("node-link"))["edges"] if edge["kind"] == "tunnel"]) == 2 * 2
