"""What happened, in order, for people: a ring of events, and which collections changed, for any thread to wait on."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import structlog

from controller.query import EventView, Update

KEPT = 10_000
Severity = Literal["info", "warning", "error"]
RANK = {"info": 0, "warning": 1, "error": 2}

log = structlog.get_logger("weft")


class Journal:
    """Events with sequence numbers; equal ones in a row are folded and counted. All methods may be called from any thread."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._events: deque[EventView] = deque(maxlen=KEPT)
        self._news = threading.Condition()
        self._changed: dict[str, int] = {}
        self.seq = 0
        self.revision = 0

    def add(self, severity: Severity, kind: str, subject: str, text: str, *, lasting: bool = False) -> None:
        """Something happened: `kind` such as "bridge.connected", `subject` what it happened to, `text` a sentence.

        What is `lasting` is folded into the last event of its subject where that is of the same kind, whatever the two say.
        """
        getattr(log, severity)(text, event_kind=kind, subject=subject)
        with self._news:
            self.seq += 1
            last = self._events[-1] if self._events else None
            before = self._last_of(kind, subject) if lasting else None
            if before is not None:
                self._events.remove(before)
                self._events.append(replace(before, seq=self.seq, time=self._now(), text=text, count=before.count + 1))
            elif last is not None and (last.severity, last.kind, last.subject, last.text) == (severity, kind, subject, text):
                self._events[-1] = replace(last, seq=self.seq, time=self._now(), count=last.count + 1)
            else:
                self._events.append(EventView(self.seq, self._now(), severity, kind, subject, text, 1))
            self._news.notify_all()

    def _last_of(self, kind: str, subject: str) -> EventView | None:
        """The last event of a subject, where it is of this kind."""
        last = next((event for event in reversed(self._events) if event.subject == subject), None)
        return last if last is not None and last.kind == kind else None

    def changed(self, *collections: str) -> None:
        """These collections (bridges, ports, flows, ...) look different now."""
        with self._news:
            self.revision += 1
            for name in collections:
                self._changed[name] = self.revision
            self._news.notify_all()

    def at(self, collection: str) -> int:
        """The revision with which this collection changed last."""
        return self._changed.get(collection, 0)

    def events(self, after: int = 0, limit: int = 200, kind: str = "", severity: str = "") -> tuple[EventView, ...]:
        """The newest `limit` events later than sequence number `after`; `severity` is the lowest wanted, `kind` a prefix."""
        least = RANK.get(severity, 0)
        with self._news:
            found = [e for e in self._events if e.seq > after and e.kind.startswith(kind) and RANK[e.severity] >= least]
        return tuple(found[-limit:] if limit > 0 else ())

    def wait(self, seq: int, revision: int, timeout: float) -> Update:
        """Block until something is newer than `seq` or `revision`, at most `timeout` seconds."""
        with self._news:
            self._news.wait_for(lambda: self.seq > seq or self.revision > revision, timeout)
            names = frozenset(name for name, at in self._changed.items() if at > revision)
            return Update(self.seq, self.revision, self.events_after(seq), names)

    def events_after(self, seq: int) -> tuple[EventView, ...]:
        """Events later than this; for callers that hold the lock."""
        fresh = []
        for event in reversed(self._events):
            if event.seq <= seq:
                break
            fresh.append(event)
        return tuple(reversed(fresh))
