"""Actions as bytes: equal to those of os_ken's encoder, in the order in which Open vSwitch gives instructions back."""

from __future__ import annotations

from random import Random
from struct import pack
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from os_ken.ofproto import ofproto_v1_4 as number
from os_ken.ofproto import ofproto_v1_4_parser as osken

from controller.model import IPv4, IPv6, Mac
from controller.pipeline import (
    CLASSIFY,
    CONTROLLER,
    DROP,
    FLOOD_PORTS,
    FORWARD,
    IN_PORT,
    LEARN,
    NEXT,
    POP_VLAN,
    PUSH_VLAN,
    TABLE,
    UNSERVICE,
    Action,
    Stage,
    bucket,
    controller,
    load,
    move,
    output,
    output_register,
    resubmit,
    set_field,
    to,
    to_port,
)
from controller.pipeline.actions import goto, group, instructions, meter_instruction
from controller.pipeline.fields import FIELDS, find
from controller.pipeline.text import actions_text, body_text
from tests.fakes.flows import SEEDED, plain

PORTS = st.integers(1, 0xFEFF)
WORDS = st.integers(0, 0xFFFFFFFF)


def serialized(theirs: Any) -> bytes:
    buffer = bytearray()
    theirs.serialize(buffer, 0)
    return bytes(buffer)


@given(PORTS, st.integers(0, 0xFFFF))
def test_output(port: int, length: int) -> None:
    assert output(port, length) == serialized(osken.OFPActionOutput(port, length))


@pytest.mark.parametrize(
    ("ours", "port"),
    [(IN_PORT, number.OFPP_IN_PORT), (FLOOD_PORTS, number.OFPP_FLOOD), (TABLE, number.OFPP_TABLE)],
)
def test_output_to_reserved_ports(ours: Action, port: int) -> None:
    assert ours == serialized(osken.OFPActionOutput(port, 0))


def test_the_controller() -> None:
    assert serialized(osken.OFPActionOutput(number.OFPP_CONTROLLER, 0xFFFF)) == CONTROLLER
    assert controller(128) == serialized(osken.OFPActionOutput(number.OFPP_CONTROLLER, 128))


@pytest.mark.parametrize("length", [0, 128, 0xFFFE, 0xFFFF])
def test_a_metered_copy_to_the_controller(length: int) -> None:
    """By hand after nicira-ext.h (os_ken's reader raises at the property of the meter); tests/ovs asks Open vSwitch."""
    limit = b"" if length == 0xFFFF else pack("!HHHxx", 0, 8, length)
    meter = pack("!HHI", 5, 8, 7)
    assert controller(length, meter=7) == pack("!HHIH6x", 0xFFFF, 16 + len(limit + meter), 0x2320, 37) + limit + meter


@given(WORDS)
def test_group(identifier: int) -> None:
    assert group(identifier) == serialized(osken.OFPActionGroup(identifier))


def test_tags() -> None:
    assert serialized(osken.OFPActionPushVlan(0x8100)) == PUSH_VLAN
    assert serialized(osken.OFPActionPopVlan()) == POP_VLAN


OSKEN = {"nd_target": "ipv6_nd_target", "nd_sll": "ipv6_nd_sll", "nd_tll": "ipv6_nd_tll"}
OVS_ALONE = {"nd_reserved", "nd_options_type"}  # os-ken does not know them; tests/ovs compares them with Open vSwitch
OSKEN |= {"tun_src": "tun_ipv4_src", "tun_dst": "tun_ipv4_dst"}


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(set(FIELDS) - {"vlan_vid", "ct_state"} - OVS_ALONE)), SEEDED)
def test_set_field_of_each_field(name: str, rng: Random) -> None:
    value = plain(rng, name)
    theirs = str(value) if isinstance(value, Mac | IPv4 | IPv6) else value
    assert set_field(**{name: value}) == serialized(osken.OFPActionSetField(**{OSKEN.get(name, name): theirs}))


def test_set_field_of_a_tag() -> None:
    assert set_field(vlan_vid=0x1007) == serialized(osken.OFPActionSetField(vlan_vid=0x1007))
    with pytest.raises(ValueError, match=r"vlan_vid=7 is no tag; write vlan_vid=0x1000 \| 7"):
        set_field(vlan_vid=7)


@given(WORDS, st.integers(1, 0xFFFFFFFE))
def test_set_field_of_some_bits(value: int, mask: int) -> None:
    assert set_field(reg3=(value, mask)) == serialized(osken.NXActionRegLoad2("reg3", value & mask, mask))


def test_set_field_without_a_bit_says_so() -> None:
    with pytest.raises(ValueError, match="a mask without a bit writes nothing; leave the action out"):
        set_field(reg3=(1, 0))


@given(WORDS)
def test_load_is_set_field_of_a_register_by_its_name(value: int) -> None:
    assert load("out_port", value) == serialized(osken.OFPActionSetField(reg2=value))


@pytest.mark.parametrize(
    ("source", "target", "theirs"),
    [
        ("eth_src", "eth_dst", osken.NXActionRegMove("eth_src_nxm", "eth_dst_nxm", 48)),
        ("reg1", "out_port", osken.NXActionRegMove("reg1", "reg2", 32)),
        ("arp_spa", "arp_tpa", osken.NXActionRegMove("arp_spa_nxm", "arp_tpa_nxm", 32)),
        ("arp_sha", "arp_tha", osken.NXActionRegMove("arp_sha_nxm", "arp_tha_nxm", 48)),
        ("in_port", "reg0", osken.NXActionRegMove("in_port", "reg0", 32)),
        ("eth_src", "reg0", osken.NXActionRegMove("eth_src_nxm", "reg0", 32)),
        ("tunnel_id", "metadata", osken.NXActionRegMove("tunnel_id_nxm", "metadata", 64)),
        ("ipv6_src", "ipv6_dst", osken.NXActionRegMove("ipv6_src_nxm", "ipv6_dst_nxm", 128)),
    ],
)
def test_move(source: str, target: str, theirs: Any) -> None:
    assert move(source, target) == serialized(theirs)


