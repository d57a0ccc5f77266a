"""A flow is its canonical bytes: whatever is pushed is read back byte-equal, and reads like what ovs-ofctl prints."""

import asyncio
import re
from collections.abc import Coroutine, Iterable, Iterator
from random import Random
from typing import Any

import pytest

from controller.model import IPv4, IPv6, Mac
from controller.openflow.bundle import Block
from controller.openflow.events import Change, Pushed, ReadBack
from controller.pipeline import (
    ARP,
    DROP,
    IPV4,
    IPV6,
    NEXT,
    Flow,
    Stage,
    bucket,
    controller,
    ct,
    learn,
    multipath,
    nat,
    output,
    resubmit,
    set_field,
)
from controller.pipeline.flow import GROUP_SLOT, METER_SLOT, make_group
from controller.pipeline.text import body_text, flow_text, match_text
from controller.runtime.channel import Channel, listen
from tests.fakes.flows import GROUPS, METERS, PORTS, random_flow, random_group, random_meter
from tests.fakes.recorder import Recorder
from topologies.openvswitch import PrivateOvs

COOKIE = 0x57_001_00000000001
MANY = 2500
BRIDGE = "canon"
ANY = Stage("ANY", 3)


class Bridge:
    """One bridge that is connected to us by some version of OpenFlow; its calls block."""

    def __init__(self, ovs: PrivateOvs, version: str) -> None:
        self.ovs, self.recorder, self.version = ovs, Recorder(), version
        self._loop = asyncio.new_event_loop()
        self._channel = self.wait(self._connect())

    def wait(self, what: Coroutine[Any, Any, Any]) -> Any:
        """Run the event loop until this is done."""
        return self._loop.run_until_complete(what)

    async def _connect(self) -> Channel:
        self._server = await listen("tcp:127.0.0.1:0", self.recorder)
        await asyncio.to_thread(self.ovs.add_bridge, BRIDGE, dpid=1, ports=tuple(f"c{n}" for n in range(1, PORTS + 1)))
        await asyncio.to_thread(self.ovs.vsctl, "set", "Bridge", BRIDGE, f"protocols=OpenFlow{self.version}")
        await asyncio.to_thread(self.ovs.connect, [BRIDGE], self._server.target)
        channel = await self.recorder.connected()
        assert channel.session.protocol == f"{self.version[0]}.{self.version[1]}"
        return channel

    def push(self, *flows: Flow) -> Pushed:
        """Push what should exist; meters, groups, flows, as bundles have them."""
        ordered = sorted(flows, key=lambda flow: {METER_SLOT: 0, GROUP_SLOT: 1}.get(flow.slot[0], 2))
        return self.wait(self.recorder.push(self._channel, changes(ordered)))

    def push_with(self, block: Block, *flows: Flow) -> Pushed:
        """Push these, and behind them those of a block."""
        return self.wait(self.recorder.push(self._channel, [*changes(flows), *block.changes], [block]))

    def read_back(self) -> ReadBack:
        """What the bridge holds."""
        return self.wait(self.recorder.read_back(self._channel))

    def told(self, *command: str) -> list[str]:
        """The lines of an answer of ovs-ofctl, without the one that says what it is."""
        lines = self.ovs.ofctl(*command, BRIDGE, protocol=f"OpenFlow{self.version}").splitlines()
        return [line for line in lines if not line.startswith("OFPST")]

    def flows(self) -> list[str]:
        """The flows as ovs-ofctl prints them, without counters."""
        return [line.strip() for line in self.told("--no-stats", "--no-names", "dump-flows")]

    def clear(self) -> None:
        """Remove everything."""
        slots = sorted(self.read_back().installed, key=lambda slot: {METER_SLOT: 2, GROUP_SLOT: 1}.get(slot[0], 0))
        pushed = self.wait(self.recorder.push(self._channel, [(slot, 0, None) for slot in slots]))
        assert pushed.errors == []

    def close(self) -> None:
        """Leave nothing behind."""
        self.wait(self._server.close())
        self._loop.close()
        self.ovs.vsctl("--if-exists", "del-br", BRIDGE)


