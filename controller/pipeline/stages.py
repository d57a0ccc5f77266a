"""The pipeline: one line a stage. A frame goes down the list; an app writes the stages that it declares.

Tables are spaced by ten. `NEXT` is "goto my table + 1": a junction with one flow that leads to the next stage, so
that putting a plugin's stage in changes one flow a bridge. The default flow of a stage is what an unmatched frame does.
"""

from __future__ import annotations

from struct import error as struct_error
from typing import Any

from controller.pipeline.actions import DROP, Action, Instruction, goto, instructions, load
from controller.pipeline.flow import NO_OPTS, Flow, Where, _new, options
from controller.pipeline.shape import SHAPES, encode

DEFAULT_NETWORK = 1
FIRST_PRIVATE_TABLE = 128
FIRST_LEARNED_TABLE = (
    192  # from here on are the flows that bridges make themselves (`learn`): nobody wants them, nobody removes them
)
LAST_TABLE = 253


class _Next(Instruction):
    """Placeholder for "my table + 1", which only the stage that uses it knows."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "NEXT"


NEXT = _Next(b"next")


class Stage:
    """A stage of the pipeline. A plugin makes its own: `MIRROR = Stage("MIRROR", after=ADMIT)`.

    `table` is -1 until the plugin is enabled; `default` are the actions for frames that no flow of the stage matches. A `private`
    stage follows none: frames get there by `resubmit` or `ct`, and what matches nothing in it ends there. In one that is
    `learned` bridges put flows themselves, which are theirs alone.
    """

    def __init__(
        self,
        name: str,
        table: int = -1,
        *,
        after: Stage | None = None,
        default: tuple[bytes, ...] = (NEXT,),
        private: bool = False,
        learned: bool = False,
    ) -> None:
        if table < 0 and after is None and not (private or learned):
            raise TypeError(f"stage {name}: say which stage it follows, Stage({name!r}, after=ADMIT), or private=True")
        self.name, self.table, self.after, self.default = name, table, after, default
        self.private, self.learned = private or learned, learned
        self._bodies: dict[tuple[bytes, ...], bytes] = {}

    @property
    def is_plugins(self) -> bool:
        """A stage that an app brings along, which gets its table when that is enabled."""
        return self.after is not None or self.private

    def flow(
        self,
        *actions: bytes,
        priority: int = 100,
        why: str = "",
        on: Where = None,
        idle: int = 0,
        hard: int = 0,
        **match: Any,
    ) -> Flow:
        """A flow of this stage.

        `actions` in order, `NEXT` or `to(STAGE)` to go on, none or DROP to drop; `priority` 0..65535; `idle` and
        `hard` timeouts in seconds; `why` is shown beside the flow. `match` takes field and register names, values
        as numbers, addresses, text ("10.0.0.0/8") or (value, mask). Raises TypeError or ValueError with what to write.
        """
        try:
            slot = SHAPES[tuple(match)].pack(self.table, priority, match)
        except (KeyError, struct_error, TypeError):
            slot = self._encode(priority, match)
        body = self._bodies.get(actions)
        if body is None:
            body = self._body(actions)
        return _new(Flow, (slot, body, options(idle, hard) if idle or hard else NO_OPTS, on, why))

    def _encode(self, priority: int, match: dict[str, Any]) -> bytes:
        if self.table < 0:
            raise TypeError(f"stage {self.name} is in no pipeline yet; name it in the app: class X(App, stages=({self.name},))")
        return encode(self.table, priority, match)

    def _body(self, actions: tuple[bytes, ...]) -> bytes:
        if self.private and NEXT in actions:
            raise TypeError(f"stage {self.name} is private: nothing is next; write resubmit(STAGE.table)")
        placed = tuple(goto(self.table + 1) if a is NEXT else a for a in actions)
        for a in placed:
            if isinstance(a, Instruction) and a[1] == 1 and a[4] <= self.table:
                raise ValueError(f"a flow of {self.name} (table {self.table}) cannot go on in table {a[4]}: only in a later one")
        body = instructions(placed)
        if len(self._bodies) > 100_000:
            self._bodies.clear()
        self._bodies[actions] = body
        return body

    def default_flow(self) -> Flow:
        """What happens to a frame that nothing in this stage matches."""
        return self.flow(*self.default, priority=0, why=OTHERWISE.get(self.name, ON))

    def place(self, table: int) -> None:
        """Put a plugin's stage at a table (when the plugin is enabled)."""
        self.table = table
        self._bodies.clear()

    def __repr__(self) -> str:
        return self.name


def is_learned(slot: bytes) -> bool:
    """A flow that the bridge has made itself, which read-back and audit pass over. Groups and meters are none."""
    return FIRST_LEARNED_TABLE <= slot[0] <= LAST_TABLE


def to(stage: Stage) -> Instruction:
    """Go on in a later stage."""
    return goto(stage.table)


ADMIT = Stage("ADMIT", 0)
CLASSIFY = Stage("CLASSIFY", 10, default=(DROP,))
POLICY = Stage("POLICY", 20)
SERVICE = Stage("SERVICE", 30)
LEARN = Stage("LEARN", 40)
ANSWER = Stage("ANSWER", 50)
ROUTE = Stage("ROUTE", 60)
FORWARD = Stage("FORWARD", 70, default=(goto(90),))
NEXTHOP = Stage("NEXTHOP", 80, default=(DROP,))
FLOOD = Stage("FLOOD", 90, default=(DROP,))
UNSERVICE = Stage("UNSERVICE", 100)
EGRESS = Stage("EGRESS", 110, default=(DROP,))

STAGES = (ADMIT, CLASSIFY, POLICY, SERVICE, LEARN, ANSWER, ROUTE, FORWARD, NEXTHOP, FLOOD, UNSERVICE, EGRESS)

ON = "on to the next stage"
OTHERWISE = {  # what becomes of a frame that no flow of a stage is for: what people read as the reason of a drop
    "CLASSIFY": "its port was held, blocked or in no network: see its role in 'weft get ports'",
    "FORWARD": "its destination is not known here: to all",
    "NEXTHOP": "there is no way to the bridge of its destination",
    "FLOOD": "the flood tree of its network does not use the port that it came by",
    "EGRESS": "the port that it should leave by is not in its network",
}


def to_port(port: int) -> tuple[Action, Instruction]:
    """Actions that send a frame out of a local port, by way of UNSERVICE and EGRESS."""
    return load("out_port", port), to(UNSERVICE)
