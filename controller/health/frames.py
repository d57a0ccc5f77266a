"""Frames of health checks: Ethernet, ARP, IPv4, IPv6, neighbour discovery, ICMP, UDP and TCP, packed and cut by hand.

Thousands of them are sent a second, and each is a few dozen bytes at fixed places (RFC 791, 8200, 9293, 768, 792, 4443, 826,
4861). Checksums are written and not looked at: a virtual port leaves those of its host unfinished.
"""

from __future__ import annotations

from struct import pack, unpack, unpack_from
from typing import NamedTuple

from controller.model.address import IPv4, IPv6, Mac

ARP, IPV4, IPV6 = 0x0806, 0x0800, 0x86DD
ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16  # flags of TCP
REQUEST, REPLY = 1, 2  # of ARP
ECHO_REQUEST, ECHO_REPLY = {4: 8, 6: 128}, {4: 0, 6: 129}
UNREACHABLE = {4: 3, 6: 1}  # types of ICMP and ICMPv6
SOLICITATION, ADVERTISEMENT = 135, 136
BROADCAST = Mac(0xFFFFFFFFFFFF)
NOBODY = IPv4(0)
HOPS = 64

Address = IPv4 | IPv6


class Ends(NamedTuple):
    """Who speaks to whom: our address in the frame and in the packet, and those of the backend."""

    mac: Mac
    peer_mac: Mac
    ip: Address
    peer: Address


class Said(NamedTuple):
    """What a frame that was heard says. `kind`: tcp, udp, echo, unreachable or neighbour.

    `port` and `local` are the ports, of the backend and ours; of an echo `local` is its identifier. Of an unreachable they are
    those of the datagram that did not arrive. `seq` to `data` are of TCP.
    """

    kind: str
    mac: Mac
    to_mac: Mac
    peer: Address
    ip: Address
    port: int = 0
    local: int = 0
    seq: int = 0
    ack: int = 0
    flags: int = 0
    data: bytes = b""


# ---------------------------------------------------------------- to be sent


def tcp(ends: Ends, local: int, port: int, seq: int, ack: int, flags: int, window: int, data: bytes = b"", mss: int = 0) -> bytes:
    """A TCP segment; `mss` 1..65535 is told in an option, 0: it is not."""
    options = pack("!BBH", 2, 4, mss) if mss else b""
    head = pack("!HHIIBBHHH", local, port, seq, ack, (5 + bool(mss)) << 4, flags, window, 0, 0)
    return _packet(ends, TCP, head + options + data, 16)


def udp(ends: Ends, local: int, port: int, data: bytes = b"") -> bytes:
    """A UDP datagram."""
    return _packet(ends, UDP, pack("!HHHH", local, port, 8 + len(data), 0) + data, 6)


def echo(ends: Ends, identifier: int, number: int, data: bytes = b"weft health check") -> bytes:
    """An echo request of ICMP or ICMPv6."""
    four = isinstance(ends.peer, IPv4)
    return _packet(
        ends, ICMP if four else ICMPV6, pack("!BBHHH", ECHO_REQUEST[4 if four else 6], 0, 0, identifier, number) + data, 2
    )


def ask(mac: Mac, peer: Address, to: Mac | None = None) -> bytes:
    """Who has this address? A question that teaches nobody an address of ours; to all, or to one host alone.

    An ARP probe, from 0.0.0.0 (RFC 5227), or a neighbour solicitation from the link-local address that goes with `mac`.
    """
    if isinstance(peer, IPv4):
        head = pack("!6s6sHHHBBH", to or BROADCAST, mac, ARP, 1, IPV4, 6, 4, REQUEST)
        return head + pack("!6sI6xI", mac, NOBODY, peer)
    group = IPv6(bytes.fromhex("ff0200000000000000000001ff") + peer[13:])
    ends = Ends(mac, to or Mac(b"\x33\x33\xff" + peer[13:]), link_local(mac), peer if to else group)
    return _packet(ends, ICMPV6, pack("!BBHI", SOLICITATION, 0, 0, 0) + peer + b"\1\1" + mac, 2, hops=255)


def link_local(mac: Mac) -> IPv6:
    """fe80:: and the interface identifier of an Ethernet address."""
    return IPv6(b"\xfe\x80" + bytes(6) + bytes((mac[0] ^ 2,)) + mac[1:3] + b"\xff\xfe" + mac[3:])


