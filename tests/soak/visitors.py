"""People and programs that look at the controller while all changes: dashboards, readers of the API, some of whom hang up."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Iterator
from itertools import count
from random import Random

from tests.benchmarks.clients import PATHS

DASHBOARDS, READERS = 4, 8
PAUSE = 0.2  # seconds between two questions


class Visitors:
    """They come and go until told to stop."""

    def __init__(self, address: str, seed: int) -> None:
        self.answers = 0
        self._address, self._leave = address, threading.Event()
        work = [self._dashboard] * DASHBOARDS + [self._reader] * READERS
        self._threads = [threading.Thread(target=one, args=(Random(seed + n),)) for n, one in enumerate(work)]

    def start(self) -> None:
        """All of them come."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """All of them have left."""
        self._leave.set()
        for thread in self._threads:
            thread.join()

    def _dashboard(self, random: Random) -> None:
        """A stream of events is open for a while, then the window is closed, and opened again."""
        while not self._leave.is_set():
            with self._connection() as connection:
                connection.request("GET", "/api/v1/events")
                answer = connection.getresponse()
                for _ in range(random.randrange(1, 6)):
                    answer.read1()
                    self.answers += 1
                    if self._leave.wait(PAUSE):
                        return

    def _reader(self, random: Random) -> None:
        """Some questions on one connection; every third reader hangs up before it has its answer."""
        for number in count(random.randrange(len(PATHS))):
            with self._connection() as connection:
                for step in range(random.randrange(1, 6)):
                    connection.request("GET", f"/api/v1{PATHS[(number + step) % len(PATHS)].replace('s1', 'b1')}")
                    if random.random() < 1 / 3:
                        break
                    connection.getresponse().read()
                    self.answers += 1
                    if self._leave.wait(PAUSE):
                        return
            if self._leave.is_set():
                return

    @contextlib.contextmanager
    def _connection(self) -> Iterator[http.client.HTTPConnection]:
        """One that is closed, whatever became of it."""
        connection = http.client.HTTPConnection(self._address, timeout=20)
        try:
            yield connection
        except (OSError, http.client.HTTPException):
            self._leave.wait(PAUSE)  # too many streams at once, for example: come again
        finally:
            connection.close()
