"""Finished answers, kept as long as what they are made of is as it was, and named by an `ETag`, so as not to be sent again.

An answer belongs to a path with its query, and to the version that the view gave before it was made. Whoever asks the same
while the version is the same gets the same bytes, and neither the view nor the event loop hears of it.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Hashable
from typing import NamedTuple
from weakref import WeakValueDictionary

from flask import Flask, Response, g, request

from controller.query import Question, View
from webui.repeated import learn

PREFIX = "/api/v1"
QUESTIONS: dict[str, Question] = {
    f"{PREFIX}/bridges": "bridges",
    f"{PREFIX}/ports": "ports",
    f"{PREFIX}/hosts": "hosts",
    f"{PREFIX}/links": "links",
    f"{PREFIX}/networks": "networks",
    f"{PREFIX}/topology": "topology",
    f"{PREFIX}/flows": "flows",
    f"{PREFIX}/apps": "apps",
    f"{PREFIX}/events/history": "events",
}
MOST = 32 << 20  # bytes of all answers; the largest go first
SECONDS = 10.0  # for which an answer is kept, so that none stays for which nobody asks any more
TURN = 10.0  # seconds to wait for somebody who is making the same answer


class Asked(NamedTuple):
    """A question as it came: its path and query, and what its version is asked for."""

    path: str
    question: Question
    bridge: str


class Answer(NamedTuple):
    """A finished answer, and what it was made of."""

    version: Hashable
    until: float
    etag: str
    headers: tuple[tuple[str, str], ...]  # but for those that say how long it is, and when it was sent
    body: bytes


class Kept:
    """The answers of one application. All methods may be called from any thread."""

    def __init__(self, view: View, most: int = MOST) -> None:
        self._view, self._most = view, most
        self._answers: dict[str, Answer] = {}
        self._turns: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
        self._lock = threading.Lock()

    def version(self, asked: Asked) -> Hashable:
        """What the answer is made of, now."""
        return self._view.version(asked.question, asked.bridge)

    def find(self, asked: Asked) -> Answer | None:
        """The answer, where it is still the same."""
        answer = self._answers.get(asked.path)
        if answer is None or answer.until < time.monotonic() or answer.version != self.version(asked):
            return None
        return answer

    def put(self, asked: Asked, answer: Answer) -> None:
        """Keep an answer, and no more than there is room for."""
        now = time.monotonic()
        with self._lock:
            kept = {path: each for path, each in self._answers.items() if each.until > now}
            kept[asked.path] = answer
            size = sum(len(each.body) for each in kept.values())
            while size > self._most:
                largest = max(kept, key=lambda path: len(kept[path].body))
                size -= len(kept.pop(largest).body)
            self._answers = kept

    def turn(self, asked: Asked) -> threading.Lock:
        """Held by who makes this answer; the others wait, and find it."""
        with self._lock:
            turn = self._turns.get(asked.path) or threading.Lock()
            self._turns[asked.path] = turn
        return turn


def register(app: Flask, view: View) -> Kept:
    """Answer with what is kept, and keep what was answered. To be called after who refuses, and before who adds headers."""
    kept = Kept(view)

    @app.before_request
    def _find() -> Response | None:
        question = QUESTIONS.get(request.path) if request.method == "GET" else None
        if question is None:
            return None
        query = request.environ.get("QUERY_STRING", "")
        g.asked = asked = Asked(f"{request.path}?{query}", question, request.args.get("bridge", "") if query else "")
        answer = kept.find(asked)
        if answer is None:
            turn = kept.turn(asked)
            g.turn = turn if turn.acquire(timeout=TURN) else None
            g.version, answer = kept.version(asked), kept.find(asked)
        return Response(answer.body, headers=list(answer.headers)) if answer else None

    @app.after_request
    def _keep(response: Response) -> Response:
        if "asked" not in g or response.status_code != 200:
            return response
        if "ETag" not in response.headers:
            answer = _finished(g.version, response)
            if g.version is not None:
                kept.put(g.asked, answer)
        learn(request.environ, g.asked)
        if "HTTP_IF_NONE_MATCH" in request.environ:
            response.make_conditional(request)
        return response

    @app.teardown_request
    def _end_turn(_error: BaseException | None) -> None:
        if g.get("turn") is not None:
            g.pop("turn").release()

    return kept


def _finished(version: Hashable, response: Response) -> Answer:
    """An answer as it is sent, with its name."""
    body = response.get_data()
    response.headers["ETag"] = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    response.headers["Cache-Control"] = "private, no-cache"  # a browser may keep it, and asks each time whether it still holds
    headers = tuple((name, value) for name, value in response.headers if name != "Content-Length")
    return Answer(version, time.monotonic() + SECONDS, response.headers["ETag"], headers, body)
