"""Flows as people read them: the text of ovs-ofctl(8), made from bytes where a person or a test looks.

What is not known here, or is no flow at all, is written as hexadecimal: `raw(ffff0018...)`. So nothing is hidden, and any bytes
that a switch may hold have a text.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import unpack_from

from controller.pipeline.action_text import action_words, actions_text
from controller.pipeline.field_text import NONSENSE, PORTS, Masked, mask_text, raw, tlvs, value_text
from controller.pipeline.fields import OFCTL
from controller.pipeline.flow import ANY, GROUP_KINDS, GROUP_SLOT, METER_SLOT, Flow
from controller.pipeline.stages import STAGES

__all__ = ["actions_text", "body_text", "flow_text", "group_text", "match_text", "meter_text"]

TCP_FLAGS = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns", "[200]", "[400]", "[800]")
CT_STATES = ("new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat")
ETHERTYPES = {0x0800: "ip", 0x0806: "arp", 0x8035: "rarp", 0x86DD: "ipv6", 0x8847: "mpls", 0x8848: "mplsm"}
PROTOCOLS = {
    ("ip", 1): "icmp", ("ip", 6): "tcp", ("ip", 17): "udp", ("ip", 132): "sctp",
    ("ipv6", 58): "icmp6", ("ipv6", 6): "tcp6", ("ipv6", 17): "udp6", ("ipv6", 132): "sctp6",
}  # fmt: skip
KINDS = {number: "ff" if name == "failover" else name for name, number in GROUP_KINDS.items()}


def match_text(slot: bytes) -> str:
    """The match of a flow, as "in_port=1,dl_src=02:00:00:00:00:01"; empty where it matches everything."""
    try:
        (length,) = unpack_from("!H", slot, 5)
        return ",".join(_match_words(dict(tlvs(slot[7 : 3 + length]))))
    except NONSENSE:
        return raw(slot[3:])


def _match_words(values: dict[str, Masked]) -> list[str]:
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
    return words + [_word(name, value, mask) for name, (value, mask) in values.items()]


def _vlan(vid: Masked | None, pcp: Masked | None) -> Iterator[str]:
    """Tag and priority: by their names where all of both is matched, else the bits of the tag control information."""
    vid = vid or (bytes(2), bytes(2))
    if pcp is None and vid[1] == bytes(2):
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


def _flags(names: tuple[str, ...], value: int, mask: int) -> str:
    """Flags by their names: "new|trk" where all are matched, else "+trk-new"."""
    if mask == (1 << len(names)) - 1:
        return "|".join(name for bit, name in enumerate(names) if value >> bit & 1) or "0"
    return "".join(("+" if value >> bit & 1 else "-") + name for bit, name in enumerate(names) if mask >> bit & 1)


def _word(name: str, value: bytes, mask: bytes | None) -> str:
    number = int.from_bytes(value, "big")
    if name == "ct_state":
        return f"ct_state={_flags(CT_STATES, number, int.from_bytes(mask or b'', 'big'))}"
    if name == "tcp_flags":
        return f"tcp_flags={_flags(TCP_FLAGS, number, int.from_bytes(mask, 'big') if mask else 0xFFF)}"
    if name == "ip_dscp":
        return f"nw_tos={number << 2}"
    if name == "in_port":
        return f"in_port={PORTS.get(number, number)}"
    if name == "ipv6_flabel":
        return f"ipv6_label=0x{number:05x}" + (f"/0x{int.from_bytes(mask, 'big'):05x}" if mask else "")
    if mask and len(value) == 2:
        return f"{OFCTL[name]}=0x{number:x}/{mask_text(name, mask)}"
    return f"{OFCTL.get(name, name)}={value_text(name, value)}" + (f"/{mask_text(name, mask)}" if mask else "")


def body_text(body: bytes) -> str:
    """The instructions of a flow as an actions list: "meter:3,set_field:...,goto_table:50"; "drop" for none."""
    words: list[str] = []
    pos = 0
    while pos < len(body):
        instruction = body[pos : pos + max(8, int.from_bytes(body[pos + 2 : pos + 4], "big"))]
        words += _instruction(int.from_bytes(instruction[:2], "big"), instruction)
        pos += len(instruction)
    return ",".join(words) or "drop"


def _instruction(kind: int, instruction: bytes) -> Iterator[str]:
    if len(instruction) < 8 or len(instruction) != int.from_bytes(instruction[2:4], "big"):
        yield raw(instruction)
    elif kind == 1:
        yield f"goto_table:{instruction[4]}"
    elif kind == 4:
        yield from action_words(instruction[8:])
    elif kind == 6:
        yield f"meter:{int.from_bytes(instruction[4:8], 'big')}"
    else:
        yield {2: "write_metadata", 3: "write_actions", 5: "clear_actions"}.get(kind) or raw(instruction)


def group_text(body: bytes) -> str:
    """A group's buckets: "type=all,bucket=actions=...,bucket=..."."""
    kind = body[0] if body else 0
    usual = 1 if kind == GROUP_KINDS["select"] else 0  # the weight that is not said
    words, pos = [f"type={KINDS.get(kind, kind)}"], 1
    while pos + 16 <= len(body):
        size, weight, watch = unpack_from("!HHI", body, pos)
        options = (f"weight:{weight}," if weight != usual else "") + (f"watch_port:{watch}," if watch != ANY else "")
        words.append(f"bucket={options}actions={actions_text(body[pos + 16 : pos + size]) or 'drop'}")
        pos += max(size, 16)
    return ",".join(words)


def meter_text(body: bytes) -> str:
    """A meter's rate: "pktps burst bands=type=drop rate=100 burst_size=100"."""
    flags = int.from_bytes(body[:2], "big")
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
