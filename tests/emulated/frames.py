"""Frames that a test sends from hosts of an emulated network by itself, and hears there."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator

from topologies.namespaces import inside
from topologies.network import Host

ARP, LOCAL = 0x0806, 0x88B5  # EtherTypes; the second is for local experiments (IEEE 802)
ALL = 3  # in place of an EtherType: all frames, also those that a host sends; only so their tags are heard
BROADCAST = "ff:ff:ff:ff:ff:ff"
SOL_PACKET, PACKET_AUXDATA, VLAN_VALID = 263, 8, 0x10  # Python has no names for them
HEAD = struct.Struct("!6s6sHHHBBH6s4s6s4s")


def octets(mac: str) -> bytes:
    """An Ethernet address as on the wire."""
    return bytes.fromhex(mac.replace(":", ""))


def announcement(host: Host) -> bytes:
    """What a machine says that has just come up: a gratuitous ARP request (RFC 5227)."""
    mac, ip = octets(host.mac), socket.inet_aton(host.ip)
    return HEAD.pack(octets(BROADCAST), mac, ARP, 1, 0x0800, 6, 4, 1, mac, ip, bytes(6), ip)


def send(host: Host, frame: bytes) -> None:
    """Send a frame from a host."""
    with inside(host.namespace), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as interface:
        interface.bind((host.interface, 0))
        interface.send(frame)


@contextlib.contextmanager
def tap(host: Host, ethertype: int) -> Iterator[socket.socket]:
    """Hears the frames of this type that come to a host."""
    with inside(host.namespace):
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ethertype))
    with opened:
        opened.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        opened.bind((host.interface, ethertype))
        yield opened


def heard(at: socket.socket, seconds: float = 0.0) -> list[bytes]:
    """What has come since this was asked last; it waits so long for the first frame."""
    return [frame for _, frame in heard_with_tags(at, seconds)]


def number(frame: bytes) -> int:
    """Which datagram of a stream it is."""
    return int(frame.rstrip(b"\0").rsplit(b" ", 1)[1])


def heard_with_tags(at: socket.socket, seconds: float = 0.0) -> list[tuple[int, bytes]]:
    """The same with the VLAN id of each, 0 where it had none: the kernel takes the tag out of the frame."""
    found: list[tuple[int, bytes]] = []
    with contextlib.suppress(BlockingIOError, TimeoutError):
        at.settimeout(seconds)
        while True:
            frame, extra, _, _ = at.recvmsg(2000, 64)
            status, _, _, _, _, tag, _ = struct.unpack("IIIHHHH", extra[0][2])
            found.append((tag & 0xFFF if status & VLAN_VALID else 0, frame))
            at.settimeout(0.0)
    return found