def changes(flows: Iterable[Flow]) -> list[Change]:
    """They are to come."""
    return [(flow.slot, COOKIE, flow) for flow in flows]


@pytest.fixture(scope="module", params=["14", "13"])
def one(ovs: PrivateOvs, request: pytest.FixtureRequest) -> Iterator[Bridge]:
    """A bridge for the module."""
    bridge = Bridge(ovs, request.param)
    yield bridge
    bridge.close()


@pytest.fixture
def bridge(one: Bridge) -> Iterator[Bridge]:
    """A bridge that holds nothing."""
    yield one
    one.clear()


def wrong(sent: list[Flow], back: ReadBack) -> list[str]:
    """What reads back otherwise than it was sent."""
    cookies = {flow.slot: COOKIE if flow.slot[0] < METER_SLOT else 0 for flow in sent}
    expected = {flow.slot: (cookies[flow.slot], flow.opts, flow.body) for flow in sent}
    differ = [slot for slot in expected.keys() | back.installed.keys() if expected.get(slot) != back.installed.get(slot)]
    return [f"{slot.hex()}: sent {expected.get(slot)}, read {back.installed.get(slot)}" for slot in differ]


def things(seed: int) -> list[Flow]:
    """Groups, meters and many flows, each slot once."""
    rng = Random(seed)
    groups = [random_group(rng, number) for number in range(1, GROUPS + 1)]
    meters = [random_meter(rng, number) for number in range(1, METERS + 1)]
    flows = [random_flow(rng) for _ in range(MANY)]
    return list({flow.slot: flow for flow in [*groups, *meters, *flows]}.values())


def refusals(pushed: Pushed) -> list[tuple[str, str]]:
    """What was refused, as text."""
    return [(str(pushed.changes[index][2]), str(error)) for index, error in pushed.errors]


HEADER = re.compile(r"^cookie=\S+ |(?:idle_timeout|hard_timeout|table)=\d+, |send_flow_rem |priority=\d+,?")


def words(line: str) -> tuple[frozenset[str], str]:
    """The match of a line of ovs-ofctl as a set, because its order is not ours, and the actions."""
    match, _, actions = HEADER.sub("", line).rpartition(" actions=")
    return frozenset(match.strip().split(",")), actions


@pytest.mark.parametrize("seed", [1, 2])
def test_random_things_read_back_equal_and_read_like_ovs_ofctl(bridge: Bridge, seed: int) -> None:
    sent = things(seed)
    pushed = bridge.push(*sent)
    assert refusals(pushed) == []
    assert wrong(sent, bridge.read_back()) == []
    ours = {words(f"{match_text(flow.slot)} actions={body_text(flow.body)}") for flow in sent if flow.slot[0] < METER_SLOT}
    theirs = {words(line) for line in bridge.flows()}
    assert (sorted(map(str, ours - theirs))[:5], sorted(map(str, theirs - ours))[:5]) == ([], [])


def test_random_groups_and_meters_of_all_kinds(bridge: Bridge) -> None:
    rng = Random(3)
    groups = [random_group(rng, number) for number in range(1, 200)]
    meters = [random_meter(rng, number) for number in range(1, 50)]
    group_free = [g for g in groups if b"\0\x16\0\x08" not in g.body]
    pushed = bridge.push(*group_free, *meters)
    assert refusals(pushed) == []
    assert wrong([*group_free, *meters], bridge.read_back()) == []
    groups_said = {line.strip() for line in bridge.told("dump-groups")}
    assert {flow_text(group) for group in group_free} == groups_said
    meters_said = "\n".join(bridge.told("dump-meters")).replace("=\n", "=").replace("meter=", "meter_id=")
    assert {flow_text(meter) for meter in meters} == {line.strip() for line in meters_said.splitlines() if line.strip()}


