"""What frames say about the address of their source, and discovery frames: made by scapy and by hand, read by us."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from os_ken.lib.packet import lldp, packet
from scapy.layers.dhcp import BOOTP
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RS, ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether

from controller.model import IPv4, Mac
from controller.model import IPv6 as Address6
from controller.packet import Beacon, arp_sender, beacon, parse_beacon, sender_address

pytestmark = pytest.mark.unit

ME, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:02"
ETHER = Ether(src=ME, dst="ff:ff:ff:ff:ff:ff")
NS = IPv6(src="2001:db8::1", dst="ff02::1:ff00:2", hlim=255)
NA = IPv6(src="fe80::1", dst="ff02::1", hlim=255)
DHCP = IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67)


def arp(**fields: Any) -> Ether:
    said: dict[str, Any] = {"op": 1, "hwsrc": ME, "psrc": "10.0.0.1", "pdst": "10.0.0.2", **fields}
    return ETHER / ARP(**said)


def own(mac):
    return bytes(Mac(mac)) + bytes(10)


@pytest.mark.parametrize(
    ("frame", "address"),
    [
        (arp(), "10.0.0.1"),
        (arp(op=2), "10.0.0.1"),
        (arp(psrc="0.0.0.0"), None),
        (arp(psrc="127.0.0.1"), None),
        (arp(psrc="224.0.0.251"), None),
        (arp(psrc="240.0.0.1"), None),
        (arp(psrc="255.255.255.255"), None),
        (arp(hwsrc=OTHER), None),
        (arp(hwlen=8), None),
        (ETHER / NS / ICMPv6ND_NS(tgt="2001:db8::2") / ICMPv6NDOptSrcLLAddr(lladdr=ME), "2001:db8::1"),
        (ETHER / NS / ICMPv6ND_NS(tgt="2001:db8::2"), "2001:db8::1"),
        (ETHER / NS / ICMPv6ND_NS(tgt="2001:db8::2") / ICMPv6NDOptSrcLLAddr(lladdr=OTHER), None),
        (ETHER / IPv6(src="::", dst="ff02::1:ff00:2", hlim=255) / ICMPv6ND_NS(tgt="2001:db8::2"), None),
        (ETHER / IPv6(src="2001:db8::1", hlim=64) / ICMPv6ND_NS(tgt="2001:db8::2"), None),
        (ETHER / NA / ICMPv6ND_NA(tgt="2001:db8::1") / ICMPv6NDOptDstLLAddr(lladdr=ME), "2001:db8::1"),
        (ETHER / NA / ICMPv6ND_NA(tgt="2001:db8::1") / ICMPv6NDOptDstLLAddr(lladdr=OTHER), None),
        (ETHER / NA / ICMPv6ND_NA(tgt="ff02::1"), None),
        (ETHER / NA / ICMPv6ND_RS(), None),
        (ETHER / DHCP / BOOTP(ciaddr="10.0.0.1", chaddr=own(ME)), "10.0.0.1"),
        (ETHER / DHCP / BOOTP(chaddr=own(ME)), None),
        (ETHER / DHCP / BOOTP(ciaddr="10.0.0.1", chaddr=own(OTHER)), None),
        (ETHER / DHCP / BOOTP(op=2, ciaddr="10.0.0.1", chaddr=own(ME)), None),
        (ETHER / IP(src="10.0.0.1") / UDP(dport=53) / bytes(60), None),
    ],
    ids=lambda value: value.summary()[:60] if isinstance(value, Ether) else str(value),
)
def test_the_address_that_a_source_says_it_has(frame, address) -> None:
    said = sender_address(bytes(frame)[:128])
    assert said == (None if address is None else Address6(address) if ":" in address else IPv4(address))
    assert arp_sender(bytes(frame)) == (said if ARP in frame else None)


def test_behind_a_tag_is_another_network() -> None:
    frame = bytes(Ether(src=ME, dst=OTHER) / Dot1Q(vlan=7) / arp()[ARP])
    assert sender_address(frame) is None
    assert arp_sender(frame) == IPv4("10.0.0.1")


def test_no_length_of_a_frame_is_too_short() -> None:
    frames = [arp(), ETHER / NS / ICMPv6ND_NS(tgt="2001:db8::2"), ETHER / DHCP / BOOTP(ciaddr="10.0.0.1", chaddr=own(ME))]
    for frame in map(bytes, frames):
        for size in range(len(frame)):
            sender_address(frame[:size])


def test_a_beacon_says_what_was_put_in() -> None:
    said = Beacon(0x1F, 7, 99)
    frame = beacon(said, Mac(ME), b"key")
    assert parse_beacon(frame, b"key") == said
    assert parse_beacon(frame, b"another key") is None


def test_a_changed_beacon_is_none() -> None:
    frame = beacon(Beacon(1, 2, 3), Mac(ME), b"key")
    for pos in range(12, len(frame) - 2):
        changed = parse_beacon(frame[:pos] + bytes([frame[pos] ^ 1]) + frame[pos + 1 :], b"key")
        assert changed in (None, Beacon(1, 2, 3)), pos  # the time to live is not ours to sign
    for size in range(len(frame) - 2):
        assert parse_beacon(frame[:size], b"key") is None


@given(dpid=st.integers(0, (1 << 64) - 1), port=st.integers(1, 0xFFFFFF00), turn=st.integers(0, (1 << 64) - 1))
def test_os_ken_reads_a_beacon_and_would_write_the_same(dpid: int, port: int, turn: int) -> None:
    frame = beacon(Beacon(dpid, port, turn), Mac(ME), b"key")
    ether, said = packet.Packet(frame).protocols
    assert (ether.src, ether.dst, ether.ethertype) == (ME, "01:80:c2:00:00:0e", 0x88CC)
    chassis, number, ttl, ours, end = said.tlvs
    assert (chassis.subtype, chassis.chassis_id) == (lldp.ChassisID.SUB_LOCALLY_ASSIGNED, b"weft:%016x" % dpid)
    assert (number.subtype, number.port_id, ttl.ttl) == (lldp.PortID.SUB_LOCALLY_ASSIGNED, b"%08x" % port, 120)
    assert (ours.oui, ours.subtype, ours.info[:8]) == (b"\x02wf", 1, turn.to_bytes(8, "big"))
    assert end.tlv_type == lldp.LLDP_TLV_END
    assert said.serialize(None, None) == frame[14:]
