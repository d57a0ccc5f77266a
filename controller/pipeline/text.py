"""Flows as people read them: the text of ovs-ofctl(8), made from bytes where a person or a test looks.

What is not known here is written as hexadecimal, so that nothing is hidden: `raw(ffff0018...)`.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import unpack_from

from controller.model.address import IPv4, IPv6, Mac
from controller.pipeline.actions import NICIRA
from controller.pipeline.fields import FIELD_OF_HEADER, Field
from controller.pipeline.flow import ANY, GROUP_KINDS, GROUP_SLOT, METER_SLOT, Flow
from controller.pipeline.stages import STAGES

OFCTL = {
    "eth_src": "dl_src", "eth_dst": "dl_dst", "eth_type": "dl_type", "vlan_pcp": "dl_vlan_pcp",
    "ipv4_src": "nw_src", "ipv4_dst": "nw_dst", "ip_proto": "nw_proto", "ip_ecn": "nw_ecn",
    "tcp_src": "tp_src", "tcp_dst": "tp_dst", "udp_src": "tp_src", "udp_dst": "tp_dst",
    "sctp_src": "tp_src", "sctp_dst": "tp_dst",
    "icmpv4_type": "icmp_type", "icmpv4_code": "icmp_code", "icmpv6_type": "icmp_type", "icmpv6_code": "icmp_code",
    "ipv6_flabel": "ipv6_label", "tunnel_id": "tun_id",
}  # fmt: skip
WRITTEN = {
    "ipv4_src": "ip_src", "ipv4_dst": "ip_dst", "ip_ecn": "nw_ecn", "icmpv4_type": "icmp_type", "icmpv4_code": "icmp_code",
    "ipv6_flabel": "ipv6_label", "tunnel_id": "tun_id",
}  # fmt: skip
CT_STATES = ("new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat")
HEXADECIMAL = ("reg", "ct_mark", "metadata", "tunnel_id", "ipv6_flabel", "oxm")
ETHERTYPES = {0x0800: "ip", 0x0806: "arp", 0x8035: "rarp", 0x86DD: "ipv6", 0x8847: "mpls", 0x8848: "mplsm"}
PROTOCOLS = {
    ("ip", 1): "icmp", ("ip", 6): "tcp", ("ip", 17): "udp", ("ip", 132): "sctp",
    ("ipv6", 58): "icmp6", ("ipv6", 6): "tcp6", ("ipv6", 17): "udp6", ("ipv6", 132): "sctp6",
}  # fmt: skip
PORTS = {
    0xFFFFFFF8: "IN_PORT", 0xFFFFFFF9: "TABLE", 0xFFFFFFFA: "NORMAL", 0xFFFFFFFB: "FLOOD", 0xFFFFFFFC: "ALL",
    0xFFFFFFFD: "CONTROLLER", 0xFFFFFFFE: "LOCAL",
}  # fmt: skip
NXM_NAMES = {
    "in_port": "OXM_OF_IN_PORT",
    "eth_dst": "NXM_OF_ETH_DST", "eth_src": "NXM_OF_ETH_SRC", "eth_type": "NXM_OF_ETH_TYPE", "ip_proto": "NXM_OF_IP_PROTO",
    "ipv4_src": "NXM_OF_IP_SRC", "ipv4_dst": "NXM_OF_IP_DST", "arp_op": "NXM_OF_ARP_OP", "arp_spa": "NXM_OF_ARP_SPA",
    "arp_tpa": "NXM_OF_ARP_TPA", "arp_sha": "NXM_NX_ARP_SHA", "arp_tha": "NXM_NX_ARP_THA", "tunnel_id": "NXM_NX_TUN_ID",
}  # fmt: skip
Masked = tuple[bytes, bytes | None]  # value, mask
KINDS = {number: "ff" if name == "failover" else name for name, number in GROUP_KINDS.items()}


def match_text(slot: bytes) -> str:
    """The match of a flow, as "in_port=1,dl_src=02:00:00:00:00:01"; empty where it matches everything."""
    (length,) = unpack_from("!H", slot, 5)
    values = dict(_tlvs(slot[7 : 3 + length]))
    words = []
    ether = values.get("eth_type")
    family = ETHERTYPES.get(int.from_bytes(ether[0], "big"), "") if ether and ether[1] is None else ""
    proto = values.get("ip_proto")
    shorthand = PROTOCOLS.get((family, proto[0][0]), "") if proto and proto[1] is None else ""
    if shorthand or family:
        words.append(shorthand or family)
        values.pop("eth_type")
    if shorthand:
        values.pop("ip_proto")
    words += _vlan(values.pop("vlan_vid", None), values.pop("vlan_pcp", None))
    words += [_word(name, value, mask) for name, (value, mask) in values.items()]
    return ",".join(words)


def _vlan(vid: Masked | None, pcp: Masked | None) -> Iterator[str]:
    """Tag and priority: by their names where all of both is matched, else the bits of the tag control information."""
    if vid is None:
        return
    tci = int.from_bytes(vid[0], "big") | (pcp[0][0] << 13 if pcp else 0)
    mask = (int.from_bytes(vid[1], "big") if vid[1] else 0x1FFF) | (0xE000 if pcp else 0)
    if tci & mask & 0x1000 and mask & 0xFFF in (0, 0xFFF) and mask & 0xEFFF:
        if mask & 0xFFF:
            yield f"dl_vlan={tci & 0xFFF}"
        if pcp:
            yield f"dl_vlan_pcp={tci >> 13}"
    else:
        yield f"vlan_tci=0x{tci:04x}" + ("" if mask == 0xFFFF else f"/0x{mask:04x}")


def _ct_state(value: int, mask: int) -> str:
    """Flags of a connection: "new|trk" where all are matched, else "+trk-new"."""
    if mask == 0xFF:
        return "|".join(name for bit, name in enumerate(CT_STATES) if value >> bit & 1) or "0"
    return "".join(("+" if value >> bit & 1 else "-") + name for bit, name in enumerate(CT_STATES) if mask >> bit & 1)


def _tlvs(tlvs: bytes) -> Iterator[tuple[str, Masked]]:
    pos = 0
    while pos + 4 <= len(tlvs):
        (header,) = unpack_from("!I", tlvs, pos)
        size, masked = header & 0xFF, bool(header & 0x100)
        value = tlvs[pos + 4 : pos + 4 + size]
        plain = header & ~0x1FF | (size // 2 if masked else size)
        f = FIELD_OF_HEADER.get(plain)
        name = f.name if f else f"oxm_{plain >> 16:#x}_{plain >> 9 & 0x7F}"
        yield name, (value[: size // 2], value[size // 2 :]) if masked else (value, None)
        pos += 4 + size


def _word(name: str, value: bytes, mask: bytes | None) -> str:
    number = int.from_bytes(value, "big")
    if name == "ct_state":
        return f"ct_state={_ct_state(number, int.from_bytes(mask or b'', 'big'))}"
    if name == "ip_dscp":
        return f"nw_tos={number << 2}"
    if name == "in_port":
        return f"in_port={PORTS.get(number, number)}"
    if name == "ipv6_flabel":
        return f"ipv6_label=0x{number:05x}" + (f"/0x{int.from_bytes(mask, 'big'):05x}" if mask else "")
    if mask and len(value) == 2:
        return f"{OFCTL[name]}=0x{number:x}/{_mask_text(name, mask)}"
    return f"{OFCTL.get(name, name)}={value_text(name, value)}" + (f"/{_mask_text(name, mask)}" if mask else "")


def _mask_text(name: str, mask: bytes) -> str:
    """A mask: like the value, but numbers always in hexadecimal, and of IP addresses the length of the prefix."""
    ones, width = int.from_bytes(mask, "big"), len(mask) * 8
    prefix = ones.bit_count()
    if name.startswith(("ipv4", "ipv6", "arp_spa", "arp_tpa")) and ones == (1 << width) - (1 << width - prefix):
        return str(prefix)
    return hex(int.from_bytes(mask, "big")) if len(mask) in (1, 2, 8) else value_text(name, mask)


def value_text(name: str, value: bytes) -> str:
    """A value of a field: addresses as such, registers and types in hexadecimal, the rest in decimal."""
    if len(value) == 6:
        return str(Mac(value))
    if len(value) == 16:
        return str(IPv6(value))
    number = int.from_bytes(value, "big")
    if name.startswith(("ipv4", "arp_spa", "arp_tpa")):
        return str(IPv4(number))
    if name == "eth_type":
        return f"0x{number:04x}"
    return f"{number:#x}" if number and name.startswith(HEXADECIMAL) else str(number)


def actions_text(actions: bytes) -> str:
    """An action list as "set_field:0x3->reg2,resubmit(,100)"; empty for none."""
    return ",".join(_actions(actions))


def _actions(actions: bytes) -> Iterator[str]:
    pos = 0
    while pos + 4 <= len(actions):
        kind, size = unpack_from("!HH", actions, pos)
        if size < 8 or pos + size > len(actions):
            break
        yield _action(kind, actions[pos : pos + size])
        pos += size


def _action(kind: int, a: bytes) -> str:
    if kind == 0:
        port, max_len = unpack_from("!IH", a, 4)
        if port == 0xFFFFFFFD:
            return f"CONTROLLER:{max_len}"
        return PORTS.get(port) or f"output:{port}"
    if kind == 22:
        return f"group:{unpack_from('!I', a, 4)[0]}"
    if kind == 25:
        return _set_field(a[4 : 8 + a[7]])
    if kind == 17:
        return f"push_vlan:0x{unpack_from('!H', a, 4)[0]:04x}"
    simple = {18: "pop_vlan", 24: "dec_ttl"}
    if kind in simple:
        return simple[kind]
    if kind == 0xFFFF and unpack_from("!I", a, 4)[0] == NICIRA:
        return _nicira(a)
    return f"raw({a.hex()})"


def _set_field(tlv: bytes) -> str:
    ((name, (value, mask)),) = _tlvs(tlv)
    if name == "vlan_vid":
        return f"set_field:{int.from_bytes(value, 'big')}->vlan_vid"
    return f"set_field:{value_text(name, value)}{'/' + _mask_text(name, mask) if mask else ''}->{WRITTEN.get(name, name)}"


def _nicira(a: bytes) -> str:
    (subtype,) = unpack_from("!H", a, 8)
    if subtype == 14:
        _, table = unpack_from("!HB", a, 10)
        return f"resubmit(,{table})"
    if subtype == 15:
        return f"output:{_nxm(unpack_from('!I', a, 12)[0])}[]"
    if subtype == 6:
        bits, from_bit, to_bit, source, target = unpack_from("!HHHII", a, 10)
        return f"move:{_part(source, from_bit, bits)}->{_part(target, to_bit, bits)}"
    if subtype == 33:
        return _set_field(a[10 : 14 + a[13]])
    if subtype == 37:
        return f"controller({','.join(_controller_properties(a[16:]))})"
    return f"raw({a.hex()})"


def _controller_properties(properties: bytes) -> Iterator[str]:
    pos = 0
    while pos + 4 <= len(properties):
        kind, size = unpack_from("!HH", properties, pos)
        if kind == 0:
            yield f"max_len={unpack_from('!H', properties, pos + 4)[0]}"
        elif kind == 5:
            yield f"meter_id={unpack_from('!I', properties, pos + 4)[0]}"
        elif size:
            yield f"property{kind}={properties[pos + 4 : pos + size].hex()}"
        pos += max(size + -size % 8, 8)


def _part(header: int, first: int, bits: int) -> str:
    """Some bits of a field, "NXM_NX_REG0[0..15]"; all of them are "[]"."""
    f = FIELD_OF_HEADER.get(header)
    which = "" if first == 0 and f is not None and bits == f.bits else f"{first}" if bits == 1 else f"{first}..{first + bits - 1}"
    return f"{_nxm(header)}[{which}]"


def _nxm(header: int) -> str:
    f: Field | None = FIELD_OF_HEADER.get(header)
    if f is None:
        return hex(header)
    return NXM_NAMES.get(f.name) or f"NXM_NX_{f.name.upper()}"


def body_text(body: bytes) -> str:
    """The instructions of a flow as an actions list: "meter:3,set_field:...,goto_table:50"; "drop" for none."""
    words, pos = [], 0
    while pos + 4 <= len(body):
        kind, size = unpack_from("!HH", body, pos)
        if size < 8:
            break
        if kind == 1:
            words.append(f"goto_table:{body[pos + 4]}")
        elif kind == 4:
            words += _actions(body[pos + 8 : pos + size])
        elif kind == 6:
            words.append(f"meter:{unpack_from('!I', body, pos + 4)[0]}")
        else:
            words.append({2: "write_metadata", 3: "write_actions", 5: "clear_actions"}.get(kind, f"instruction{kind}"))
        pos += size
    return ",".join(words) or "drop"


def group_text(body: bytes) -> str:
    """A group's buckets: "type=all,bucket=actions=...,bucket=..."."""
    words, pos = [f"type={KINDS.get(body[0], body[0])}"], 1
    usual = 1 if body[0] == GROUP_KINDS["select"] else 0  # the weight that is not said
    while pos + 16 <= len(body):
        size, weight, watch = unpack_from("!HHI", body, pos)
        options = (f"weight:{weight}," if weight != usual else "") + (f"watch_port:{watch}," if watch != ANY else "")
        words.append(f"bucket={options}actions={actions_text(body[pos + 16 : pos + size]) or 'drop'}")
        pos += max(size, 16)
    return ",".join(words)


