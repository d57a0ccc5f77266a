"""Matches as bytes: the order and form of Open vSwitch, the same fields as os_ken's encoder, and what is refused in words."""

from __future__ import annotations

from random import Random
from struct import unpack_from
from typing import Any

import pytest
from hypothesis import given, note, settings
from os_ken.ofproto import ofproto_v1_4_parser as osken

from controller.model import IPv4, IPv6, Mac
from controller.pipeline import ARP, DROP, IPV4, IPV6, LEARN, POLICY, Stage
from controller.pipeline.fields import FIELDS, find
from controller.pipeline.registers import REGISTERS
from controller.pipeline.shape import encode
from controller.pipeline.text import match_text
from tests.fakes.flows import SEEDED, random_match

OSKEN = {"nd_target": "ipv6_nd_target", "nd_sll": "ipv6_nd_sll", "nd_tll": "ipv6_nd_tll"}  # what os_ken calls them
OSKEN |= {"tun_src": "tun_ipv4_src", "tun_dst": "tun_ipv4_dst"}
OURS = {theirs: ours for ours, theirs in OSKEN.items()}
Tlvs = dict[int, tuple[bytes, bytes]]  # header without mask -> value, mask


def match(**fields: Any) -> str:
    """A match as text, by way of its bytes."""
    return match_text(encode(0, 0, fields))


def tlvs(encoded: bytes) -> list[tuple[int, bytes, bytes]]:
    """Header, value and mask of each field in the bytes of a match, in their order."""
    _, length = unpack_from("!HH", encoded)
    assert len(encoded) == (length + 7) // 8 * 8
    assert not any(encoded[length:])
    pos, found = 4, []
    while pos < length:
        (header,) = unpack_from("!I", encoded, pos)
        size, masked = header & 0xFF, bool(header & 0x100)
        value = encoded[pos + 4 : pos + 4 + size]
        half = size // 2 if masked else size
        found.append((header & ~0x1FF | half, value[:half], value[half:] if masked else b""))
        pos += 4 + size
    assert pos == length
    return found


def normal(encoded: bytes) -> Tlvs:
    """The fields of a match of any encoder, in the form that Open vSwitch gives back."""
    found = {}
    for header, value, mask in tlvs(encoded):
        f = next(f for f in FIELDS.values() if f.header == header)
        full = ((1 << f.bits) - 1).to_bytes(f.size, "big")
        if mask and not any(mask):
            continue
        exact = not mask or mask == full
        if f.name == "ct_state":
            found[header] = value, mask or full
        elif exact:
            found[header] = value, b""
        else:
            found[header] = bytes(a & b for a, b in zip(value, mask, strict=True)), mask
    return found


def for_osken(name: str, value: Any) -> Any:
    """A value as os_ken takes it: addresses as text, a prefix as a mask."""
    if isinstance(value, str) and "/" in value:
        address, _, length = value.partition("/")
        bits = FIELDS[name].bits
        ones = (1 << bits) - (1 << bits - int(length))
        mask = str(IPv6(ones.to_bytes(16, "big"))) if bits == 128 else str(IPv4(ones))
        return address, mask
    if isinstance(value, tuple):
        exact, mask = value
        return for_osken(name, exact), for_osken(name, type(exact)(mask) if isinstance(exact, Mac | IPv6 | IPv4) else mask)
    return str(value) if isinstance(value, Mac | IPv4 | IPv6) else value


def osken_match(fields: dict[str, Any]) -> Any:
    return osken.OFPMatch(**{OSKEN.get(name, name): for_osken(name, value) for name, value in fields.items()})


def serialized(theirs: Any) -> bytes:
    buffer = bytearray()
    theirs.serialize(buffer, 0)
    return bytes(buffer)


@settings(max_examples=200, deadline=None)
@given(SEEDED)
def test_the_same_fields_as_os_ken_says_and_reads(rng: Random) -> None:
    fields = random_match(rng)
    note(str(fields))
    slot = POLICY.flow(DROP, **fields).slot
    assert slot[:3] == b"\x14\x00\x64"
    assert normal(slot[3:]) == {header: (value, mask) for header, value, mask in tlvs(slot[3:])}
    assert normal(slot[3:]) == normal(serialized(osken_match(fields)))
    read = osken.OFPMatch.parser(slot[3:], 0)
    assert normal(serialized(read)) == normal(slot[3:])
    assert {OURS.get(name, name) for name in dict(read.items())} <= fields.keys()


@settings(max_examples=100, deadline=None)
@given(SEEDED)
def test_the_order_of_words_is_of_no_matter(rng: Random) -> None:
    fields = random_match(rng)
    turned = list(fields.items())
    rng.shuffle(turned)
    slot = POLICY.flow(DROP, **fields).slot
    assert POLICY.flow(DROP, **dict(turned)).slot == slot
    ranks = [next(f for f in FIELDS.values() if f.header == header).rank for header, _, _ in tlvs(slot[3:])]
    assert ranks == sorted(ranks)


