"""What became of a row: installed, pending, waits for ..., hidden by ..., rejected: ..., failed: ...

Of two rows that want the same slot both show it: one is "hidden by" the other, which is "installed, hides" the one.

Nothing is kept a row for it: what is neither open nor refused nor contested is installed.
"""

from __future__ import annotations

from controller.model.rows import Row
from controller.pipeline.flow import Flow
from controller.state import fault
from controller.state.desired import Desired
from controller.state.engine import Engine
from controller.state.owner import Owner

RANKS = ("none", "installed", "pending", "hidden", "waits", "rejected", "failed")


def of_row(engine: Engine, row: Row) -> str:
    """The worst status among all that was said for a row; "none" where no rule speaks of it."""
    key = type(row).key_of(row)
    owners = [r.owners[key] for s in engine.apps.values() for r in s.rules if r.each is type(row) and key in r.owners]
    return max((of_owner(engine.desired, o) for o in owners), key=_rank, default="none")


def of_owner(desired: Desired, owner: Owner) -> str:
    """The status of what one rule said for one row."""
    if owner.error:
        return f"failed: {fault.last_line(owner.error)}"
    if owner.waits:
        return owner.waits
    return max((of_flow(desired, owner, flow) for flow in owner.flows), key=_rank, default="none")


def of_flow(desired: Desired, owner: Owner, flow: Flow) -> str:
    """The status of one flow, the worst over the bridges that should have it."""
    worst = "none"
    for bridge in desired.bridges_of(flow.where):  # type: ignore[arg-type]
        worst = max(worst, on_bridge(desired, bridge, owner, flow), key=_rank)
    return worst


def on_bridge(desired: Desired, bridge: str, owner: Owner, flow: Flow) -> str:
    """The status of one flow on one bridge; a bridge that is not connected has it pending."""
    claims = desired.claims(bridge, flow.slot)
    if claims and claims[0][0] is not owner and claims[0][1][:3] != flow[:3]:
        return f"hidden by {claims[0][0]}"
    hides = ", ".join(str(other) for other, theirs in claims if other is not owner and theirs[:3] != flow[:3])
    state = _sent(desired, bridge, owner, flow)
    return f"{state}, hides {hides}" if hides else state


def _sent(desired: Desired, bridge: str, owner: Owner, flow: Flow) -> str:
    ledger = desired.ledgers.get(bridge)
    if ledger is None:
        return "pending"
    refusal = ledger.refused.get(owner.cookie)
    if refusal is not None and refusal.flows is owner.flows:
        return f"rejected: {refusal.error}"
    return "pending" if ledger.is_open(flow.slot) else "installed"


def _rank(status: str) -> tuple[int, bool]:
    """How bad a status is; of two that are equally bad the one that tells of a contest says more."""
    return RANKS.index(status.partition(" ")[0].rstrip(":,")), ", hides " in status
