"""What a bridge that connects is sent before all else: the flows of rules that are `first`, so that it can hear its neighbours.

They go loose, with a barrier, in the write that takes discovery frames out of its ports; its pipeline follows when the rules have
run. Where something on the bridge is in their way, they come with the pipeline.
"""

from __future__ import annotations

from collections.abc import Callable

from controller.model import Greeted, Prepared
from controller.model.cookie import is_ours
from controller.openflow.events import Installed, Pushed, ReadBack
from controller.pipeline.flow import GROUP_SLOT, METER_SLOT
from controller.runtime.channel import Channel
from controller.runtime.peers import Peer
from controller.state.desired import Desired
from controller.state.ledger import order, same
from controller.state.owner import Entry


class Greeting:
    """Bridges from the end of their handshake until their first flows are there."""

    def __init__(self, desired: Desired, tell: Callable[[object], None], told: Callable[[Peer, ReadBack], None]) -> None:
        """`told` takes over what a bridge holds, once what it was sent here is part of that."""
        self._desired, self._tell, self._told = desired, tell, told
        self._new: dict[str, tuple[Peer, ReadBack]] = {}
        self._greeted: dict[str, tuple[Peer, ReadBack]] = {}  # they have not confirmed yet
        self._late: set[str] = set()  # something is in the way

    @property
    def busy(self) -> bool:
        """Bridges are arriving."""
        return bool(self._greeted)

    @property
    def due(self) -> bool:
        """A bridge waits to be greeted."""
        return bool(self._new)

    def read_back(self, peer: Peer, event: ReadBack) -> None:
        """What a bridge that connected holds has arrived."""
        self._new[peer.name] = peer, event

    def end(self, peer: Peer) -> None:
        """A bridge went away."""
        self._new.pop(peer.name, None)
        self._greeted.pop(peer.name, None)
        self._late.discard(peer.name)

    def step(self) -> list[Channel]:
        """The rules that are `first` have run: send what bridges lack of it; gives the channels by which to."""
        if not self._new:
            return []
        new, self._new = self._new, {}
        return [
            peer.channel for peer, event in new.values() if peer.channel is not None and self._greet(peer, peer.channel, event)
        ]

    def _greet(self, peer: Peer, channel: Channel, event: ReadBack) -> bool:
        wanted = {slot: entry for slot, entry in self._desired.layers[peer.name].items() if entry[0].rule.first}
        if _in_the_way(event.installed, wanted):
            self._late.add(peer.name)
            self._told(peer, event)
            return False
        missing = sorted((slot for slot in wanted if slot not in event.installed), key=lambda slot: order(slot, wanted=True))
        if missing:
            channel.session.push([(slot, wanted[slot][0].cookie, wanted[slot][1]) for slot in missing], loose=True)
            self._greeted[peer.name] = peer, event
        self._tell(Greeted(peer.name))
        if not missing:
            self._done(peer, event)
        return bool(missing)

    def pushed(self, peer: Peer, event: Pushed) -> bool:
        """A bridge has confirmed something; False where that is not what it was sent here."""
        if peer.name not in self._greeted:
            return False
        _, told = self._greeted.pop(peer.name)
        refused = {index for index, _ in event.errors}  # they come with the pipeline, and are refused there
        for index, (slot, cookie, flow) in enumerate(event.changes):
            if index not in refused and flow is not None:
                told.installed[slot] = cookie, flow[2], flow[1]
                peer.flow_mods += 1
        self._done(peer, told)
        return True

    def _done(self, peer: Peer, event: ReadBack) -> None:
        self._tell(Prepared(peer.name))
        self._told(peer, event)

    def complete(self, peer: Peer) -> None:
        """A bridge holds all that it should."""
        if peer.name in self._late:
            self._late.remove(peer.name)
            self._tell(Greeted(peer.name))
            self._tell(Prepared(peer.name))


def _in_the_way(installed: Installed, wanted: dict[bytes, Entry]) -> bool:
    """Whether a bridge has something else in these slots, or flows of somebody else in these tables."""
    tables = {slot[0] for slot in wanted} - {METER_SLOT, GROUP_SLOT}
    for slot, held in installed.items():
        entry = wanted.get(slot)
        if not same(held, entry) if entry is not None else slot[0] in tables and not is_ours(held[0]):
            return True
    return False
