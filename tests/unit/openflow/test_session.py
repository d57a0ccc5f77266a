"""The life of a connection after its handshake."""

from struct import pack

import pytest

from controller.model.events import PacketIn
from controller.openflow import codec
from controller.openflow.errors import ProtocolError, describe
from controller.openflow.events import (
    ErrorMessage,
    FlowChanged,
    FlowRemoved,
    Malformed,
    MeterStats,
    PortStats,
    PortStatus,
    RoleChanged,
)
from controller.openflow.session import Session
from tests.fakes.pump import hear, join, live, pump, sent
from tests.fakes.switch import FakeSwitch
from tests.unit.openflow.things import flow, meter, put

FRAME = bytes.fromhex("020000000002 020000000001 0800".replace(" ", "")) + bytes(46)
BOTH = pytest.mark.parametrize("version", [5, 4])


def fresh(version: int = 5) -> tuple[Session, FakeSwitch]:
    session, switch, _ = join(FakeSwitch(versions=(version,)))
    return session, switch


# ---------------------------------------------------------------- alive or dead


def test_silence_is_asked_about_and_an_answer_keeps_the_connection():
    session, switch = fresh()
    live(session, switch, 60)
    assert session.ready


def test_a_half_open_peer_is_gone_within_ten_seconds():
    session, switch = fresh()
    switch.faults.silent = True
    with pytest.raises(ProtocolError, match="nothing heard for 9 s"):
        live(session, switch, 9, lambda now: session.packet_out(1, b"", FRAME))  # that we can still send proves nothing


def test_a_peer_that_never_says_a_word_is_gone_within_ten_seconds():
    session = Session()
    session.start(0.0)
    with pytest.raises(ProtocolError, match="nothing heard"):
        live(session, FakeSwitch(), 9, lambda now: session.out.clear())


def test_that_we_were_held_up_is_not_the_peers_silence():
    session, switch = fresh()
    session.tick(1.0)
    session.tick(61.0)  # suspended for a minute; nothing could be heard
    pump(session, switch, 61.0)
    session.tick(62.0)
    assert session.ready


def test_the_switch_may_ask_too():
    session, _ = fresh()
    hear(session, codec.message(5, codec.ECHO_REQUEST, 77, b"anybody there"))
    assert sent(session) == codec.message(5, codec.ECHO_REPLY, 77, b"anybody there")


def test_an_answer_that_does_not_come_ends_the_connection():
    session, switch = fresh()
    switch.faults.ignored.add(codec.MULTIPART_REQUEST)
    session.read_back()
    with pytest.raises(ProtocolError, match="no answer to a read-back for 30 s"):
        live(session, switch, 31)


def test_a_bundle_that_is_not_answered_ends_the_connection():
    session, switch = fresh()
    switch.faults.ignored.add(codec.BUNDLE_CONTROL)
    session.push([put(flow(1)), put(flow(2))])
    with pytest.raises(ProtocolError, match="no answer to a bundle for 30 s"):
        live(session, switch, 33)


def test_a_change_that_is_not_answered_ends_the_connection():
    session, switch = fresh()
    switch.faults.ignored.add(codec.BARRIER_REQUEST)
    session.push([put(flow())])
    with pytest.raises(ProtocolError, match="no answer to a change for 30 s"):
        live(session, switch, 33)


# ---------------------------------------------------------------- news


@BOTH
def test_a_packet_in(version):
    session, switch = fresh(version)
    (packet,) = hear(session, switch.packet_in(7, FRAME, cookie=0xABC, table=40))
    assert isinstance(packet, PacketIn)
    assert (packet.bridge, packet.in_port, packet.data) == ("s1", 7, FRAME)
    assert (packet.cookie, packet.table, packet.reason) == (0xABC, 40, 1)


