"""Actions: `bytes` that are the action as on the wire, so that a list of them joins to an action list.

OpenFlow 1.3/1.4 section 7.2.4, and Nicira extensions of Open vSwitch (ovs-actions(7)). What Open vSwitch reads back
in another form is written in that form at once.
"""

from __future__ import annotations

from functools import lru_cache
from struct import pack
from typing import Any

from controller.pipeline.fields import find, parse

NICIRA = 0x2320
PORT_IN, PORT_TABLE, PORT_FLOOD, PORT_CONTROLLER, PORT_LOCAL = 0xFFFFFFF8, 0xFFFFFFF9, 0xFFFFFFFB, 0xFFFFFFFD, 0xFFFFFFFE


class Action(bytes):
    """One action as on the wire."""

    __slots__ = ()

    def __repr__(self) -> str:
        from controller.pipeline.text import actions_text

        return actions_text(self) or "drop"


class Instruction(bytes):
    """An instruction beside apply-actions: goto, meter."""

    __slots__ = ()


@lru_cache(maxsize=4096)
def output(port: int, max_len: int = 0) -> Action:
    """Send to a port (1..0xffffff00, or a reserved one). `max_len` counts for the controller port only."""
    return Action(pack("!HHIH6x", 0, 16, port, max_len))


CONTROLLER = output(PORT_CONTROLLER, 0xFFFF)
IN_PORT = output(PORT_IN)
FLOOD_PORTS = output(PORT_FLOOD)
TABLE = output(PORT_TABLE)
DROP = Action(b"")
PUSH_VLAN = Action(pack("!HHH2x", 17, 8, 0x8100))
POP_VLAN = Action(pack("!HH4x", 18, 8))


def controller(max_len: int = 0xFFFF, meter: int = 0) -> Action:
    """Copy the first `max_len` bytes to the controller, no faster than `meter` allows (NXAST_CONTROLLER2).

    The meter drops copies, never the frame; the meter *instruction* would drop the frame itself.
    """
    if not meter:
        return output(PORT_CONTROLLER, max_len)
    properties = b"" if max_len == 0xFFFF else pack("!HHH2x", 0, 8, max_len)
    properties += pack("!HHI", 5, 8, meter)
    return _nicira(37, bytes(6) + properties)


def group(number: int) -> Action:
    """Hand the frame to a group."""
    return Action(pack("!HHI", 22, 8, number))


def set_field(**field: Any) -> Action:
    """`set_field(eth_dst=Mac(...))`: write one field. A register by its name, or use `load`."""
    ((name, value),) = field.items()
    f = find(name)
    exact, mask = parse(f, value)
    if mask is not None and not (any(mask) if isinstance(mask, bytes) else mask):
        raise ValueError(f"set_field({name}=...): a mask without a bit writes nothing; leave the action out")
    if mask is not None:  # OpenFlow 1.3 and 1.4 know no mask here: NXAST_REG_LOAD2 is the same action with one
        return _nicira(33, pack(f"!I{f.code}{f.code}", ((f.nxm or f.header) | 0x100) + f.size, exact, mask))
    body = pack(f"!{len(f.words)}I{f.code}", *f.words, exact)
    padding = -(4 + len(body)) % 8
    return Action(pack("!HH", 25, 4 + len(body) + padding) + body + bytes(padding))


@lru_cache(maxsize=65536)
def load(register: str, value: int) -> Action:
    """Set a register of the pipeline: `load("out_port", 3)`."""
    return set_field(**{register: value})


def move(source: str, target: str, bits: int = 0, *, skip: int = 0, at: int = 0) -> Action:
    """Copy `bits` of one field, without the `skip` lowest ones, to another from its bit `at` on.

    Where `bits` are not given: all that fit into the narrower one. Raises ValueError for bits that a field does not have.
    """
    a, b = find(source), find(target)
    bits = bits or min(a.width - skip, b.width - at)
    if min(bits, skip + 1, at + 1) < 1 or skip + bits > a.width or at + bits > b.width:
        raise ValueError(f"bits {skip}..{skip + bits - 1} of {source} do not fit bits {at}..{at + bits - 1} of {target}")
    return _nicira(6, pack("!HHHII", bits, skip, at, a.nxm or a.header, b.nxm or b.header))


def output_register(register: str) -> Action:
    """Send to the port whose number is in a register (never back to the port it came in by)."""
    f = find(register)
    return _nicira(15, pack("!HIH6x", f.width - 1, f.nxm, 0))


def resubmit(table: int) -> Action:
    """Run the frame through a table, then go on with the actions behind this one."""
    return _nicira(14, pack("!HB3x", 0xFFF8, table))


@lru_cache(maxsize=256)
def goto(table: int) -> Instruction:
    """Go on in a later table."""
    return Instruction(pack("!HHB3x", 1, 8, table))


def meter_instruction(number: int) -> Instruction:
    """Drop the frame when the meter says so."""
    return Instruction(pack("!HHI", 6, 8, number))


def _nicira(subtype: int, body: bytes) -> Action:
    size = 10 + len(body)
    padding = -size % 8
    return Action(pack("!HHIH", 0xFFFF, size + padding, NICIRA, subtype) + body + bytes(padding))


_memo: dict[tuple[bytes, ...], bytes] = {}


def instructions(actions: tuple[bytes, ...]) -> bytes:
    """Instructions in the order of Open vSwitch: meter, apply-actions, goto. Few distinct lists exist: remembered."""
    body = _memo.get(actions)
    if body is None:
        for a in actions:
            if not isinstance(a, Action | Instruction):
                raise TypeError(f"{a!r} is not an action; write output(3), load(...), NEXT, DROP ...")
        apply = b"".join(a for a in actions if isinstance(a, Action))
        after = [a for a in actions if isinstance(a, Instruction)]
        meters = b"".join(a for a in after if a[1] == 6)
        gotos = [a for a in after if a[1] == 1]
        if len(gotos) > 1:
            raise TypeError("a flow can go on in one table only; give one of NEXT or to(STAGE)")
        if len(_memo) > 200_000:
            _memo.clear()
        body = meters + (pack("!HH4x", 4, 8 + len(apply)) + apply if apply else b"") + b"".join(gotos)
        _memo[actions] = body
    return body
