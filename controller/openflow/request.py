"""A question to the switch under way: what every kind of it has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod

from controller.openflow.errors import OfError
from controller.openflow.events import ErrorMessage, Event


class Request(ABC):
    """Waits for its answer, which may come in parts. `what` names it in reasons and errors."""

    what = "request"

    @abstractmethod
    def reply(self, message: bytes, events: list[Event]) -> bool:
        """Take one part of the answer and add what it tells to `events`. True when it was the last part."""

    def refused(self, xid: int, error: OfError, events: list[Event]) -> None:
        """The switch answered with an error: there will be no other answer."""
        events.append(ErrorMessage(error, self.what))
