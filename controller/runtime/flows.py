"""Flows for readers: the text of what each bridge should hold, with owner, reason, status and counters, in pages."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from functools import lru_cache
from struct import unpack_from
from typing import Any, NamedTuple

from controller.model import StageRow
from controller.openflow.words import in_words
from controller.pipeline.compose import NAMES, stage_name
from controller.pipeline.flow import GROUP_SLOT, METER_SLOT, Flow
from controller.pipeline.text import body_text, group_text, match_text, meter_text
from controller.query import FlowView, Page, QueryError
from controller.runtime.control import Control
from controller.state import status
from controller.state.ledger import Installed
from controller.state.owner import Entry, Owner

KINDS = {GROUP_SLOT: "group", METER_SLOT: "meter"}
RANKS = {"flow": 0, "group": 1, "meter": 2}
SORTS = ("packets", "bytes", "priority", "table", "bridge", "app", "match", "status")
MAX_LIMIT = 1000


class Snapshot(NamedTuple):
    """What is known of one bridge's flows at a moment: entries are immutable, the rest are copies."""

    bridge: str
    entries: list[Entry]
    states: dict[tuple[int, bytes], str]  # by cookie and slot: those that are not just installed
    foreign: dict[bytes, Installed]
    counters: dict[bytes, tuple[int, int]]
    dropped: dict[bytes, tuple[int, int]]  # by meters
    plugins: dict[int, str]


class FlowEntry(NamedTuple):
    """One thing on one bridge, not yet made into text."""

    snapshot: Snapshot
    flow: Flow
    owner: Owner | None
    cookie: int


