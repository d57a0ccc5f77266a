"""Virtual services on real bridges: what becomes of the frames of clients and backends, whatever changes around them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, ICMPerror, IPerror, fragment
from scapy.layers.inet6 import (
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
)
from scapy.layers.l2 import ARP, Ether
from scapy.layers.sctp import SCTP, SCTPChunkInit, SCTPChunkInitAck
from scapy.packet import Packet, Raw

from tests.ovs.balancing import BROADCAST, Balanced, answer, at, balanced, tcp
from tests.ovs.running import eventually
from tests.ovs.test_hosts import MACS
from topologies.openvswitch import PrivateOvs

pytestmark = pytest.mark.ovs

TWO_BACKENDS = "backends: [{address: 10.0.0.2, weight: 3}, {address: 10.0.0.3}]"
ONE_BACKEND = "backends: [{address: 10.0.0.2}]"
TO_8080 = "network: default, ports: [{port: 80, target: 8080}]"
FILE = f"""
networks: {{default: {{vlan: 1, subnets: [10.0.0.0/24, "fd00::/64"]}}}}
services:
  web: {{vip: 10.0.0.100, {TO_8080}, {TWO_BACKENDS}}}
  self: {{vip: 10.0.0.101, {TO_8080}, {ONE_BACKEND}}}
  dns: {{vip: 10.0.0.102, network: default, ports: [{{protocol: udp, port: 53, target: 5353}}], {ONE_BACKEND}}}
  maglev: {{vip: 10.0.0.103, scheduler: maglev, {TO_8080}, {TWO_BACKENDS}}}
  source: {{vip: 10.0.0.104, scheduler: source, {TO_8080}, {TWO_BACKENDS}}}
  sticky: {{vip: 10.0.0.105, affinity: {{seconds: 600}}, {TO_8080}, {TWO_BACKENDS}}}
  direct: {{vip: 10.0.0.106, mode: dsr, network: default, ports: [{{port: 80}}], {TWO_BACKENDS}}}
  even: {{vip: 10.0.0.107, {TO_8080}, backends: [{{address: 10.0.0.2}}, {{address: 10.0.0.3}}, {{address: 10.0.0.4}}]}}
  syslog: {{vip: 10.0.0.109, network: default, ports: [{{protocol: udp, port: 514}}], {TWO_BACKENDS}}}
  sctp: {{vip: 10.0.0.108, network: default, ports: [{{protocol: sctp, port: 9}}], {ONE_BACKEND}}}
  six: {{vip: "fd00::100", {TO_8080}, backends: [{{address: "fd00::3"}}]}}
