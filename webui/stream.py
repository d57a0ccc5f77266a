"""Server-sent events: one thread asks the view what is new and hands it to every open stream.

A stream begins with `hello`, then carries each `event` (its id is the event's number), and `changed` with the names of
collections to read again, folded to four a second. `Last-Event-ID` replays what was missed; where that is no longer
known, or a client does not keep up, `reset` says to read everything again. A comment every 15 s shows that it lives.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

from pydantic import TypeAdapter

from controller.query import EventView, QueryError, Update, View

MAX_STREAMS = 32
BACKLOG = 1000
HEARTBEAT = 15.0
CHANGED_EVERY = 0.25
LOOK_EVERY = 1.0

log = logging.getLogger(__name__)
_event = TypeAdapter(EventView)


def frame(name: str, data: str, ident: int | None = None) -> str:
    """One event as it goes over the wire."""
    head = f"id: {ident}\n" if ident is not None else ""
    return f"{head}event: {name}\ndata: {data}\n\n"


def event_frame(event: EventView) -> str:
    """An event of the controller's history."""
    return frame("event", _event.dump_json(event).decode(), event.seq)


class Stream:
    """What one client has still to be told."""

    def __init__(self, seq: int) -> None:
        self.seq = seq
        self.changed: set[str] = set()
        self.closed = False
        self._events: deque[EventView] = deque()
        self._overflow = False
        self._news = threading.Condition()

    def offer(self, update: Update) -> None:
        """Take what is new; too much of it becomes a reset."""
        with self._news:
            for event in update.events:
                if event.seq > self.seq:
                    self._events.append(event)
                    self.seq = event.seq
            if len(self._events) > BACKLOG:
                self._events.clear()
                self._overflow = True
            self.changed |= update.changed
            self._news.notify()

    def close(self) -> None:
        """End the stream at its next look."""
        with self._news:
            self.closed = True
            self._news.notify()

    def take(self, timeout: float, with_changed: bool) -> tuple[list[str], bool]:
        """Wait for news and drain them as frames; the second says whether `changed` is among them."""
        with self._news:
            self._news.wait_for(lambda: self.closed or self._overflow or self._events or (with_changed and self.changed), timeout)
            frames = [frame("reset", "{}")] if self._overflow else []
            frames += [event_frame(event) for event in self._events]
            self._overflow = False
            self._events.clear()
            names = sorted(self.changed) if with_changed else []
            if names:
                frames.append(frame("changed", json.dumps({"collections": names})))
                self.changed.clear()
            return frames, bool(names)


class Hub:
    """All open streams, and the thread that feeds them while there are any."""

    def __init__(self, view: View, limit: int = MAX_STREAMS) -> None:
        self._view = view
        self._limit = limit
        self._streams: set[Stream] = set()
        self._lock = threading.Lock()
        self._feeding = False

    def open(self, last: int | None, gone: Callable[[], bool]) -> Iterator[str]:
        """A new stream from event `last`, as frames; `gone` says whether the client went away."""
        with self._lock:  # the status is read under the lock, so that nothing falls between it and the first news
            if len(self._streams) >= self._limit:
                detail = f"{self._limit} live streams are open, which is the limit. Close a dashboard, or try again in 5 s."
                raise QueryError(503, "Too many live streams", detail)
            status = self._view.status()
            stream = Stream(status.seq if last is None else min(last, status.seq))
            self._streams.add(stream)
            if not self._feeding:
                self._feeding = True
                threading.Thread(target=self._feed, args=(status.seq, status.revision), name="weft-stream", daemon=True).start()
        hello = {"seq": status.seq, "revision": status.revision, "version": status.version}
        return self._frames(stream, frame("hello", json.dumps(hello)), last, gone)

    def close(self) -> None:
        """End every stream."""
        with self._lock:
            for stream in self._streams:
                stream.close()

    def __len__(self) -> int:
        return len(self._streams)

    def _frames(self, stream: Stream, hello: str, last: int | None, gone: Callable[[], bool]) -> Iterator[str]:
        try:
            yield hello
            if last is not None:
                yield from self._missed(stream, last)
            yield from self._live(stream, gone)
        finally:
            with self._lock:
                self._streams.discard(stream)

    def _missed(self, stream: Stream, last: int) -> Iterator[str]:
        """What happened since `last`, or a reset where history does not reach back so far."""
        if stream.seq < last:  # the controller was started anew: its numbers are others
            yield frame("reset", "{}")
            return
        missed = self._view.events(after=last, limit=BACKLOG)
        if missed and missed[0].seq > last + 1:
            yield frame("reset", "{}")
        stream.offer(Update(0, 0, missed, frozenset()))

    def _live(self, stream: Stream, gone: Callable[[], bool]) -> Iterator[str]:
        spoke = told = time.monotonic()
        while not (stream.closed or gone()):
            due = max(0.0, told + CHANGED_EVERY - time.monotonic())
            frames, changed = stream.take(min(LOOK_EVERY, due) if stream.changed else LOOK_EVERY, due == 0.0)
            now = time.monotonic()
            if frames:
                spoke = now
                told = now if changed else told
                yield "".join(frames)
            elif now - spoke >= HEARTBEAT:
                spoke = now
                yield ": heartbeat\n\n"

    def _feed(self, seq: int, revision: int) -> None:
        while True:
            try:
                update = self._view.wait(seq, revision, LOOK_EVERY)
            except Exception:
                log.exception("asking for news failed")
                time.sleep(LOOK_EVERY)
                continue
            seq, revision = update.seq, update.revision
            with self._lock:
                if not self._streams:
                    self._feeding = False
                    return
                if update.events or update.changed:
                    for stream in self._streams:
                        stream.offer(update)
