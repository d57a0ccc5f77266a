"""Rows, cookies and events: keys, scopes, and numbers that mean the same after a restart."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from struct import pack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.model import Bridge, Mac, Network, PacketIn, Pipeline, Port, Row, key, scope_of
from controller.model.cookie import APP_MASK, OWNER_MASK, app_of, cookie, is_ours


class Seen(Row, kept=True):
    """A row of several keys."""

    network: str = key()
    mac: Mac = key()
    port: int = 0


def test_the_key_of_a_row() -> None:
    seen = Seen("blue", Mac(1), 3)
    assert Seen.key_of(seen) == ("blue", Mac(1))
    assert Bridge.key_of(Bridge("s1", 7)) == ("s1",)
    assert Pipeline.key_of(Pipeline()) == ("weft",)
    assert (Seen.key_fields, Seen.kept, Port.kept) == (("network", "mac"), True, False)
    assert str(seen) == "Seen blue 00:00:00:00:00:01"


def test_a_row_needs_a_key_and_does_not_change() -> None:
    with pytest.raises(TypeError, match=r"Keyless has no key: mark at least one field with `= key\(\)`"):

        class Keyless(Row):
            name: str = ""

    with pytest.raises(FrozenInstanceError):
        Bridge("s1").dpid = 3  # type: ignore[misc]


def test_equal_rows_are_the_same_row() -> None:
    assert Port("s1", 1) == Port("s1", 1)
    assert Port("s1", 1) != Port("s1", 1, "eth")
    assert hash(Port("s1", 1)) == hash(Port("s1", 1))
    assert Bridge("s1") != Network("s1")  # type: ignore[comparison-overlap]


def test_a_scope_is_the_row_and_not_what_is_in_it() -> None:
    assert scope_of(Network("blue", 1)) == scope_of(Network("blue", 2)) == ("Network", "blue")
    assert scope_of(Network("blue")) != scope_of(Bridge("blue"))


class Plain(Row):
    """For keys of all kinds."""

    name: Any = key()


@given(st.integers(1, APP_MASK), st.text(max_size=20), st.tuples(st.text(max_size=9), st.integers(), st.none() | st.booleans()))
def test_a_cookie_names_the_app_and_is_ours(app: int, rule: str, of: tuple[Any, ...]) -> None:
    number = cookie(app, rule, of)
    assert is_ours(number)
    assert app_of(number) == app
    assert number == cookie(app, rule, of) < 1 << 64
    assert number & OWNER_MASK != cookie(app, rule + "x", of) & OWNER_MASK
    assert number & OWNER_MASK != cookie(app, rule, (*of, 1)) & OWNER_MASK


def test_cookies_are_the_same_on_every_run() -> None:
    """A cookie that changed with a release would send every flow of every bridge again."""
    assert hex(cookie(7, "l2_learning.known", ("default", Mac("02:00:00:00:00:01")))) == "0x5700769f17f7b779"


def test_many_owners_have_many_cookies() -> None:
    cookies = {cookie(1, "l2_learning.known", ("default", Mac(number))) for number in range(20_000)}
    assert len(cookies) == 20_000


@pytest.mark.parametrize("foreign", [0, 1, 0x5600000000000000, 0xFFFFFFFFFFFFFFFF])
def test_cookies_of_others(foreign: int) -> None:
    assert not is_ours(foreign)


FRAME = bytes.fromhex("ffffffffffff 020000000001 0806") + bytes(46)


def test_headers_of_a_packet_in_are_read_when_asked_for() -> None:
    packet = PacketIn("s1", 3, FRAME)
    assert (packet.eth_dst, packet.eth_src, packet.eth_type) == (Mac(b"\xff" * 6), Mac("02:00:00:00:00:01"), 0x0806)
    assert packet.eth_dst.is_multicast
    assert "s1 port 3, 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff, 60 bytes" in repr(packet)


@pytest.mark.parametrize(
    ("tlvs", "network"),
    [
        (b"", 0),
        (pack("!II", 0x80000004, 3), 0),
        (pack("!II", 0x80000004, 3) + pack("!II", 0x00010004, 9), 9),
        (pack("!IQ", 0x80000408, 1) + pack("!II", 0x00010204, 5) + pack("!II", 0x00010004, 4094), 4094),
        (pack("!III", 0x00010108, 9, 0xFF), 0),
        (pack("!I", 0x00010004), 0),
    ],
)
def test_the_network_of_a_packet_in(tlvs: bytes, network: int) -> None:
    assert PacketIn("s1", 3, FRAME, match=tlvs).network == network


@given(st.binary(max_size=60))
def test_any_match_of_a_packet_in_is_read_to_its_end(tlvs: bytes) -> None:
    assert 0 <= PacketIn("s1", 3, b"", match=tlvs).network < 1 << 32
    assert isinstance(repr(PacketIn("s1", 3, b"", match=tlvs)), str)
