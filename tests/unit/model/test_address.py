"""Addresses: taken as people write them, on the wire as they are, and refused in words."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from struct import pack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.model import IPv4, IPv6, Mac


@given(st.binary(min_size=6, max_size=6))
def test_a_mac_address_is_its_bytes(raw: bytes) -> None:
    mac = Mac(raw)
    assert mac == raw == pack("6s", mac)
    assert Mac(str(mac)) == Mac(mac.hex("-").upper()) == Mac(int.from_bytes(raw, "big")) == mac
    assert mac.is_multicast == bool(raw[0] & 1)
    assert str(mac) == repr(mac) == raw.hex(":")
    assert hash(mac) == hash(raw)


@pytest.mark.parametrize(
    "wrong", ["", "02:00", "02:00:00:00:00:100", "02:00:00:00:00:0g", b"\0" * 5, -1, 1 << 48, "020000000001"]
)
def test_what_is_no_mac_address(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"is not a MAC address; write it as 02:00:00:00:00:01"):
        Mac(wrong)


def test_short_octets_are_taken() -> None:
    assert Mac("2:0:0:0:0:1") == Mac("02:00:00:00:00:01")


@given(st.integers(0, (1 << 32) - 1))
def test_an_ipv4_address_is_a_number(number: int) -> None:
    address = IPv4(number)
    assert address == number
    assert pack("!I", address) == number.to_bytes(4, "big")
    assert str(address) == repr(address) == str(IPv4Address(number))
    assert IPv4(str(address)) == address


@given(st.binary(min_size=16, max_size=16))
def test_an_ipv6_address_is_its_bytes(raw: bytes) -> None:
    address = IPv6(raw)
    assert address == raw == pack("16s", address)
    assert str(address) == repr(address) == str(IPv6Address(raw))
    assert IPv6(str(address)) == IPv6(int.from_bytes(raw, "big")) == address


@pytest.mark.parametrize(("kind", "wrong"), [(IPv4, "10.0.0"), (IPv4, 1 << 32), (IPv4, -1), (IPv6, "10::1::2"), (IPv6, b"short")])
def test_what_is_no_ip_address(kind: type[Any], wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        kind(wrong)
