"""Bridges that hold what they are sent, for tests of the state: what is planned is committed or rolled back as a test says."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy

from controller.pipeline.flow import METER_SLOT, Flow
from controller.state import reconcile
from controller.state.engine import Engine
from controller.state.ledger import Change, Held, Installed, Ledger, Refusal
from controller.state.owner import Entry

Refuses = Callable[[Flow], str]  # why a bridge refuses a flow; empty where it takes it


def takes_all(flow: Flow) -> str:
    """A bridge without a mind of its own."""
    return ""


class Bridge:
    """One bridge and the ledger that the controller keeps of it."""

    def __init__(self, engine: Engine, name: str, refuses: Refuses = takes_all) -> None:
        self.engine, self.name, self.refuses = engine, name, refuses
        self.held: dict[bytes, Installed] = {}
        self.ledger: Ledger | None = None
        self.changes: list[Change] = []  # in flight
        self.sent = 0
        self.spared: set[bytes] = set()  # slots that hold flows of a failed row from before, which nobody wants now

    def connect(self) -> reconcile.Difference:
        """Read back and compare, as at every connection and audit."""
        desired = self.engine.desired
        if self.ledger is None:
            self.ledger = desired.open(self.name)
        view = desired.view(self.name)
        difference = reconcile.compare(self.held, view, self.engine.spares)
        self.spared = self.held.keys() - view.keys() - {slot for slots in difference for slot in slots}
        if reconcile.adopt(self.ledger, self.held, difference, remove_foreign=True):
            self.ledger.refused.clear()
        desired.dirty.add(self.name)
        return difference

    def disconnect(self) -> None:
        """What was in flight is lost; what it holds stays."""
        self.engine.desired.ledgers.pop(self.name, None)
        self.ledger, self.changes = None, []

    def plan(self, limit: int = 0) -> list[Change]:
        """Take what is to be sent, if nothing is in flight."""
        if self.ledger is not None and self.ledger.inflight is None:
            self.changes = reconcile.plan(self.ledger, self.engine.desired, limit)
            self.sent += len(self.changes)
            shared = [change for block in self.ledger.blocks for change in block.changes]
            assert self.changes[len(self.changes) - len(shared) :] == shared, "the blocks are the last of the changes"
        return self.changes

    def answer(self, errors: list[tuple[int, str]] | None = None) -> list[Refusal]:
        """The bridge commits what is in flight, or discards it because of these errors or of those that it finds."""
        ledger, changes = self.ledger, self.changes
        if ledger is None or not changes:
            return []
        self.changes = []
        found = errors or [(i, why) for i, (_, _, flow) in enumerate(changes) if flow is not None and (why := self.refuses(flow))]
        refusals = []
        if found:
            sent = {id(changes[index][2]) for index, _ in found}
            refusals = ledger.roll_back(found)
            for refusal in refusals:
                assert sent & {id(flow) for flow in refusal.flows}, "what an owner says now was never sent, and is called refused"
        else:
            for slot, cookie, flow in changes:
                if flow is None:
                    self.held.pop(slot, None)
                else:
                    self.held[slot] = (0, bytes(8), flow.body) if slot[0] >= METER_SLOT else (cookie, flow.opts, flow.body)
            ledger.confirm()
        if ledger.due:
            self.engine.desired.dirty.add(self.name)
        return refusals

    def wants(self) -> dict[bytes, Installed]:
        """What it should hold, as it would be read back."""
        return {slot: as_installed(entry) for slot, entry in self.engine.desired.view(self.name).items()}


def pending(ledger: Ledger) -> dict[bytes, Held]:
    """What is pending, without a look at it: that would take over what has changed in scopes."""
    other = copy(ledger)
    other.pending = dict(ledger._pending)
    return other.pending


def as_installed(held: Held | Entry) -> Installed:
    """An entry as a bridge tells it."""
    assert held is not None
    if len(held) == 3:
        return held
    owner, flow = held
    return (0, bytes(8), flow.body) if flow.slot[0] >= METER_SLOT else (owner.cookie, flow.opts, flow.body)


class World:
    """An engine and its bridges; only bridges that the engine calls dirty are looked at, as in the controller."""

    def __init__(self, engine: Engine, *names: str, refuses: Refuses = takes_all) -> None:
        self.engine = engine
        self.bridges = {name: Bridge(engine, name, refuses) for name in names}

    def settle(self, limit: int = 0) -> None:
        """Plan for all dirty bridges, once the rules have run."""
        dirty = self.engine.desired.dirty
        while self.engine.idle and dirty:
            self.bridges[dirty.pop()].plan(limit)

    def quiesce(self) -> None:
        """Push and answer until nothing is left to send."""
        self.engine.run()
        for _ in range(100):
            self.settle()
            if not any(bridge.changes for bridge in self.bridges.values()):
                return
            for bridge in self.bridges.values():
                bridge.answer()
        raise AssertionError("it never comes to rest")
