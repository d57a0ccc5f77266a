"""Our bytes are those of os-ken, and our readers find in its bytes what it put there: an encoder that we did not write."""

from struct import Struct, pack
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from os_ken.ofproto import ofproto_v1_4

from controller.openflow import bundle, codec, handshake
from controller.openflow.events import Counters
from controller.openflow.notices import read_flow_removed, read_packet_in
from controller.openflow.readback import read_flows, read_meter_stats
from tests.fakes.pump import join, sent
from tests.fakes.switch import FakeSwitch
from tests.unit.openflow.peer import Peer, parsed, theirs
from tests.unit.openflow.things import flow, group, meter, output, put, remove

COUNT, BAND = st.integers(0, 2**64 - 1), ("packet_band_count", "byte_band_count")
BOTH = pytest.mark.parametrize("version", [5, 4])


@BOTH
@given(
    port=st.integers(1, 0xFFFF),
    table=st.integers(0, 253),
    priority=st.integers(0, 0xFFFF),
    cookie=st.integers(0, 2**64 - 1),
    idle=st.integers(0, 0xFFFF),
    hard=st.integers(0, 0xFFFF),
)
@settings(max_examples=50, deadline=None)
def test_adding_and_deleting_a_flow(version, port, table, priority, cookie, idle, hard):
    peer = Peer(version)
    p, o = peer.ofproto_parser, peer.ofproto
    common = {
        "priority": priority,
        "table_id": table,
        "match": p.OFPMatch(in_port=port),
        "out_port": o.OFPP_ANY,
        "out_group": o.OFPG_ANY,
    }
    slot, body, _ = flow(port, table, priority, output(port))
    instructions = [p.OFPInstructionActions(o.OFPIT_APPLY_ACTIONS, [p.OFPActionOutput(port, 0)])]
    add = p.OFPFlowMod(peer, cookie=cookie, idle_timeout=idle, hard_timeout=hard, flags=1, instructions=instructions, **common)
    thing = slot, body, pack("!4H", idle, hard, 1, 0)
    assert bundle.flow_mod(version, 9, (slot, cookie, thing)) == theirs(add)
    delete = p.OFPFlowMod(peer, command=o.OFPFC_DELETE_STRICT, **common)
    assert bundle.flow_mod(version, 9, (slot, 0, None)) == theirs(delete)


@BOTH
def test_groups_and_meters(version):
    peer = Peer(version)
    p, o = peer.ofproto_parser, peer.ofproto
    buckets = [p.OFPBucket(0, o.OFPP_ANY, o.OFPG_ANY, [p.OFPActionOutput(port, 0)]) for port in (1, 2)]
    assert bundle.group_mod(version, 9, put(group(7, 1, 2))) == theirs(p.OFPGroupMod(peer, 0x8000, 0, 7, buckets))
    assert bundle.group_mod(version, 9, remove(group(7))) == theirs(p.OFPGroupMod(peer, o.OFPGC_DELETE, 0, 7, []))
    slot, body, _ = meter(3, 100)
    bands = [p.OFPMeterBandDrop(100, 0)]
    flags = o.OFPMF_PKTPS | o.OFPMF_STATS
    for known, command in ((False, o.OFPMC_ADD), (True, o.OFPMC_MODIFY)):
        assert bundle.meter_mod(version, 9, slot, body, known) == theirs(p.OFPMeterMod(peer, command, flags, 3, bands))
    assert bundle.meter_mod(version, 9, slot, None, True) == theirs(p.OFPMeterMod(peer, o.OFPMC_DELETE, 0, 3, []))


def test_a_whole_bundle():
    peer = Peer(5)
    p, o = peer.ofproto_parser, peer.ofproto
    flags = o.OFPBF_ATOMIC | o.OFPBF_ORDERED
    mod = p.OFPFlowMod(peer, match=p.OFPMatch(in_port=1), priority=100, out_port=o.OFPP_ANY, out_group=o.OFPG_ANY, cookie=1)
    mod.set_xid(20)
    (ours,) = bundle.encode(5, 4, 20, [put(flow(1))])
    assert ours == theirs(p.OFPBundleAddMsg(peer, 4, flags, mod, []), 20)
    kinds = {bundle.OPEN: o.OFPBCT_OPEN_REQUEST, bundle.CLOSE: o.OFPBCT_CLOSE_REQUEST}
    kinds |= {bundle.COMMIT: o.OFPBCT_COMMIT_REQUEST, bundle.DISCARD: o.OFPBCT_DISCARD_REQUEST}
    for kind, name in kinds.items():
        assert bundle.control(5, 9, 4, kind) == theirs(p.OFPBundleCtrlMsg(peer, 4, name, flags, []))


@BOTH
def test_what_a_session_asks(version):
    peer = Peer(version)
    p, o = peer.ofproto_parser, peer.ofproto
    session, _, _ = join(FakeSwitch(versions=(version,)))
    session.read_back()
    session.request_port_stats()
    session._meters[meter(3, 1)[0]] = b""  # as if one had been pushed
    session.request_meter_stats()
    session.set_role("master", 7)
    session.packet_out(3, output(4), b"frame")
    flows, groups, meters, ports, dropped, role, out = session.out
    sent(session)

    def ask(message: Any, ours: bytes) -> None:
        assert theirs(message, int.from_bytes(ours[4:8], "big")) == ours

    ask(p.OFPFlowStatsRequest(peer, 0, o.OFPTT_ALL, o.OFPP_ANY, o.OFPG_ANY, 0, 0, p.OFPMatch()), flows)
    ask(p.OFPGroupDescStatsRequest(peer, 0), groups)
    ask(p.OFPMeterConfigStatsRequest(peer, 0, 0xFFFFFFFF), meters)
    ask(p.OFPPortStatsRequest(peer, 0, o.OFPP_ANY), ports)
    ask(p.OFPMeterStatsRequest(peer, 0, 0xFFFFFFFF), dropped)
    ask(p.OFPRoleRequest(peer, o.OFPCR_ROLE_MASTER, 7), role)
    ask(p.OFPPacketOut(peer, o.OFP_NO_BUFFER, 3, [p.OFPActionOutput(4, 0)], b"frame"), out)


