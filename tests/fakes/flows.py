"""Random flows, groups and meters that Open vSwitch takes, said with the words that authors of apps use."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import strategies as st

from controller.model import IPv4, IPv6, Mac
from controller.pipeline import (
    ARP,
    CONTROLLER,
    FLOOD_PORTS,
    IN_PORT,
    IPV4,
    IPV6,
    POP_VLAN,
    PUSH_VLAN,
    Flow,
    Group,
    Meter,
    Stage,
    bucket,
    controller,
    load,
    move,
    output,
    output_register,
    resubmit,
    set_field,
)
from controller.pipeline.actions import goto, group, meter_instruction
from controller.pipeline.fields import FIELDS
from controller.pipeline.flow import make_group, make_meter
from controller.pipeline.registers import REGISTERS

LOCAL = 0xFFFFFFFE
TAGGED = 0x1000
GROUPS, METERS, PORTS = 4, 4, 8
TCP, UDP, SCTP, ICMP, ICMP6, SOLICIT, ADVERTISE = 6, 17, 132, 1, 58, 135, 136
REGS = [f"reg{n}" for n in range(16)]
TRANSPORTS = {TCP: "tcp", UDP: "udp", SCTP: "sctp"}
ETHERNET = ["eth_src", "eth_dst"]
IPS = ["ip_dscp", "ip_ecn", "nw_ttl"]
ARPS = ["arp_op", "arp_spa", "arp_tpa", "arp_sha", "arp_tha"]
OUTER = ["tun_src", "tun_dst", "tun_ipv6_src", "tun_ipv6_dst"]
ANYWHERE = ["in_port", *ETHERNET, "tunnel_id", *OUTER, *REGS, "ct_state", "ct_zone", "ct_mark", "metadata"]
WRITABLE = [*ETHERNET, "tunnel_id", *OUTER, "metadata", *REGS]  # by a frame of any kind
MOVABLE = [*ETHERNET, "tunnel_id", *OUTER, *REGS]

Match = dict[str, Any]
SEEDED = st.integers(0, (1 << 64) - 1).map(Random)  # for @given: quicker by far than a generator that hypothesis steers


def random_match(rng: Random) -> Match:
    """Names and values of a match, with all that each name needs; in no order."""
    names = set(rng.sample(ANYWHERE, rng.choice((0, 1, 2, 3, 8))))
    match = _frame(rng)
    match |= {name: value(rng, name) for name in names}
    items = list(match.items())
    rng.shuffle(items)
    return dict(items)


def _frame(rng: Random) -> Match:
    """What kind of frame: tag, family, protocol, and fields that go with them."""
    match: Match = {}
    tag = rng.choice((None, None, 0, TAGGED | rng.randrange(4096), (TAGGED, TAGGED), (TAGGED | rng.randrange(4096), 0x1F0F)))
    if tag is not None:
        match["vlan_vid"] = tag
        if tag and rng.random() < 0.5:
            match["vlan_pcp"] = rng.randrange(8)
    family = rng.choice((None, IPV4, IPV4, IPV6, IPV6, ARP, 0x88CC, 0x9000))
    if family is None:
        return match
    match["eth_type"] = family
    if family == ARP:
        match |= some(rng, ARPS)
    elif family == IPV4:
        match |= some(rng, ["ipv4_src", "ipv4_dst", *IPS]) | _protocol(rng, (TCP, UDP, SCTP, ICMP, 89))
    elif family == IPV6:
        match |= some(rng, ["ipv6_src", "ipv6_dst", "ipv6_flabel", *IPS]) | _protocol(rng, (TCP, UDP, SCTP, ICMP6, 89))
    return match


def _protocol(rng: Random, numbers: tuple[int, ...]) -> Match:
    number = rng.choice((None, *numbers))
    if number is None:
        return {}
    match: Match = {"ip_proto": number}
    if number in TRANSPORTS:
        match |= some(rng, [f"{TRANSPORTS[number]}_src", f"{TRANSPORTS[number]}_dst"])
    elif number == ICMP:
        match |= some(rng, ["icmpv4_type", "icmpv4_code"])
    elif number == ICMP6:
        match |= _icmp6(rng)
    return match


def _icmp6(rng: Random) -> Match:
    kind = rng.choice((None, rng.randrange(256), SOLICIT, ADVERTISE))
    if kind not in (SOLICIT, ADVERTISE):
        return some(rng, ["icmpv6_code"]) | ({} if kind is None else {"icmpv6_type": kind})
    return {"icmpv6_type": kind} | some(rng, ["nd_target", "nd_sll" if kind == SOLICIT else "nd_tll"])


def some(rng: Random, names: list[str]) -> Match:
    """A value for some of these."""
    return {name: value(rng, name) for name in names if rng.random() < 0.5}


def value(rng: Random, name: str, masks: bool = True) -> Any:
    """A value as authors write them: numbers, addresses, text, with a mask where the field takes one."""
    f = FIELDS[name]
    if name == "in_port":
        return rng.choice((LOCAL, rng.randint(1, 0xFEFF)))
    exact = plain(rng, name)
    if not (masks and f.masks) or rng.random() < 0.6:
        return exact
    if name.startswith(("ipv4", "arp_spa", "arp_tpa", "ipv6_src", "ipv6_dst", "tun_")) and rng.random() < 0.5:
        return f"{exact}/{rng.randint(0, f.bits)}"
    mask = rng.choice((rng.getrandbits(f.bits), 0, (1 << f.bits) - 1, 1))
    return exact, mask.to_bytes(f.size, "big") if f.is_bytes else mask


def plain(rng: Random, name: str) -> Any:
    """A value without a mask; often the least or the greatest."""
    most = (1 << FIELDS[name].bits) - 1
    bits = rng.choice((rng.randint(0, most), rng.randint(0, most), rng.randint(0, most), 0, most))
    if name.startswith(("ipv4", "arp_spa", "arp_tpa", "tun_src", "tun_dst")):
        return IPv4(bits)
    if FIELDS[name].size == 16:
        return IPv6(bits.to_bytes(16, "big"))
    return Mac(bits) if FIELDS[name].size == 6 else bits


def random_actions(rng: Random, match: Match, table: int) -> list[bytes]:
    """Actions that make sense for a frame that matched, and perhaps where it goes on."""
    actions = [_action(rng, match) for _ in range(rng.choice((0, 1, 1, 2, 3, 6)))]
    if rng.random() < 0.2:
        actions += [PUSH_VLAN, set_field(vlan_vid=TAGGED | rng.randrange(4096))]
    elif isinstance(match.get("vlan_vid"), int) and match["vlan_vid"] & TAGGED and rng.random() < 0.5:
        actions += [POP_VLAN]
    if table < 250 and rng.random() < 0.5:
        actions.insert(rng.randint(0, len(actions)), goto(rng.randint(table + 1, 253)))
    if rng.random() < 0.1:
        actions.insert(rng.randint(0, len(actions)), meter_instruction(rng.randint(1, METERS)))
    return actions


def _action(rng: Random, match: Match) -> bytes:
    """One action; a random one of each kind there is."""
    field = rng.choice([*WRITABLE, *(name for name in match if name in writable(match))])
    return rng.choice(
        (
            lambda: output(rng.choice((LOCAL, rng.randint(1, 0xFEFF)))),
            lambda: rng.choice((CONTROLLER, IN_PORT, FLOOD_PORTS)),
            lambda: controller(rng.choice((0, 128, 0xFFFF)), meter=rng.choice((0, rng.randint(1, METERS)))),
            lambda: group(rng.randint(1, GROUPS)),
            lambda: set_field(**{field: _written(rng, field)}),
            lambda: load(rng.choice(list(REGISTERS)), rng.getrandbits(32)),
            lambda: move(rng.choice([*MOVABLE, *match]), rng.choice([*MOVABLE, field])),
            lambda: output_register(rng.choice([*REGISTERS, *REGS])),
            lambda: resubmit(rng.randint(0, 253)),
        )
    )()


def _written(rng: Random, name: str) -> Any:
    """What to write into a field: the whole of it, or some bits."""
    if not FIELDS[name].masks or rng.random() < 0.6:
        return plain(rng, name)
    mask = rng.getrandbits(FIELDS[name].bits) | 1
    return plain(rng, name), mask.to_bytes(FIELDS[name].size, "big") if FIELDS[name].is_bytes else mask


def writable(match: Match) -> set[str]:
    """Fields that may be written in a frame that matched."""
    fixed = {"in_port", "eth_type", "ip_proto", "vlan_vid", "vlan_pcp", "ct_state", "ct_zone", "ct_mark"}
    return set(match) - fixed


def random_flow(rng: Random) -> Flow:
    """A flow of any table."""
    table = rng.randint(0, 253)
    match = random_match(rng)
    actions, priority = random_actions(rng, match, table), rng.randint(0, 65535)
    idle, hard = rng.choice((0, 0, 7, 65535)), rng.choice((0, 0, 9))
    return Stage("ANY", table).flow(*actions, priority=priority, idle=idle, hard=hard, **match)


def random_group(rng: Random, number: int) -> Group:
    """A group of any kind, its buckets watching a port or not."""
    kind = rng.choice(("all", "select", "indirect", "failover"))
    count = 1 if kind == "indirect" else rng.randint(0 if kind != "failover" else 1, 5)
    return make_group(number, kind, [_bucket(rng, kind) for _ in range(count)])


def _bucket(rng: Random, kind: str) -> bytes:
    options = {"watch_port": rng.randint(1, PORTS)} if kind == "failover" or (kind == "select" and rng.random() < 0.5) else {}
    if kind == "select" and rng.random() < 0.8:
        options["weight"] = rng.randint(1, 0xFFFF)
    actions = [_action(rng, {}) for _ in range(rng.randint(0, 3))]
    actions = [a for a in actions if a[:2] != b"\0\x16"]  # a group in a group: only where it does not lead back
    return bucket(*actions, *([goto(rng.randint(1, 253))] if rng.random() < 0.5 else []), **options)


def random_meter(rng: Random, number: int) -> Meter:
    """A meter in either unit, with and without a burst."""
    burst, rate, kbps = rng.choice((0, rng.randint(1, 100_000))), rng.randint(1, 1 << 31), rng.random() < 0.5
    return make_meter(number, kbps=rate if kbps else 0, pps=0 if kbps else rate, burst=burst)