def _packet(ends: Ends, protocol: int, body: bytes, checksum: int, hops: int = HOPS) -> bytes:
    """The frame around what follows the IP header, whose own checksum stands at `checksum`."""
    ip, peer, size = ends.ip, ends.peer, len(body)
    if isinstance(peer, IPv4):
        pseudo = pack("!IIHH", ip, peer, protocol, size) if protocol != ICMP else b""
        head = pack("!BBHHHBBHII", 0x45, 0, 20 + size, 0, 0x4000, hops, protocol, 0, ip, peer)
        head = head[:10] + pack("!H", _sum(head)) + head[12:]
        kind = IPV4
    else:
        pseudo = bytes(ip) + peer + pack("!II", size, protocol)
        head = pack("!IHBB", 6 << 28, size, protocol, hops) + bytes(ip) + peer
        kind = IPV6
    total = _sum(pseudo + body) or (0xFFFF if protocol == UDP else 0)
    return pack("!6s6sH", ends.peer_mac, ends.mac, kind) + head + body[:checksum] + pack("!H", total) + body[checksum + 2 :]


def _sum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) & 1:
        data += b"\0"
    total: int = sum(unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


# ---------------------------------------------------------------- heard


def read(frame: bytes) -> Said | None:
    """What a frame without a VLAN tag says; None where it is nothing that a health check listens for, or cannot be read."""
    if len(frame) < 42:
        return None
    (kind,) = unpack_from("!H", frame, 12)
    if kind == IPV4:
        return _read_ipv4(frame)
    if kind == IPV6 and len(frame) >= 62:
        return _read_ipv6(frame)
    if kind == ARP and frame[14:22] == b"\0\1\x08\0\6\4\0\2" and frame[22:28] == frame[6:12]:
        return Said("neighbour", *_macs(frame), IPv4(unpack_from("!I", frame, 28)[0]), IPv4(unpack_from("!I", frame, 38)[0]))
    return None


def _macs(frame: bytes) -> tuple[Mac, Mac]:
    return bytes.__new__(Mac, frame[6:12]), bytes.__new__(Mac, frame[:6])


def _read_ipv4(frame: bytes) -> Said | None:
    first, total, fragment, protocol, source, target = unpack_from("!BxHxxHxBxxII", frame, 14)
    start = 14 + (first & 15) * 4
    if first >> 4 != 4 or fragment & 0x3FFF or start < 34:
        return None
    body = frame[start : 14 + total]
    return _read_body(frame, 4, protocol, IPv4(source), IPv4(target), body)


def _read_ipv6(frame: bytes) -> Said | None:
    first, size, protocol = unpack_from("!B3xHB", frame, 14)
    if first >> 4 != 6:
        return None
    source, target = bytes.__new__(IPv6, frame[22:38]), bytes.__new__(IPv6, frame[38:54])
    return _read_body(frame, 6, protocol, source, target, frame[54 : 54 + size])


def _read_body(frame: bytes, version: int, protocol: int, peer: Address, ip: Address, body: bytes) -> Said | None:
    ends = (*_macs(frame), peer, ip)
    if protocol == TCP and len(body) >= 20:
        port, local, seq, ack, offset, flags = unpack_from("!HHIIBB", body)
        return Said("tcp", *ends, port, local, seq, ack, flags & 0x1F, body[(offset >> 4) * 4 :]) if offset >= 0x50 else None
    if protocol == UDP and len(body) >= 8:
        return Said("udp", *ends, *unpack_from("!HH", body))
    if protocol == (ICMP if version == 4 else ICMPV6) and len(body) >= 8:
        if body[0] == ECHO_REPLY[version]:
            return Said("echo", *ends, local=unpack_from("!H", body, 4)[0])
        if body[0] == UNREACHABLE[version]:
            return _unreachable(version, ends, body[8:])
        if version == 6 and body[0] == ADVERTISEMENT and len(body) >= 24 and frame[21] == 255:
            return Said("neighbour", *ends[:2], bytes.__new__(IPv6, body[8:24]), ip)
    return None


def _unreachable(version: int, ends: tuple[Mac, Mac, Address, Address], sent: bytes) -> Said | None:
    """The beginning of the datagram of ours that did not arrive: its ports, the other way round."""
    start = (sent[0] & 15) * 4 if version == 4 and sent else 40
    if len(sent) < start + 4 or sent[9 if version == 4 else 6] not in (UDP, TCP):
        return None
    local, port = unpack_from("!HH", sent, start)
    return Said("unreachable", *ends, port, local)
