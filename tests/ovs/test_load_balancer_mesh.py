"""A service whose backend is on another hypervisor: what goes into the tunnel is between two hosts, and comes back translated."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import ARP, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet
from scapy.utils import rdpcap

from tests.ovs.running import eventually
from tests.ovs.test_tunnel_mesh import BROADCAST, FILE, MeshOf3, mac, started, tunnels
from topologies.openvswitch import PrivateOvs

__all__ = ["tunnels"]
pytestmark = pytest.mark.ovs

CLIENT, BACKEND, VIP = "10.0.0.1", "10.0.0.5", "10.0.0.100"
SERVICES = """
services:
  web: {network: blue, vip: 10.0.0.100, ports: [{port: 80, target: 8080}], backends: [{address: 10.0.0.5}]}
"""


def segments(weft: MeshOf3, port: str) -> list[Packet]:
    """TCP that left by a port; by the wire, without what is around it."""
    found = [p[VXLAN].payload if VXLAN in p else p for p in rdpcap(str(weft.folder / f"{port}.pcap"))]
    return [p for p in found if TCP in p]


def segments_after(weft: MeshOf3, number: int) -> list[Packet]:
    """What left by the wire after so many."""
    return segments(weft, "wire")[number:]


def announce(weft: MeshOf3, port: str, machine: int) -> None:
    address = f"10.0.0.{machine}"
    weft.send(port, Ether(src=mac(machine), dst=BROADCAST) / ARP(hwsrc=mac(machine), psrc=address, pdst=address))
    eventually(lambda: any(address in host["ips"] for host in weft.client.items("/hosts")))


def test_a_connection_goes_by_the_tunnel(tmp_path: Path, tunnels: PrivateOvs) -> None:
    with started(tmp_path, tunnels) as weft:
        text = FILE.replace("MESH", "type: vxlan, underlay_mtu: 1600") + SERVICES
        weft.client.put("/config", {"name": "n", "text": text})
        announce(weft, "vm1", 1)
        announce(weft, "vm5", 5)
        weft.settled("hv1", "hv2", "hv3")
        virtual = weft.client.get("/services/web")["mac"]
        for flags, number in (("S", 0), ("A", 1)):
            opening = Ether(src=mac(1), dst=virtual) / IP(src=CLIENT, dst=VIP)
            weft.send("vm1", opening / TCP(sport=40_000, dport=80, flags=flags, seq=number, ack=1001 * number))
            (sent,) = eventually(partial(segments_after, weft, number))
            assert (sent.src, sent.dst, sent[IP].dst, sent[TCP].dport) == (mac(1), mac(5), BACKEND, 8080)
            if flags == "S":
                answer = Ether(src=mac(5), dst=mac(1)) / IP(src=BACKEND, dst=CLIENT)
                weft.arrive(2, 5010, answer / TCP(sport=8080, dport=40_000, flags="SA", seq=1000, ack=1))
                (back,) = eventually(lambda: segments(weft, "vm1"))
                assert (back.src, back.dst, back[IP].src, back[TCP].sport) == (virtual, mac(1), VIP, 80)
        assert weft.flows("hv3", app="connections")  # it has ports of the network too
        eventually(lambda: {flow["status"] for flow in weft.flows("hv1")} == {"installed"})
