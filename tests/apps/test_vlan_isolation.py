"""What the rules of networks say, without a bridge: which frames of which port belong where, and why others do not pass."""

import pytest

from apps.fabric import Fabric
from apps.vlan_isolation import VlanIsolation
from controller.model import (
    Attachment,
    Bridge,
    BridgeName,
    Network,
    Port,
    PortConfig,
    PortRole,
    PortUp,
    Row,
    UnlistedPorts,
)
from tests.apps.engine import Lab

pytestmark = pytest.mark.apps


def lab_with(*rows: Row, ports: int = 1) -> Lab:
    lab = Lab(VlanIsolation())
    lab.bridge("s1", dpid=1, ports=ports)
    lab.put(Network("blue", 10), Network("red", 20), *rows)
    lab.put(*[PortRole("s1", n, "edge") for n in range(1, ports + 1)])
    return lab


def test_without_a_network_file_every_edge_port_is_in_the_default_network() -> None:
    assert lab_with().flows("s1") == [
        "CLASSIFY priority=90,vlan_tci=0x1000/0x1000,in_port=1 actions=drop",
        "CLASSIFY priority=100,vlan_tci=0x0000/0x1fff,in_port=1 actions=set_field:0x1->reg0,goto_table:11",
        "EGRESS priority=100,vlan_tci=0x0000/0x1fff,reg0=0x1,reg2=0x1 actions=output:1",
    ]


def test_a_trunk_takes_and_gives_the_tags_of_its_networks_and_the_native_one_without() -> None:
    lab = lab_with(PortConfig("s1", "s1-eth1", trunk=("blue", "red"), native="blue"))
    assert lab.flows("s1", "CLASSIFY") == [
        "CLASSIFY priority=90,vlan_tci=0x1000/0x1000,in_port=1 actions=drop",
        "CLASSIFY priority=100,vlan_tci=0x0000/0x1fff,in_port=1 actions=set_field:0xa->reg0,goto_table:11",
        "CLASSIFY priority=100,dl_vlan=10,in_port=1 actions=set_field:0xa->reg0,pop_vlan,goto_table:11",
        "CLASSIFY priority=100,dl_vlan=20,in_port=1 actions=set_field:0x14->reg0,pop_vlan,goto_table:11",
        "CLASSIFY priority=110,vlan_tci=0x1000/0x1000,in_port=1,dl_type=0x8100 actions=drop",
        "CLASSIFY priority=110,vlan_tci=0x1000/0x1000,in_port=1,dl_type=0x88a8 actions=drop",
    ]
    assert lab.flows("s1", "EGRESS") == [
        "EGRESS priority=100,vlan_tci=0x0000/0x1fff,reg0=0xa,reg2=0x1 actions=output:1",
        "EGRESS priority=100,vlan_tci=0x0000/0x1fff,reg0=0x14,reg2=0x1 "
        "actions=push_vlan:0x8100,set_field:4116->vlan_vid,output:1",
    ]


def test_a_trunk_without_a_native_network_says_why_it_drops_what_has_no_tag() -> None:
    lab = lab_with(PortConfig("s1", "s1-eth1", trunk=("red",)))
    assert "CLASSIFY priority=90,vlan_tci=0x0000/0x1fff,in_port=1 actions=drop" in lab.flows("s1")


def test_qinq_takes_every_frame_as_it_is() -> None:
    assert lab_with(PortConfig("s1", "s1-eth1", qinq="red")).flows("s1") == [
        "CLASSIFY priority=100,in_port=1 actions=set_field:0x14->reg0,goto_table:11",
        "EGRESS priority=100,reg0=0x14,reg2=0x1 actions=output:1",
    ]


