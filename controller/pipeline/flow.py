"""Flow, Group, Meter: what should exist on a bridge, as canonical bytes.

    slot   what makes it the same thing   table(1) priority(2) match | 255 group id(4) | 254 meter id(4)
    body   what it does                   instructions               | type, buckets   | flags, bands
    opts   idle(2) hard(2) flags(2) importance(2)

One shape for all three: one store, one diff, one status. Text and objects are made from it for people only.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from struct import pack
from typing import NamedTuple

from controller.model.rows import Key, Row
from controller.pipeline.actions import Action, Instruction, meter_instruction, resubmit
from controller.pipeline.actions import group as group_action

METER_SLOT, GROUP_SLOT = 254, 255
NO_OPTS = bytes(8)
SEND_FLOW_REMOVED = 1
ANY = 0xFFFFFFFF
NO_WEIGHT, NO_PORT = bytes(2), b"\xff" * 4  # as in a bucket
GROUP_KINDS = {"all": 0, "select": 1, "indirect": 2, "failover": 3}

Where = str | Row | Key | None  # a row is turned into the key of its scope when it is settled


class Flow(NamedTuple):
    """A flow that should exist. `where`: a bridge name, a row whose bridges all get it (scope), None = the row's bridge."""

    slot: bytes
    body: bytes
    opts: bytes
    where: Where
    why: str

    def on(self, where: Where) -> Flow:
        """The same on another bridge, or on the bridges that belong to the scope of a row: `flow.on(EVERYWHERE)`."""
        return _new(type(self), (self[0], self[1], self[2], where, self[4]))


_new = tuple.__new__


class Group(Flow):
    """A group that should exist; `use` is the action that hands a frame to it."""

    __slots__ = ()

    @property
    def use(self) -> Action:
        """The action that sends a frame to this group."""
        return group_action(int.from_bytes(self.slot[1:], "big"))


class Meter(Flow):
    """A meter that should exist; `number` for `controller(meter=)`, `use` to drop frames above the rate."""

    __slots__ = ()

    @property
    def number(self) -> int:
        """The meter's id on the bridge."""
        return int.from_bytes(self.slot[1:], "big")

    @property
    def use(self) -> Instruction:
        """The instruction that drops frames above the rate."""
        return meter_instruction(self.number)


def options(idle: int, hard: int) -> bytes:
    """Timeouts in seconds, 0..65535. A flow that can expire tells us when it does."""
    if not (idle or hard):
        return NO_OPTS
    if not (0 <= idle <= 0xFFFF and 0 <= hard <= 0xFFFF):
        raise ValueError(f"idle={idle} hard={hard}: a timeout is 0..65535 seconds")
    return pack("!HHHH", idle, hard, SEND_FLOW_REMOVED, 0)


def bucket(*actions: bytes, weight: int = 0, watch_port: int = ANY) -> bytes:
    """A bucket of a group: its actions work on a copy of the frame. A goto in it becomes a resubmit, which is allowed there."""
    body = b"".join(map(_in_bucket, actions))
    return pack("!HHII4x", 16 + len(body), weight, watch_port, ANY) + body


def _in_bucket(action: bytes) -> bytes:
    """An action as it stands in a bucket: what would go on in another table runs the frame through it."""
    if isinstance(action, Instruction) and action[:2] == b"\0\1":
        return resubmit(action[4])
    if not isinstance(action, Action):
        raise TypeError(f"{action!r} has no place in a bucket; write actions and to(STAGE) (a meter belongs in a flow)")
    return action


def make_group(number: int, kind: str, buckets: Sequence[bytes], why: str = "") -> Group:
    """A group value; apps call `rows.group(...)`, which finds the number. Raises ValueError for what no switch takes."""
    return _new(Group, (pack("!BI", GROUP_SLOT, number), _group_body(kind, tuple(buckets)), NO_OPTS, None, why))


@lru_cache(maxsize=4096)
def _group_body(kind: str, buckets: tuple[bytes, ...]) -> bytes:
    """Type and buckets. Bridges that are wired alike have many groups that differ in nothing else than their number."""
    if kind not in GROUP_KINDS:
        raise ValueError(f"a group is one of {', '.join(GROUP_KINDS)}, not {kind!r}")
    weights, watched = [b[2:4] != NO_WEIGHT for b in buckets], [b[4:8] != NO_PORT for b in buckets]
    _check_buckets(kind, weights, watched)
    if kind == "select" and not any(weights):
        buckets = tuple([b[:2] + pack("!H", 1) + b[4:] for b in buckets])  # equal shares: a bucket of weight 0 gets no frame
    return bytes([GROUP_KINDS[kind]]) + b"".join(buckets)


def _check_buckets(kind: str, weights: list[bool], watched: list[bool]) -> None:
    """Say what is wrong with a group, better than the "invalid group" of a switch."""
    if kind == "indirect" and len(weights) != 1:
        raise ValueError(f"an indirect group has one bucket, not {len(weights)}")
    if kind == "failover" and not all(watched):
        raise ValueError("each bucket of a failover group watches a port: bucket(..., watch_port=3)")
    if kind != "select" and any(weights):
        raise ValueError(f"a bucket with weight= belongs in a select group, not in one of kind {kind!r}")
    if kind not in ("select", "failover") and any(watched):
        raise ValueError(f"a bucket with watch_port= belongs in a select or failover group, not in one of kind {kind!r}")


def make_meter(number: int, *, kbps: int = 0, pps: int = 0, burst: int = 0, why: str = "") -> Meter:
    """A meter value with one drop band; apps call `rows.meter(...)`, which finds the number."""
    if bool(kbps) == bool(pps):
        raise ValueError("a meter has either kbps= or pps=")
    flags = (1 if kbps else 2) | (4 if burst else 0) | 8  # unit, burst, statistics
    band = pack("!HHII4x", 1, 16, kbps or pps, burst)
    return _new(Meter, (pack("!BI", METER_SLOT, number), pack("!H", flags) + band, NO_OPTS, None, why))
