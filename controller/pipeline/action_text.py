"""Actions as people read them: the text of ovs-actions(7)."""

from __future__ import annotations

from collections.abc import Iterator
from struct import unpack_from

from controller.pipeline.actions import NICIRA
from controller.pipeline.field_text import NONSENSE, PORTS, mask_text, raw, tlvs, value_text
from controller.pipeline.fields import FIELD_OF_HEADER
from controller.pipeline.stateful_text import ct_text, learn_text, multipath_text, nat_text

WRITTEN = {
    "ipv4_src": "ip_src", "ipv4_dst": "ip_dst", "ip_ecn": "nw_ecn", "icmpv4_type": "icmp_type", "icmpv4_code": "icmp_code",
    "ipv6_flabel": "ipv6_label", "tunnel_id": "tun_id",
}  # fmt: skip
NXM = {**WRITTEN, "ip_ecn": "ip_ecn", "nw_ttl": "ip_ttl", "tun_src": "tun_ipv4_src", "tun_dst": "tun_ipv4_dst"}


def actions_text(actions: bytes) -> str:
    """An action list as "set_field:0x3->reg2,resubmit(,100)"; empty for none."""
    return ",".join(action_words(actions))


def action_words(actions: bytes) -> Iterator[str]:
    """The text of each action."""
    pos = 0
    while pos < len(actions):
        a = actions[pos : pos + max(8, int.from_bytes(actions[pos + 2 : pos + 4], "big"))]
        try:
            yield _action(int.from_bytes(a[:2], "big"), a)
        except NONSENSE:
            yield raw(a)
        pos += len(a)


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
    return raw(a)


def _set_field(tlv: bytes) -> str:
    ((name, (value, mask)),) = tlvs(tlv)
    if name == "vlan_vid":
        return f"set_field:{int.from_bytes(value, 'big')}->vlan_vid"
    return f"set_field:{value_text(name, value)}{'/' + mask_text(name, mask) if mask else ''}->{WRITTEN.get(name, name)}"


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
    return _stateful(subtype, a)


def _stateful(subtype: int, a: bytes) -> str:
    if subtype == 35:
        return ct_text(a, _part, lambda inner: [*action_words(inner)])
    if subtype == 36:
        return nat_text(a)
    if subtype == 10:
        return multipath_text(a, _part)
    if subtype == 45:
        return learn_text(a, _part)
    return raw(a)


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
    if f is not None and first == 0 and bits == f.width:
        return f"{_nxm(header)}[]"
    return f"{_nxm(header)}[{first}]" if bits == 1 else f"{_nxm(header)}[{first}..{first + bits - 1}]"


def _nxm(header: int) -> str:
    """The name of a field inside an action, such as NXM_OF_ETH_SRC."""
    f = FIELD_OF_HEADER.get(header)
    if f is None:
        return hex(header)
    family = {0: "NXM_OF", 1: "NXM_NX"}.get(header >> 16, "OXM_OF")
    return f"{family}_{NXM.get(f.name, f.name).upper()}"
