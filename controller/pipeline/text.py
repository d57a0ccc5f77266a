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
ETHERTYPES = {0x0800: "ip", 0x0806: "arp", 0x86DD: "ipv6"}
PROTOCOLS = {
    ("ip", 1): "icmp", ("ip", 6): "tcp", ("ip", 17): "udp", ("ip", 132): "sctp",
    ("ipv6", 58): "icmp6", ("ipv6", 6): "tcp6", ("ipv6", 17): "udp6", ("ipv6", 132): "sctp6",
}  # fmt: skip
PORTS = {
    0xFFFFFFF8: "IN_PORT", 0xFFFFFFF9: "TABLE", 0xFFFFFFFA: "NORMAL", 0xFFFFFFFB: "FLOOD", 0xFFFFFFFC: "ALL",
    0xFFFFFFFD: "CONTROLLER", 0xFFFFFFFE: "LOCAL",
}  # fmt: skip
NXM_NAMES = {
    "eth_dst": "NXM_OF_ETH_DST", "eth_src": "NXM_OF_ETH_SRC", "eth_type": "NXM_OF_ETH_TYPE", "ip_proto": "NXM_OF_IP_PROTO",
    "ipv4_src": "NXM_OF_IP_SRC", "ipv4_dst": "NXM_OF_IP_DST", "arp_op": "NXM_OF_ARP_OP", "arp_spa": "NXM_OF_ARP_SPA",
    "arp_tpa": "NXM_OF_ARP_TPA", "arp_sha": "NXM_NX_ARP_SHA", "arp_tha": "NXM_NX_ARP_THA", "tunnel_id": "NXM_NX_TUN_ID",
}  # fmt: skip
KINDS = {number: name for name, number in GROUP_KINDS.items()}


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
    words += [_word(name, value, mask) for name, (value, mask) in values.items()]
    return ",".join(words)


def _tlvs(tlvs: bytes) -> Iterator[tuple[str, tuple[bytes, bytes | None]]]:
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
    if name == "vlan_vid":
        if mask is None and number & 0x1000:
            return f"dl_vlan={number & 0xFFF}"
        return f"vlan_tci=0x{number:04x}/0x{int.from_bytes(mask, 'big') if mask else 0x1FFF:04x}"
    if name == "ip_dscp":
        return f"nw_tos={number << 2}"
    if name == "in_port":
        return f"in_port={PORTS.get(number, number)}"
    text = OFCTL.get(name, name) + "=" + value_text(name, value)
    if mask is None:
        return text
    ones = int.from_bytes(mask, "big")
    width = len(mask) * 8
    prefix = bin(ones).count("1")
    if name.startswith(("ipv4", "ipv6", "arp_spa", "arp_tpa")) and ones == (1 << width) - (1 << width - prefix):
        return f"{text}/{prefix}"
    return f"{text}/{value_text(name, mask)}"


def value_text(name: str, value: bytes) -> str:
    """A value of a field: addresses as such, registers and types in hexadecimal, the rest in decimal."""
    if len(value) == 6:
        return str(Mac(value))
    if len(value) == 16:
        return str(IPv6(value))
    number = int.from_bytes(value, "big")
    if name.startswith(("ipv4", "arp_spa", "arp_tpa")):
        return str(IPv4(number))
    hexadecimal = name.startswith(("reg", "eth_type", "ct_mark", "ct_state", "metadata", "tunnel_id", "oxm", "ipv6_flabel"))
    return hex(number) if hexadecimal else str(number)


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
        ((name, (value, mask)),) = _tlvs(a[4 : 8 + a[7]])
        if name == "vlan_vid":
            return f"set_field:{int.from_bytes(value, 'big')}->vlan_vid"
        return f"set_field:{value_text(name, value)}{'/' + value_text(name, mask) if mask else ''}->{name}"
    if kind == 17:
        return f"push_vlan:0x{unpack_from('!H', a, 4)[0]:04x}"
    simple = {18: "pop_vlan", 24: "dec_ttl"}
    if kind in simple:
        return simple[kind]
    if kind == 0xFFFF and unpack_from("!I", a, 4)[0] == NICIRA:
        return _nicira(a)
    return f"raw({a.hex()})"


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
    while pos + 16 <= len(body):
        size, weight, watch = unpack_from("!HHI", body, pos)
        options = (f"weight:{weight}," if weight else "") + (f"watch_port:{watch}," if watch != ANY else "")
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
