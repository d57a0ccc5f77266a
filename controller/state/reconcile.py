"""The difference between what a bridge holds and what it should hold, and the order in which to send it.

Connect, audit, reload and failover are all this one comparison. Pure functions over values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from controller.model.cookie import is_ours
from controller.pipeline.flow import METER_SLOT
from controller.pipeline.stages import is_learned
from controller.state.desired import Desired
from controller.state.ledger import FLOWS_COME, Change, Held, Installed, Ledger, order, same
from controller.state.news import Batch
from controller.state.owner import Entry


class Difference(NamedTuple):
    """What a read-back found. `missing`, `changed` and `stale` are ours; `foreign` nobody of ours asked for."""

    missing: list[bytes]
    changed: list[bytes]
    stale: list[bytes]
    foreign: list[bytes]


def compare(
    installed: Mapping[bytes, Installed], view: Mapping[bytes, Entry], spare: Callable[[int], bool] = lambda cookie: False
) -> Difference:
    """Compare slot by slot. `spare(cookie)`: flows of ours that stay although nobody wants them now (their rule failed).

    Groups and meters bear no cookie. Where a flow is spared they all are, because with a group go the flows that use it.
    """
    missing, changed = [], []
    get = installed.get
    for slot, entry in view.items():
        held, (owner, flow) = get(slot), entry
        if held is None:
            missing.append(slot)
        elif held[2] == flow[1] and held[0] == owner.cookie and held[1] == flow[2]:
            continue  # as it should be, like nearly all: decided without a call
        elif not same(held, entry):
            changed.append(slot)
    stale, foreign, spared = [], [], False
    more = len(installed) > len(view) - len(missing)
    for slot in installed.keys() - view.keys() if more else ():
        cookie = installed[slot][0]
        if is_learned(slot):
            continue  # what the bridge has learned goes with its own timeout, not because no app asked for it
        if not is_ours(cookie):  # groups and meters are read without one; only those that were just sent have theirs
            foreign.append(slot)
        elif spare(cookie):
            spared = True
        else:
            stale.append(slot)
    if spared:
        foreign = [slot for slot in foreign if slot[0] < METER_SLOT]
    return Difference(missing, changed, stale, foreign)


def adopt(ledger: Ledger, installed: Mapping[bytes, Installed], difference: Difference, *, remove_foreign: bool) -> int:
    """Make the difference the ledger's open changes; gives their number."""
    slots = [*difference.missing, *difference.changed, *difference.stale]
    if remove_foreign:
        slots += difference.foreign
    for slot in slots:
        ledger.pending[slot] = installed.get(slot)
    return len(slots)


def plan(ledger: Ledger, desired: Desired, limit: int = 0) -> list[Change]:
    """Take what is open and can be sent, in the safe order; it is in flight from now on. Empty: nothing to send.

    The last of the changes are those of `ledger.blocks`, new flows of scopes. They may stand behind deletions: these are of other
    slots, and a bundle comes into force as one. With a `limit` above 0 the first so many changes only.
    """
    ledger.forget_refusals()
    batches: list[Batch] = []
    ledger.catch_up(None if limit or ledger.refused else batches)
    bridge, refused, shared = ledger.bridge, ledger.refused, desired.shared
    layers, members = desired.layers, desired.members
    own = layers[bridge]
    ranks: list[list[tuple[bytes, Held, Entry | None]]] = [[], [], [], [], [], []]
    left: dict[bytes, Held] = {}
    for slot, held in ledger.pending.items():
        scopes = shared.get(slot)
        if scopes is None:
            new = own.get(slot)
        elif slot not in own and len(scopes) == 1 and bridge in members[scopes[0]]:
            new = layers[scopes[0]][slot]  # nearly all: decided without a call
        else:
            new = desired.effective(bridge, slot)
        if refused and ledger.is_refused(held if new is None else new):
            left[slot] = held  # what a refused owner had before stays, unless somebody else has the slot now
        elif held is None and new is not None and slot[0] < METER_SLOT:
            ranks[FLOWS_COME].append((slot, None, new))  # nearly all of a bulk
        elif not same(held, new):
            ranks[order(slot, wanted=new is not None)].append((slot, held, new))
    todo = [change for rank in ranks for change in rank]
    if limit:
        left |= {slot: held for slot, held, _ in todo[limit:]}
        del todo[limit:]
    pending, ledger.pending = ledger.pending, left
    if not (todo or batches):
        return []
    ledger.true = False
    inflight = ledger.inflight = pending if len(todo) == len(pending) else {slot: held for slot, held, _ in todo}
    sent = ledger.sent = [new for _, _, new in todo]
    changes: list[Change] = [(slot, new[0].cookie if new else 0, new[1] if new else None) for slot, _, new in todo]
    for batch in batches:
        inflight.update(batch.slots)
        sent += batch.entries
        changes += batch.changes
    ledger.blocks = [batch.block for batch in batches if batch.block is not None]
    if ledger.touched is not None:
        ledger.touched.update(inflight)
    return changes
