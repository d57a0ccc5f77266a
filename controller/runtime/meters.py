"""What meters have dropped since they were last read, told to the apps whose meters they are."""

from __future__ import annotations

import time

from controller.model import Metered
from controller.openflow.events import MeterStats
from controller.runtime.dispatch import Dispatch
from controller.runtime.peers import Peer
from controller.state.engine import Engine


def metered(engine: Engine, dispatch: Dispatch, peer: Peer, event: MeterStats) -> None:
    """Counters have arrived. Those of before the bridge connected are where counting begins."""
    before, now = peer.dropped, time.monotonic()
    seconds, peer.dropped, peer.dropped_at = now - peer.dropped_at, event.dropped, now
    if before is None or (before == event.dropped and not peer.storms):
        return
    new = {slot: counts[0] - before.get(slot, (0, 0))[0] for slot, counts in event.dropped.items()}
    dropping = {slot for slot, frames in new.items() if frames > 0}  # less than before: the meter has been made anew
    for slot in sorted(dropping | peer.storms):
        entry = engine.desired.effective(peer.name, slot)
        row = entry and engine.tables.get(entry[0].rule.each, *entry[0].key)
        if entry and row is not None:
            dispatch.owned(entry[0].cookie, Metered(peer.name, row, max(0, new.get(slot, 0)), seconds))
    peer.storms = dropping