def meter_text(body: bytes) -> str:
    """A meter's rate: "pktps burst bands=type=drop rate=100 burst_size=100"."""
    (flags,) = unpack_from("!H", body)
    words = [name for bit, name in ((1, "kbps"), (2, "pktps"), (4, "burst"), (8, "stats")) if flags & bit]
    for pos in range(2, len(body) - 15, 16):
        _, _, rate, burst = unpack_from("!HHII", body, pos)
        words.append(f"bands=type=drop rate={rate}" + (f" burst_size={burst}" if burst else ""))
    return " ".join(words)


def flow_text(flow: Flow) -> str:
    """One line for a flow, group or meter, with the name of its stage."""
    slot, body = flow.slot, flow.body
    if slot[0] == GROUP_SLOT:
        return f"group_id={int.from_bytes(slot[1:], 'big')},{group_text(body)}"
    if slot[0] == METER_SLOT:
        return f"meter_id={int.from_bytes(slot[1:], 'big')} {meter_text(body)}"
    table, priority = unpack_from("!BH", slot)
    names = {stage.table: stage.name for stage in STAGES}
    idle, hard = unpack_from("!HH", flow.opts)
    words = [f"priority={priority}", *([f"idle_timeout={idle}"] if idle else []), *([f"hard_timeout={hard}"] if hard else [])]
    match = match_text(slot)
    return f"{names.get(table, f'table={table}')} {','.join(words)}{',' + match if match else ''} actions={body_text(body)}"
