"""A stream cut into messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.openflow.codec import message
from controller.openflow.errors import ProtocolError
from controller.openflow.framing import Framer

MESSAGES = st.lists(st.binary(max_size=300).map(lambda body: message(5, 2, 0, body)))


@given(MESSAGES, st.lists(st.integers(1, 400), min_size=1))
def test_however_the_stream_is_cut_the_messages_are_the_same(messages, cuts):
    stream, framer, pos, turn = b"".join(messages), Framer(), 0, 0
    got: list[bytes] = []
    while pos < len(stream):
        size = cuts[turn % len(cuts)]
        got += framer.feed(stream[pos : pos + size])
        pos, turn = pos + size, turn + 1
    assert got == messages


def test_a_message_shorter_than_its_header_is_refused():
    with pytest.raises(ProtocolError, match="7 bytes long"):
        list(Framer().feed(b"\5\2\0\7\0\0\0\0"))


def test_something_else_than_openflow_is_refused_at_its_first_eight_bytes():
    assert list(Framer().feed(b"GET / H")) == []
    with pytest.raises(ProtocolError, match=r"not OpenFlow.*0x47"):
        list(Framer().feed(b"GET / HTTP/1.1\r\n"))


def test_after_a_version_is_agreed_on_another_one_is_refused():
    framer = Framer()
    framer.version = 5
    with pytest.raises(ProtocolError, match="version 0x04 after version 0x05"):
        list(framer.feed(b"\4\2\0\10\0\0\0\0"))


def test_what_waits_is_never_more_than_one_message():
    framer = Framer()
    framer.version = 5
    assert list(framer.feed(b"\5\2\xff\xff" + bytes(65530))) == []
    assert [len(message) for message in framer.feed(bytes(1) + b"\5\2")] == [65535]
    assert framer._rest == b"\5\2"
