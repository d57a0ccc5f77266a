"""Owners: one rule applied to one row. An owner has flows, what it read to make them, and perhaps an error."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from controller.model.cookie import cookie
from controller.model.rows import Key, Row
from controller.pipeline.flow import GROUP_SLOT, METER_SLOT, Flow
from controller.state.reader import Read


class RuleSpec(NamedTuple):
    """A rule as its author wrote it: `fn(app, row)`, or `fn(app, row, rows)` where `reads`."""

    name: str
    fn: Callable[..., Iterable[Any]]
    each: type[Row]
    reads: bool
    derives: bool = False  # it yields rows, not flows
    given: type[Row] | None = None  # it rests while there is no row of this type
    first: bool = False  # a bridge that connects gets its flows before all others


class TimerSpec(NamedTuple):
    """A timer as its author wrote it: `fn(app, row, tx)` every so many seconds for each row."""

    name: str
    fn: Callable[..., None]
    seconds: float
    each: type[Row]


class Rule:
    """A rule of an enabled app, with its owners by the key of their row."""

    __slots__ = ("app", "derives", "each", "first", "fn", "given", "name", "number", "owners", "read", "reads", "rests", "tables")

    def __init__(self, app: Any, number: int, spec: RuleSpec) -> None:
        self.app, self.number = app, number
        self.name = f"{app.name}.{spec.name}"
        self.fn, self.each, self.reads, self.derives = spec.fn, spec.each, spec.reads, spec.derives
        self.given, self.first = spec.given, spec.first
        tables = range(METER_SLOT) if app.whole_pipeline else (stage.table for stage in app.stages)
        self.tables = frozenset((*tables, METER_SLOT, GROUP_SLOT))  # first bytes of slots that its flows may have
        self.rests = False  # it is not run: there is no row of the type that is `given`
        self.owners: dict[Key, Owner] = {}
        self.read: tuple[tuple[Read, ...], tuple[Read, ...]] = ((), ())  # by the last run: in order, and each once

    def owner(self, key: Key) -> Owner:
        """The owner for the row with this key."""
        owner = self.owners.get(key)
        if owner is None:
            owner = self.owners[key] = Owner(self, key)
        return owner


class Owner:
    """What a rule said for one row. `waits`: the row it needs; `error`: the traceback where it raised (it keeps its flows)."""

    __slots__ = ("cookie", "error", "flows", "gone", "key", "reads", "rows", "rule", "waits")

    cookie: int

    def __init__(self, rule: Rule, key: Key) -> None:
        self.rule, self.key = rule, key
        self.flows: tuple[Flow, ...] = ()
        self.rows: tuple[Row, ...] = ()  # of a rule that derives rows
        self.reads: tuple[Read, ...] = ()
        self.error = ""
        self.gone = False  # its row is; one that comes back has another owner
        self.waits = ""

    def __getattr__(self, name: str) -> int:
        """The cookie, made when it is first asked for: many owners never have a flow."""
        if name != "cookie":
            raise AttributeError(name)
        self.cookie = cookie(self.rule.number, self.rule.name, self.key)
        return self.cookie

    def row(self) -> str:
        """The row, as people write it: "Host s1 default 02:00:00:00:00:01"."""
        return " ".join([self.rule.each.__name__, *map(str, self.key)])

    def __repr__(self) -> str:
        return f"{self.rule.name} {self.row()}"


def difference(old: tuple[Flow, ...], new: tuple[Flow, ...]) -> tuple[tuple[Flow, ...], tuple[Flow, ...], tuple[Flow, ...]]:
    """The new flows, of which those that stay are the old objects; the ones that go; the ones that come."""
    if not old or not new:
        return new, old, new
    left = {flow: flow for flow in old}
    stay = [left.pop(flow, None) for flow in new]
    come = tuple([flow for flow, same in zip(new, stay, strict=True) if same is None])
    return tuple([same or flow for flow, same in zip(new, stay, strict=True)]), tuple(left), come


Entry = tuple[Owner, Flow]  # who wants a flow, group or meter, and which
