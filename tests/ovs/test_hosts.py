"""Hosts on real bridges: what is learned of them, who answers for them, what they may send to everybody."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet
from scapy.utils import rdpcap

from tests.ovs.running import Running, eventually, running
from topologies.openvswitch import OvsError, PrivateOvs

pytestmark = pytest.mark.ovs

BROADCAST = "ff:ff:ff:ff:ff:ff"
MACS = {n: f"02:00:00:00:00:{n:02x}" for n in range(1, 9)}
IPS = {n: f"10.0.0.{n}" for n in range(1, 9)}


class Wires:
    """The dummy ports of a bridge: what comes in by them, and what went out."""

    def __init__(self, weft: Running, folder: Path, *ports: str) -> None:
        self.weft, self.files = weft, {port: folder / f"{port}.pcap" for port in ports}
        for port, file in self.files.items():
            weft.ovs.vsctl("set", "Interface", port, f"options:tx_pcap={file}")

    def send(self, port: str, *frames: Packet) -> None:
        self.weft.ovs.appctl("netdev-dummy/receive", port, *[bytes(frame).hex() for frame in frames])

    def out(self, port: str, source: int | None = None) -> list[Packet]:
        """The frames that left by a port, weft's own left out."""
        frames = [f for f in rdpcap(str(self.files[port])) if f.type != 0x88CC]
        return [f for f in frames if source is None or f.src == MACS[source]]

    def replies(self, port: str) -> list[Packet]:
        """The ARP replies that left by a port."""
        return [frame for frame in self.out(port) if ARP in frame and frame[ARP].op == 2]


def arp(source: int, target: int, **fields: Any) -> Packet:
    said: dict[str, Any] = {"op": 1, "hwsrc": MACS[source], "psrc": IPS[source], "pdst": IPS[target]} | fields
    return Ether(src=MACS[source], dst=BROADCAST) / ARP(**said)


def data(source: int, destination: str = BROADCAST) -> Packet:
    return Ether(src=MACS[source], dst=destination) / IP(src=IPS[source], dst="10.0.0.99") / UDP() / bytes(20)


def hosts(weft: Running) -> dict[str, list[str]]:
    return {host["mac"]: host["ips"] for host in weft.client.items("/hosts")}


def settled_with(weft: Running, number: int, *bridges: str) -> None:
    """So many hosts are known, and their flows are there."""
    eventually(lambda: len(hosts(weft)) == number)
    weft.settled(*bridges)


def test_arp_is_answered_where_it_is_asked(tmp_path: Path, empty_ovs: PrivateOvs) -> None:
    empty_ovs.add_bridge("b1", dpid=1, ports=("p1", "p2", "p3"))
    empty_ovs.add_bridge("b2", dpid=2, ports=("q1", "q2"))
    with running(tmp_path, empty_ovs) as weft:
        weft.connect("b1", "b2")
        wires = Wires(weft, tmp_path, "p1", "p2", "p3", "q1", "q2")
        wires.send("p2", arp(2, 2))
        settled_with(weft, 1, "b1", "b2")
        assert hosts(weft) == {MACS[2]: [IPS[2]]}
        for port, other, asking in (("p1", "p3", 1), ("q1", "q2", 3)):
            wires.send(port, arp(asking, 2))
            (reply,) = eventually(partial(wires.replies, port))
            assert (reply.dst, reply[ARP].op, reply[ARP].hwdst, reply[ARP].pdst) == (MACS[asking], 2, MACS[asking], IPS[asking])
            assert (reply[ARP].hwsrc, reply[ARP].psrc) == (MACS[2], IPS[2])
            assert wires.out(other, asking) == []
        assert wires.out("p2", 1) == []
        weft.settled("b1", "b2")
        assert {flow["status"] for flow in weft.flows("b1")} == {"installed"}
        weft.client.put("/apps/arp_responder", {"enabled": False})
        weft.settled("b1")
        wires.send("p1", arp(1, 2))
        eventually(lambda: wires.out("p2", 1))


def test_duplicate_address_detection_asks_the_owner_alone(tmp_path: Path, empty_ovs: PrivateOvs) -> None:
    empty_ovs.add_bridge("b1", dpid=1, ports=("p1", "p2", "p3"))
    with running(tmp_path, empty_ovs) as weft:
        weft.connect("b1")
        wires = Wires(weft, tmp_path, "p1", "p2", "p3")
        wires.send("p2", arp(2, 2))
        settled_with(weft, 1, "b1")
        wires.send("p1", arp(1, 2, psrc="0.0.0.0"))  # a probe by somebody else
        eventually(lambda: wires.out("p2", 1))
        wires.send("p2", arp(2, 2, psrc="0.0.0.0"), arp(2, 2), arp(2, 2, psrc=IPS[4]))  # the owner about itself
        eventually(lambda: len(wires.out("p3", 2)) == 4)
        wires.send("p3", arp(3, 2, psrc=IPS[2]))  # somebody announces that the address is now its own
        eventually(lambda: wires.out("p2", 3))
        eventually(lambda: IPS[2] in hosts(weft)[MACS[3]] and IPS[2] not in hosts(weft)[MACS[2]])
        assert wires.out("p2", 2) == []
        assert wires.out("p1", 2) == wires.out("p3", 2)
        assert not [f for port in ("p1", "p2", "p3") for f in wires.replies(port)]
        assert [e["subject"] for e in weft.events("address.moved")] == [IPS[2]]


