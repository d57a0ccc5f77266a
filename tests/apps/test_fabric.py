"""The fabric's flows: links carry networks as tags, paths are next hops, trees are groups that take frames from members only."""

from __future__ import annotations

import pytest

from apps.fabric import Fabric
from controller.model import EVERY_BRIDGE, Attachment, FloodPorts, HopSet, Network, PortRole, Tree
from controller.pipeline.flow import GROUP_SLOT
from controller.topology.flooding import unconfirmed
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
    (outwards,) = [f for f in lab.flows("s1", "EGRESS") if "reg2=0x2" in f and "drop" not in f]
    assert "move:NXM_OF_VLAN" in inwards or "VLAN_VID" in inwards
    assert "pop_vlan" in inwards
    assert "push_vlan:0x8100" in outwards
    assert "output:2" in outwards


@pytest.mark.parametrize("role", ["held", "edge", "oneway", "shared", "self"])
def test_nothing_passes_between_bridges_by_other_ports(lab: Lab, role: str) -> None:
    lab.put(PortRole("s1", 2, role), PortRole("s1", 3, role))
    assert not [f for f in lab.flows("s1", app="fabric") if "in_port=" in f or "output:" in f]


def test_one_next_hop_is_a_port_and_several_are_a_group(lab: Lab) -> None:
    lab.put(Tree("s9", (("s1", (2,)),)))
    (flow,) = [f for f in lab.flows("s1", "NEXTHOP") if "reg1=" in f]
    assert "group" not in flow
    lab.put(HopSet("s1", (2, 3)), Tree("s9", (("s1", (2, 3)),)))
    (flow,) = [f for f in lab.flows("s1", "NEXTHOP") if "reg1=" in f]
    assert "group:" in flow
    (group,) = [f for f in lab.flows("s1") if "hops" in f]
    assert "type=select" in group
    assert "watch_port:2" in group
    assert "watch_port:3" in group


def test_all_get_what_comes_from_a_member_and_from_nobody_else(lab: Lab) -> None:
    lab.put(Attachment("s1", 1, "default"), FloodPorts("s1", "default", (2,)))
    flows = lab.flows("s1", "FLOOD")
    assert [f for f in flows if "in_port=1," in f and "reg3" not in f.partition("actions")[0]]
    assert [f for f in flows if "in_port=2," in f and "reg3=0x5" in f]  # on the tree already
    assert not [f for f in flows if "in_port=3" in f]
    assert all("in_port=" in f or "reg3=0x3" in f for f in flows)  # 3: for the ports of this bridge alone
    (group,) = [f for f in lab.flows("s1") if "flood" in f]
    assert "type=all" in group
    assert group.count("bucket=") == 2
    lab.put(FloodPorts("s1", "default"))
    assert not [f for f in lab.flows("s1", "FLOOD") if "in_port=2" in f]


def test_a_frame_on_its_path_that_is_not_known_here_goes_to_all_bridges(lab: Lab) -> None:
    lab.put(FloodPorts("s1", EVERY_BRIDGE, (2,)))
    (start,) = [f for f in lab.flows("s1", "FLOOD") if "reg3=0x4" in f]
    assert "dl_dst=00:00:00:00:00:00/01:00:00:00:00:00" in start  # no broadcast is on a path
    assert "move:NXM_NX_REG2[]->OXM_OF_IN_PORT[]" in start
    (follow,) = [f for f in lab.flows("s1", "FLOOD") if "reg3=0x6" in f]
    assert "in_port=2," in follow
    (group,) = [f for f in lab.flows("s1") if "find" in f.partition(",")[0]]
    assert group.count("bucket=") == 2  # the tree's link, and this bridge's own ports


def test_what_is_on_a_tree_stays_there(lab: Lab) -> None:
    stays = [f for f in lab.flows("s1", "FORWARD") if "goto_table:90" in f]
    assert len(stays) == 2
    assert any("reg3=0x5" in f for f in stays)
    assert any("reg3=0x6" in f for f in stays)
    assert [f for f in lab.flows("s1", "NEXTHOP") if "reg3=0x3" in f and "actions=drop" in f]
    assert len([f for f in lab.flows("s1", "EGRESS") if "reg3=0x3" in f and "actions=drop" in f]) == 2


def test_the_priority_of_the_tag_says_which_way_a_frame_goes(lab: Lab) -> None:
    (inwards,) = [f for f in lab.flows("s1", "CLASSIFY") if "in_port=2" in f]
    (outwards,) = [f for f in lab.flows("s1", "EGRESS") if "reg2=0x2" in f and "drop" not in f]
    assert "set_field:0x4->reg3,move:OXM_OF_VLAN_PCP[1..2]->NXM_NX_REG3[0..1],pop_vlan" in inwards
    assert "move:NXM_NX_REG3[0..1]->OXM_OF_VLAN_PCP[1..2],output:2" in outwards


def test_a_link_that_goes_away_elsewhere_changes_next_hops_alone(lab: Lab) -> None:
    """Hosts, and the flows of all other stages, have nothing to do with which way is shortest."""
    lab.put(Tree("s9", (("s1", (2, 3)),)), HopSet("s1", (2, 3)), FloodPorts("s1", EVERY_BRIDGE, (2,)))
    before = set(lab.flows("s1"))
    lab.put(Tree("s9", (("s1", (3,)),)))
    assert {flow.split()[0] for flow in before ^ set(lab.flows("s1"))} == {"NEXTHOP"}


def test_what_a_bridge_has_not_confirmed_is_told_by_network(lab: Lab) -> None:
    desired = lab.engine.desired
    lab.put(
        Network("red", 10), Attachment("s1", 1, "default"), FloodPorts("s1", "default", (2, 3)), FloodPorts("s1", "red", (2,))
    )
    assert unconfirmed(desired, "s1") is None
    ledger = desired.open("s1")
    lab.put(PortRole("s1", 3, "held"), Tree("s9", (("s1", (2, 3)),)), HopSet("s1", (2, 3)))
    assert ledger.open
    assert unconfirmed(desired, "s1") == set()  # links, next hops and their groups are not waited for
    lab.put(FloodPorts("s1", "default", (2,)))
    assert unconfirmed(desired, "s1") == {"default"}
    ledger.inflight, ledger.pending = ledger.pending, {}
    assert unconfirmed(desired, "s1") == {"default"}
    lab.put(FloodPorts("s1", EVERY_BRIDGE, (2,)))
    assert unconfirmed(desired, "s1") == {"default", EVERY_BRIDGE}
    lab.drop(FloodPorts("s1", "red"))
    assert unconfirmed(desired, "s1") == {"default", EVERY_BRIDGE, "red"}
    ledger.confirm()
    ledger.pending = {GROUP_SLOT.to_bytes() + bytes(4): (0, b"", b"")}
    assert unconfirmed(desired, "s1") == {None}  # read back, and nobody knows what it was for