"""
CLIENT, OTHER = 1, 5
VIPS = {"web": 100, "self": 101, "dns": 102, "maglev": 103, "source": 104, "sticky": 105, "direct": 106, "even": 107}


@pytest.fixture(scope="module")
def lab(ovs: PrivateOvs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balanced]:
    """Clients 1 and 5 and backends 2 to 4, on two bridges of one Open vSwitch; 4 and 5 are behind one port."""
    with balanced(tmp_path_factory.mktemp("services"), ovs, FILE, {"b1": [CLIENT, 2], "b2": [3, 4]}) as lab:
        lab.places[OTHER] = lab.places[4]
        lab.speak(CLIENT, 2, 3, 4, OTHER)
        neighbour = IPv6(src=at(3, 6), dst="ff02::1", hlim=255) / ICMPv6ND_NA(tgt=at(3, 6), R=0, S=0)
        lab.send(lab.places[3], Ether(src=MACS[3], dst="33:33:00:00:00:01") / neighbour / ICMPv6NDOptDstLLAddr(lladdr=MACS[3]))
        eventually(lambda: any(at(3, 6) in host["ips"] for host in lab.weft.client.items("/hosts")))
        lab.settle()
        yield lab


def mac(lab: Balanced, service: str) -> str:
    return str(lab.weft.client.get(f"/services/{service}")["mac"])


def ask(lab: Balanced, service: str, port: int, source: int = CLIENT, flags: str = "S", **fields: int) -> Packet:
    """A segment of a client to a service."""
    ends = at(source), at(VIPS[service])
    return tcp(source, mac(lab, service), ends, (port, 80), flags, **fields)


def connect(lab: Balanced, service: str, port: int, source: int = CLIENT) -> int:
    """A connection, whose frames go to and fro as they should; gives the backend."""
    heard = lab.exchange(source, ask(lab, service, port, source))
    ((host, (opening,)),) = ((n, frames) for n, frames in heard.items() if frames)
    target = 80 if service == "direct" else 8080
    assert (opening.src, opening[TCP].dport, opening[TCP].sport) == (MACS[source], target, port)
    assert opening[IP].dst == at(VIPS[service] if service == "direct" else host)
    (back,) = lab.exchange(host, answer(opening, host))[source]
    assert (back.src, back[IP].src, back[TCP].sport, back[TCP].dport) == (mac(lab, service), at(VIPS[service]), 80, port)
    assert goes_on(lab, service, port, source) == host
    return host


def goes_on(lab: Balanced, service: str, port: int, source: int = CLIENT) -> int | None:
    """Who gets the next segment of a connection."""
    heard = lab.exchange(source, ask(lab, service, port, source, "A", seq=1, ack=1001))
    return next((n for n, frames in heard.items() if frames), None)


def chosen(lab: Balanced, service: str, ports: range, source: int = CLIENT) -> Counter[int]:
    """How many connections from these ports each backend gets, opened all at once."""
    heard = lab.exchange(source, *[ask(lab, service, port, source) for port in ports])
    return Counter({n: len(frames) for n, frames in heard.items() if frames})


def rejected(lab: Balanced) -> list[str]:
    return [event["text"] for kind in ("flow.rejected", "flow.drift", "flow.foreign") for event in lab.weft.events(kind)]


def test_connections_go_to_and_fro_on_one_bridge_and_over_two(lab: Balanced) -> None:
    assert {connect(lab, "web", port) for port in range(20_000, 20_012)} == {2, 3}
    assert rejected(lab) == []


def test_shares_are_those_of_the_weights_and_nobody_asks_the_controller(lab: Balanced) -> None:
    asked = {app["name"]: app["packet_ins"] for app in lab.weft.client.items("/apps") if app["name"] != "discovery"}
    found = chosen(lab, "web", range(30_000, 30_400))
    assert sum(found.values()) == 400
    assert found[2] == pytest.approx(300, abs=40)
    even = chosen(lab, "even", range(30_000, 30_600))
    assert even.keys() == {2, 3, 4}
    assert all(count == pytest.approx(200, abs=55) for count in even.values())
    assert {app["name"]: app["packet_ins"] for app in lab.weft.client.items("/apps") if app["name"] != "discovery"} == asked


def test_two_hosts_behind_one_port(lab: Balanced) -> None:
    assert {connect(lab, "even", port, OTHER) for port in range(21_000, 21_012)} == {2, 3, 4}


def test_a_backend_calls_itself(lab: Balanced) -> None:
    (opening,) = lab.exchange(2, ask(lab, "self", 22_000, 2))[2]
    virtual = mac(lab, "self")
    assert (opening.src, opening[IP].src, opening[IP].dst, opening[TCP].dport) == (virtual, at(101), at(2), 8080)
    (back,) = lab.exchange(2, answer(opening, 2))[2]
    assert (back.src, back[IP].src, back[TCP].sport, back[TCP].dport) == (virtual, at(101), 80, 22_000)
    (third,) = lab.exchange(2, ask(lab, "self", 22_000, 2, "A", seq=1, ack=1001))[2]
    assert (third[IP].src, third[TCP].sport, third[TCP].flags) == (at(101), 22_000, "A")


def test_datagrams_and_errors_about_them(lab: Balanced) -> None:
    question = Ether(src=MACS[CLIENT], dst=mac(lab, "dns")) / IP(src=at(CLIENT), dst=at(102)) / UDP(sport=5000, dport=53) / b"?"
    (heard,) = lab.exchange(CLIENT, question)[2]
    assert (heard[IP].dst, heard[UDP].dport) == (at(2), 5353)
    home = Ether(src=MACS[2], dst=MACS[CLIENT]) / IP(src=at(2), dst=at(CLIENT))
    (back,) = lab.exchange(2, home / UDP(sport=5353, dport=5000) / b"!")[CLIENT]
    assert (back[IP].src, back[UDP].sport, back[Raw].load[:1]) == (at(102), 53, b"!")
    about = IP(src=at(CLIENT), dst=at(2)) / UDP(sport=5000, dport=5353)
    (error,) = lab.exchange(2, home / ICMP(type=3, code=3) / about)[CLIENT]
    assert (error[IP].src, error[IPerror].dst, error[ICMPerror if ICMPerror in error else ICMP].type) == (at(102), at(102), 3)


def test_datagrams_of_one_client_are_spread_by_their_ports(lab: Balanced) -> None:
    there = Ether(src=MACS[CLIENT], dst=mac(lab, "syslog")) / IP(src=at(CLIENT), dst=at(109))
    heard = lab.exchange(CLIENT, *[there / UDP(sport=port, dport=514) / b"!" for port in range(50_000, 50_128)])
    found = {n: len(frames) for n, frames in heard.items() if frames}
    assert found == {2: 96, 3: 32}
    again = lab.exchange(CLIENT, *[there / UDP(sport=port, dport=514) / b"!" for port in range(50_000, 50_128)])
    assert {n: len(frames) for n, frames in again.items() if frames} == found


def test_datagrams_in_pieces(lab: Balanced) -> None:
    """Only the first piece of a datagram has ports; where they go is known from an earlier one."""
    whole = Ether(src=MACS[CLIENT], dst=mac(lab, "dns")) / IP(src=at(CLIENT), dst=at(102)) / UDP(sport=5001, dport=53) / b"?"
    assert len(lab.exchange(CLIENT, whole)[2]) == 1
    there = fragment(IP(src=at(CLIENT), dst=at(102), id=7) / UDP(sport=5001, dport=53) / bytes(3000), fragsize=1400)
    virtual = mac(lab, "dns")
    heard = lab.exchange(CLIENT, *[Ether(src=MACS[CLIENT], dst=virtual) / piece for piece in there])[2]
    assert [(frame[IP].dst, frame[IP].frag) for frame in heard] == [(at(2), frag) for frag in (0, 175, 350)]
    back = fragment(IP(src=at(2), dst=at(CLIENT), id=8) / UDP(sport=5353, dport=5001) / bytes(3000), fragsize=1400)
    heard = lab.exchange(2, *[Ether(src=MACS[2], dst=MACS[CLIENT]) / piece for piece in back])[CLIENT]
    assert [(frame.src, frame[IP].src, frame[IP].frag) for frame in heard] == [(virtual, at(102), frag) for frag in (0, 175, 350)]
    assert heard[0][UDP].sport == 53


def test_associations(lab: Balanced) -> None:
    there = Ether(src=MACS[CLIENT], dst=mac(lab, "sctp")) / IP(src=at(CLIENT), dst=at(108))
    (first,) = lab.exchange(CLIENT, there / SCTP(sport=5000, dport=9, tag=0) / SCTPChunkInit(init_tag=5))[2]
    assert (first[IP].dst, first[SCTP].dport) == (at(2), 9)
    home = Ether(src=MACS[2], dst=MACS[CLIENT]) / IP(src=at(2), dst=at(CLIENT))
    (second,) = lab.exchange(2, home / SCTP(sport=9, dport=5000, tag=5) / SCTPChunkInitAck(init_tag=7))[CLIENT]
    assert (second.src, second[IP].src, second[SCTP].sport) == (mac(lab, "sctp"), at(108), 9)


def test_a_ping_and_an_arp_request_are_answered_where_they_are_asked(lab: Balanced) -> None:
    request = Ether(src=MACS[CLIENT], dst=BROADCAST) / ARP(hwsrc=MACS[CLIENT], psrc=at(CLIENT), pdst=at(100))
    (told,) = lab.exchange(CLIENT, request)[CLIENT]
    assert (told[ARP].op, told[ARP].hwsrc, told[ARP].psrc) == (2, mac(lab, "web"), at(100))
    ping = Ether(src=MACS[CLIENT], dst=told.src) / IP(src=at(CLIENT), dst=at(100)) / ICMP(id=7, seq=9) / b"abcd"
    (pong,) = lab.exchange(CLIENT, ping)[CLIENT]
    assert (pong[IP].src, pong[ICMP].type, pong[ICMP].id, pong[Raw].load) == (at(100), 0, 7, b"abcd")
    again = pong.copy()
    del again[ICMP].chksum, again[IP].chksum
    assert bytes(again.__class__(bytes(again))) == bytes(pong)  # the checksums are right


def test_a_reset_reaches_a_backend_that_remembers_an_older_connection(lab: Balanced) -> None:
    """A client takes a port again, and the backend answers about the old connection, which the client resets (RFC 5961)."""
    (opening,) = next(frames for frames in lab.exchange(CLIENT, ask(lab, "self", 24_500)).values() if frames)
    challenge = answer(opening, 2, "A")
    challenge[TCP].seq, challenge[TCP].ack = 900_000_000, 700_000_000
    (told,) = lab.exchange(2, challenge)[CLIENT]
    assert (told.src, told[IP].src, told[TCP].sport, told[TCP].flags) == (mac(lab, "self"), at(101), 80, "A")
    (reset,) = lab.exchange(CLIENT, ask(lab, "self", 24_500, flags="R", seq=700_000_000))[2]
    assert (reset[IP].dst, reset[TCP].dport, reset[TCP].flags) == (at(2), 8080, "R")


def test_what_the_service_does_not_have_ends(lab: Balanced) -> None:
    ends, virtual = (at(CLIENT), at(100)), mac(lab, "web")
    frames = [
        tcp(CLIENT, virtual, ends, (23_000, 81)),
        Ether(src=MACS[CLIENT], dst=virtual) / IP(src=ends[0], dst=ends[1]) / UDP(),
    ]
    assert not any(lab.exchange(CLIENT, *frames).values())


def test_hosts_talk_to_backends_as_before(lab: Balanced) -> None:
    (heard,) = lab.exchange(CLIENT, tcp(CLIENT, MACS[2], (at(CLIENT), at(2)), (24_000, 8080)))[2]
    (back,) = lab.exchange(2, answer(heard, 2))[CLIENT]
    assert (back.src, back[IP].src, back[TCP].sport) == (MACS[2], at(2), 8080)


def test_ipv6(lab: Balanced) -> None:
    solicit = IPv6(src=at(CLIENT, 6), dst="ff02::1:ff00:100", hlim=255) / ICMPv6ND_NS(tgt=at(100, 6))
    request = Ether(src=MACS[CLIENT], dst="33:33:ff:00:01:00") / solicit / ICMPv6NDOptSrcLLAddr(lladdr=MACS[CLIENT])
    (told,) = [frame for frame in lab.exchange(CLIENT, request)[CLIENT] if ICMPv6ND_NA in frame]
    virtual = mac(lab, "six")
    assert (told[ICMPv6ND_NA].tgt, told[ICMPv6NDOptDstLLAddr].lladdr) == (at(100, 6), virtual)
    ends = at(CLIENT, 6), at(100, 6)
    (pong,) = lab.exchange(
        CLIENT, Ether(src=MACS[CLIENT], dst=virtual) / IPv6(src=ends[0], dst=ends[1]) / ICMPv6EchoRequest(id=3)
    )[CLIENT]
    assert (pong[IPv6].src, pong[ICMPv6EchoReply].id) == (ends[1], 3)
    (opening,) = lab.exchange(CLIENT, tcp(CLIENT, virtual, ends, (25_000, 80)))[3]
    assert (opening[IPv6].dst, opening[TCP].dport) == (at(3, 6), 8080)
    lab.send(lab.places[CLIENT], Ether(src=MACS[CLIENT], dst=MACS[3]) / IPv6(src=ends[0], dst=at(3, 6)) / UDP())
    (back,) = lab.exchange(3, answer(opening, 3))[CLIENT]
    assert (back.src, back[IPv6].src, back[TCP].sport) == (virtual, ends[1], 80)


def test_without_translation(lab: Balanced) -> None:
    """Backends have the virtual address themselves, and say so; nobody believes it."""
    host = connect(lab, "direct", 26_000)
    for frame in (ARP(hwsrc=MACS[host], psrc=at(106), pdst=at(106)), ARP(hwsrc=MACS[host], psrc=at(106), pdst=at(99))):
        assert not any(lab.exchange(host, Ether(src=MACS[host], dst=BROADCAST) / frame).values())
    question = Ether(src=MACS[host], dst=BROADCAST) / ARP(hwsrc=MACS[host], psrc=at(106), pdst=at(CLIENT))
    assert [frame[ARP].hwsrc for frame in lab.exchange(host, question)[host]] == [MACS[CLIENT]]
    assert not [h for h in lab.weft.client.items("/hosts") if at(106) in h["ips"]]


def test_hashes_of_address_and_of_connection(lab: Balanced) -> None:
    assert len(chosen(lab, "source", range(31_000, 31_020))) == 1
    found = chosen(lab, "maglev", range(31_000, 31_400))
    assert found[2] == pytest.approx(300, abs=40)
    assert chosen(lab, "maglev", range(31_000, 31_400)) == found  # sent again: each to the same


def test_a_client_that_moves_takes_along_connections_that_have_a_hash(lab: Balanced) -> None:
    before = {port: connect(lab, "maglev", port) for port in range(36_000, 36_012)}
    assert set(before.values()) == {2, 3}
    home, lab.places[CLIENT] = lab.places[CLIENT], lab.places[4]
    lab.speak(CLIENT)
    eventually(lambda: [h["bridge"] for h in lab.weft.client.items("/hosts") if h["mac"] == MACS[CLIENT]] == ["b2"])
    lab.settle()
    assert {port: goes_on(lab, "maglev", port) for port in before} == before
    lab.places[CLIENT] = home
    lab.speak(CLIENT)
    eventually(lambda: [h["bridge"] for h in lab.weft.client.items("/hosts") if h["mac"] == MACS[CLIENT]] == ["b1"])
    lab.settle()


def test_a_client_comes_back_until_its_backend_takes_no_more(lab: Balanced) -> None:
    had = connect(lab, "sticky", 32_000)
    assert chosen(lab, "sticky", range(32_001, 32_040)).keys() == {had}
    flows = lab.weft.ovs.ofctl("dump-flows", "b1", "table=192")
    assert flows.count("nw_src=10.0.0.1,nw_dst=10.0.0.105") == 1
    address = at(had)
    lab.weft.client.post(f"/services/sticky/backends/{address}/drain")
    lab.settle()
    now = connect(lab, "sticky", 33_000)
    assert now != had
    assert goes_on(lab, "sticky", 32_000) == had
    lab.weft.client.post(f"/services/sticky/backends/{address}/undrain")
    lab.settle()
    assert chosen(lab, "sticky", range(34_000, 34_020)).keys() == {now}
    assert rejected(lab) == []
    assert not [flow for flow in lab.weft.ovs.flows("b1") if "table=192" in flow and "send_flow_rem" in flow]


def test_connections_stay_when_backends_come_and_go(lab: Balanced) -> None:
    """Only new ones go by the new file."""
    before = {port: connect(lab, "web", port) for port in range(27_000, 27_010)}
    eventually(lambda: all(b["state"] == "up" for b in lab.weft.client.items("/services/web/backends")))
    text = FILE.replace(
        f"web: {{vip: 10.0.0.100, {TO_8080}, {TWO_BACKENDS}}}",
        f"web: {{vip: 10.0.0.100, {TO_8080}, backends: [{{address: 10.0.0.4}}]}}",
    )
    assert text != FILE
    lab.weft.client.put("/config", {"name": "n", "text": text})
    lab.settle()
    assert {port: goes_on(lab, "web", port) for port in before} == before
    assert chosen(lab, "web", range(28_000, 28_040)).keys() == {4}
    lab.weft.client.put("/config", {"name": "n", "text": FILE})
    lab.settle()
    assert {port: goes_on(lab, "web", port) for port in before} == before
    assert chosen(lab, "web", range(29_000, 29_040)).keys() == {2, 3}


def test_a_restart_changes_nothing(lab: Balanced) -> None:
    before = {port: connect(lab, "web", port) for port in range(35_000, 35_006)}
    flows, virtual = lab.weft.ovs.flows("b1"), mac(lab, "web")
    lab.weft.stop()
    assert {port: goes_on_without(lab, virtual, port) for port in before} == before
    lab.weft.start()
    lab.weft.wait_ready()
    lab.settle()
    assert [lab.weft.bridge(name)["flow_mods"] for name in ("b1", "b2")] == [0, 0]
    assert [f for f in lab.weft.ovs.flows("b1") if "table=192" not in f] == [f for f in flows if "table=192" not in f]
    assert mac(lab, "web") == virtual
    assert {port: goes_on(lab, "web", port) for port in before} == before


def goes_on_without(lab: Balanced, virtual: str, port: int) -> int | None:
    """The same while no controller says what the MAC address is."""
    segment = tcp(CLIENT, virtual, (at(CLIENT), at(100)), (port, 80), "A", seq=1, ack=1001)
    return next((n for n, frames in lab.exchange(CLIENT, segment).items() if frames), None)