def test_move_of_some_bits() -> None:
    taken = osken.NXActionRegMove("vlan_pcp", "reg3", 2, 1, 0)
    assert move("vlan_pcp", "way", bits=2, skip=1) == serialized(taken)
    assert move("way", "vlan_pcp", bits=2, at=1) == serialized(osken.NXActionRegMove("reg3", "vlan_pcp", 2, 0, 1))
    assert move("vlan_pcp", "way", skip=1) == serialized(taken)
    with pytest.raises(ValueError, match=r"bits 1\.\.3 of vlan_pcp do not fit bits 0\.\.2 of way"):
        move("vlan_pcp", "way", bits=3, skip=1)


def test_output_to_the_port_in_a_register() -> None:
    assert output_register("out_port") == serialized(osken.NXActionOutputReg(31, "reg2", 0))


@given(st.integers(0, 254))
def test_resubmit(table: int) -> None:
    assert resubmit(table) == serialized(osken.NXActionResubmitTable(0xFFF8, table))


@pytest.mark.parametrize("name", ["ip_dst", "reg16", ""])
def test_a_field_that_is_none(name: str) -> None:
    with pytest.raises(TypeError, match=f"there is no match field '{name}'"):
        set_field(**{name: 1})
    with pytest.raises(TypeError, match=f"there is no match field '{name}'"):
        move(name, "reg0")


# ---------------------------------------------------------------- lists of them


def osken_instructions(*parts: Any) -> bytes:
    return b"".join(map(serialized, parts))


def test_meter_then_actions_then_goto_whatever_the_order_said() -> None:
    expected = osken_instructions(
        osken.OFPInstructionMeter(3),
        osken.OFPInstructionActions(number.OFPIT_APPLY_ACTIONS, [osken.OFPActionOutput(1, 0), osken.OFPActionOutput(2, 0)]),
        osken.OFPInstructionGotoTable(50),
    )
    assert instructions((goto(50), output(1), meter_instruction(3), output(2))) == expected
    assert instructions((output(1), output(2), goto(50), meter_instruction(3))) == expected


def test_no_actions_drop() -> None:
    assert instructions(()) == instructions((DROP,)) == b""
    assert body_text(b"") == "drop"
    assert instructions((DROP, goto(9))) == osken_instructions(osken.OFPInstructionGotoTable(9))


def test_what_is_no_action() -> None:
    for wrong in (3, b"bytes", "output:3", None):
        with pytest.raises(TypeError, match="is not an action; write output"):
            LEARN.flow(wrong)  # type: ignore[arg-type]


def test_two_ways_to_go_on() -> None:
    with pytest.raises(TypeError, match="a flow can go on in one table only"):
        LEARN.flow(NEXT, to(FORWARD))


def test_next_is_the_junction_behind_the_stage_that_says_it() -> None:
    assert body_text(LEARN.flow(NEXT).body) == "goto_table:41"
    assert body_text(CLASSIFY.flow(NEXT).body) == "goto_table:11"
    assert body_text(LEARN.flow(*to_port(7)).body) == "set_field:0x7->reg2,goto_table:100"


def test_a_goto_leads_onwards_only() -> None:
    with pytest.raises(ValueError, match=r"a flow of LEARN \(table 40\) cannot go on in table 10: only in a later one"):
        LEARN.flow(to(CLASSIFY))
    with pytest.raises(ValueError, match="only in a later one"):
        LEARN.flow(to(LEARN))


def test_a_stage_that_is_placed_elsewhere_goes_on_there() -> None:
    mirror = Stage("MIRROR", 2)
    assert body_text(mirror.flow(NEXT).body) == "goto_table:3"
    mirror.place(4)
    assert body_text(mirror.flow(NEXT).body) == "goto_table:5"
    assert mirror.flow(NEXT).slot[0] == 4


@pytest.mark.parametrize(("idle", "hard"), [(-1, 0), (0, 65536), (70000, 1)])
def test_timeouts_out_of_range(idle: int, hard: int) -> None:
    with pytest.raises(ValueError, match=f"idle={idle} hard={hard}: a timeout is 0..65535 seconds"):
        LEARN.flow(NEXT, idle=idle, hard=hard)


def test_a_flow_that_can_expire_says_so_when_it_does() -> None:
    assert LEARN.flow(NEXT).opts == bytes(8)
    assert LEARN.flow(NEXT, idle=300).opts == pack("!4H", 300, 0, number.OFPFF_SEND_FLOW_REM, 0)
    assert LEARN.flow(NEXT, hard=5).opts == pack("!4H", 0, 5, number.OFPFF_SEND_FLOW_REM, 0)


def test_a_bucket_goes_on_by_resubmit() -> None:
    made = bucket(*to_port(3), weight=7, watch_port=4)
    theirs = osken.OFPBucket(
        7, 4, number.OFPG_ANY, [osken.OFPActionSetField(reg2=3), osken.NXActionResubmitTable(0xFFF8, UNSERVICE.table)]
    )
    assert made == serialized(theirs)
    assert actions_text(made[16:]) == "set_field:0x3->reg2,resubmit(,100)"


def test_a_bucket_takes_no_meter() -> None:
    with pytest.raises(TypeError, match="a meter belongs in a flow"):
        bucket(meter_instruction(3))


def test_registers_are_written_by_their_nicira_headers() -> None:
    assert find("network").header == 0x00010004
