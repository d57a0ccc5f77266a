"""Match fields: their names, headers on the wire, widths, and what each of them needs beside it.

The order of the table is the order in which Open vSwitch gives fields back (`nx_put_raw` in lib/nx-match.c,
measured on 3.1); it also satisfies every prerequisite. Names are those of the OpenFlow specification (OXM), section 7.2.3.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Any

from controller.model.address import Mac
from controller.pipeline.registers import REGISTERS

TAGGED = 0x1000  # OFPVID_PRESENT: in vlan_vid beside the number of the tag
IPV4, ARP, IPV6, LLDP = 0x0800, 0x0806, 0x86DD, 0x88CC
NAMES_OF_VALUES = {"eth_type": {IPV4: "IPV4", ARP: "ARP", IPV6: "IPV6"}}

OF_EXPERIMENTERS, ONF_EXTENSION = 0xFFFF0000, 0x4F4E4600  # class of their fields; whose fields came before OpenFlow 1.5

Value = int | bytes

_WIDTHS = {"vlan_vid": 12, "arp_op": 16, "ct_state": 32}
_WHOLE = {"in_port", "eth_type", "vlan_pcp", "ip_dscp", "ip_ecn", "nw_ttl", "ip_proto", "arp_op", "ct_zone"}
_WHOLE |= {"icmpv4_type", "icmpv4_code", "icmpv6_type", "icmpv6_code", "nd_reserved", "nd_options_type"}


@dataclass(frozen=True, eq=False)
class Field:
    """One match field. `rank` is its place in a match, `header` its OXM or NXM header without the mask bit."""

    name: str
    rank: int
    header: int
    code: str  # struct code of the value
    bits: int
    needs: dict[str, tuple[int, ...]] = field(default_factory=dict)  # field -> values of which one must be matched
    nxm: int = 0  # header inside move(): Open vSwitch gives the NXM one back where it exists

    @property
    def size(self) -> int:
        """Bytes of the value."""
        return self.header & 0xFF

    @property
    def words(self) -> tuple[int, ...]:
        """What stands before the value: the header, and of an experimenter's field its id, which counts for the length."""
        return (self.header + 4, ONF_EXTENSION) if self.header >= OF_EXPERIMENTERS else (self.header,)

    @property
    def is_bytes(self) -> bool:
        """True where the value is `bytes` (addresses of 48 and 128 bits)."""
        return self.code.endswith("s")

    @property
    def width(self) -> int:
        """Bits of the field in Open vSwitch, which `move` copies; of some of them a match takes fewer."""
        return _WIDTHS.get(self.name, self.bits)

    @property
    def masks(self) -> bool:
        """True where a match may name some bits of the field only (ovs-fields(7))."""
        return self.name not in _WHOLE


def _oxm(number: int, size: int) -> int:
    return 0x80000000 | number << 9 | size


def _nxm1(number: int, size: int) -> int:
    return 0x00010000 | number << 9 | size


def _nxm0(number: int, size: int) -> int:
    return number << 9 | size


Needs = dict[str, tuple[int, ...]]  # field -> values of which one must be matched; none: any value will do

_IP: Needs = {"eth_type": (IPV4, IPV6)}
_V4: Needs = {"eth_type": (IPV4,)}
_V6: Needs = {"eth_type": (IPV6,)}
_ARP: Needs = {"eth_type": (ARP,)}
_TCP: Needs = {"ip_proto": (6,)}
_UDP: Needs = {"ip_proto": (17,)}
_SCTP: Needs = {"ip_proto": (132,)}
_ICMP: Needs = {"ip_proto": (1,)}
_ICMP6: Needs = {"eth_type": (IPV6,), "ip_proto": (58,)}
_VLAN: Needs = {"vlan_vid": ()}

