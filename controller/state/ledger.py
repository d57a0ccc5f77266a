"""A connected bridge's ledger: what it should hold and does not yet, what is on its way, what it refused.

Nothing is kept for a flow that is as it should be. `pending[slot]` is what the bridge still holds in that slot, so a
change that is taken back before it was sent leaves nothing to send.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from controller.model.rows import Key
from controller.openflow.bundle import Block
from controller.pipeline.flow import GROUP_SLOT, METER_SLOT, Flow
from controller.state.news import Batch, News, winner
from controller.state.owner import Entry, Owner

Installed = tuple[int, bytes, bytes]  # cookie, opts, body, as read back
Held = Entry | Installed | None
UNKNOWN: Installed = (0, b"", b"")  # nobody knows what the bridge holds there: it is set, or deleted, in any case
FLOWS_COME = 2  # rank of flows that are added or changed, see `order`
Change = tuple[bytes, int, Flow | None]  # slot, cookie, the flow that should be there or None


class Refusal(NamedTuple):
    """What a bridge refused: whose flows, which flows these were, and the words of the bridge."""

    owner: Owner
    flows: tuple[Flow, ...]
    error: str


class Ledger:
    """The open differences of one bridge.

    What changes in a scope stands in `news`, once for all its members, until somebody wants to know it of this bridge.
    """

    def __init__(self, bridge: str, dirty: set[str], news: News, scopes: Container[Key], layer: Mapping[bytes, Entry]) -> None:
        """`scopes` and `layer`: which scopes the bridge is a member of and what is its own, always as they are now."""
        self.bridge = bridge
        self.dirty = dirty  # names of the bridges that have something to send, shared by all ledgers
        self.inflight: dict[bytes, Held] | None = None
        self.sent: list[Entry | None] = []
        self.blocks: Sequence[Block] = ()  # of which the last of what is in flight consists
        self.refused: dict[int, Refusal] = {}
        self.touched: set[bytes] | None = None  # slots sent since a read-back was asked for
        self.true = False  # the bridge held all that it should when it was last read, and was sent nothing since
        self._pending: dict[bytes, Held] = {}
        self._news, self._scopes, self._layer = news, scopes, layer
        self.seen = news.seal()  # the number of the first change of a scope that is not taken over

    @property
    def pending(self) -> dict[bytes, Held]:
        """What the bridge still holds, by slot, where it should hold something else. Who looks makes it catch up."""
        if self.seen != self._news.end:
            self.catch_up()
        return self._pending

    @pending.setter
    def pending(self, pending: dict[bytes, Held]) -> None:
        self._pending = pending

    @property
    def due(self) -> bool:
        """Whether something may be pending; nothing is taken over for that."""
        return bool(self._pending) or self.seen != self._news.end

    def catch_up(self, whole: list[Batch] | None = None) -> None:
        """Take over what has changed in the scopes of the bridge. In these slots its own layer is as it was meanwhile.

        Batches that can be sent as they are go to `whole` where that is given, and are not pending.
        """
        pending, scopes, layer, seen = self._pending, self._scopes, self._layer, self.seen
        for batch in self._news.since(seen):
            if seen > batch.first:
                records = batch.records[seen - batch.first :]
            elif whole is not None and batch.block is not None and batch.fits(scopes, layer, pending):
                whole.append(batch)
                continue
            else:
                records = batch.records
            for scope, slot, old, new in records:
                if scope not in scopes:
                    continue
                own = layer.get(slot)
                if own is not None:
                    old, new = winner(own, old), winner(own, new)
                    if old is new:
                        continue
                if slot not in pending:
                    pending[slot] = old
                elif same(pending[slot], new):
                    del pending[slot]
        self.seen = self._news.end

    def note(self, slot: bytes, old: Held, new: Entry | None) -> None:
        """The slot should hold `new` instead of `old`. To be called before the bridge's own layer says so."""
        pending = self.pending if slot in self._news else self._pending
        self.dirty.add(self.bridge)  # always: what is pending already may wait for a row that was refused
        if slot not in pending:
            pending[slot] = old
        elif same(pending[slot], new):
            del pending[slot]

    def forget_refusals(self) -> None:
        """Owners that are gone, or say something else now, are not refused any more: it is tried again."""
        if self.refused:
            self.refused = {cookie: r for cookie, r in self.refused.items() if r.flows is r.owner.flows}

    def is_refused(self, held: Held) -> bool:
        """True for an entry of an owner that the bridge refuses."""
        return held is not None and len(held) == 2 and held[0].cookie in self.refused

    def confirm(self) -> None:
        """The bundle in flight is committed."""
        self.inflight, self.sent, self.blocks = None, [], ()

    def roll_back(self, errors: list[tuple[int, str]]) -> list[Refusal]:
        """The bundle in flight was discarded: its changes are open again, but for those of the owners that were refused."""
        for slot, held in (self.inflight or {}).items():
            self.pending[slot] = held
        found: dict[int, Refusal] = {}
        for index, text in errors:
            entry = self.sent[index] if 0 <= index < len(self.sent) else None  # -1: the bundle as a whole, nobody's fault
            if entry is not None and any(flow is entry[1] for flow in entry[0].flows):  # else it says something else by now
                owner = entry[0]
                found.setdefault(owner.cookie, Refusal(owner, owner.flows, text))
        self.refused |= found
        self.inflight, self.sent, self.blocks = None, [], ()
        return list(found.values())

    def is_open(self, slot: bytes) -> bool:
        """Whether a change of this slot is not confirmed."""
        return slot in self.pending or (self.inflight is not None and slot in self.inflight)

    def unconfirmed(self) -> Iterator[tuple[bytes, Held]]:
        """Slots whose change is not confirmed, and what they held before; a slot may come twice, on its way and changed again."""
        return chain((self.inflight or {}).items(), self.pending.items())

    @property
    def open(self) -> int:
        """How many changes are not confirmed (refused ones not counted)."""
        return len(self.pending) + len(self.inflight or ()) - self.refused_slots

    @property
    def refused_slots(self) -> int:
        """How many open changes wait because their owner was refused."""
        if not self.refused:
            return 0
        slots = {flow.slot for refusal in self.refused.values() for flow in refusal.flows}
        return sum(1 for slot, held in self.pending.items() if slot in slots or _cookie_of(held) in self.refused)


def _cookie_of(held: Held) -> int | None:
    if held is None:
        return None
    return held[0].cookie if len(held) == 2 else held[0]


def same(held: Held, new: Entry | None) -> bool:
    """True where what the bridge holds is what it should hold."""
    if held is None or new is None:
        return held is None and new is None
    owner, flow = new
    if len(held) == 2:
        return held[0].cookie == owner.cookie and held[1][1:3] == flow[1:3]
    # groups and meters carry no cookie: there the body is all
    return held[2] == flow[1] and (flow[0][0] >= METER_SLOT or (held[0] == owner.cookie and held[1] == flow[2]))


def order(slot: bytes, *, wanted: bool) -> int:
    """Rank of a change in a bundle: meters, groups, flows come; then flows, groups, meters go."""
    rank = 0 if slot[0] == METER_SLOT else 1 if slot[0] == GROUP_SLOT else FLOWS_COME
    return rank if wanted else 5 - rank
