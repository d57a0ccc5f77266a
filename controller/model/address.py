"""Addresses that go on the wire as they are and print as people write them.

`Mac` and `IPv6` are `bytes`, `IPv4` is an `int`: `struct` packs them without a conversion, which is
what makes a flow with addresses cheap to encode. Text is accepted by the constructors only.
"""

from __future__ import annotations

import ipaddress


class Mac(bytes):
    """A 48-bit MAC address: `Mac("02:00:00:00:00:01")`, `Mac(b"\\2\\0\\0\\0\\0\\1")` or `Mac(0x020000000001)`.

    Raises ValueError for anything that is not six bytes.
    """

    __slots__ = ()

    def __new__(cls, value: str | int | bytes) -> Mac:
        return super().__new__(cls, _mac_bytes(value))

    @property
    def is_multicast(self) -> bool:
        """True for group addresses, broadcast included (IEEE 802, I/G bit)."""
        return bool(self[0] & 1)

    def __str__(self) -> str:
        return self.hex(":")

    def __repr__(self) -> str:
        return self.hex(":")


class IPv4(int):
    """An IPv4 address: `IPv4("10.0.0.1")` or `IPv4(0x0a000001)`. Raises ValueError outside 32 bits."""

    __slots__ = ()

    def __new__(cls, value: str | int) -> IPv4:
        return super().__new__(cls, int(ipaddress.IPv4Address(value)))

    def __str__(self) -> str:
        return ".".join(map(str, self.to_bytes(4, "big")))

    def __repr__(self) -> str:
        return str(self)


class IPv6(bytes):
    """An IPv6 address: `IPv6("fe80::1")` or sixteen bytes. Raises ValueError for anything else."""

    __slots__ = ()

    def __new__(cls, value: str | int | bytes) -> IPv6:
        return super().__new__(cls, ipaddress.IPv6Address(value).packed)

    def __str__(self) -> str:
        return str(ipaddress.IPv6Address(bytes(self)))

    def __repr__(self) -> str:
        return str(self)


def _mac_bytes(value: str | int | bytes) -> bytes:
    try:
        if isinstance(value, str):
            octets = value.replace("-", ":").split(":")
            if any(len(octet) > 2 for octet in octets):
                raise ValueError(value)
            raw = bytes(int(octet, 16) for octet in octets)
        elif isinstance(value, int):
            raw = value.to_bytes(6, "big")
        else:
            raw = bytes(value)
    except (ValueError, OverflowError):
        raw = b""
    if len(raw) != 6:
        raise ValueError(f"{value!r} is not a MAC address; write it as 02:00:00:00:00:01")
    return raw