_TABLE: list[tuple[str, int, str, int, Needs, int]] = [
    ("in_port", _oxm(0, 4), "I", 32, {}, 0),
    ("eth_src", _oxm(4, 6), "6s", 48, {}, _nxm0(2, 6)),
    ("eth_dst", _oxm(3, 6), "6s", 48, {}, _nxm0(1, 6)),
    ("eth_type", _oxm(5, 2), "H", 16, {}, _nxm0(3, 2)),
    ("vlan_vid", _oxm(6, 2), "H", 13, {}, 0),
    ("vlan_pcp", _oxm(7, 1), "B", 3, _VLAN, 0),
    ("ipv4_src", _oxm(11, 4), "I", 32, _V4, _nxm0(7, 4)),
    ("ipv4_dst", _oxm(12, 4), "I", 32, _V4, _nxm0(8, 4)),
    ("ipv6_src", _oxm(26, 16), "16s", 128, _V6, _nxm1(19, 16)),
    ("ipv6_dst", _oxm(27, 16), "16s", 128, _V6, _nxm1(20, 16)),
    ("ip_dscp", _oxm(8, 1), "B", 6, _IP, 0),
    ("ip_ecn", _oxm(9, 1), "B", 2, _IP, _nxm1(28, 1)),
    ("nw_ttl", _nxm1(29, 1), "B", 8, _IP, _nxm1(29, 1)),
    ("ipv6_flabel", _oxm(28, 4), "I", 20, _V6, _nxm1(27, 4)),
    ("ip_proto", _oxm(10, 1), "B", 8, _IP, _nxm0(6, 1)),
    ("tcp_src", _oxm(13, 2), "H", 16, _TCP, _nxm0(9, 2)),
    ("tcp_dst", _oxm(14, 2), "H", 16, _TCP, _nxm0(10, 2)),
    ("tcp_flags", 0xFFFF0000 | 42 << 9 | 2, "H", 12, _TCP, _nxm1(34, 2)),
    ("udp_src", _oxm(15, 2), "H", 16, _UDP, _nxm0(11, 2)),
    ("udp_dst", _oxm(16, 2), "H", 16, _UDP, _nxm0(12, 2)),
    ("sctp_src", _oxm(17, 2), "H", 16, _SCTP, 0),
    ("sctp_dst", _oxm(18, 2), "H", 16, _SCTP, 0),
    ("icmpv4_type", _oxm(19, 1), "B", 8, _V4 | _ICMP, _nxm0(13, 1)),
    ("icmpv4_code", _oxm(20, 1), "B", 8, _V4 | _ICMP, _nxm0(14, 1)),
    ("icmpv6_type", _oxm(29, 1), "B", 8, _ICMP6, _nxm1(21, 1)),
    ("icmpv6_code", _oxm(30, 1), "B", 8, _ICMP6, _nxm1(22, 1)),
    ("nd_reserved", 0x10000204, "I", 32, {"icmpv6_type": (135, 136)}, 0x10000204),  # the flags of an advertisement; OVS 2.11
    ("nd_target", _oxm(31, 16), "16s", 128, {"icmpv6_type": (135, 136)}, _nxm1(23, 16)),
    ("nd_options_type", 0x10000401, "B", 8, {"icmpv6_type": (135, 136)}, 0x10000401),  # 1: its option is nd_sll, 2: nd_tll
    ("nd_sll", _oxm(32, 6), "6s", 48, {"icmpv6_type": (135,)}, _nxm1(24, 6)),
    ("nd_tll", _oxm(33, 6), "6s", 48, {"icmpv6_type": (136,)}, _nxm1(25, 6)),
    ("arp_op", _oxm(21, 2), "H", 8, _ARP, _nxm0(15, 2)),  # of 16 bits Open vSwitch keeps 8
    ("arp_spa", _oxm(22, 4), "I", 32, _ARP, _nxm0(16, 4)),
    ("arp_tpa", _oxm(23, 4), "I", 32, _ARP, _nxm0(17, 4)),
    ("arp_sha", _oxm(24, 6), "6s", 48, _ARP, _nxm1(17, 6)),
    ("arp_tha", _oxm(25, 6), "6s", 48, _ARP, _nxm1(18, 6)),
    ("tunnel_id", _oxm(38, 8), "Q", 64, {}, _nxm1(16, 8)),
    ("tun_src", _nxm1(31, 4), "I", 32, {}, _nxm1(31, 4)),  # of the outer header; 0 where a frame came by no tunnel
    ("tun_dst", _nxm1(32, 4), "I", 32, {}, _nxm1(32, 4)),
    ("tun_ipv6_src", _nxm1(109, 16), "16s", 128, {}, _nxm1(109, 16)),
    ("tun_ipv6_dst", _nxm1(110, 16), "16s", 128, {}, _nxm1(110, 16)),
    *[(f"reg{i}", _nxm1(i, 4), "I", 32, {}, _nxm1(i, 4)) for i in range(16)],
    ("ct_state", _nxm1(105, 4), "I", 8, {}, _nxm1(105, 4)),
    ("ct_zone", _nxm1(106, 2), "H", 16, {}, _nxm1(106, 2)),
    ("ct_mark", _nxm1(107, 4), "I", 32, {}, _nxm1(107, 4)),
    ("metadata", _oxm(2, 8), "Q", 64, {}, 0),
]

