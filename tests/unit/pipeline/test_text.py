"""Flows as text: what ovs.flow, the parser of Open vSwitch's own Python library, reads from it is what was said."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from ovs.flow.decoders import EthMask, IntMask, IPMask
from ovs.flow.ofp import OFPFlow

from controller.model import IPv6, Mac
from controller.pipeline import (
    ADMIT,
    CONTROLLER,
    DROP,
    EGRESS,
    IPV4,
    LEARN,
    NEXT,
    POP_VLAN,
    PUSH_VLAN,
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
from controller.pipeline.actions import group, meter_instruction
from controller.pipeline.fields import OFCTL, find, parse
from controller.pipeline.flow import Flow, make_group, make_meter
from controller.pipeline.text import actions_text, body_text, flow_text, group_text, match_text, meter_text
from tests.fakes.flows import SEEDED, random_flow, random_group, random_match, random_meter

TUNNELS = ("tun_src", "tun_dst", "tun_ipv6_src", "tun_ipv6_dst")
ADDRESSES = ("ipv4_src", "ipv4_dst", "ipv6_src", "ipv6_dst", "arp_spa", "arp_tpa", "nd_target", *TUNNELS)


def read(match: str, actions: str = "drop") -> OFPFlow:
    """A flow as ovs.flow reads it."""
    return OFPFlow(f"table=1, priority=7{',' + match if match else ''} actions={actions}")


def number(value: Any) -> tuple[int, int | None]:
    """Value and mask of what ovs.flow read, as numbers; None for no mask."""
    if isinstance(value, int):
        return int(value), None
    if isinstance(value, IntMask):
        return value.value, None if value.fully() else value.mask
    if isinstance(value, EthMask):
        return int(value.eth), None if value.mask is None else int(value.mask)
    assert isinstance(value, IPMask)
    ones = (1 << (32 if value.ip.version == 4 else 128)) - 1
    return int(value.ip), None if value.mask is None or int(value.mask) == ones else int(value.mask)


def said(name: str, value: Any) -> tuple[int, int | None]:
    """Value and mask as an author wrote them, as numbers."""
    exact, mask = parse(find(name), value)
    as_number = [int.from_bytes(v, "big") if isinstance(v, bytes) else v for v in (exact, mask)]
    return as_number[0] or 0, as_number[1]


@settings(max_examples=200, deadline=None)
@given(SEEDED)
def test_ovs_flow_reads_what_was_said(rng: Random) -> None:
    fields = random_match(rng)
    text = match_text(ADMIT.flow(DROP, **fields).slot)
    note(f"{fields}\n{text}")
    found = read(text).match
    special = {"vlan_vid", "vlan_pcp", "eth_type", "ip_proto", "ip_dscp", "ct_state", "in_port"}
    for name, value in fields.items():
        value_said, mask = said(name, value)
        if name in special or mask == 0 or (mask and "0" in f"{mask:0{find(name).bits}b}".rstrip("0") and name in ADDRESSES):
            continue  # netaddr takes a mask such as 0.0.0.1 for the prefix /31
        assert number(found[OFCTL.get(name, name)]) == (value_said, mask), name
    for name in ("nw_src", "dl_dst", "arp_op", "metadata", "tp_dst", "ipv6_dst", *(f"reg{n}" for n in range(16))):
        assert name not in found or any(OFCTL.get(n, n) == name for n in fields), name


@settings(max_examples=200, deadline=None)
@given(SEEDED)
def test_ovs_flow_takes_every_flow(rng: Random) -> None:
    flow = random_flow(rng)
    text = f"{match_text(flow.slot)} actions={body_text(flow.body)}"
    note(text)
    parsed = read(match_text(flow.slot), body_text(flow.body))
    assert len(parsed.actions) == (len(split(body_text(flow.body))) if flow.body else 1)


def split(actions: str) -> list[str]:
    """Actions at the top level of a list."""
    found, depth, word = [], 0, ""
    for letter in actions + ",":
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and not depth:
            found.append(word)
            word = ""
        else:
            word += letter
    return found


@settings(max_examples=100, deadline=None)
@given(SEEDED)
def test_groups_and_meters_have_a_text(rng: Random) -> None:
    assert flow_text(random_group(rng, 7)).startswith("group_id=7,type=")
    assert flow_text(random_meter(rng, 7)).startswith("meter_id=7 ")


@pytest.mark.parametrize(
    ("flow", "text"),
    [
        (ADMIT.flow(DROP), "ADMIT priority=100 actions=drop"),
        (LEARN.flow(NEXT, network=1, in_port=2, eth_src=Mac(3), idle=300, priority=7, hard=9),
         "LEARN priority=7,idle_timeout=300,hard_timeout=9,in_port=2,dl_src=00:00:00:00:00:03,reg0=0x1 actions=goto_table:41"),
        (LEARN.flow(controller(128, meter=3), NEXT, in_port=2),
         "LEARN priority=100,in_port=2 actions=controller(max_len=128,meter_id=3),goto_table:41"),
        (LEARN.flow(meter_instruction(3), CONTROLLER), "LEARN priority=100 actions=meter:3,CONTROLLER:65535"),
        (EGRESS.flow(output_register("out_port")), "EGRESS priority=100 actions=output:NXM_NX_REG2[]"),
        (EGRESS.flow(PUSH_VLAN, set_field(vlan_vid=0x1007), output(3)),
         "EGRESS priority=100 actions=push_vlan:0x8100,set_field:4103->vlan_vid,output:3"),
        (LEARN.flow(POP_VLAN, vlan_vid=0x1007), "LEARN priority=100,dl_vlan=7 actions=pop_vlan"),
        (LEARN.flow(set_field(ipv4_dst="10.0.0.1"), resubmit(9), group(4), eth_type=IPV4),
         "LEARN priority=100,ip actions=set_field:10.0.0.1->ip_dst,resubmit(,9),group:4"),
        (LEARN.flow(move("eth_src", "reg1"), load("way", 0)),
         "LEARN priority=100 actions=move:NXM_OF_ETH_SRC[0..31]->NXM_NX_REG1[],set_field:0->reg3"),
        (LEARN.flow(to(EGRESS), in_port=0xFFFFFFFD), "LEARN priority=100,in_port=CONTROLLER actions=goto_table:110"),
        (make_group(5, "all", [bucket(*to_port(2)), bucket()]),
         "group_id=5,type=all,bucket=actions=set_field:0x2->reg2,resubmit(,100),bucket=actions=drop"),
        (make_group(5, "select", [bucket(output(1), weight=3), bucket(output(2), weight=1, watch_port=2)]),
         "group_id=5,type=select,bucket=weight:3,actions=output:1,bucket=watch_port:2,actions=output:2"),
        (make_group(5, "failover", [bucket(output(1), watch_port=1)]), "group_id=5,type=ff,bucket=watch_port:1,actions=output:1"),
        (make_meter(3, pps=100, burst=10), "meter_id=3 pktps burst stats bands=type=drop rate=100 burst_size=10"),
        (make_meter(3, kbps=100), "meter_id=3 kbps stats bands=type=drop rate=100"),
    ],
)  # fmt: skip
def test_one_line_a_flow(flow: Flow, text: str) -> None:
    assert flow_text(flow) == text


def test_what_is_not_known_is_shown_as_bytes() -> None:
    assert actions_text(bytes.fromhex("0063 0008 01020304")) == "raw(0063000801020304)"
    assert actions_text(bytes.fromhex("ffff 0010 00002320 00ff 000000000000")) == "raw(ffff00100000232000ff000000000000)"
    assert actions_text(bytes.fromhex("ffff 0010 00001234 000e 000000000000")) == "raw(ffff00100000" + "1234000e000000000000)"
    assert body_text(bytes.fromhex("0002 0018 00000000 0000000000000001 ffffffffffffffff")) == "write_metadata"
    assert match_text(bytes.fromhex("00 0064 0001 000c ffff0404 0000000a 00000000")) == "oxm_0xffff_2=0xa"
    assert body_text(bytes.fromhex("0001 0008 09000000 0004 0010 00000000 0000")) == "goto_table:9,raw(00040010000000000000)"


@given(st.binary(max_size=120))
def test_any_bytes_have_a_text(anything: bytes) -> None:
    for text in (body_text, actions_text, group_text, meter_text):
        assert isinstance(text(anything), str)
    assert isinstance(match_text(bytes(3) + anything), str)


@settings(max_examples=200, deadline=None)
@given(SEEDED, st.data())
def test_a_flow_of_others_with_a_wrong_byte_has_a_text(rng: Random, data: st.DataObject) -> None:
    flow = random_flow(rng)
    for bytes_of, text in ((flow.body, body_text), (flow.slot, match_text), (random_group(rng, 1).body, group_text)):
        if bytes_of:
            at = data.draw(st.integers(0, len(bytes_of) - 1))
            wrong = bytes_of[:at] + bytes([data.draw(st.integers(0, 255))]) + bytes_of[at + 1 :]
            assert isinstance(text(wrong), str)
            assert isinstance(text(bytes_of[:at]), str)


def test_a_tag_with_a_mask() -> None:
    assert match_text(LEARN.flow(DROP, vlan_vid=(0x1000, 0x1000), vlan_pcp=3).slot) == "dl_vlan_pcp=3"
    assert match_text(LEARN.flow(DROP, vlan_vid=(0x1007, 0x1F0F), vlan_pcp=3).slot) == "vlan_tci=0x7007/0xff0f"


def test_ipv6_and_ports_with_masks() -> None:
    text = match_text(LEARN.flow(DROP, ipv6_src=(IPv6("2001:db8::"), IPv6("ffff:0:ffff::")), tcp_dst=(0x50, 0xFFF0)).slot)
    assert text == "tcp6,ipv6_src=2001:0::/ffff:0:ffff::,tp_dst=0x50/0xfff0".replace("2001:0::", "2001::")
