"""Turns in the event loop for what works by turns and says what it waits for, as the library of Open vSwitch does."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from controller.ovsdb.idl import POLLIN, POLLOUT, Poller, milliseconds


class Pumped(Protocol):
    """What works in turns."""

    def run(self) -> None:
        """One turn."""

    def wait(self, poller: Poller) -> None:
        """What to wait for until the next."""


class Pump:
    """Gives something its turns when what it waits for has come."""

    def __init__(self, loop: asyncio.AbstractEventLoop, pumped: Pumped) -> None:
        self._loop, self._pumped = loop, pumped
        self._readers: set[int] = set()
        self._writers: set[int] = set()
        self._timers: list[asyncio.Handle] = []
        self._stopped = False

    def wake(self) -> None:
        """A turn, now."""
        if self._stopped:
            return
        self._reset()  # before the turn: it may close a socket and open another with the same number
        try:
            self._pumped.run()
        finally:
            if not self._stopped:
                self._pumped.wait(self)

    def stop(self) -> None:
        """No more turns."""
        self._stopped = True
        self._reset()

    def _reset(self) -> None:
        for number in self._readers:
            self._loop.remove_reader(number)
        for number in self._writers:
            self._loop.remove_writer(number)
        for timer in self._timers:
            timer.cancel()
        self._readers.clear()
        self._writers.clear()
        self._timers.clear()

    # ------------------------------------------------------------ what ovs calls a poller

    def fd_wait(self, fd: Any, events: int) -> None:
        """A turn when it can be read or written."""
        number = fd if isinstance(fd, int) else fd.fileno()
        if events & POLLIN:
            self._loop.add_reader(number, self.wake)
            self._readers.add(number)
        if events & POLLOUT:
            self._loop.add_writer(number, self.wake)
            self._writers.add(number)

    def timer_wait(self, msec: float) -> None:
        """A turn after milliseconds."""
        self._timers.append(self._loop.call_later(max(msec, 0) / 1000, self.wake))

    def timer_wait_until(self, msec: float) -> None:
        """A turn at a time of the library's clock."""
        self.timer_wait(msec - milliseconds())

    def immediate_wake(self) -> None:
        """A turn after those of the others."""
        self._timers.append(self._loop.call_soon(self.wake))