ND: dict[str, Any] = {"eth_type": IPV6, "ip_proto": 58, "nd_target": IPv6("fe80::1")}
KNOWN = [
    (ANY.flow(NEXT, ipv6_src="2001:db8::/32", icmpv6_type=128), "icmp6,ipv6_src=2001:db8::/32,icmp_type=128"),
    (ANY.flow(NEXT, **ND, icmpv6_type=135, nd_sll=Mac(1)), "icmp6,icmp_type=135,nd_target=fe80::1,nd_sll=00:00:00:00:00:01"),
    (ANY.flow(NEXT, **ND, icmpv6_type=136, nd_tll=Mac(2)), "icmp6,icmp_type=136,nd_target=fe80::1,nd_tll=00:00:00:00:00:02"),
    (ANY.flow(NEXT, **ND, icmpv6_type=136, nd_reserved=9), "icmp6,icmp_type=136,nd_reserved=9,nd_target=fe80::1"),
    (ANY.flow(NEXT, **ND, icmpv6_type=135, nd_options_type=1), "icmp6,icmp_type=135,nd_target=fe80::1,nd_options_type=1"),
    (ANY.flow(NEXT, icmpv4_type=8, icmpv4_code=0), "icmp,icmp_type=8,icmp_code=0"),
    (ANY.flow(NEXT, ct_state=(0x22, 0x22), eth_type=IPV4), "ip,ct_state=+est+trk"),
    (ANY.flow(NEXT, eth_type=IPV4, tcp_dst=80, tcp_flags=(0x1, 0x5), ct_mark=9), "tcp,tp_dst=80,tcp_flags=+fin-rst,ct_mark=0x9"),
    (ANY.flow(NEXT, eth_type=IPV6, tcp_src=80, tcp_flags=0x11), "tcp6,tp_src=80,tcp_flags=fin|ack"),
    (ANY.flow(NEXT, ct_state=0x21, ct_zone=7, ct_mark=(8, 12)), "ct_state=new|trk,ct_zone=7,ct_mark=0x8/0xc"),
    (ANY.flow(NEXT, vlan_vid=0x1000 | 7, vlan_pcp=3), "dl_vlan=7,dl_vlan_pcp=3"),
    (ANY.flow(NEXT, vlan_vid=0), "vlan_tci=0x0000/0x1fff"),
    (ANY.flow(NEXT, vlan_vid=(0x1000, 0x1000)), "vlan_tci=0x1000/0x1000"),
    (ANY.flow(NEXT, eth_type=ARP, arp_op=2, arp_tha=Mac(9)), "arp,arp_op=2,arp_tha=00:00:00:00:00:09"),
    (ANY.flow(NEXT, network=3, tcp_dst=(0x50, 0xFFF0), eth_type=IPV4), "tcp,tp_dst=0x50/0xfff0,reg0=0x3"),
]


@pytest.mark.parametrize(("flow", "text"), KNOWN, ids=[text for _, text in KNOWN])
def test_what_a_match_means_to_open_vswitch(bridge: Bridge, flow: Flow, text: str) -> None:
    assert match_text(flow.slot) == text
    assert bridge.push(flow).errors == []
    assert wrong([flow], bridge.read_back()) == []
    (line,) = bridge.flows()
    assert words(line) == (frozenset(text.split(",")), "goto_table:4")


