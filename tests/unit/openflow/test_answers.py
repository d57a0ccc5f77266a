"""Packet-ins that are answered like those with the same head."""

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.model import PacketIn
from controller.openflow import codec
from controller.openflow.answers import Answer, answer, head_of
from controller.openflow.notices import read_packet_in
from controller.openflow.osken import V13, V14
from controller.openflow.session import Session
from tests.unit.openflow.things import output


class App:
    packet_ins = 0


def packet_in(frame: bytes, tlvs: bytes = b"", cookie: int = 7, version: int = V14, reason: int = 1, table: int = 40) -> bytes:
    match = pack("!HHII", 1, 12 + len(tlvs), 0x80000004, 3) + tlvs
    body = pack("!IHBBQ", codec.NO_BUFFER, len(frame), reason, table, cookie) + match + bytes(-len(match) % 8 + 2) + frame
    return codec.message(version, codec.PACKET_IN, 5, body)


frames = st.binary(min_size=14, max_size=80)
messages = st.builds(
    packet_in,
    frames,
    st.binary(max_size=40),
    st.integers(0, 2**64 - 1),
    st.sampled_from((V13, V14)),
    st.integers(0, 5),
    st.integers(0, 253),
)


@given(messages, messages, frames, st.integers(0, 0xFFFFFFFF), st.binary(max_size=48))
def test_the_answer_is_the_packet_out_of_a_session(one, other, frame, port, actions):
    """Of any frame with the same head; and what has another head has no answer."""
    app, session = App(), Session()
    session.version = one[0]
    known = {head_of(read_packet_in(one, "s1")): Answer(app, port, actions)}
    start = len(one) - len(read_packet_in(one, "s1").data)
    for body in (one[start:], one[start : start + 14] + frame):
        message = one[:start] + body
        session.packet_out(port, actions, body)
        assert answer(known, message) == session.out.pop()
    assert app.packet_ins == 2
    if head_of(read_packet_in(other, "s1")) not in known:
        assert answer(known, other) is None


def ready() -> tuple[Session, App]:
    session, app = Session(), App()
    session.version = session._framer.version = V14
    session.bridge = "s1"
    return session, app


FRAME, OTHER = bytes(60), bytes(range(60))


def test_a_session_gives_answers_that_it_knows_and_tells_of_the_rest():
    session, app = ready()
    packet = read_packet_in(packet_in(FRAME), "s1")
    session.known[head_of(packet)] = Answer(app, 3, output(4))
    assert session.receive(packet_in(FRAME) * 2, 0.0) == []
    assert (len(session.out), app.packet_ins) == (2, 2)
    (event,) = session.receive(packet_in(OTHER), 0.0)
    assert isinstance(event, PacketIn)
    assert event.data == OTHER


def test_no_answer_goes_before_what_was_told_earlier():
    """The one that is told of may change rows, from which another answer follows."""
    session, app = ready()
    session.known[head_of(read_packet_in(packet_in(FRAME), "s1"))] = Answer(app, 3, output(4))
    assert len(session.receive(packet_in(FRAME) + packet_in(OTHER) + packet_in(FRAME), 0.0)) == 2
    assert (len(session.out), app.packet_ins) == (1, 1)


def test_no_frame_at_all_may_be_the_answer():
    session, app = ready()
    session.known[head_of(read_packet_in(packet_in(FRAME), "s1"))] = Answer(app)
    assert session.receive(packet_in(FRAME), 0.0) == []
    assert (session.out, app.packet_ins) == ([], 1)


@pytest.mark.parametrize("size", [24, 27, 30, 45, 50])
def test_a_packet_in_that_ends_early_is_left_out(size):
    session, app = ready()
    session.known[head_of(read_packet_in(packet_in(FRAME), "s1"))] = Answer(app, 3, output(4))
    short = packet_in(FRAME)[:size]
    session.receive(short[:2] + pack("!H", size) + short[4:], 0.0)
    assert (session.malformed, session.out) == (1, [])