def test_a_packet_in_whose_match_does_not_begin_with_the_port():
    session, _ = fresh()
    tlvs = pack("!IIII", 0x00010004, 42, 0x80000004, 9)
    match = pack("!HH", 1, 4 + len(tlvs)) + tlvs + bytes(4)
    body = pack("!IHBBQ", 0xFFFFFFFF, len(FRAME), 1, 40, 1) + match + bytes(2) + FRAME
    (packet,) = hear(session, codec.message(5, codec.PACKET_IN, 0, body))
    assert packet.in_port == 9
    assert packet.network == 42
    assert packet.data == FRAME


def test_no_packet_in_before_the_bridge_has_its_name():
    session, switch = fresh()
    session.bridge = ""
    assert hear(session, switch.packet_in(1, FRAME)) == []


@BOTH
def test_a_port_status(version):
    session, switch = fresh(version)
    (status,) = hear(session, switch.port_status(2, up=False))
    assert isinstance(status, PortStatus)
    assert status.reason == "modify"
    assert (status.port.port, status.port.name, status.port.up) == (2, "s1-eth2", False)


@BOTH
def test_a_flow_that_times_out(version):
    session, switch = fresh(version)
    thing = flow(3, table=40)
    session.push([put(thing, cookie=99)])
    pump(session, switch)
    switch.counters[thing[0]] = 5, 500
    (removed,) = hear(session, switch.flow_removed(thing[0]))
    assert removed == FlowRemoved(thing[0], 99, "idle", 5, 500)


def test_the_flow_monitor_tells_of_flows_deleted_by_hand():
    session, switch = fresh()
    thing = flow(3, table=40)
    session.push([put(thing, cookie=99)])
    assert session.watch_flows()
    pump(session, switch)
    (changed,) = hear(session, switch.delete_by_hand(thing[0]))
    assert changed == FlowChanged("removed", thing[0], 99, "delete")


def test_there_is_no_flow_monitor_in_1_3():
    session, _ = fresh(4)
    assert not session.watch_flows()
    assert session.out == []


@BOTH
def test_counters_of_ports(version):
    session, switch = fresh(version)
    session.request_port_stats()
    (stats,) = pump(session, switch)
    assert isinstance(stats, PortStats)
    assert set(stats.ports) == {1, 2, 0xFFFFFFFE}
    counters = stats.ports[1]
    assert (counters.rx_packets, counters.tx_packets, counters.rx_bytes, counters.tx_bytes) == (1, 2, 3, 4)
    assert (counters.rx_dropped, counters.tx_dropped, counters.rx_errors, counters.tx_errors) == (5, 6, 7, None)


@BOTH
def test_what_meters_dropped_is_asked_where_there_are_meters(version):
    session, switch = fresh(version)
    session.request_meter_stats()
    assert session.out == []
    session.push([put(meter(3, 100)), put(meter(4, 100))])
    pump(session, switch)
    slot, other = meter(3, 100)[0], meter(4, 100)[0]
    switch.counters[slot] = 7, 700
    session.request_meter_stats()
    assert pump(session, switch) == [MeterStats({slot: (7, 700), other: (0, 0)})]


def test_roles():
    session, switch = fresh()
    session.set_role("master", 5)
    assert pump(session, switch) == [RoleChanged("master", 5)]
    session.set_role("slave", 4)
    assert pump(session, switch) == [ErrorMessage(describe(11, 0), "role")]
    status = codec.message(5, codec.ROLE_STATUS, 0, pack("!IB3xQ", 3, 0, 6))
    assert hear(session, status) == [RoleChanged("slave", 6, "claimed")]
    assert (session.role, session.generation) == ("slave", 6)


@BOTH
def test_a_packet_out(version):
    session, switch = fresh(version)
    session.packet_out(0xFFFFFFFD, b"\0\0\0\x10\0\0\0\1" + bytes(8), FRAME)
    assert pump(session, switch) == []
    (out,) = switch.packet_outs
    assert out[24:40] == b"\0\0\0\x10\0\0\0\1" + bytes(8)
    assert out[40:] == FRAME


