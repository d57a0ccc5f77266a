"""Frames, for apps: parsed and built, with os_ken's packet library where it is not a matter of a few bytes.

Discovery frames are LLDP (IEEE 802.1AB) with one more TLV: the round in which the frame was sent and a keyed hash over all
that it says. A host can see them, but neither make one nor send an old one again.
"""

from __future__ import annotations

import hmac
from functools import lru_cache
from hashlib import blake2b
from struct import Struct, pack
from struct import error as struct_error
from typing import Any, NamedTuple

from controller.health.frames import ask
from controller.model.address import IPv4, IPv6, Mac
from controller.pipeline.fields import ARP, IPV4, IPV6, LLDP

NEAREST_BRIDGE = Mac("01:80:c2:00:00:0e")  # IEEE 802.1AB: not forwarded by any bridge
PREFIX = b"weft:"  # of the chassis id
LOCALLY_ASSIGNED = b"\x07"  # subtype of a chassis id and of a port id
SECONDS_TO_LIVE = 120  # what we say to others; we go by turns
OUI_AND_KIND = b"\x02wf\x01"  # of our TLV; a locally administered OUI
DIGEST = 16  # bytes
ETHERNET_IPV4 = bytes.fromhex("000108000604")  # how an ARP frame between such addresses begins
VLAN = b"\x81\0"  # EtherType of a tag (IEEE 802.1Q)
_UDP = b"\x11"  # protocol number in an IPv4 header
_IPV4, _IPV6, _ARP = (pack("!H", kind) for kind in (IPV4, IPV6, ARP))
ROUTER_ADVERTISEMENT, SOLICITATION, ADVERTISEMENT = 134, 135, 136  # of neighbour discovery, ICMPv6
SAYING: tuple[dict[str, Any], ...] = (  # matches for the frames in which `sender_address` may find one
    {"vlan_vid": 0, "eth_type": ARP},
    {"vlan_vid": 0, "icmpv6_type": SOLICITATION},
    {"vlan_vid": 0, "icmpv6_type": ADVERTISEMENT},
    {"vlan_vid": 0, "eth_type": IPV4, "udp_dst": 67},
)

who_has = ask  # the question for the host of an IP address


class Beacon(NamedTuple):
    """What a discovery frame says: the datapath id and the OpenFlow port that it left by, and when."""

    dpid: int
    port: int
    round: int


def arp_sender(frame: bytes) -> IPv4 | None:
    """The sender's address in an ARP frame (RFC 826); None for other frames, for what no host can have, and where the frame
    speaks for somebody else. A probe (RFC 5227) comes from 0.0.0.0: its sender has no address yet.
    """
    kind, arp = _payload(frame)
    if kind != ARP or len(arp) < 28 or arp[:6] != ETHERNET_IPV4 or arp[8:14] != frame[6:12]:
        return None
    return _unicast(arp[14:18])


def sender_address(frame: bytes) -> IPv4 | IPv6 | None:
    """The IP address that the source of a frame says it has: by ARP, by neighbour discovery (IPv6), or to a DHCP server.

    None where it says none, one that no host can have, or that of somebody else, and in frames with a VLAN tag, which belong
    to a network that is not ours. The first 128 bytes of a frame are enough.
    """
    kind = frame[12:14]
    if kind == _IPV4:
        return _dhcp_client(frame[6:12], frame[14:])
    if kind == _IPV6:
        return _neighbour(frame[6:12], frame[14:])
    return arp_sender(frame) if kind == _ARP else None


def says(ip: IPv4 | IPv6) -> tuple[dict[str, Any], ...]:
    """Matches for the frames in which their source says that it has this address."""
    if isinstance(ip, IPv4):
        return ({"eth_type": ARP, "arp_spa": ip},)
    return {"icmpv6_type": SOLICITATION, "ipv6_src": ip}, {"icmpv6_type": ADVERTISEMENT, "nd_target": ip}


def _payload(frame: bytes) -> tuple[int, bytes]:
    """EtherType and what follows, behind a VLAN tag where there is one."""
    pos = 16 if frame[12:14] == VLAN else 12
    return int.from_bytes(frame[pos : pos + 2], "big"), frame[pos + 2 :]


