"""Frames of health checks are those that scapy makes and reads, and nothing that is heard is too strange."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
)
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw

from controller.health import frames
from controller.health.frames import ACK, PSH, SYN, Ends
from controller.model import IPv4, Mac
from controller.model import IPv6 as Six

OURS, THEIRS = Mac("02:76:00:01:00:01"), Mac("02:00:00:00:00:0b")
V4 = Ends(OURS, THEIRS, IPv4("10.0.0.100"), IPv4("10.0.0.11"))
V6 = Ends(OURS, THEIRS, Six("fd00::64"), Six("fd00::b"))
BOTH = pytest.mark.parametrize("ends", [V4, V6], ids=["IPv4", "IPv6"])


def header(ends: Ends) -> Packet:
    """The headers of what we send."""
    ether = Ether(src=str(ends.mac), dst=str(ends.peer_mac))
    if isinstance(ends.peer, IPv4):
        return ether / IP(src=str(ends.ip), dst=str(ends.peer), id=0, flags="DF")
    return ether / IPv6(src=str(ends.ip), dst=str(ends.peer), hlim=64)


def back(ends: Ends) -> Packet:
    """The headers of what a backend sends."""
    return header(Ends(ends.peer_mac, ends.mac, ends.peer, ends.ip))


@BOTH
@given(data=st.binary(max_size=60), seq=st.integers(0, 2**32 - 1))
def test_segments(ends: Ends, data: bytes, seq: int) -> None:
    ours = frames.tcp(ends, 61440, 8080, seq, 7, ACK | PSH, 4096, data)
    body = TCP(sport=61440, dport=8080, seq=seq, ack=7, flags="PA", window=4096)
    assert ours == bytes(header(ends) / body / Raw(data))
    said = frames.read(
        bytes(back(ends) / TCP(sport=8080, dport=61440, seq=seq, ack=9, flags="FA", options=[("NOP", None)]) / data)
    )
    assert said == ("tcp", THEIRS, OURS, ends.peer, ends.ip, 8080, 61440, seq, 9, 17, data)


@BOTH
def test_the_first_segment_says_how_large_others_may_be(ends: Ends) -> None:
    ours = frames.tcp(ends, 61440, 80, 1, 0, SYN, 4096, mss=1220)
    assert ours == bytes(header(ends) / TCP(sport=61440, dport=80, seq=1, flags="S", window=4096, options=[("MSS", 1220)]))


@BOTH
@given(data=st.binary(max_size=60))
def test_datagrams(ends: Ends, data: bytes) -> None:
    assert frames.udp(ends, 61441, 53, data) == bytes(header(ends) / UDP(sport=61441, dport=53) / Raw(data))
    said = frames.read(bytes(back(ends) / UDP(sport=53, dport=61441) / data))
    assert said is not None
    assert (said.kind, said.port, said.local, said.peer) == ("udp", 53, 61441, ends.peer)


@BOTH
def test_echoes(ends: Ends) -> None:
    four = ends is V4
    request = ICMP(id=5, seq=3) if four else ICMPv6EchoRequest(id=5, seq=3)
    assert frames.echo(ends, 5, 3, b"abc") == bytes(header(ends) / request / b"abc")
    reply = ICMP(type=0, id=5, seq=3) if four else ICMPv6EchoReply(id=5, seq=3)
    said = frames.read(bytes(back(ends) / reply / b"abcdefgh"))
    assert said is not None
    assert (said.kind, said.local, said.peer) == ("echo", 5, ends.peer)


@BOTH
def test_an_unreachable_names_what_did_not_arrive(ends: Ends) -> None:
    four = ends is V4
    sent = header(ends).payload / UDP(sport=61442, dport=53) / b"x"
    error = (ICMP(type=3, code=3) if four else ICMPv6DestUnreach(code=4)) / Raw(bytes(sent))
    said = frames.read(bytes(back(ends) / error))
    assert said is not None
    assert (said.kind, said.port, said.local, said.peer) == ("unreachable", 53, 61442, ends.peer)
    assert (
        frames.read(bytes(back(ends) / (ICMP(type=3, code=3) if four else ICMPv6DestUnreach(code=4)) / Raw(bytes(sent)[:22])))
        is None
    )


def test_who_has_an_ipv4_address() -> None:
    asked = Ether(src=str(OURS), dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc=str(OURS), psrc="0.0.0.0", pdst="10.0.0.11")
    assert frames.ask(OURS, V4.peer) == bytes(asked)
    reply = Ether(src=str(THEIRS), dst=str(OURS)) / ARP(
        op=2, hwsrc=str(THEIRS), psrc="10.0.0.11", hwdst=str(OURS), pdst="0.0.0.0"
    )
    said = frames.read(bytes(reply))
    assert said is not None
    assert (said.kind, said.mac, said.to_mac, said.peer) == ("neighbour", THEIRS, OURS, V4.peer)
    reply[ARP].hwsrc = "02:00:00:00:00:0c"  # for somebody else
    assert frames.read(bytes(reply)) is None
    assert frames.read(bytes(asked)) is None


def test_one_host_alone_is_asked() -> None:
    asked = Ether(src=str(OURS), dst=str(THEIRS)) / ARP(hwsrc=str(OURS), psrc="0.0.0.0", pdst="10.0.0.11")
    assert frames.ask(OURS, V4.peer, THEIRS) == bytes(asked)
    solicited = Ether(src=str(OURS), dst=str(THEIRS)) / IPv6(src="fe80::76:ff:fe01:1", dst="fd00::b", hlim=255)
    solicited = solicited / ICMPv6ND_NS(tgt="fd00::b") / ICMPv6NDOptSrcLLAddr(lladdr=str(OURS))
    assert frames.ask(OURS, V6.peer, THEIRS) == bytes(solicited)


def test_who_has_an_ipv6_address() -> None:
    own = "fe80::76:ff:fe01:1"
    assert str(frames.link_local(OURS)) == own
    asked = Ether(src=str(OURS), dst="33:33:ff:00:00:0b") / IPv6(src=own, dst="ff02::1:ff00:b", hlim=255)
    asked = asked / ICMPv6ND_NS(tgt="fd00::b") / ICMPv6NDOptSrcLLAddr(lladdr=str(OURS))
    assert frames.ask(OURS, V6.peer) == bytes(asked)
    told = Ether(src=str(THEIRS), dst=str(OURS)) / IPv6(src="fd00::b", dst=own, hlim=255)
    told = told / ICMPv6ND_NA(tgt="fd00::b", S=1) / ICMPv6NDOptDstLLAddr(lladdr=str(THEIRS))
    said = frames.read(bytes(told))
    assert said is not None
    assert (said.kind, said.mac, said.peer) == ("neighbour", THEIRS, V6.peer)
    told[IPv6].hlim = 254  # it has been through a router
    assert frames.read(bytes(told)) is None


@BOTH
@given(cut=st.integers(0, 70), change=st.tuples(st.integers(0, 69), st.integers(0, 255)))
def test_anything_may_come(ends: Ends, cut: int, change: tuple[int, int]) -> None:
    frame = bytearray(bytes(back(ends) / TCP(sport=8080, dport=61440, flags="SA") / b"0123456789"))
    frame[change[0] % len(frame)] = change[1]
    said = frames.read(bytes(frame[:cut]))
    assert said is None or ip_address(str(said.peer))


@given(st.binary(max_size=120))
def test_noise_is_no_answer_that_breaks_us(frame: bytes) -> None:
    frames.read(frame)
    frames.read(bytes(12) + b"\x08\0" + frame)
    frames.read(bytes(12) + b"\x86\xdd" + frame)


def test_fragments_are_not_read() -> None:
    assert frames.read(bytes(back(V4) / UDP(sport=53, dport=61441) / bytes(40))) is not None
    part = back(V4)
    part[IP].flags, part[IP].frag = "MF", 0
    assert frames.read(bytes(part / UDP(sport=53, dport=61441) / bytes(40))) is None
