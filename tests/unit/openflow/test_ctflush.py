"""The message that ends tracked connections, byte for byte as ovs-ofctl 3.1 sends it, and read again for any content."""

from __future__ import annotations

from struct import unpack_from

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.model import IPv4, IPv6
from controller.openflow.ctflush import (
    DESTINATION,
    DESTINATION_PORT,
    MAPPED,
    ORIGINAL,
    REPLY,
    SOURCE,
    SOURCE_PORT,
    ZONE,
    Tuple,
    ct_flush,
)
from tests.fakes.pump import join
from tests.fakes.switch import FakeSwitch

# ovs-ofctl ct-flush BRIDGE zone=5 'ct_nw_dst=10.0.0.100,ct_nw_proto=6,ct_tp_dst=80' 'ct_nw_src=10.0.0.11,ct_nw_proto=6'
IPV4_SENT = """
    05040068 00000002 00002320 00000020 06000000 00000000
    00000028 00000000 00010014 00000000 00000000 0000ffff 0a000064 00000000 00030008 00500000
    00010020 00000000 00000014 00000000 00000000 0000ffff 0a00000b 00000000
    00020008 00050000
"""
# ovs-ofctl ct-flush BRIDGE zone=7 'ct_ipv6_dst=fd00::64,ct_nw_proto=17' 'ct_ipv6_src=fd00::11,ct_nw_proto=17'
IPV6_SENT = """
    05040060 00000002 00002320 00000020 11000000 00000000
    00000020 00000000 00010014 fd000000 00000000 00000000 00000064 00000000
    00010020 00000000 00000014 fd000000 00000000 00000000 00000011 00000000
    00020008 00070000
"""


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        (
            ct_flush(5, 2, 5, 6, Tuple(destination=IPv4("10.0.0.100"), destination_port=80), Tuple(source=IPv4("10.0.0.11"))),
            IPV4_SENT,
        ),
        (ct_flush(5, 2, 7, 17, Tuple(destination=IPv6("fd00::64")), Tuple(source=IPv6("fd00::11"))), IPV6_SENT),
        (ct_flush(4, 9, 1), "04040020 00000009 00002320 00000020 00000000 00000000 00020008 00010000"),
    ],
    ids=["IPv4", "IPv6", "whole zone"],
)
def test_it_is_what_ovs_ofctl_sends(message: bytes, sent: str) -> None:
    assert message == bytes.fromhex(sent.replace(" ", "").replace("\n", ""))


addresses = st.one_of(
    st.integers(0, 2**32 - 1).map(IPv4), st.binary(min_size=16, max_size=16).filter(lambda a: a[:12] != MAPPED).map(IPv6)
)
tuples = st.builds(Tuple, st.none() | addresses, st.none() | addresses, st.integers(0, 65535), st.integers(0, 65535))


def read_tuple(body: bytes) -> Tuple:
    """The tuple that is in a part of the message."""
    found: dict[int, bytes] = {}
    pos = 0
    while pos < len(body):
        kind, size = unpack_from("!HH", body, pos)
        found[kind] = body[pos + 4 : pos + size]
        pos += size + 7 & ~7
    ends = [found.get(kind) for kind in (SOURCE, DESTINATION)]
    ports = [int.from_bytes(found.get(kind, b"")[:2], "big") for kind in (SOURCE_PORT, DESTINATION_PORT)]
    one, other = (None if a is None else IPv4(int.from_bytes(a[12:], "big")) if a[:12] == MAPPED else IPv6(a) for a in ends)
    return Tuple(one, other, *ports)


@given(st.integers(0, 65535), st.sampled_from([0, 1, 6, 17, 58, 132]), tuples, tuples)
def test_everything_that_is_said_is_in_it(zone: int, protocol: int, original: Tuple, reply: Tuple) -> None:
    message = ct_flush(5, 1, zone, protocol, original, reply)
    assert len(message) == int.from_bytes(message[2:4], "big")
    assert len(message) % 8 == 0
    assert message[16] == protocol
    parts: dict[int, bytes] = {}
    pos = 24
    while pos < len(message):
        kind, size = unpack_from("!HH", message, pos)
        assert size % 8 == 0
        assert size >= 8
        parts[kind] = message[pos + (4 if kind == ZONE else 8) : pos + size]
        pos += size
    assert int.from_bytes(parts.pop(ZONE)[:2], "big") == zone
    assert read_tuple(parts.pop(ORIGINAL, b"")) == original
    assert read_tuple(parts.pop(REPLY, b"")) == reply
    assert parts == {}


def test_a_session_sends_it() -> None:
    session, _, _ = join(FakeSwitch())
    session.out.clear()
    session.flush_connections(5, 6, Tuple(destination=IPv4("10.0.0.100")), Tuple(source=IPv4("10.0.0.11")))
    (message,) = session.out
    assert message[8:] == ct_flush(5, 1, 5, 6, Tuple(destination=IPv4("10.0.0.100")), Tuple(source=IPv4("10.0.0.11")))[8:]