def test_every_field_is_one_of_os_ken_and_each_prerequisite_stands_in_front() -> None:
    for f in (f for f in FIELDS.values() if f.name not in ("nd_reserved", "nd_options_type")):  # these are of Open vSwitch alone
        value = {6: "02:00:00:00:00:01", 16: "::1"}.get(f.size, 1)
        ((header, _, _),) = tlvs(serialized(osken.OFPMatch(**{OSKEN.get(f.name, f.name): value})))
        assert header == f.words[0], f.name
        assert all(find(name).rank < f.rank for name in f.needs), f.name


def test_each_register_has_a_name_of_its_own() -> None:
    assert len(set(REGISTERS.values())) == len(REGISTERS)
    for name, register in REGISTERS.items():
        assert find(name) is FIELDS[register]


# ---------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, ""),
        ({"in_port": 0xFFFFFFFE}, "in_port=LOCAL"),
        ({"eth_src": "02-00-00-00-00-0A"}, "dl_src=02:00:00:00:00:0a"),
        ({"eth_dst": ("01:00:00:00:00:00", "01:00:00:00:00:00")}, "dl_dst=01:00:00:00:00:00/01:00:00:00:00:00"),
        ({"ipv4_dst": "10.1.2.3/8"}, "ip,nw_dst=10.0.0.0/8"),
        ({"ipv4_dst": "10.1.2.3/255.0.0.255"}, "ip,nw_dst=10.0.0.3/255.0.0.255"),
        ({"ipv4_dst": "10.1.2.3/32"}, "ip,nw_dst=10.1.2.3"),
        ({"ipv4_dst": "10.1.2.3/0"}, "ip"),
        ({"ipv4_dst": IPv4("10.1.2.3")}, "ip,nw_dst=10.1.2.3"),
        ({"ipv4_dst": (0x0A010203, 0xFFFF0000)}, "ip,nw_dst=10.1.0.0/16"),
        ({"ipv6_dst": "2001:db8::1/64"}, "ipv6,ipv6_dst=2001:db8::/64"),
        ({"ipv6_dst": IPv6("2001:db8::1")}, "ipv6,ipv6_dst=2001:db8::1"),
        ({"arp_spa": "10.0.0.0/24"}, "arp,arp_spa=10.0.0.0/24"),
        ({"network": 3}, "reg0=0x3"),
        ({"network": "0x10"}, "reg0=0x10"),
        ({"metadata": (0xFF, 0x0F)}, "metadata=0xf/0xf"),
        ({"vlan_vid": 0}, "vlan_tci=0x0000/0x1fff"),
        ({"vlan_vid": 0x1000 | 4095, "vlan_pcp": 7}, "dl_vlan=4095,dl_vlan_pcp=7"),
        ({"vlan_vid": (0x1000, 0x1000)}, "vlan_tci=0x1000/0x1000"),
        ({"ct_state": 0x21}, "ct_state=new|trk"),
        ({"ct_state": (0x21, 0x23)}, "ct_state=+new-est+trk"),
        ({"ct_state": (0, 0)}, ""),
        ({"eth_type": IPV4, "tcp_dst": (80, 0xFFFF)}, "tcp,tp_dst=80"),
        ({"ip_proto": 47, "eth_type": IPV6}, "ipv6,nw_proto=47"),
        ({"ip_dscp": 46, "eth_type": IPV4}, "ip,nw_tos=184"),
    ],
)
def test_values_as_people_write_them(fields: dict[str, Any], text: str) -> None:
    assert match(**fields) == text


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"ipv4_src": "10.0.0.1"}, "ip,nw_src=10.0.0.1"),
        ({"icmpv4_type": 8}, "icmp,icmp_type=8"),
        ({"icmpv6_type": 128}, "icmp6,icmp_type=128"),
        ({"nd_sll": "02:00:00:00:00:01"}, "icmp6,icmp_type=135,nd_sll=02:00:00:00:00:01"),
        ({"nd_tll": "02:00:00:00:00:01", "nd_target": "::1"}, "icmp6,icmp_type=136,nd_target=::1,nd_tll=02:00:00:00:00:01"),
        ({"arp_op": 1}, "arp,arp_op=1"),
        ({"tcp_dst": 80, "ipv6_src": "::1"}, "tcp6,ipv6_src=::1,tp_dst=80"),
        ({"udp_dst": 53, "eth_type": IPV4}, "udp,tp_dst=53"),
        ({"eth_type": IPV4, "ip_proto": 6, "tcp_dst": 80}, "tcp,tp_dst=80"),
    ],
)
def test_what_a_field_needs_and_is_clear_is_added(fields: dict[str, Any], text: str) -> None:
    assert match(**fields) == text