FIELDS = {row[0]: Field(row[0], rank, *row[1:]) for rank, row in enumerate(_TABLE)}
FIELD_OF_HEADER = {f.header: f for f in FIELDS.values()} | {f.nxm: f for f in FIELDS.values() if f.nxm}
OFCTL = {  # the names that ovs-ofctl has for them, and `weft flows`
    "eth_src": "dl_src", "eth_dst": "dl_dst", "eth_type": "dl_type", "vlan_pcp": "dl_vlan_pcp",
    "ipv4_src": "nw_src", "ipv4_dst": "nw_dst", "ip_proto": "nw_proto", "ip_ecn": "nw_ecn",
    "tcp_src": "tp_src", "tcp_dst": "tp_dst", "udp_src": "tp_src", "udp_dst": "tp_dst",
    "sctp_src": "tp_src", "sctp_dst": "tp_dst",
    "icmpv4_type": "icmp_type", "icmpv4_code": "icmp_code", "icmpv6_type": "icmp_type", "icmpv6_code": "icmp_code",
    "ipv6_flabel": "ipv6_label", "tunnel_id": "tun_id",
}  # fmt: skip


def find(name: str) -> Field:
    """The field of this name or register name. Raises TypeError with the names that are near."""
    f = FIELDS.get(REGISTERS.get(name, name))
    if f is None:
        known = (*REGISTERS, *FIELDS)
        near = [n for n in known if OFCTL.get(n) == name] or [n for n in known if n[:2] == name[:2]] or known
        raise TypeError(f"there is no match field {name!r}; near: {', '.join(near)}")
    return f


def parse(f: Field, value: Any) -> tuple[Value, Value | None]:
    """A value as an author writes it (number, address, text, `(value, mask)`, "10.0.0.0/8") -> (value, mask or None).

    Brought to the form that Open vSwitch reads back: bits outside the mask are zero, a full mask is None.
    Raises ValueError where it does not fit the field.
    """
    mask: Any = None
    if isinstance(value, tuple):
        value, mask = value
    elif isinstance(value, str) and "/" in value:
        value, _, mask = value.partition("/")
    exact = _one(f, value)
    if mask is None and f.name == "vlan_vid" and 0 < int(exact) < TAGGED:
        raise ValueError(f"vlan_vid={exact!r} is no tag; write vlan_vid=0x1000 | {exact!r}, or 0 for frames without a tag")
    if mask is None:
        return (exact, 0xFF) if f.name == "ct_state" else (exact, None)  # ct_state is always read back with a mask
    wide = _mask(f, mask)
    masked: Value
    if isinstance(exact, bytes) and isinstance(wide, bytes):
        masked = bytes(a & b for a, b in zip(exact, wide, strict=True))
        full: Value = b"\xff" * f.size
    else:
        masked = int(exact) & int(wide)
        full = (1 << f.bits) - 1
    if not f.masks and wide not in (full, 0):
        raise ValueError(f"{f.name} takes no mask; match one value, or write a flow for each value")
    return (masked, None) if wide == full and f.name != "ct_state" else (masked, wide)


def _mask(f: Field, mask: Any) -> Value:
    if isinstance(mask, str) and mask.isdigit() and f.bits in (32, 128):
        ones = (1 << f.bits) - (1 << (f.bits - int(mask))) if int(mask) <= f.bits else -1
        if ones < 0:
            raise ValueError(f"{f.name}: a prefix of /{mask} is longer than {f.bits} bits")
        return ones.to_bytes(16, "big") if f.is_bytes else ones
    return _one(f, mask)


def _one(f: Field, value: Any) -> Value:
    if f.size == 6:
        return Mac(value)
    if f.size == 16:
        return value if isinstance(value, bytes) and len(value) == 16 else ipaddress.IPv6Address(value).packed
    if isinstance(value, str):
        try:
            value = int(ipaddress.IPv4Address(value)) if "." in value else int(value, 0)
        except ValueError:
            raise ValueError(f"{f.name}: {value!r} is neither a number nor an address") from None
    if not isinstance(value, int):
        raise ValueError(f"{f.name}: {value!r} is not a number")
    if not 0 <= value < 1 << f.bits:
        raise ValueError(f"{f.name}: {value} does not fit in {f.bits} bits")
    return int(value)
