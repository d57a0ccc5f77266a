"""The fabric's flows: links carry networks as tags, paths are next hops, trees are groups that take frames from members only."""

from __future__ import annotations

import pytest

from apps.fabric import Fabric
from controller.model import Attachment, FloodPorts, HopSet, PortRole, Tree
from tests.apps.engine import Lab

pytestmark = pytest.mark.apps


@pytest.fixture
def lab() -> Lab:
    """A bridge with a host port, and links on its ports 2 and 3."""
    lab = Lab(Fabric())
    lab.bridge("s1", dpid=1, ports=3)
    lab.put(*(PortRole("s1", port, "link", f"to s{port} port 1") for port in (2, 3)))
    return lab


def test_a_link_carries_all_networks_by_their_number(lab: Lab) -> None:
    (inwards,) = [f for f in lab.flows("s1", "CLASSIFY") if "in_port=2" in f]
    (outwards,) = [f for f in lab.flows("s1", "EGRESS") if "reg2=0x2" in f]
    assert "move:NXM_OF_VLAN" in inwards or "VLAN_VID" in inwards
    assert "pop_vlan" in inwards
    assert "push_vlan:0x8100" in outwards
    assert "output:2" in outwards


@pytest.mark.parametrize("role", ["held", "edge", "oneway", "shared", "self"])
def test_nothing_passes_between_bridges_by_other_ports(lab: Lab, role: str) -> None:
    lab.put(PortRole("s1", 2, role), PortRole("s1", 3, role))
    assert lab.flows("s1", app="fabric") == []


def test_one_next_hop_is_a_port_and_several_are_a_group(lab: Lab) -> None:
    lab.put(Tree("s9", (("s1", (2,)),)))
    (flow,) = lab.flows("s1", "NEXTHOP")
    assert "group" not in flow
    lab.put(HopSet("s1", (2, 3)), Tree("s9", (("s1", (2, 3)),)))
    (flow,) = lab.flows("s1", "NEXTHOP")
    assert "group:" in flow
    (group,) = [f for f in lab.flows("s1") if "hops" in f]
    assert "type=select" in group
    assert "watch_port:2" in group
    assert "watch_port:3" in group


def test_all_get_what_comes_from_a_member_and_from_nobody_else(lab: Lab) -> None:
    lab.put(Attachment("s1", 1, "default"), FloodPorts("s1", "default", (2,)))
    flows = lab.flows("s1", "FLOOD")
    assert len(flows) == 2  # from the host port, and from the link that belongs to the tree
    assert not [f for f in flows if "in_port=3" in f]
    (group,) = [f for f in lab.flows("s1") if "flood" in f]
    assert "type=all" in group
    assert group.count("bucket=") == 2
    lab.put(FloodPorts("s1", "default"))
    assert len(lab.flows("s1", "FLOOD")) == 1