STATEFUL = [
    (ANY.flow(ct(zone="zone", nat=nat(), table=130), eth_type=IPV4), "ct(table=130,zone=NXM_NX_REG5[0..15],nat)"),
    (
        ANY.flow(ct(zone=7, commit=True, nat=nat(dst=IPv4("10.0.0.1"), port=80), mark=9, table=130), eth_type=IPV4, tcp_dst=80),
        "ct(commit,table=130,zone=7,nat(dst=10.0.0.1:80),exec(set_field:0x9->ct_mark))",
    ),
    (
        ANY.flow(ct(zone=7, commit=True, nat=nat(dst=IPv6("fd00::1"), port=80), mark="backend"), eth_type=IPV6, udp_dst=80),
        "ct(commit,zone=7,nat(dst=[fd00::1]:80),exec(move:NXM_NX_REG7[]->NXM_NX_CT_MARK[]))",
    ),
    (
        ANY.flow(ct(zone="zone_back", commit=True, nat=nat(src=IPv4("10.0.0.9")), table=130), eth_type=IPV4),
        "ct(commit,table=130,zone=NXM_NX_REG6[0..15],nat(src=10.0.0.9))",
    ),
    (ANY.flow(ct(zone=1, commit=True, nat=nat(src=IPv6("fd00::1"))), eth_type=IPV6), "ct(commit,zone=1,nat(src=fd00::1))"),
    (
        ANY.flow(multipath("symmetric_l3l4+udp", 65521, "slot"), resubmit(131)),
        "multipath(symmetric_l3l4+udp,0,modulo_n,65521,0,NXM_NX_REG8[]),resubmit(,131)",
    ),
    (
        ANY.flow(learn(192, same=("network", "ipv6_src"), keep="backend", idle=9, limit=5, eth_type=IPV6), eth_type=IPV6),
        "learn(table=192,idle_timeout=9,priority=100,limit=5,eth_type=0x86dd,NXM_NX_REG0[],"
        "NXM_NX_IPV6_SRC[],load:NXM_NX_REG7[]->NXM_NX_REG7[])",
    ),
    (
        ANY.flow(
            learn(192, same=("ipv4_src",), keep="backend", idle=9, limit=5, eth_type=IPV4, ip_proto=6), tcp_dst=1, eth_type=IPV4
        ),
        "learn(table=192,idle_timeout=9,priority=100,limit=5,eth_type=0x800,nw_proto=6,"
        "NXM_OF_IP_SRC[],load:NXM_NX_REG7[]->NXM_NX_REG7[])",
    ),
]


@pytest.mark.parametrize(("flow", "text"), STATEFUL, ids=[text for _, text in STATEFUL])
def test_actions_that_remember(bridge: Bridge, flow: Flow, text: str) -> None:
    assert body_text(flow.body) == text
    assert bridge.push(flow).errors == []
    assert wrong([flow], bridge.read_back()) == []
    (line,) = bridge.flows()
    assert line.endswith(f"actions={text}")


def test_a_select_group_without_weights_gives_each_bucket_a_share(bridge: Bridge) -> None:
    group = make_group(7, "select", [bucket(output(1)), bucket(output(2))])
    assert bridge.push(group).errors == []
    assert "bucket=actions=output:1,bucket=actions=output:2" in "".join(bridge.told("dump-groups"))


def test_what_open_vswitch_refuses_is_told_of_the_right_flow(bridge: Bridge) -> None:
    good = [ANY.flow(DROP, in_port=port) for port in range(1, 6)]
    bad = ANY.flow(set_field(ipv4_dst="10.0.0.1"), resubmit(9), in_port=77)  # without eth_type
    pushed = bridge.push(*good[:3], bad, *good[3:])
    assert [(pushed.changes[index][2], error.name) for index, error in pushed.errors] == [(bad, "OFPBAC_MATCH_INCONSISTENT")]
    assert bridge.read_back().installed == {}


def test_a_block_comes_with_the_bundle_of_a_switch(bridge: Bridge) -> None:
    common, own = [ANY.flow(DROP, in_port=port) for port in range(1, 40)], ANY.flow(DROP, in_port=77)
    block = Block(12, changes(common))
    for _ in range(2):  # whoever comes later is sent the same bytes
        assert bridge.push_with(block, own).errors == []
        assert wrong([own, *common], bridge.read_back()) == []
        bridge.clear()


def test_what_open_vswitch_refuses_of_a_block_is_told_of_the_right_flow(bridge: Bridge) -> None:
    good = [ANY.flow(DROP, in_port=port) for port in range(1, 6)]
    bad = ANY.flow(set_field(ipv4_dst="10.0.0.1"), resubmit(9), in_port=77)  # without eth_type
    pushed = bridge.push_with(Block(12, changes([*good[2:4], bad, good[4]])), *good[:2])
    assert [(pushed.changes[index][2], error.name) for index, error in pushed.errors] == [(bad, "OFPBAC_MATCH_INCONSISTENT")]
    assert bridge.read_back().installed == {}


def test_a_copy_of_at_most_128_bytes_through_a_meter(bridge: Bridge) -> None:
    flow = ANY.flow(controller(128, meter=1), NEXT, in_port=1)
    assert bridge.push(random_meter(Random(1), 1), flow).errors == []
    assert bridge.flows()[0].endswith("actions=controller(max_len=128,meter_id=1),goto_table:4")
