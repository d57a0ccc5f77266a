"""NXT_CT_FLUSH: let a bridge forget connections that it tracks (Open vSwitch 3.1 and later, nicira-ext.h).

A connection is named by parts of its two tuples: as the client sent it, and as the answer comes back. What is not given is any.
One that was translated has to be named by its original destination; the reply alone does not find all of them.
"""

from __future__ import annotations

from struct import pack
from typing import NamedTuple

from controller.model.address import IPv4, IPv6
from controller.openflow import codec

NICIRA, CT_FLUSH = 0x2320, 32
ORIGINAL, REPLY, ZONE = 0, 1, 2  # what the message may hold
SOURCE, DESTINATION, SOURCE_PORT, DESTINATION_PORT = 0, 1, 2, 3  # what a tuple may hold
MAPPED = bytes(10) + b"\xff\xff"  # in front of an IPv4 address, where there is room for an IPv6 one


class Tuple(NamedTuple):
    """One direction of a connection. None and 0: any."""

    source: IPv4 | IPv6 | None = None
    destination: IPv4 | IPv6 | None = None
    source_port: int = 0
    destination_port: int = 0


ANY = Tuple()


def ct_flush(version: int, xid: int, zone: int, protocol: int = 0, original: Tuple = ANY, reply: Tuple = ANY) -> bytes:
    """The message. `zone` 0..65535; `protocol` as in an IP header (6, 17, 132), 0 for any."""
    body = pack("!IIBB6x", NICIRA, CT_FLUSH, protocol, 0)
    for kind, ends in ((ORIGINAL, original), (REPLY, reply)):
        held = _tuple(ends)
        if held:
            body += pack("!HH4x", kind, 8 + len(held)) + held
    return codec.message(version, codec.EXPERIMENTER, xid, body + _short(ZONE, zone))


def _tuple(ends: Tuple) -> bytes:
    addresses = ((SOURCE, ends.source), (DESTINATION, ends.destination))
    ports = ((SOURCE_PORT, ends.source_port), (DESTINATION_PORT, ends.destination_port))
    found = b"".join(pack("!HH16s4x", kind, 20, _wide(address)) for kind, address in addresses if address is not None)
    return found + b"".join(_short(kind, port) for kind, port in ports if port)


def _short(kind: int, value: int) -> bytes:
    return pack("!HHH2x", kind, 8, value)


def _wide(address: IPv4 | IPv6) -> bytes:
    return MAPPED + address.to_bytes(4, "big") if isinstance(address, IPv4) else bytes(address)
