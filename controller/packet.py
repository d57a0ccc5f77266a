"""Frames, for apps: parsed and built, with os_ken's packet library where it is not a matter of a few bytes.

Discovery frames are LLDP (IEEE 802.1AB) with one more TLV: the round in which the frame was sent and a keyed hash over all
that it says. A host can see them, but neither make one nor send an old one again.
"""

from __future__ import annotations

import hmac
from functools import lru_cache
from hashlib import blake2b
from struct import pack, unpack_from
from typing import NamedTuple

from controller.model.address import IPv4, Mac
from controller.pipeline.fields import ARP, LLDP

NEAREST_BRIDGE = Mac("01:80:c2:00:00:0e")  # IEEE 802.1AB: not forwarded by any bridge
PREFIX = b"weft:"  # of the chassis id
OUI_AND_KIND = b"\x02wf\x01"  # of our TLV; a locally administered OUI
DIGEST = 16  # bytes


class Beacon(NamedTuple):
    """What a discovery frame says: the datapath id and the OpenFlow port that it left by, and when."""

    dpid: int
    port: int
    round: int


def arp_sender(frame: bytes) -> IPv4 | None:
    """The sender's IPv4 address of an ARP frame (RFC 826), None for other frames and for probes (RFC 5227: 0.0.0.0)."""
    pos = 16 if frame[12:14] == b"\x81\x00" else 12
    if int.from_bytes(frame[pos : pos + 2], "big") != ARP or len(frame) < pos + 30:
        return None
    address = int.from_bytes(frame[pos + 16 : pos + 20], "big")
    return IPv4(address) if address else None


def beacon(said: Beacon, source: Mac, key: bytes) -> bytes:
    """A discovery frame, signed with the key (up to 64 bytes)."""
    signed = _start(said.dpid, said.port, source) + _tlv(127, OUI_AND_KIND + said.round.to_bytes(8, "big") + _digest(said, key))
    return signed + b"\0\0"  # the TLV that ends it


@lru_cache(maxsize=65536)
def _start(dpid: int, port: int, source: Mac) -> bytes:
    """All that does not change from round to round, by os_ken: Ethernet, chassis, port, time to live."""
    from os_ken.lib.packet import ethernet, packet
    from os_ken.lib.packet import lldp as osken

    frame = packet.Packet()
    frame.add_protocol(ethernet.ethernet(str(NEAREST_BRIDGE), str(source), LLDP))
    chassis = osken.ChassisID(subtype=osken.ChassisID.SUB_LOCALLY_ASSIGNED, chassis_id=PREFIX + b"%016x" % dpid)
    number = osken.PortID(subtype=osken.PortID.SUB_LOCALLY_ASSIGNED, port_id=b"%08x" % port)
    says = (chassis, number, osken.TTL(ttl=120))
    frame.add_protocol(osken.lldp((*says, osken.End())))
    frame.serialize()
    return bytes(frame.data[: 14 + sum(2 + tlv.len for tlv in says)])  # without the end and the padding


def _tlv(kind: int, value: bytes) -> bytes:
    return pack("!H", kind << 9 | len(value)) + value


def _digest(said: Beacon, key: bytes) -> bytes:
    return blake2b(pack("!QIQ", *said), key=key, digest_size=DIGEST).digest()


def parse_beacon(frame: bytes, key: bytes) -> Beacon | None:
    """What a discovery frame says; None where it is none of ours or its signature is wrong."""
    if int.from_bytes(frame[12:14], "big") != LLDP:
        return None
    tlvs, pos = {}, 14
    while pos + 2 <= len(frame):
        (head,) = unpack_from("!H", frame, pos)
        kind, size = head >> 9, head & 0x1FF
        if kind == 0 or pos + 2 + size > len(frame):
            break
        tlvs[kind] = frame[pos + 2 : pos + 2 + size]
        pos += 2 + size
    chassis, port, ours = tlvs.get(1, b""), tlvs.get(2, b""), tlvs.get(127, b"")
    if not chassis.startswith(b"\x07" + PREFIX) or not ours.startswith(OUI_AND_KIND) or len(ours) != 12 + DIGEST:
        return None
    try:
        said = Beacon(int(chassis[6:], 16), int(port[1:], 16), int.from_bytes(ours[4:12], "big"))
        return said if hmac.compare_digest(ours[12:], _digest(said, key)) else None
    except (ValueError, OverflowError):
        return None