class FlowList:
    """Makes pages of flows."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def snapshots(self, bridge: str) -> list[Snapshot]:
        """Everything on a bridge, or on all: what should be there, what is hidden, what is foreign. Called in the event loop."""
        names = [bridge] if bridge else sorted(self._control.peers)
        plugins = {row.table: row.name for row in self._control.engine.tables.all(StageRow)}
        return [self._snapshot(name, plugins) for name in names]

    def _snapshot(self, bridge: str, plugins: dict[int, str]) -> Snapshot:
        desired, peer = self._control.engine.desired, self._control.peers[bridge]
        ledger = desired.ledgers.get(bridge)
        view = desired.view(bridge)
        contested = desired.contested(bridge)
        entries = list(view.values())
        entries += [claim for slot in contested for claim in desired.claims(bridge, slot) if claim is not view.get(slot)]
        if ledger is None or ledger.refused:
            special = entries
        else:
            slots = contested | ledger.pending.keys() | (ledger.inflight or {}).keys()
            special = [e for e in entries if e[1].slot in slots] if slots else []
        states = {(owner.cookie, flow.slot): status.on_bridge(desired, bridge, owner, flow) for owner, flow in special}
        return Snapshot(bridge, entries, states, peer.foreign, peer.counters, peer.dropped or {}, plugins)

    def page(
        self, snapshots: list[Snapshot], table: int | None, app: str, where: str, search: str, sort: str, limit: int, cursor: str
    ) -> Page:
        """Filter, sort and cut. Called in the asking thread. Raises QueryError 422 for what is no filter, sort or cursor."""
        entries = [e for snapshot in snapshots for e in _entries(snapshot)]
        if table is not None:
            entries = [e for e in entries if e.flow.slot[0] == table]
        if app:
            entries = [e for e in entries if e.owner is not None and e.owner.rule.app.name == app]
        views = None
        if where or search or sort:
            matches = _filter(where, snapshots)
            views = [v for v in map(view, entries) if _holds(v, search.lower()) and matches(v)]
            views.sort(key=_key(sort))
        else:
            entries.sort(key=lambda e: (e.snapshot.bridge, *_order(e.flow.slot)))
        start, limit = _start(cursor), max(1, min(limit, MAX_LIMIT))
        total = len(entries) if views is None else len(views)
        items = [view(e) for e in entries[start : start + limit]] if views is None else views[start : start + limit]
        following = base64.urlsafe_b64encode(str(start + limit).encode()).decode() if start + limit < total else ""
        return Page(tuple(items), total, following)


def _entries(snapshot: Snapshot) -> Iterator[FlowEntry]:
    for owner, flow in snapshot.entries:
        yield FlowEntry(snapshot, flow, owner, owner.cookie)
    for slot, (cookie, opts, body) in snapshot.foreign.items():
        yield FlowEntry(snapshot, Flow(slot, body, opts, snapshot.bridge, "no app asked for it"), None, cookie)


def view(entry: FlowEntry) -> FlowView:
    """One entry as text."""
    snapshot, flow, owner, cookie = entry
    slot, opts = flow.slot, flow.opts
    kind: Any = KINDS.get(slot[0], "flow")
    table, priority = unpack_from("!BH", slot) if kind == "flow" else (-1, 0)
    idle, hard = unpack_from("!HH", opts) if len(opts) >= 4 else (0, 0)
    state = "foreign" if owner is None else snapshot.states.get((cookie, slot), "installed")
    counters = snapshot.dropped if kind == "meter" else snapshot.counters
    packets, octets = (None, None) if state.startswith("hidden") else counters.get(slot, (None, None))
    return FlowView(
        kind=kind,
        bridge=snapshot.bridge,
        table=table,
        stage=stage_name(table, snapshot.plugins) if kind == "flow" else "",
        priority=priority,
        match=_match(slot),
        actions=_actions(kind, flow.body),
        cookie=f"0x{cookie:016x}",
        app=owner.rule.app.name if owner else "",
        rule=owner.rule.name if owner else "",
        row=owner.row() if owner else "",
        why=flow.why,
        status=state,
        packets=packets,
        bytes=octets,
        idle=idle,
        hard=hard,
    )


@lru_cache(maxsize=200_000)
def _match(slot: bytes) -> str:
    if slot[0] >= METER_SLOT:
        return f"{KINDS[slot[0]]}_id={int.from_bytes(slot[1:], 'big')}"
    return match_text(slot)


@lru_cache(maxsize=50_000)
def _actions(kind: str, body: bytes) -> str:
    return in_words({"flow": body_text, "group": group_text, "meter": meter_text}[kind](body))


def _order(slot: bytes) -> tuple[int, int, int, bytes]:
    if slot[0] >= METER_SLOT:
        return (1, 0, 0, slot)
    table, priority = unpack_from("!BH", slot)
    return (0, table, -priority, slot)


def _holds(flow: FlowView, text: str) -> bool:
    return not text or any(
        text in word.lower()
        for word in (flow.match, flow.actions, flow.app, flow.rule, flow.row, flow.why, flow.cookie, flow.stage, flow.bridge)
    )


def _filter(text: str, snapshots: list[Snapshot]) -> Callable[[FlowView], bool]:
    if not text.strip():
        return lambda flow: True
    from controller.runtime.flow_filter import compile_filter  # ovs.flow takes long to import, so only when somebody filters

    plugins = snapshots[0].plugins if snapshots else {}
    return compile_filter(text, {name.upper(): table for table, name in (NAMES | plugins).items()})


def _key(sort: str) -> Callable[[FlowView], Any]:
    name, down = sort.removeprefix("-"), sort.startswith("-")
    if name and name not in SORTS:
        raise QueryError(
            422, "Unknown sort", f"flows cannot be sorted by {name!r}; by: {', '.join(SORTS)} (with - in front: descending)"
        )
    if not name:
        return lambda f: (f.bridge, RANKS[f.kind], f.table, -f.priority, f.match)
    if name in ("packets", "bytes", "priority", "table"):
        return lambda f: -(getattr(f, name) or 0) if down else (getattr(f, name) or 0)
    return lambda f: [-ord(c) for c in getattr(f, name)] if down else getattr(f, name)


def _start(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return max(0, int(base64.urlsafe_b64decode(cursor)))
    except ValueError:
        raise QueryError(422, "Not a cursor", "this cursor is not one that was given out; start again without it") from None
