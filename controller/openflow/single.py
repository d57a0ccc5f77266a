"""A single change to a flow or group: it is all or nothing by itself, so it needs no bundle.

The message and a barrier go out together, and the change is in force when they arrive: once there and back instead of twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import error as struct_error

from controller.openflow import codec
from controller.openflow.bundle import TOO_LONG, flow_mod, group_mod
from controller.openflow.errors import OfError, ProtocolError
from controller.openflow.events import Change, Event, Pushed
from controller.openflow.readback import GROUP


class Single:
    """A change on its way, until its barrier is answered. Used as `bundle.Push` is; it takes no meters."""

    what = "change"
    meters: tuple[bytes, ...] = ()

    def __init__(self, version: int, first_xid: int, change: Change) -> None:
        self._version, self._first, self._change = version, first_xid, change
        self._errors: list[tuple[int, OfError]] = []

    @property
    def xids(self) -> range:
        """The transaction ids of the change and of its barrier."""
        return range(self._first, self._first + 2)

    def messages(self) -> Iterator[bytes]:
        """Everything that is sent, in one piece."""
        barrier = codec.message(self._version, codec.BARRIER_REQUEST, self._first + 1)
        try:
            yield (group_mod if self._change[0][0] == GROUP else flow_mod)(self._version, self._first, self._change) + barrier
        except struct_error:
            self._errors.append((0, TOO_LONG))
            yield barrier

    def reply(self, message: bytes, events: list[Event]) -> list[bytes]:
        """Take the answer to the barrier; nothing is to be sent after it."""
        if message[1] != codec.BARRIER_REPLY:
            raise ProtocolError("the switch answers about a change what it was not asked")
        events.append(Pushed([self._change], self._errors))
        return []

    def refused(self, xid: int, error: OfError, events: list[Event]) -> list[bytes]:
        """Take an error: about the change, before the answer to the barrier, or about the barrier itself."""
        self._errors.append((0, error))
        if xid != self._first:
            events.append(Pushed([self._change], self._errors))
        return []
