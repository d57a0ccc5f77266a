"""Hosts say who they are, as a machine does that boots: a gratuitous ARP request (RFC 5227) from each."""

import socket
import struct
from collections.abc import Iterable

from topologies.namespaces import inside
from topologies.network import Host

ARP = 0x0806
HEAD = struct.Struct("!6s6sHHHBBH6s4s6s4s")


def announce(hosts: Iterable[Host]) -> None:
    """Send one announcement from each of these hosts. Who hears it knows where they are; nobody answers."""
    for host in hosts:
        mac, ip = bytes.fromhex(host.mac.replace(":", "")), socket.inet_aton(host.ip)
        with inside(host.namespace), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as interface:
            interface.bind((host.interface, 0))
            interface.send(HEAD.pack(b"\xff" * 6, mac, ARP, 1, 0x0800, 6, 4, 1, mac, ip, bytes(6), ip))
