"""Changes without a bundle: messages one behind the other and a barrier, in one piece.

They are in force when they arrive: once there and back instead of twice. A single change is all or nothing by itself. Of several
each is so for itself: those without an error are in force.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import error as struct_error

from controller.openflow import codec
from controller.openflow.bundle import TOO_LONG, flow_mod, group_mod, meter_mod
from controller.openflow.errors import OfError, ProtocolError
from controller.openflow.events import Change, Event, Pushed
from controller.openflow.readback import GROUP, METER


class Loose:
    """Changes on their way, until their barrier is answered. Used as `bundle.Push` is."""

    what = "change"

    def __init__(self, version: int, first_xid: int, changes: list[Change], meters: dict[bytes, bytes]) -> None:
        self._version, self._first, self._changes = version, first_xid, changes
        self.meters = {change[0]: index for index, change in enumerate(changes) if change[0][0] == METER}  # with their index
        self._meters = meters  # what the switch holds; brought up to date with the answer
        self._errors: list[tuple[int, OfError]] = []

    def has(self, xid: int) -> bool:
        """Whether this is the transaction id of a change, or of the barrier."""
        return 0 <= xid - self._first <= len(self._changes)

    def messages(self) -> Iterator[bytes]:
        """Everything that is sent, in one piece."""
        out = []
        for index, change in enumerate(self._changes):
            try:
                out.append(self._mod(self._first + index, change))
            except struct_error:
                self._errors.append((index, TOO_LONG))
        out.append(codec.message(self._version, codec.BARRIER_REQUEST, self._first + len(self._changes)))
        yield b"".join(out)

    def _mod(self, xid: int, change: Change) -> bytes:
        slot, _, thing = change
        if slot[0] == METER:
            return meter_mod(self._version, xid, slot, thing[1] if thing is not None else None, slot in self._meters)
        return (group_mod if slot[0] == GROUP else flow_mod)(self._version, xid, change)

    def reply(self, message: bytes, events: list[Event]) -> list[bytes]:
        """Take the answer to the barrier; nothing is to be sent after it."""
        if message[1] != codec.BARRIER_REPLY:
            raise ProtocolError("the switch answers about a change what it was not asked")
        self._end(events)
        return []

    def refused(self, xid: int, error: OfError, events: list[Event]) -> list[bytes]:
        """Take an error: about a change, before the answer to the barrier, or about the barrier itself."""
        index = xid - self._first
        if index < len(self._changes):
            self._errors.append((index, error))
        else:
            self._errors += [(each, error) for each in range(len(self._changes))]  # nobody knows what has become of them
            self._end(events)
        return []

    def _end(self, events: list[Event]) -> None:
        failed = {index for index, _ in self._errors}
        for slot, index in self.meters.items():
            thing = self._changes[index][2]
            if index not in failed and thing is not None:
                self._meters[slot] = thing[1]
            elif index not in failed:
                self._meters.pop(slot, None)
        events.append(Pushed(self._changes, self._errors))