def test_ipv6_addresses_are_learned_and_asked_of_their_owners(tmp_path: Path, empty_ovs: PrivateOvs) -> None:
    empty_ovs.add_bridge("b1", dpid=1, ports=("p1", "p2"))
    ask = Ether(src=MACS[1], dst="33:33:ff:00:00:02") / IPv6(src="2001:db8::1", dst="ff02::1:ff00:2", hlim=255)
    ask /= ICMPv6ND_NS(tgt="2001:db8::2") / ICMPv6NDOptSrcLLAddr(lladdr=MACS[1])
    with running(tmp_path, empty_ovs) as weft:
        weft.connect("b1")
        wires = Wires(weft, tmp_path, "p2")
        wires.send("p1", ask)
        settled_with(weft, 1, "b1")
        assert hosts(weft) == {MACS[1]: ["2001:db8::1"]}
        copies = next(a for a in weft.client.items("/apps") if a["name"] == "l2_learning")["packet_ins"]
        wires.send("p1", ask, ask)
        eventually(lambda: len(wires.out("p2", 1)) == 3)
        assert next(a for a in weft.client.items("/apps") if a["name"] == "l2_learning")["packet_ins"] == copies
        weft.settled("b1")
        assert {flow["status"] for flow in weft.flows("b1")} == {"installed"}


def test_no_flow_makes_an_advertisement_of_a_solicitation(empty_ovs: PrivateOvs) -> None:
    empty_ovs.add_bridge("b1", dpid=1)
    with pytest.raises(OvsError, match="MATCH_INCONSISTENT"):
        empty_ovs.ofctl(
            "add-flow", "b1", "icmp6,icmp_type=135,actions=set_field:136->icmpv6_type,set_field:02:00:00:00:00:05->nd_tll,in_port"
        )


def test_a_storm_is_cut_and_known_hosts_do_not_feel_it(tmp_path: Path, empty_ovs: PrivateOvs) -> None:
    empty_ovs.add_bridge("b1", dpid=1, ports=("p1", "p2", "p3"))
    with running(tmp_path, empty_ovs, "--set", "storm_guard.broadcast_per_second=20") as weft:
        weft.connect("b1")
        wires = Wires(weft, tmp_path, "p1", "p2", "p3")
        wires.send("p2", data(2))
        wires.send("p1", data(1))
        settled_with(weft, 2, "b1")
        time.sleep(1.1)  # the meter is full again
        before = len(wires.out("p2", 1))
        for destination in (BROADCAST, "01:00:5e:00:00:07", MACS[8]):
            wires.send("p1", *[data(1, destination)] * 60)
        eventually(lambda: len(wires.out("p2", 1)) - before >= 20)
        for _ in range(3):
            wires.send("p1", *[data(1, MACS[2])] * 60)
        eventually(lambda: len([f for f in wires.out("p2", 1) if f.dst == MACS[2]]) == 180)
        flooded = [f for f in wires.out("p2", 1)[before:] if f.dst != MACS[2]]
        assert 20 <= len(flooded) < 60  # of 180: the 20 of the first moment, and 20 a second
        wires.send("p3", data(3))
        eventually(lambda: wires.out("p2", 3))  # another port has a rate of its own


def test_a_flapping_host_is_frozen_and_thawed(tmp_path: Path, empty_ovs: PrivateOvs) -> None:
    empty_ovs.add_bridge("b1", dpid=1, ports=("p1", "p2"))
    settings = ("max_moves=2", "moves_window=1", "freeze_time=1")
    with running(tmp_path, empty_ovs, *[word for s in settings for word in ("--set", f"l2_learning.{s}")]) as weft:
        weft.connect("b1")
        wires = Wires(weft, tmp_path, "p1", "p2")

        def is_at(port: str) -> bool:
            return [host["port_name"] for host in weft.client.items("/hosts")] == [port]

        def sent_from_p2() -> bool:
            wires.send("p2", data(1))
            return is_at("p2")

        for port in ("p1", "p2", "p1"):
            wires.send(port, data(1))
            eventually(partial(is_at, port))
            weft.settled("b1")
        wires.send("p2", data(1))
        (event,) = eventually(lambda: weft.events("host.flapping"))
        assert "stays on b1 port 1" in event["text"]
        assert is_at("p1")
        eventually(sent_from_p2)
