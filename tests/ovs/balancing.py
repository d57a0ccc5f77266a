"""Clients and backends of services on dummy ports: frames that are made here, and what the bridges make of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw

from tests.ovs.running import Running, eventually, running
from tests.ovs.test_hosts import MACS, Wires
from topologies.openvswitch import PrivateOvs

PCAP_HEADER, RECORD_HEADER = 24, 16
BURST = 50  # frames; a dummy port keeps no more than a hundred
BROADCAST = "ff:ff:ff:ff:ff:ff"
TYPES = {4: IP, 6: IPv6}


class Balanced(Wires):
    """A controller, its bridges, and hosts: number n has the MAC address MACS[n] and the addresses of `at(n)`."""

    def __init__(self, weft: Running, folder: Path, places: dict[int, str]) -> None:
        super().__init__(weft, folder, *dict.fromkeys(places.values()))
        self.places, self._read = places, dict.fromkeys(places.values(), 0)

    def speak(self, *numbers: int) -> None:
        """Hosts say where they are; returns when bridges hold what follows."""
        for n in numbers:
            self.send(self.places[n], Ether(src=MACS[n], dst=BROADCAST) / ARP(hwsrc=MACS[n], psrc=at(n), pdst=at(n)))
            eventually(partial(self._is_known, at(n)))
        self.settle()

    def _is_known(self, address: str) -> bool:
        return any(address in host["ips"] for host in self.weft.client.items("/hosts"))

    def settle(self) -> None:
        """Bridges hold their flows, and the datapath remembers nothing of those before."""
        self.weft.settled(*self.weft.ovs.vsctl("list-br").split())
        self.weft.ovs.appctl("revalidator/wait")

    def exchange(self, source: int, *frames: Packet) -> dict[int, list[Packet]]:
        """What each host gets when one of them sends: IP frames and answers to ARP."""
        for port in self._read:
            self._read[port] = self.files[port].stat().st_size
        for first in range(0, len(frames), BURST):
            self.send(self.places[source], *frames[first : first + BURST])
            self._wait_for_quiet()
        heard = {port: list(self._new(port)) for port in self._read}
        return {n: [frame for frame in heard[port] if frame.dst == MACS[n]] for n, port in self.places.items()}

    def _wait_for_quiet(self) -> None:
        """Nothing has left any more since two answers of the daemon, which moves frames between two of them."""
        sizes, before = [-1], [-2]
        while sizes != before:
            self.weft.ovs.appctl("version")
            self.weft.ovs.appctl("version")
            before, sizes = sizes, [file.stat().st_size for file in self.files.values()]

    def _new(self, port: str) -> Iterator[Packet]:
        """The frames that left by a port since it was read."""
        data = self.files[port].read_bytes()[self._read[port] or PCAP_HEADER :]
        while len(data) >= RECORD_HEADER:
            size = int.from_bytes(data[8:12], sys.byteorder)
            yield Ether(data[RECORD_HEADER : RECORD_HEADER + size])
            data = data[RECORD_HEADER + size :]


def at(number: int, version: int = 4) -> str:
    """The address of a host, or of a service."""
    return f"10.0.0.{number}" if version == 4 else f"fd00::{number}"


def ip(source: str, dest: str) -> Packet:
    return IPv6(src=source, dst=dest) if ":" in source else IP(src=source, dst=dest)


def tcp(source: int, mac: str, ends: tuple[str, str], ports: tuple[int, int], flags: str = "S", **fields: Any) -> Packet:
    """A segment of a host."""
    return Ether(src=MACS[source], dst=mac) / ip(*ends) / TCP(sport=ports[0], dport=ports[1], flags=flags, **fields)


def answer(frame: Packet, host: int, flags: str = "SA") -> Packet:
    """The segment with which a host answers one."""
    layer, segment = frame[TYPES[4 if IP in frame else 6]], frame[TCP]
    back = TCP(sport=segment.dport, dport=segment.sport, flags=flags, seq=1000, ack=segment.seq + 1)
    return Ether(src=MACS[host], dst=frame.src) / ip(layer.dst, layer.src) / back


@contextmanager
def balanced(folder: Path, ovs: PrivateOvs, file: str, bridges: dict[str, list[int]]) -> Iterator[Balanced]:
    """Bridges with hosts, all in a row with patch ports between them, and a controller with this network file."""
    text = folder / "network.yaml"
    text.write_text(file)
    places: dict[int, str] = {}
    for dpid, (name, hosts) in enumerate(bridges.items(), 1):
        ports = [f"{name}h{n}" for n in hosts]
        ovs.add_bridge(name, dpid=dpid, ports=tuple(ports))
        places |= dict(zip(hosts, ports, strict=True))
    names = list(bridges)
    for one, other in pairwise(names):
        for here, there in ((one, other), (other, one)):
            port = f"{here}to{there}"
            ovs.vsctl("add-port", here, port, "--", "set", "Interface", port, "type=patch", f"options:peer={there}to{here}")
    with running(folder, ovs, "--network-file", str(text)) as weft:
        weft.connect(*names)
        wires = Balanced(weft, folder, places)
        if len(names) > 1:
            eventually(lambda: len(list(weft.client.items("/links"))) == 2 * (len(names) - 1))
        yield wires


__all__ = ["ICMP", "UDP", "Balanced", "Raw", "answer", "at", "balanced", "eventually", "ip", "partial", "tcp"]