def test_an_isolated_port_marks_what_comes_in_and_takes_nothing_that_is_marked() -> None:
    lab = lab_with(PortConfig("s1", "s1-eth1", access="blue", isolated=True))
    entering = (
        "CLASSIFY priority=100,vlan_tci=0x0000/0x1fff,in_port=1 actions=set_field:0xa->reg0,set_field:0x1->reg4,goto_table:11"
    )
    assert entering in lab.flows("s1")
    assert "EGRESS priority=110,reg2=0x1,reg4=0x1 actions=drop" in lab.flows("s1")


def test_the_mark_of_isolated_ports_goes_from_bridge_to_bridge() -> None:
    lab = Lab(Fabric())
    lab.bridge("s1", dpid=1, ports=1)
    lab.put(PortRole("s1", 1, "link"))
    entering, leaving = lab.flows("s1", "CLASSIFY")[0], lab.flows("s1", "EGRESS")[0]
    assert "OXM_OF_VLAN_PCP[0]->NXM_NX_REG4[0]," in entering
    assert "NXM_NX_REG4[0]->OXM_OF_VLAN_PCP[0]," in leaving


def test_unlisted_ports_may_be_closed() -> None:
    lab = lab_with(UnlistedPorts(network=""))
    assert lab.flows("s1") == ["CLASSIFY priority=90,in_port=1 actions=drop"]
    lab.put(PortConfig("s1", "s1-eth1", access="red"))
    assert [a.network for a in lab.engine.tables.all(Attachment)] == ["red"]
    lab.drop(PortConfig("s1", "s1-eth1"))
    assert lab.engine.tables.all(Attachment) == []


def test_a_port_is_named_by_its_interface_whatever_its_number() -> None:
    lab = lab_with(PortConfig("s1", "tap7", access="red"))
    assert [a.network for a in lab.engine.tables.all(Attachment)] == ["default"]
    lab.put(Port("s1", 9, "tap7"), PortRole("s1", 9, "edge"))
    assert {a.port: a.network for a in lab.engine.tables.all(Attachment)} == {1: "default", 9: "red"}
    lab.put(Port("s1", 1, "tap7"), Port("s1", 9, "other"))
    assert {a.port: a.network for a in lab.engine.tables.all(Attachment)} == {1: "red", 9: "default"}


def test_a_bridge_named_by_datapath_id_answers_to_no_other_name() -> None:
    lab = lab_with(
        PortConfig("rack1", "s1-eth1", access="red"), PortConfig("s1", "s1-eth1", access="blue"), BridgeName(1, "rack1")
    )
    assert [a.network for a in lab.engine.tables.all(Attachment)] == ["red"]
    lab.drop(BridgeName(1, "rack1"))
    lab.put(BridgeName(2, "s1"))  # "s1" means another one now
    assert [a.network for a in lab.engine.tables.all(Attachment)] == ["default"]


def test_a_port_belongs_where_it_did_before_its_bridge_connects_again() -> None:
    lab = lab_with(PortConfig("rack1", "s1-eth1", access="red"), BridgeName(1, "rack1"))
    lab.event(PortUp("s1", 1))
    before = lab.flows("s1"), lab.engine.tables.all(Attachment)
    lab.drop(Port("s1", 1), Bridge("s1"))
    assert (lab.flows("s1"), lab.engine.tables.all(Attachment)) == before


def test_a_change_of_one_port_changes_no_flow_of_others() -> None:
    lab = lab_with(PortConfig("s1", "s1-eth1", access="blue"), PortConfig("s1", "s1-eth2", access="red"), ports=2)
    before = {slot: owner.cookie for slot, (owner, _) in lab.engine.desired.view("s1").items()}
    lab.put(PortConfig("s1", "s1-eth1", trunk=("blue",)))
    after = {slot: owner.cookie for slot, (owner, _) in lab.engine.desired.view("s1").items()}
    others = [text for text in lab.flows("s1") if "in_port=2" in text or "reg2=0x2" in text]
    assert len(others) == 3
    kept = before.keys() & after.keys()
    assert len(kept) >= 3
    assert all(before[slot] == after[slot] for slot in kept)