def test_an_error_that_belongs_to_nothing_we_wait_for():
    session, _ = fresh()
    session.packet_out(1, b"", FRAME)
    message = codec.message(5, codec.ERROR, 0, pack("!HH", 1, 11) + sent(session)[:64])
    assert hear(session, message) == [ErrorMessage(describe(1, 11), "packet-out")]


# ---------------------------------------------------------------- what cannot be read


@pytest.mark.parametrize(
    ("kind", "body", "what"),
    [
        (codec.PACKET_IN, bytes(4), "packet-in of 12 bytes"),
        (codec.PACKET_IN, pack("!IHBBQ", 0, 0, 0, 0, 0) + pack("!HHII", 1, 12, 0x80000004, 1), "packet-in of 36 bytes"),
        (codec.PORT_STATUS, bytes(10), "port-status of 18 bytes"),
        (codec.FLOW_REMOVED, bytes(20), "flow-removed of 28 bytes"),
        (codec.ROLE_STATUS, bytes(2), "role-status of 10 bytes"),
        (codec.EXPERIMENTER, pack("!II", 0x2320, 1), "an experimenter message that nobody asked for"),
        (codec.MULTIPART_REPLY, pack("!HH4x", 1, 0), "nobody asked for this answer"),
    ],
)
def test_an_unreadable_notice_is_counted_and_left_out(kind, body, what):
    session, switch = fresh()
    (malformed,) = hear(session, codec.message(5, kind, 0x70000000, body))
    assert isinstance(malformed, Malformed)
    assert what in malformed.what
    assert session.malformed == 1
    assert len(hear(session, switch.packet_in(1, FRAME))) == 1


def test_an_unreadable_flow_update_asks_for_a_read_back():
    session, _switch = fresh()
    session.watch_flows()
    xid = int.from_bytes(sent(session)[4:8], "big")
    body = pack("!HH4x", codec.MP_FLOW_MONITOR, 0) + pack("!HHI", 4, 2, 0)
    malformed, changed = hear(session, codec.message(5, codec.MULTIPART_REPLY, xid, body))
    assert isinstance(malformed, Malformed)
    assert changed == FlowChanged("resumed")


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"\5\x63\0\x08\0\0\0\0", "does not send messages of type 99"),
        (b"\5\x0e\0\x08\0\0\0\0", "does not send messages of type 14"),
        (b"\5\x02\0\x04\0\0\0\0", "no OpenFlow message is shorter than 8"),
        (b"\1\x02\0\x08\0\0\0\0", "version 0x01 after version 0x05"),
        (b"\5\x01\0\x0a\0\0\0\0\0\0", "an error message of 10 bytes"),
    ],
)
def test_what_no_switch_sends_ends_the_connection(message, reason):
    session, _ = fresh()
    with pytest.raises(ProtocolError, match=reason):
        hear(session, message)


@pytest.mark.parametrize("length", [0, 48, 0xFFFF])
def test_a_truncated_answer_ends_the_connection(length):
    entry = pack("!HBxII", length, 0, 0, 0) + bytes(44 if length else 0)
    session, _ = fresh()
    session.read_back(("flow",))
    xid = int.from_bytes(sent(session)[4:8], "big")
    with pytest.raises(ProtocolError, match="cannot be read"):
        hear(session, codec.message(5, codec.MULTIPART_REPLY, xid, pack("!HH4x", codec.MP_FLOW, 0) + entry))


def test_an_answer_that_never_ends_is_cut_off(monkeypatch):
    monkeypatch.setattr("controller.openflow.session.MAX_REPLY", 100_000)
    session, _ = fresh()
    session.read_back(("flow",))
    xid = int.from_bytes(sent(session)[4:8], "big")
    part = codec.message(5, codec.MULTIPART_REPLY, xid, pack("!HH4x", codec.MP_FLOW, codec.MORE))
    with pytest.raises(ProtocolError, match="does not end"):
        hear(session, part * 10_000)
