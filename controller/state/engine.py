"""The engine: rows change, the rules that read them rerun, and what should exist changes with them.

Work is proportional to the change. Rules are pure and reads are sorted, so that a recompute from scratch gives the same
flows (`check`). Long work is done in slices: `run(more)` stops when `more()` says so and goes on where it stopped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from controller.model.cookie import APP_BITS
from controller.model.rows import Bridge, Key, Member, Number, Row, StageRow, scope_of
from controller.pipeline.compose import place_for
from controller.pipeline.flow import Flow
from controller.state import fault
from controller.state.derived import Derived
from controller.state.desired import Desired
from controller.state.numbers import allocate
from controller.state.owner import Owner, Rule, RuleSpec, TimerSpec, difference
from controller.state.reader import Read, Reader, Waits
from controller.state.tables import Tables, Tx

__all__ = ["AppState", "Engine", "RuleSpec", "TimerSpec"]

SLICE = 32  # rules, of which some take milliseconds
_new = tuple.__new__
Batch = list[tuple[Owner, tuple[Flow, ...]]]
Watcher = Callable[[Any, Any], None]  # old row or None, new row or None
T = TypeVar("T")
Settle = Callable[[Rule, Owner, tuple[Any, ...], "str | None"], tuple[T, ...]]


class AppState:
    """An enabled app: its number in cookies, its rules, and what went wrong in it."""

    __slots__ = ("app", "error", "number", "packet_ins", "rules")

    def __init__(self, app: Any, number: int, rules: list[Rule]) -> None:
        self.app, self.number, self.rules = app, number, rules
        self.error = ""  # the traceback of a handler that raised; those of rules are with their owners
        self.packet_ins = 0


class Engine:
    """Rows in (`commit`), flows that should exist out (`desired`)."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.desired = Desired()
        self.apps: dict[int, AppState] = {}
        self.failed: dict[int, Owner] = {}  # by cookie: owners whose rule raised, they keep their flows
        self.unsaved: dict[tuple[type[Row], Key], Row | None] = {}  # kept rows that changed
        self.to_save: Callable[[], None] = _nobody  # called when the first of them did
        self.raised: list[Owner] = []  # owners whose rule raised, until somebody has told of it
        self.changed: set[type[Row]] = set()  # types of rows that changed, until somebody has told of it
        self.derived = Derived()  # rows that rules yield
        self.watchers: defaultdict[type[Row], list[Watcher]] = defaultdict(list)
        self.runs = 0
        self._reader = Reader(self.tables, self.allocate)  # of the rule that runs
        self._rules: defaultdict[type[Row], list[Rule]] = defaultdict(list)
        self._given: defaultdict[type[Row], list[Rule]] = defaultdict(list)  # by the type without which they rest
        self._first: dict[Owner, None] = {}  # what has to run before all else
        self._todo: dict[Owner, None] = {}  # what has to run
        self._due: list[Owner] = []  # the part of it that is being worked on, last one first
        self._readers: defaultdict[type[Row], defaultdict[tuple[Any, Key], set[Owner]]]
        self._readers = defaultdict(lambda: defaultdict(set))
        self._fields_read: defaultdict[type[Row], set[str]] = defaultdict(set)

    # ------------------------------------------------------------------ apps

    def enable(self, app: Any) -> AppState:
        """Add an app: its stages get their tables, its rules run for every row there is."""
        if any(state.app.name == app.name for state in self.apps.values()):
            raise ValueError(f"app {app.name} is enabled already")
        number = self.allocate("app", (app.name,), 1 << APP_BITS)
        rows = {row.name: row for row in self.tables.all(StageRow)}
        placed = []
        for stage in app.stages:
            if stage.is_plugins:
                if stage.name not in rows:
                    table = place_for(stage, [row.table for row in rows.values()])
                    rows[stage.name] = StageRow(table, stage.name, stage.after.table if stage.after else 0)
                stage.place(rows[stage.name].table)  # at once: the next stage may come after this one
                placed.append(rows[stage.name])
        for row in placed:  # not before there is a place for all of them
            self._change(StageRow, (row.table,), row)
        return self._admit(app, number)

    def _admit(self, app: Any, number: int) -> AppState:
        rules = [Rule(app, number, spec) for spec in app.rule_specs]
        state = self.apps[number] = AppState(app, number, rules)
        for rule in rules:
            if rule.given is not None:
                self._given[rule.given].append(rule)
                rule.rests = not self.tables.rows[rule.given]
            if not rule.rests:
                self._start(rule)
        return state

    def _start(self, rule: Rule) -> None:
        """A rule runs for every row there is, and for each that comes."""
        self._rules[rule.each].append(rule)
        for key in self.tables.rows[rule.each]:
            self._todo[rule.owner(key)] = None

    def disable(self, name: str) -> None:
        """Remove an app: its flows go, its rows stay. Raises KeyError where it is not enabled."""
        state = next((s for s in self.apps.values() if s.app.name == name), None)
        if state is None:
            raise KeyError(name)
        del self.apps[state.number]
        for rule in state.rules:
            if rule.given is not None:
                self._given[rule.given].remove(rule)
            if not rule.rests:
                self._rules[rule.each].remove(rule)
            for owner in rule.owners.values():
                self.desired.take(owner, self._forget(owner))
                self._put_derived(owner, ())
            self._first = {owner: None for owner in self._first if owner.rule is not rule}
            self._todo = {owner: None for owner in (*self._todo, *self._due) if owner.rule is not rule}
            self._due.clear()
        others = {stage.name for other in self.apps.values() for stage in other.app.stages}
        for stage in state.app.stages:
            if stage.is_plugins and stage.name not in others:
                self._change(StageRow, (stage.table,), None)

    # ------------------------------------------------------------------ rows

    def commit(self, tx: Tx) -> bool:
        """Take over the changes of a transaction; False where there are none. Rules run by `run`."""
        changed = False
        for what, (row,) in tx.changes.items():
            if what in self.derived:
                self.derived.put(what, row)
                if what[0].kept:
                    self._save(what, row)
            else:
                changed |= self._change(*what, row)
        return changed

    def _save(self, what: tuple[type[Row], Key], row: Row | None) -> None:
        if not self.unsaved:
            self.to_save()
        self.unsaved[what] = row

    def _change(self, cls: type[Row], key: Key, row: Row | None) -> bool:
        old = self.tables.rows[cls].get(key)
        if old is row or (old is not None and old == row):
            return False
        self.tables.set(cls, key, old, row)
        if cls in self.watchers:
            for watcher in self.watchers[cls]:
                watcher(old, row)
        self.changed.add(cls)
        if cls in self._given and (old is None or row is None):
            self._wake_or_rest(cls)
        first, todo = self._first, self._todo
        for rule in self._rules[cls]:
            (first if rule.first else todo)[rule.owner(key)] = None
        if cls in self._readers:
            for owner in self._reruns(cls, key, old, row):
                (first if owner.rule.first else todo)[owner] = None
        if cls.kept and (cls, key) not in self.derived:
            self._save((cls, key), row)
        if cls is Member:
            change = self.desired.leave if row is None else self.desired.join
            change(key[0], key[1])
        return True

    def _wake_or_rest(self, cls: type[Row]) -> None:
        """Rules that rest without rows of this type begin with the first; with the last all that they said goes."""
        rests = not self.tables.rows[cls]
        for rule in self._given[cls]:
            if rule.rests and not rests:
                self._start(rule)
            elif rests and not rule.rests:
                self._rules[rule.each].remove(rule)
                self._todo |= dict.fromkeys(rule.owners.values())
            rule.rests = rests

    def _reruns(self, cls: type[Row], key: Key, old: Row | None, new: Row | None) -> Iterable[Owner]:
        """Who read this row: by its key, by a bucket that it was or is in, by a field that differs."""
        readers = self._readers[cls]
        yield from readers.get((None, key), ())
        for names, index in self.tables.indexes[cls].items():
            for values in {index.values_of(r) for r in (old, new) if r is not None}:
                yield from readers.get((names, values), ())
        for name in self._fields_read[cls]:
            if old is None or new is None or getattr(old, name) != getattr(new, name):
                yield from readers.get((name, key), ())

    def allocate(self, space: str, name: Key, size: int) -> int:
        """The number of a name in a space, given now where it has none."""
        row = self.tables.get(Number, space, name)
        if row is None:
            row = Number(space, name, allocate(self.tables, space, name, size))
            self._change(Number, (space, name), row)
        return row.number

    def give_back(self, space: str) -> None:
        """Numbers whose names no rule reads any more are free again. Called when all rules have run."""
        readers = self._readers[Number]
        for row in self.tables.where(Number, space=space):
            if (None, (space, row.name)) not in readers:
                self._change(Number, (space, row.name), None)

    # ------------------------------------------------------------------ rules

    @property
    def idle(self) -> bool:
        """True when every rule has run: only then may changes be sent."""
        return not (self._todo or self._due or self._first)

    def run_first(self) -> None:
        """Run the rules that are due and go before all others."""
        while self._first:
            batch, self._first = self._first, {}
            self._run(batch)

    def run(self, more: Callable[[], bool] | None = None) -> bool:
        """Run the rules that are due, until done (True) or until `more()` is False after a slice (False)."""
        while not self.idle:
            self.run_first()
            self._run(self._slice(SLICE if more else len(self._todo) + len(self._due)))
            if more is not None and not more():
                break
        return self.idle

    def _slice(self, size: int) -> list[Owner]:
        """The next rules to run, in the order in which they became due. Taken off the end of a list: it may be a long one."""
        if not self._due:
            self._due, self._todo = list(reversed(self._todo)), {}
        batch = self._due[: -size - 1 : -1]
        del self._due[-size:]
        return batch

    def _run(self, batch: Iterable[Owner]) -> None:
        """Two phases: all that goes, then all that comes, so that a slot may change its owner in one transaction."""
        take: Batch = []
        give: Batch = []
        rows = self.tables.rows
        for owner in batch:
            rule = owner.rule
            row = None if rule.rests else rows[rule.each].get(owner.key)
            if owner.gone:
                continue  # where its row is there again it has another owner
            if row is None:
                owner.gone = True
                del rule.owners[owner.key]
                take.append((owner, self._forget(owner)))
                self._put_derived(owner, ())
                continue
            if rule.derives:
                self._put_derived(owner, self._evaluate(rule, owner, row, _settle_rows))
                continue
            new = self._evaluate(rule, owner, row, self._settle)
            old = owner.flows
            if new is None or new == old:
                continue
            owner.flows, gone, come = difference(old, new)
            if gone:
                take.append((owner, gone))
            if come:
                give.append((owner, come))
        for owner, flows in take:
            self.desired.take(owner, flows)
        self.desired.give(give)

    def _put_derived(self, owner: Owner, rows: tuple[Row, ...] | None) -> None:
        """These rows follow from the owner's row now; None: the rule raised, they stay as they are."""
        if rows is None or rows == owner.rows:
            return
        there = {(type(row), type(row).key_of(row)): row for row in rows}
        for row in owner.rows:
            what = type(row), type(row).key_of(row)
            if what not in there:
                self._change(*what, self.derived.release(what, owner.cookie))
        owner.rows = tuple(there.values())
        for what, row in there.items():
            present = self.tables.rows[what[0]].get(what[1])
            self._change(*what, self.derived.claim(what, owner.cookie, row, present))

    def _evaluate(self, rule: Rule, owner: Owner, row: Row, settle: Settle[T]) -> tuple[T, ...] | None:
        """What a rule yields for a row; None where it raised: the row keeps what it had."""
        self.runs += 1
        if owner.error:
            owner.error = ""
            self.failed.pop(owner.cookie, None)
        owner.waits = ""
        try:
            if rule.reads:
                reads: list[Read] = []
                self._reader.reads = reads
                try:
                    flows = tuple(rule.fn(rule.app, row, self._reader))
                finally:
                    self._remember(owner, tuple(reads))
            else:
                flows = tuple(rule.fn(rule.app, row))
            return settle(rule, owner, flows, getattr(row, "bridge", None))
        except Waits as wait:
            owner.waits = str(wait)
            return ()
        except Exception:
            self._fail(owner, fault.of_app(rule.app))
            return None

    def _settle(self, rule: Rule, owner: Owner, flows: tuple[Flow, ...], home: str | None) -> tuple[Flow, ...]:
        """Check the flows of a rule, and say of each where it stands."""
        tables, placed = rule.tables, []
        for flow in flows:
            try:
                slot, body, opts, where, why = flow
            except (TypeError, ValueError):
                raise TypeError(f"{rule.name} yields {flow!r}; a rule yields flows, groups and meters") from None
            if slot[0] not in tables:
                raise ValueError(
                    f"{rule.name} wrote table {slot[0]}, which is no stage of the app; name the stage in class X(App, stages=...)"
                )
            if where is None:
                if home is None:
                    raise ValueError(f"{rule.name}: say on which bridge, flow.on(bridge) or flow.on(EVERYWHERE)")
                flow = _new(type(flow), (slot, body, opts, home, why))  # flow.on(home), without a call
            elif isinstance(where, Row):
                flow = flow.on(where.bridge if isinstance(where, Bridge) else scope_of(where))
            placed.append(flow)
        if len(placed) > 1 and len({(flow[3], flow[0]) for flow in placed}) < len(placed):
            raise ValueError(f"{rule.name} yields two flows with the same table, priority and match for {owner.row()}")
        return tuple(placed)

    def spares(self, cookie: int) -> bool:
        """True for flows that a bridge holds from before a restart, of a row whose rule has raised ever since: they stay."""
        owner = self.failed.get(cookie)
        return owner is not None and not owner.flows

    def _fail(self, owner: Owner, text: str) -> None:
        owner.error = text
        self.failed[owner.cookie] = owner
        self.raised.append(owner)

    def _remember(self, owner: Owner, reads: tuple[Read, ...]) -> None:
        rule = owner.rule
        if reads != rule.read[0]:  # most owners of a rule read the same, and share what says so
            rule.read = reads, tuple(dict.fromkeys(reads))
        reads = rule.read[1]
        if reads == owner.reads:
            return
        before, owner.reads = owner.reads, reads
        if before:
            stay = {*before}.intersection(reads)
            self._forget_reads(owner, [read for read in before if read not in stay])
            reads = tuple([read for read in reads if read not in stay])
        for cls, names, values in reads:
            self._readers[cls][names, values].add(owner)
            if isinstance(names, str):
                self._fields_read[cls].add(names)

    def _forget_reads(self, owner: Owner, reads: Iterable[Read]) -> None:
        for cls, names, values in reads:
            found = self._readers[cls].get((names, values))
            if found is not None:
                found.discard(owner)
                if not found:
                    del self._readers[cls][names, values]

    def _forget(self, owner: Owner) -> tuple[Flow, ...]:
        """The owner is no more; gives the flows that it had. It has none from now on, which ends what bridges refused of it."""
        self._forget_reads(owner, owner.reads)
        owner.reads = ()
        if self.failed:
            self.failed.pop(owner.cookie, None)
        had, owner.flows = owner.flows, ()
        return had


def _nobody() -> None:
    """Nobody saves."""


def _settle_rows(rule: Rule, owner: Owner, rows: tuple[Row, ...], home: str | None) -> tuple[Row, ...]:
    """Check what a rule that derives rows yields for a row."""
    for row in rows:
        if not isinstance(row, Row):
            raise TypeError(f"{rule.name} yields {row!r}; a rule marked @derives yields rows")
    if len({(type(row), type(row).key_of(row)) for row in rows}) < len(rows):
        raise ValueError(f"{rule.name} yields two rows with the same key for {owner.row()}")
    return rows