# ---------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"tcp_dst": 23}, "tcp_dst is ambiguous; add eth_type=IPV4 or eth_type=IPV6 (for both: one flow each)"),
        ({"nd_target": "::1"}, "nd_target is ambiguous; add icmpv6_type=135 or icmpv6_type=136 (for both: one flow each)"),
        ({"vlan_pcp": 3}, "vlan_pcp needs vlan_vid; add vlan_vid=..."),
        ({"ipv4_src": "10.0.0.1", "ipv6_dst": "::1"}, "ipv6_dst needs eth_type=IPV6, ipv4_src needs eth_type=IPV4"),
        ({"tcp_dst": 1, "udp_dst": 1, "eth_type": IPV4}, "udp_dst needs ip_proto=17, tcp_dst needs ip_proto=6"),
        ({"nd_sll": Mac(1), "nd_tll": Mac(1)}, "nd_tll needs icmpv6_type=136, nd_sll needs icmpv6_type=135"),
        ({"arp_op": 1, "ipv4_src": "10.0.0.1"}, "ipv4_src needs eth_type=IPV4, arp_op needs eth_type=ARP"),
        ({"network": 1, "reg0": 1}, "reg0 and network are the same field; give one of them"),
        ({"eth_sorce": Mac(1)}, "there is no match field 'eth_sorce'; near: eth_src, eth_dst, eth_type"),
        ({"dl_dst": Mac(1)}, "there is no match field 'dl_dst'; near: eth_dst"),
        ({"tp_dst": 23}, "there is no match field 'tp_dst'; near: tcp_dst, udp_dst, sctp_dst"),
    ],
)
def test_words_that_do_not_go_together(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(TypeError) as error:
        match(**fields)
    assert str(error.value) == said


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"eth_type": ARP, "ipv4_src": "10.0.0.1"},
            "eth_type=2054 does not go with the rest of the match; it needs eth_type=IPV4",
        ),
        (
            {"eth_type": IPV4, "ip_proto": 17, "tcp_dst": 1},
            "ip_proto=17 does not go with the rest of the match; it needs ip_proto=6",
        ),
        ({"in_port": 1 << 32}, "in_port: 4294967296 does not fit in 32 bits"),
        ({"in_port": -1}, "in_port: -1 does not fit in 32 bits"),
        ({"vlan_vid": 0x2000}, "vlan_vid: 8192 does not fit in 13 bits"),
        ({"vlan_vid": 10}, "vlan_vid=10 is no tag; write vlan_vid=0x1000 | 10, or 0 for frames without a tag"),
        ({"eth_type": IPV4, "ip_dscp": 64}, "ip_dscp: 64 does not fit in 6 bits"),
        ({"arp_op": 256}, "arp_op: 256 does not fit in 8 bits"),
        ({"in_port": "three"}, "in_port: 'three' is neither a number nor an address"),
        ({"in_port": 3.0}, "in_port: 3.0 is not a number"),
        ({"in_port": None}, "in_port: None is not a number"),
        ({"in_port": (1, 1)}, "in_port takes no mask; match one value, or write a flow for each value"),
        ({"eth_src": b"\2\0\0"}, "eth_src: b'\\x02\\x00\\x00' is not 6 bytes"),
        ({"eth_src": "02:00"}, "'02:00' is not a MAC address; write it as 02:00:00:00:00:01"),
        ({"ipv4_src": "10.0.0.0/33"}, "ipv4_src: a prefix of /33 is longer than 32 bits"),
        ({"ipv4_src": "10.0.0"}, "ipv4_src: '10.0.0' is neither a number nor an address"),
    ],
)
def test_values_that_do_not_fit(fields: dict[str, Any], said: str) -> None:
    for _ in range(2):  # the second time the shape is known
        with pytest.raises(ValueError, match=r".") as error:
            match(**fields)
        assert str(error.value) == said


def test_a_wrong_ipv6_address_is_named() -> None:
    with pytest.raises(ValueError, match=r"10::1::2"):
        match(ipv6_src="10::1::2")


@pytest.mark.parametrize("priority", [-1, 65536])
def test_a_priority_out_of_range(priority: int) -> None:
    with pytest.raises(ValueError, match=rf"priority {priority} is not in 0..65535"):
        POLICY.flow(DROP, priority=priority, in_port=1)


def test_a_stage_that_is_in_no_pipeline() -> None:
    with pytest.raises(TypeError, match=r"stage MIRROR is in no pipeline yet; name it in the app"):
        Stage("MIRROR", after=LEARN).flow(DROP, in_port=1)
    with pytest.raises(TypeError, match=r"stage MIRROR: say which stage it follows"):
        Stage("MIRROR")


def test_a_mistake_leaves_the_shape_usable() -> None:
    for wrong in (None, "x", (1, 2)):
        with pytest.raises(ValueError, match="in_port"):
            match(in_port=wrong, eth_src=Mac(1))
    assert match(in_port=1, eth_src=Mac(1)) == "in_port=1,dl_src=00:00:00:00:00:01"