def _neighbour(source: bytes, ip: bytes) -> IPv6 | None:
    """RFC 4861: who solicits says it in the IPv6 header, who advertises in the target. Nothing that came through a router."""
    if len(ip) < 64 or ip[6] != 58 or ip[7] != 255 or ip[40] not in (SOLICITATION, ADVERTISEMENT):
        return None
    solicits = ip[40] == SOLICITATION
    option = ip[64:72]  # the link-layer address of the sender, or of the target
    if option[:2] == (b"\1\1" if solicits else b"\2\1") and option[2:] != source:
        return None
    address = ip[8:24] if solicits else ip[48:64]
    return None if address[0] == 0xFF or not any(address[:15]) else IPv6(address)


def advertises_router(frame: bytes) -> bool | None:
    """Whether the sender of a neighbour advertisement says that it routes, or of any router advertisement (RFC 4861).

    None for other frames. The first 64 bytes of a frame are enough.
    """
    kind, ip = _payload(frame)
    if kind != IPV6 or len(ip) < 45 or ip[6] != 58 or ip[7] != 255 or ip[40] not in (ROUTER_ADVERTISEMENT, ADVERTISEMENT):
        return None
    return ip[40] == ROUTER_ADVERTISEMENT or bool(ip[44] & 0x80)


def _dhcp_client(source: bytes, ip: bytes) -> IPv4 | None:
    """RFC 2131: `ciaddr`, which a client fills in when it has the address already."""
    if ip[9:10] != _UDP:  # nearly all, of which nothing else needs to be looked at
        return None
    start = (ip[0] & 0xF) * 4
    udp, dhcp = ip[start : start + 8], ip[start + 8 :]
    first = len(dhcp) >= 34 and not int.from_bytes(ip[6:8], "big") & 0x1FFF
    if not first or udp[2:4] != b"\0\x43" or dhcp[:3] != b"\1\1\6" or dhcp[28:34] != source:
        return None
    return _unicast(dhcp[12:16])


def _unicast(address: bytes) -> IPv4 | None:
    """The address, unless it is one that no host can have: 0/8, 127/8, multicast and above."""
    return IPv4(int.from_bytes(address, "big")) if address[0] not in (0, 127) and address[0] < 224 else None


def beacon(said: Beacon, source: Mac, key: bytes) -> bytes:
    """A discovery frame, signed with the key (up to 64 bytes)."""
    return _start(said.dpid, said.port, source) + said.round.to_bytes(8, "big") + _digest(said, key) + b"\0\0"  # that ends it


@lru_cache(maxsize=65536)
def _start(dpid: int, port: int, source: Mac) -> bytes:
    """All that does not change from round to round: Ethernet, chassis, port, time to live, and how our own TLV begins."""
    names = _CHASSIS + b"%016x" % dpid + _PORT + b"%08x" % port
    return NEAREST_BRIDGE + source + pack("!H", LLDP) + names + _OURS


def _tlv(kind: int, value: bytes, more: int = 0) -> bytes:
    """A TLV of which `more` bytes follow."""
    return pack("!H", kind << 9 | len(value) + more) + value


_CHASSIS, _PORT = _tlv(1, LOCALLY_ASSIGNED + PREFIX, 16), _tlv(2, LOCALLY_ASSIGNED, 8)
_OURS = _tlv(3, pack("!H", SECONDS_TO_LIVE)) + _tlv(127, OUI_AND_KIND, 8 + DIGEST)
_FRAME = Struct(f"!12xH{len(_CHASSIS)}s16s{len(_PORT)}s8s{len(_OURS)}sQ{DIGEST}s")


def _digest(said: Beacon, key: bytes) -> bytes:
    return blake2b(pack("!QIQ", *said), key=key, digest_size=DIGEST).digest()


def parse_beacon(frame: bytes, key: bytes) -> Beacon | None:
    """What a discovery frame says; None where it is none of ours or its signature is wrong."""
    if len(frame) < _FRAME.size:
        return None
    kind, chassis, dpid, port_id, port, ours, turn, digest = _FRAME.unpack_from(frame)
    if kind != LLDP or chassis != _CHASSIS or port_id != _PORT or ours != _OURS:
        return None
    try:
        said = Beacon(int(dpid, 16), int(port, 16), turn)
        return said if hmac.compare_digest(digest, _digest(said, key)) else None
    except (ValueError, OverflowError, struct_error):
        return None
