"""Bringing bridges to what they should hold: read back, compare, push one bundle at a time, and repair drift.

Connecting and auditing are the same operation. What a bridge refuses is rolled back; the row that caused it is marked, and
the rest is sent again without it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from controller.model.cookie import app_of
from controller.openflow.events import FlowRemoved, Pushed, ReadBack
from controller.pipeline.flow import METER_SLOT
from controller.runtime.channel import Channel
from controller.runtime.greeting import Greeting
from controller.runtime.journal import Journal
from controller.runtime.peers import Peer
from controller.state import reconcile
from controller.state.engine import Engine
from controller.state.ledger import UNKNOWN, Ledger
from controller.state.owner import Entry, Owner
from controller.state.reconcile import Difference

BISECT_AFTER = 3  # bundles refused in a row, after which they are sent in halves


class Sync:
    """Keeps the ledgers of the connected bridges and decides what is sent when."""

    def __init__(
        self,
        engine: Engine,
        journal: Journal,
        peers: Mapping[str, Peer],
        tell: Callable[[object], None],
        installed: Callable[[Peer], None],
        *,
        remove_foreign: bool,
    ) -> None:
        self._engine, self._desired, self._journal, self._peers = engine, engine.desired, journal, peers
        self._installed, self._remove_foreign = installed, remove_foreign
        self.greeting = Greeting(self._desired, tell, self._told)
        self._waiting: dict[str, tuple[Peer, ReadBack]] = {}  # read back before the rules had all run

    def ask(self, channel: Channel) -> None:
        """A bridge connects: what does it hold? It says so behind the end of its handshake."""
        channel.session.watch_flows()
        channel.session.read_back()

    def end(self, peer: Peer) -> None:
        """A bridge went away: nothing is queued for it, connecting again compares anew."""
        self._desired.ledgers.pop(peer.name, None)
        self._waiting.pop(peer.name, None)
        self.greeting.end(peer)

    def audit(self, peer: Peer) -> bool:
        """Compare again what the bridge holds; False where it is being compared already."""
        ledger = self._desired.ledgers.get(peer.name)
        if ledger is None or ledger.touched is not None or peer.channel is None:
            return False
        ledger.touched = set(ledger.inflight or ())  # it may be read before what is under way is committed
        peer.channel.session.read_back(news=ledger.true)
        return True

    def read_back(self, peer: Peer, event: ReadBack) -> None:
        """What a bridge holds has arrived."""
        before, now = peer.counters, time.time()
        if before != event.counters:
            if before:
                peer.active |= {slot: now for slot, counts in event.counters.items() if counts[0] and counts != before.get(slot)}
            peer.counters = event.counters
        ledger = self._desired.ledgers.get(peer.name)
        if event.same and ledger is not None:
            ledger.touched = None  # it was as it should be, and what has changed since was sent, or will be
        elif ledger is None:
            self.greeting.read_back(peer, event)
        else:
            self._told(peer, event)

    def _told(self, peer: Peer, event: ReadBack) -> None:
        self._waiting[peer.name] = peer, event

    def expired(self, peer: Peer, event: FlowRemoved) -> Owner | None:
        """A bridge tells that the time of a flow was over; who wants it still. It comes back, unless its row goes.

        Open vSwitch may tell that long after: a read-back has shown that it is gone, and it is there again. So whether the
        bridge holds it is not known, and where nobody wants it any more it is deleted.
        """
        entry = self._desired.effective(peer.name, event.slot)
        ledger = self._desired.ledgers.get(peer.name)
        if entry is None or ledger is None or entry[0].cookie != event.cookie:
            return None
        if ledger.touched is not None:
            ledger.touched.add(event.slot)  # what is being read back may still have it
        if not ledger.is_open(event.slot):
            ledger.note(event.slot, UNKNOWN, entry)
        return entry[0]

    @property
    def due(self) -> bool:
        """There is somebody to greet, or something to compare or to push."""
        return bool(self._waiting or self._desired.dirty) or self.greeting.due

    def settle(self, more: Callable[[], bool] = lambda: True) -> bool:
        """All rules have run: compare what was read back, and push what is open. Called whenever the engine is idle.

        False where `more()` says that others have their turn now, and something is left.
        """
        waiting, dirty = self._waiting, self._desired.dirty
        while waiting or dirty:
            if waiting:
                self._compare(*waiting.pop(next(iter(waiting))))
            else:
                self._push(dirty.pop())
            if not more():
                break
        return not self.due

    def _compare(self, peer: Peer, event: ReadBack) -> None:
        ledger = self._desired.ledgers.get(peer.name)
        first = ledger is None
        known = set() if ledger is None else (ledger.touched or set()) | ledger.pending.keys() | (ledger.inflight or {}).keys()
        if ledger is None:
            ledger = self._desired.open(peer.name)
        ledger.touched = None
        view = self._desired.view(peer.name)
        _share(peer, event, view)
        difference = reconcile.compare(event.installed, view, self._engine.spares)
        if known:
            difference = Difference(*([slot for slot in slots if slot not in known] for slots in difference))
        ledger.true = not known and not any(difference)
        lost = sum(1 for slot in difference.missing if not _may_expire(view[slot]))
        self._tell(peer, difference, lost, first=first)
        peer.foreign = {} if self._remove_foreign else {slot: event.installed[slot] for slot in difference.foreign}
        if reconcile.adopt(ledger, event.installed, difference, remove_foreign=self._remove_foreign):
            ledger.refused.clear()  # the bridge was not what we thought: what it refused may be right now
        if ledger.pending:
            self._desired.dirty.add(peer.name)
        elif first:
            self._complete(peer)

    def _complete(self, peer: Peer) -> None:
        """The bridge holds what it should, for the first time since it connected."""
        peer.state = "connected"
        self._journal.changed("bridges", "flows")
        self.greeting.complete(peer)
        self._installed(peer)

    def _tell(self, peer: Peer, difference: Difference, lost: int, *, first: bool) -> None:
        if difference.foreign:
            n = len(difference.foreign)
            done = "removed" if self._remove_foreign else "kept"
            new = self._remove_foreign or set(difference.foreign) - peer.foreign.keys()
            if new:
                self._journal.add(
                    "warning", "flow.foreign", peer.name, f"{n} flows, groups or meters that no app asked for: {done}"
                )
        if first:
            return
        other, stale = len(difference.changed), len(difference.stale)
        if lost or other or stale:
            words = [f"{n} {word}" for n, word in ((lost, "missing"), (other, "changed"), (stale, "too many")) if n]
            self._journal.add(
                "warning", "flow.drift", peer.name, f"{peer.name} was changed by somebody else: {', '.join(words)}; repaired"
            )

    # ------------------------------------------------------------------ pushing

    def _push(self, bridge: str) -> None:
        ledger = self._desired.ledgers.get(bridge)
        peer = self._peers.get(bridge)
        if ledger is None or ledger.inflight is not None or peer is None or peer.channel is None:
            return
        changes = reconcile.plan(ledger, self._desired, peer.window)
        if changes:
            peer.channel.session.push(list(changes), blocks=ledger.blocks)
            peer.channel.flush()

    def pushed(self, peer: Peer, event: Pushed) -> None:
        """A bundle is committed, or rolled back."""
        if self.greeting.pushed(peer, event):
            return
        ledger = self._desired.ledgers.get(peer.name)
        if ledger is None:
            return
        if event.errors:
            self._refused(peer, ledger, event)
        else:
            peer.flow_mods += len(event.changes)
            peer.failures = 0
            if peer.window:
                peer.window = 0 if peer.window >= len(ledger.pending) else peer.window * 2
            ledger.confirm()
        if ledger.due:
            self._desired.dirty.add(peer.name)
        if peer.state == "syncing" and not ledger.open:
            self._complete(peer)
        self._journal.changed("bridges", "flows")

    def _refused(self, peer: Peer, ledger: Ledger, event: Pushed) -> None:
        errors = [(index, str(error)) for index, error in event.errors]
        if len(event.changes) == 1:
            errors = [(0, errors[0][1])]
        refusals = ledger.roll_back(errors)
        peer.failures += 1
        for refusal in refusals:
            state = self._engine.apps.get(app_of(refusal.owner.cookie))
            app = state.app.name if state else "?"
            text = f"{peer.name} refused what {refusal.owner.rule.name} wants for {refusal.owner.row()}: {refusal.error}"
            self._journal.add("error", "flow.rejected", app, text)
        if not refusals or peer.failures > BISECT_AFTER:
            peer.window = max(1, len(event.changes) // 2)
        if len(event.changes) == 1 and event.changes[0][2] is None:
            self._journal.add("error", "flow.rejected", peer.name, f"{peer.name} refused a deletion: {errors[0][1]}")
            ledger.pending.pop(event.changes[0][0], None)


def _share(peer: Peer, event: ReadBack, view: Mapping[bytes, object]) -> None:
    """Counters stay: let them be by the slots that are kept anyway, instead of those that were read."""
    slots = {slot: slot for slot in view}
    peer.counters = {slots.get(slot, slot): counts for slot, counts in event.counters.items()}
    if event.seen is not None:
        event.seen.share(peer.counters)


def _may_expire(entry: Entry) -> bool:
    """A flow that goes by itself when it is idle: Open vSwitch may tell that it is gone after a read-back has shown it."""
    flow = entry[1]
    return flow.slot[0] < METER_SLOT and flow.opts[:4] != bytes(4)
