"""Values of match fields as people read them, with the names that ovs-fields(7) has for the fields."""

from __future__ import annotations

from collections.abc import Iterator
from struct import error as struct_error
from struct import unpack_from

from controller.model.address import IPv4, IPv6, Mac
from controller.pipeline.fields import FIELD_OF_HEADER, OF_EXPERIMENTERS, ONF_EXTENSION

ONF = ONF_EXTENSION.to_bytes(4, "big")
HEXADECIMAL = ("reg", "ct_mark", "metadata", "tunnel_id", "ipv6_flabel", "oxm")
PORTS = {
    0xFFFFFFF8: "IN_PORT", 0xFFFFFFF9: "TABLE", 0xFFFFFFFA: "NORMAL", 0xFFFFFFFB: "FLOOD", 0xFFFFFFFC: "ALL",
    0xFFFFFFFD: "CONTROLLER", 0xFFFFFFFE: "LOCAL",
}  # fmt: skip
ADDRESSES = ("ipv4", "arp_spa", "arp_tpa", "tun_src", "tun_dst")
NONSENSE = (struct_error, ValueError, IndexError, KeyError)  # raised where bytes are no flow
Masked = tuple[bytes, bytes | None]  # value, mask


def tlvs(encoded: bytes) -> Iterator[tuple[str, Masked]]:
    """Name, value and mask of each field in its bytes. Raises ValueError where they end too early."""
    pos = 0
    while pos + 4 <= len(encoded):
        (header,) = unpack_from("!I", encoded, pos)
        length, masked = header & 0xFF, bool(header & 0x100)
        size = length - 4 if header >= OF_EXPERIMENTERS and encoded[pos + 4 : pos + 8] == ONF else length  # it has an id first
        end = pos + 4 + length
        value = encoded[end - size : end] if size > 0 else b""
        if len(encoded) < end or not value:
            raise ValueError("a field ends too early")
        plain = header & ~0x1FF | (size // 2 if masked else size)
        f = FIELD_OF_HEADER.get(plain)
        name = f.name if f else f"oxm_{plain >> 16:#x}_{plain >> 9 & 0x7F}"
        yield name, (value[: size // 2], value[size // 2 :]) if masked else (value, None)
        pos = end


def value_text(name: str, value: bytes) -> str:
    """A value of a field: addresses as such, registers and types in hexadecimal, the rest in decimal."""
    if len(value) == 6:
        return str(Mac(value))
    if len(value) == 16:
        return str(IPv6(value))
    number = int.from_bytes(value, "big")
    if name.startswith(ADDRESSES):
        return str(IPv4(number))
    if name == "eth_type":
        return f"0x{number:04x}"
    return f"{number:#x}" if number and name.startswith(HEXADECIMAL) else str(number)


def mask_text(name: str, mask: bytes) -> str:
    """A mask: like the value, but numbers always in hexadecimal, and of IP addresses the length of the prefix."""
    ones, width = int.from_bytes(mask, "big"), len(mask) * 8
    prefix = ones.bit_count()
    if name.startswith(("ipv6", "tun_ipv6", *ADDRESSES)) and ones == (1 << width) - (1 << width - prefix):
        return str(prefix)
    return hex(int.from_bytes(mask, "big")) if len(mask) in (1, 2, 8) else value_text(name, mask)


def raw(anything: bytes) -> str:
    """Bytes that nobody here can read."""
    return f"raw({anything.hex()})"
