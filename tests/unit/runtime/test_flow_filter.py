"""Filters of flows: the language of ovs.flow, and flows without a frame, which most filters that count leave out unread."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ovs.flow.decoders import EthMask, IPMask, decode_int
from ovs.flow.ofp import OFPFlow

from controller.query import FlowView, QueryError
from controller.runtime.flow_filter import ALIASES, DECODERS, INSTEAD, compile_filter
from controller.runtime.flows import FlowList, Snapshot

STAGES = {"ADMIT": 0, "CLASSIFY": 10, "FORWARD": 70}


def flow(
    priority: int = 100, packets: int | None = 0, kind: Any = "flow", match: str = "ip,nw_dst=10.0.0.5", actions: str = "drop"
) -> FlowView:
    words = ("", "", "", "installed")
    return FlowView(kind, "s1", 10, "CLASSIFY", priority, match, actions, "0x1", "fabric", *words, packets, 0, 30, 0)


def holds(text: str, of: FlowView) -> bool:
    return compile_filter(text, STAGES)(of)


@pytest.mark.parametrize(
    ("text", "quiet", "busy"),
    [
        ("drop and n_packets>0", False, True),
        ("n_packets>0 and nw_dst~=10.0.0.5 and drop", False, True),
        ("n_packets>0 and nw_dst=10.0.0.6", False, False),
        ("n_packets>0 or priority=100", True, True),
        ("(n_packets>0 and drop) or priority=100", True, True),
        ("!n_packets>0", True, False),
        ("not (n_packets>0 or priority=7) and ip", True, False),
        ("n_packets!=7", True, False),
        ("nw_dst!=10.0.0.6 && tp_dst!=80", True, True),
        ("table=classify and ip_dst~=10.0.0.5 and idle_timeout=30", True, True),
        ("table=FORWARD || goto_table=FORWARD", False, False),
    ],
)
def test_what_a_filter_leaves(text: str, quiet: bool, busy: bool) -> None:
    matches = compile_filter(text, STAGES)
    assert (matches(flow(packets=0)), matches(flow(packets=7))) == (quiet, busy)


def test_flows_that_were_never_hit_cost_next_to_nothing() -> None:
    flows = [flow(priority) for priority in range(2_000)]

    def cost(text: str) -> float:
        matches, begun = compile_filter(text, STAGES), time.process_time()
        assert any(map(matches, flows)) is (text == "nw_dst=10.0.0.6 or priority=1999")
        return time.process_time() - begun

    read = cost("nw_dst=10.0.0.6 or priority=1999")  # all of them, up to the last
    assert cost("drop and n_packets>0") * 4 < read


EVERYTHING = flow(
    match="in_port=LOCAL,reg0=0x1,dl_dst=02:00:00:00:00:01",
    actions="CONTROLLER:64,output:2,output:3,set_field:0x2->reg2,goto_table:70",
)


@pytest.mark.parametrize(
    "text",
    [
        "network=1",
        "eth_dst=02:00:00:00:00:01",
        "in_port=LOCAL",
        "in_port=4294967294",
        "goto_table=FORWARD",
        "controller",
        "controller.max_len=64",
        "output.port=3",
        "reg0~=1 and output and !drop",
    ],
)
def test_names_that_people_and_apps_write_are_understood(text: str) -> None:
    assert holds(text, EVERYTHING)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("colour=3", "there is no field 'colour' in a flow, at character 1; such as: nw_dst"),
        ("drop and nw_dts=10.0.0.5", "there is no field 'nw_dts' in a flow, at character 10; did you mean nw_tos or nw_dst?"),
        ("tcp_dst=80", "did you mean tp_dst?"),
        ("dorp", "there is no field 'dorp' in a flow, at character 1; did you mean drop"),
        ("nw_dst.ip=10.0.0.5", "there is no field 'nw_dst.ip'"),
        ("drop or nw_dst=foo", "'foo' at character 16 is no value of nw_dst: write an IP address, as 10.0.0.5"),
        ("dl_src=10.0.0.1", "'10.0.0.1' at character 8 is no value of dl_src: write a MAC address, as 02:00:00:00:00:01"),
        ("n_packets>abc", "'abc' at character 11 is no value of n_packets: write a number, as 5 or 0x1f"),
        (
            "tp_dst = 70000",
            "'70000' at character 10 is no value of tp_dst: write a number, 0 to 65535, or with a mask, as 0x1/0xf",
        ),
        ("table=FORWRD", "write the number of a table, or the name of its stage: ADMIT, CLASSIFY, FORWARD"),
        ("in_port=veth1", "write the number of a port, or IN_PORT"),
        ("ip=10.0.0.5", "'10.0.0.5' at character 4 is no value of ip: it stands alone, without a value"),
        ("output=2", "write output alone, or one of its parts, as output.port=2"),
        ("nw_dst<10.0.0.5", "'<' at character 7 does not go with nw_dst and 10.0.0.5; what goes: =, !=, ~="),
        ("n_packets~=3", "what goes: =, !=, <, >"),
        ("nw_dst=", "is not understood from character 7 on; write for example"),
        ("drop und ip", "is not understood from character 6 on"),
        ("(drop", "is not understood from character 6 on"),
        ("and", "is not understood from character 1 on"),
        ("(" * 2000, "too many brackets"),
    ],
)
def test_what_is_no_filter_says_where_and_what_to_write(text: str, says: str) -> None:
    with pytest.raises(QueryError) as refused:
        compile_filter(text, STAGES)
    assert refused.value.code == 422
    assert says in refused.value.detail


def test_stages_of_the_pipeline_and_of_apps_are_known() -> None:
    flows: Any = FlowList(None)  # type: ignore[arg-type]
    bridge = Snapshot("s1", [], {}, {}, {}, {}, {12: "MIRROR"})
    assert flows.page([], None, "", "table=FORWARD or table=20", "", "", 10, "").total == 0
    assert flows.page([bridge], None, "", "table=mirror", "", "", 10, "").total == 0
    with pytest.raises(QueryError, match="ADMIT, CLASSIFY, MIRROR, POLICY"):
        flows.page([bridge], None, "", "table=FORWRD", "", "", 10, "")


@given(st.sampled_from(sorted(DECODERS.keys() - INSTEAD.keys())), st.data())
def test_a_value_that_ovs_flow_reads_is_taken_and_found(name: str, data: st.DataObject) -> None:
    decoder = OFPFlow.match_decoders()._decoders.get(name)
    value = data.draw(values(decoder))
    found = compile_filter(f"{name}={value}" if value else name, STAGES)
    if value and name != "priority":
        assert found(flow(match=f"{ALIASES.get(name, name)}={value}"))


def values(decoder: Any) -> st.SearchStrategy[str]:
    """Text of values that a decoder of ovs.flow takes; empty for what has none."""
    address = st.ip_addresses().map(str)
    mac = st.binary(min_size=6, max_size=6).map(lambda octets: octets.hex(":"))
    if decoder is IPMask:
        return (
            address | st.ip_addresses(v=4).map(lambda ip: f"{ip}/255.255.0.255") | st.ip_addresses(v=6).map(lambda ip: f"{ip}/64")
        )
    if decoder is EthMask:
        return mac | st.tuples(mac, mac).map("/".join)
    if size := getattr(decoder, "size", 0):
        number = st.integers(0, 2**size - 1)
        return number.map(str) | number.map(hex) | st.tuples(number.map(hex), number.map(hex)).map("/".join)
    return st.integers(0, 2**32).map(str) if decoder is decode_int else st.just("")
