"""The first exchange with a switch."""

from struct import pack

import pytest

from controller.openflow import codec
from controller.openflow.errors import ProtocolError
from controller.openflow.events import PortStatus
from controller.openflow.session import Session
from tests.fakes.pump import hear, join, live, pump, sent
from tests.fakes.switch import FakeSwitch


@pytest.mark.parametrize(
    ("versions", "protocol"), [((5, 4), "1.4"), ((4,), "1.3"), ((6, 5, 4), "1.4"), ((5,), "1.4"), ((1, 4), "1.3")]
)
def test_the_best_common_version_is_spoken(versions, protocol):
    session, _, _ = join(FakeSwitch(versions=versions))
    assert session.protocol == protocol
    assert session.ready


def test_a_hello_without_a_bitmap_goes_by_its_header():
    for theirs, ours in ((4, 4), (5, 5), (6, 5)):
        assert codec.agreed_version(bytes((theirs, 0, 0, 8, 0, 0, 0, 1))) == ours
    assert codec.agreed_version(bytes((3, 0, 0, 8, 0, 0, 0, 1))) == 0


@pytest.mark.parametrize("version", [5, 4])
def test_the_switch_is_known_when_it_is_ready(version):
    _, _, ready = join(FakeSwitch(dpid=0xABC, ports=2, name="edge", versions=(version,)))
    assert ready.dpid == 0xABC
    assert [(port.port, port.name, port.up, port.speed) for port in ready.ports] == [
        (1, "edge-eth1", True, 10**10),
        (2, "edge-eth2", True, 10**10),
        (0xFFFFFFFE, "edge", True, 10**10),
    ]
    assert ready.ports[0].mac == pack("!HI", 0xABC, 1)
    assert ready.features.tables == 254
    assert ready.features.max_meter == 1000
    assert str(ready.description) == "weft, none, fake switch"


def test_a_switch_of_1_0_is_told_why_it_is_refused():
    session = Session()
    session.start(0.0)
    sent(session)
    with pytest.raises(ProtocolError, match=r"OpenFlow 1\.0 but neither 1\.4 nor 1\.3.*protocols=OpenFlow13,OpenFlow14"):
        hear(session, b"\1\0\0\10\0\0\0\7", 0.0)
    refusal = sent(session)
    assert refusal[:2] == b"\1\1"
    assert refusal[4:12] == b"\0\0\0\7\0\0\0\0"
    assert b"OpenFlow 1.4 and 1.3" in refusal


def test_a_switch_that_refuses_us_is_quoted():
    session = Session()
    session.start(0.0)
    with pytest.raises(ProtocolError, match="refused our hello: too modern"):
        hear(session, codec.message(1, codec.ERROR, 0, pack("!HH", 0, 0) + b"too modern\0"), 0.0)


@pytest.mark.parametrize(
    ("kind", "what"), [(codec.FEATURES_REQUEST, "features"), (codec.MULTIPART_REQUEST, "description, ports, meters")]
)
def test_an_unfinished_handshake_ends_after_ten_seconds(kind, what):
    session, switch = Session(), FakeSwitch()
    session.start(0.0)
    switch.faults.ignored.add(kind)
    pump(session, switch, data=switch.hello())
    with pytest.raises(ProtocolError, match=f"handshake is not over after 10 s: the switch has not told {what}"):
        live(session, switch, 11, lambda now: hear(session, codec.message(5, codec.ECHO_REPLY, 1), now))


def test_a_switch_may_refuse_to_tell_what_is_not_needed():
    session, switch = Session(), FakeSwitch()
    session.start(0.0)
    switch.faults.ignored |= {codec.MULTIPART_REQUEST, codec.ROLE_REQUEST}
    pump(session, switch, data=switch.hello())
    assert session._handshake
    questions = dict(session._handshake._waits)
    ports = next(xid for xid, question in questions.items() if question == "ports")
    for xid in questions:
        if xid != ports:
            assert hear(session, codec.message(5, codec.ERROR, xid, pack("!HH", 1, 2)), 0.0) == []
    events = hear(session, codec.message(5, codec.MULTIPART_REPLY, ports, pack("!HH4x", codec.MP_PORT_DESC, 0)), 0.0)
    assert session.ready
    assert events[0].ports == ()
    assert events[0].features.max_meter == 0


def test_a_port_that_changes_during_the_handshake_is_told_after_it():
    session, switch = Session(), FakeSwitch()
    session.start(0.0)
    switch.faults.ignored.add(codec.ROLE_REQUEST)
    pump(session, switch, data=switch.hello())
    assert hear(session, switch.port_status(1, up=False), 0.0) == []
    role = next(iter(session._waits))
    ready, status = hear(session, codec.message(5, codec.ROLE_REPLY, role, pack("!I4xQ", 1, 0)), 0.0)
    assert ready.ports[0].up
    assert isinstance(status, PortStatus)
    assert status.port.port == 1
    assert not status.port.up