def test_watching_flows():
    peer = Peer(5)
    p, o = peer.ofproto_parser, peer.ofproto
    session, _, _ = join()
    session.watch_flows()
    (ours,) = session.out
    xid = int.from_bytes(ours[4:8], "big")
    flags = o.OFPFMF_ADD | o.OFPFMF_REMOVED | o.OFPFMF_MODIFY
    request = p.OFPFlowMonitorRequest(peer, 0, xid, o.OFPP_ANY, o.OFPG_ANY, flags, o.OFPTT_ALL, o.OFPFMC_ADD, p.OFPMatch())
    assert ours == theirs(request, xid)


@BOTH
@given(meters=st.dictionaries(st.integers(1, 2**32 - 1), st.lists(st.tuples(COUNT, COUNT), max_size=3), max_size=5))
def test_what_meters_dropped(version, meters):
    """Entries of os-ken's, packed one behind the other as a switch does."""
    entry, band = Struct(ofproto_v1_4.OFP_METER_STATS_PACK_STR), Struct(ofproto_v1_4.OFP_METER_BAND_STATS_PACK_STR)
    body = b"".join(
        entry.pack(number, entry.size + band.size * len(bands), 1, 2, 3, 4, 5) + b"".join(band.pack(*counts) for counts in bands)
        for number, bands in meters.items()
    )
    message = codec.message(version, codec.MULTIPART_REPLY, 9, pack("!HH4x", codec.MP_METER, 0) + body)
    found: Counters = {}
    read_meter_stats(message, found)
    said = parsed(Peer(version), message).body
    expected = {m.meter_id: tuple(sum(getattr(b, name) for b in m.band_stats) for name in BAND) for m in said}
    assert {int.from_bytes(slot[1:], "big"): counts for slot, counts in found.items()} == expected
    assert expected.keys() == meters.keys()


@BOTH
def test_the_fake_switch_is_understood_by_os_ken_too(version):
    peer = Peer(version)
    switch = FakeSwitch(dpid=7, ports=2, versions=(version,))
    switch.version = version
    switch.things = {thing[0]: (5, thing[2], thing[1]) for thing in (flow(1, actions=output(2)), flow(2))}
    requests = handshake.Handshake(version)
    answers = switch.receive(b"".join(requests.requests(1)))
    kinds = []
    while answers:
        length = int.from_bytes(answers[2:4], "big")
        kinds.append(parsed(peer, answers[:length]))
        answers = answers[length:]
    names = [type(message).__name__ for message in kinds]
    assert names == [
        "OFPSwitchFeatures",
        "OFPDescStatsReply",
        "OFPPortDescStatsReply",
        "OFPMeterFeaturesStatsReply",
        "OFPRoleReply",
    ]
    assert kinds[0].datapath_id == 7
    assert [(port.port_no, port.name) for port in kinds[2].body][:2] == [(1, b"s7-eth1"), (2, b"s7-eth2")]


@BOTH
def test_notices(version):
    peer = Peer(version)
    switch = FakeSwitch(versions=(version,))
    switch.version = version
    message = switch.packet_in(3, b"x" * 60, cookie=77, table=4)
    packet, other = read_packet_in(message, "s1"), parsed(peer, message)
    assert (packet.in_port, packet.cookie, packet.table, packet.data) == (
        other.match["in_port"],
        other.cookie,
        other.table_id,
        other.data,
    )
    thing = flow(3, table=4)
    switch.things[thing[0]] = 8, pack("!4H", 5, 6, 1, 0), b""
    message = switch.flow_removed(thing[0], reason=1)
    removed, other = read_flow_removed(message), parsed(peer, message)
    assert (removed.cookie, removed.reason, removed.slot[0]) == (other.cookie, "hard", other.table_id)
    status = switch.port_status(1, up=False)
    assert codec.read_port_status(status).port.name.encode() == parsed(peer, status).desc.name


@BOTH
def test_flows_read_back(version):
    peer = Peer(version)
    switch = FakeSwitch(versions=(version,))
    switch.version = version
    things = [flow(1, table=3, actions=output(2)), flow(2, priority=7)]
    switch.things = {thing[0]: (number, pack("!4H", 1, 2, 4, 0), thing[1]) for number, thing in enumerate(things)}
    reply = switch.receive(codec.multipart(version, codec.MP_FLOW, 1, bytes(40)))
    installed: dict[bytes, tuple[int, bytes, bytes]] = {}
    read_flows(reply, installed, {})
    for (slot, (cookie, opts, _)), other in zip(installed.items(), parsed(peer, reply).body, strict=True):
        assert (slot[0], int.from_bytes(slot[1:3], "big"), cookie) == (other.table_id, other.priority, other.cookie)
        assert opts[:6] == pack("!3H", other.idle_timeout, other.hard_timeout, other.flags)
