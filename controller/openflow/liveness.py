"""Is the peer still there? What its silence means, and that our own absence is not its silence."""

from __future__ import annotations

from controller.openflow.errors import ProtocolError

ECHO_AFTER = 3.0  # seconds of silence until we ask
DEAD_AFTER = 8.0  # seconds of silence until the peer is taken for dead: with TICK it is gone within 10 s
TICK = 1.0  # how often `tick` is meant to be called


class Liveness:
    """Counts the seconds in which the peer could have been heard.

    Time in which this process did not run (suspended, or busy) leaves a gap between two calls. It is not counted, or every
    connection would be ended by it.
    """

    __slots__ = ("_asked", "_heard", "_lost", "_seen", "now")

    def __init__(self) -> None:
        self.now = 0.0
        self._seen = self._lost = self._heard = 0.0
        self._asked = False

    def start(self, now: float) -> None:
        """The connection is open."""
        self._seen = self.now = self._heard = now

    def heard(self, now: float) -> None:
        """Something came from the peer."""
        self._advance(now)
        self._heard = self.now
        self._asked = False

    def tick(self, now: float) -> bool:
        """Time goes on. True when the peer should be asked for a sign of life; raises ProtocolError when it is dead."""
        self._advance(now)
        silent = self.now - self._heard
        if silent > DEAD_AFTER:
            raise ProtocolError(f"nothing heard for {silent:.0f} s")
        if silent < ECHO_AFTER or self._asked:
            return False
        self._asked = True
        return True

    def _advance(self, now: float) -> None:
        self._lost += max(0.0, now - self._seen - 2 * TICK)
        self._seen = now
        self.now = now - self._lost
