"""Requests that come again, byte for byte the same, answered where they are read: not parsed, not routed, by no other thread.

Whoever polls sends the same bytes each time. Where they were let in and answered before, and that answer still holds, it is
written at once. All else goes its way through waitress and the application.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from waitress.channel import HTTPChannel
from waitress.task import WSGITask

if TYPE_CHECKING:
    from webui.kept import Answer, Asked, Kept

IDENT = "weft"  # what the server calls itself
LEARN = "weft.learn"  # in the WSGI environment: to be called where the answer is one that is kept
MOST = 1000  # requests that are remembered
LONGEST = 4096  # bytes of one
END = b"\r\n\r\n"
OTHERWISE = ("HTTP_COOKIE", "HTTP_RANGE", "HTTP_IF_RANGE", "HTTP_EXPECT", "CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING")


class Request(NamedTuple):
    """A request that was let in: what it asks, and the answers that its sender has already."""

    asked: Asked
    etags: str


class Repeated:
    """The requests of one listener."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._requests: dict[bytes, Request] = {}

    def answer(self, data: bytes) -> tuple[bytes, ...]:
        """What to write; nothing where this was not asked before, or has another answer now."""
        known = self._requests.get(data)
        answer = self._kept.find(known.asked) if known is not None else None
        if known is None or answer is None:
            return ()
        if answer.etag in known.etags:
            return b"HTTP/1.1 304 Not Modified\r\n", _lines(answer), _date(int(time.time()))
        length = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % len(answer.body)
        return length, _lines(answer), _date(int(time.time())), answer.body

    def learn(self, data: bytes, asked: Asked, etags: str) -> None:
        """This request was let in."""
        if len(self._requests) >= MOST:
            self._requests.clear()
        self._requests[data] = Request(asked, etags)


def _lines(answer: Answer) -> bytes:
    return "".join([f"{name}: {value}\r\n" for name, value in answer.headers]).encode("latin-1")


@lru_cache(maxsize=1)
def _date(now: int) -> bytes:
    return f"Date: {formatdate(now, usegmt=True)}\r\nServer: {IDENT}\r\n\r\n".encode()


def learn(environ: dict[str, Any], asked: Asked) -> None:
    """A request was let in. It is remembered where that follows from its bytes alone: the time of a session is over one day."""
    remember: Callable[[Asked, str], None] | None = environ.get(LEARN)
    stays = environ["SERVER_PROTOCOL"] == "HTTP/1.1" and environ.get("HTTP_CONNECTION", "keep-alive").lower() == "keep-alive"
    if remember and stays and not any(name in environ for name in OTHERWISE):
        remember(asked, environ.get("HTTP_IF_NONE_MATCH", ""))


class Task(WSGITask):
    """A request on its way through the application."""

    def get_environment(self) -> Any:
        """With a way to remember its bytes."""
        environ = super().get_environment()
        channel: Any = self.channel
        data, repeated = channel.data, channel.server.repeated
        if data:
            environ[LEARN] = lambda asked, etags: repeated.learn(data, asked, etags)
        return environ

    def set_close_on_finish(self) -> None:
        """Not for an answer that has no length because it has no body: waitress would close each connection after a 304."""
        request: Any = self.request
        stays = request.version == "1.1" and request.headers.get("CONNECTION", "").lower() != "close"
        if not (stays and self.status.startswith("304")):
            super().set_close_on_finish()


class Channel(HTTPChannel):
    """A connection of one client."""

    task_class = Task
    server: Any
    socket: Any
    data = b""  # of the request that is being answered, where it came alone and in one piece

    def received(self, data: bytes) -> bool:
        """Bytes of a client: answered here, or taken apart and given to a thread."""
        busy = self.requests or self.request or self.total_outbufs_len or self.will_close or self.close_when_flushed
        answer = () if busy else self.server.repeated.answer(data)
        if answer:
            self._write(answer)
            return True
        alone = not busy and len(data) <= LONGEST and data.find(END) == len(data) - len(END)
        self.data = data if alone else b""
        return bool(super().received(data))

    def _write(self, answer: tuple[bytes, ...]) -> None:
        """What the socket does not take at once follows when it does."""
        try:
            sent = self.socket.sendmsg(answer)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.handle_close()
            return
        if sent < sum(map(len, answer)):
            left = b"".join(answer)[sent:]
            with self.outbuf_lock:
                self.outbufs[-1].append(left)
                self.current_outbuf_count += len(left)
                self.total_outbufs_len += len(left)


def answer_repeated(server: Any, kept: Kept) -> None:
    """Let a waitress server answer at once what it was asked before."""
    server.channel_class, server.repeated = Channel, Repeated(kept)
