"""All health checks: who is asked when, which frame is for which of them, and what they say.

    checks.put(key, asked, place, now)      a backend, or what is new about it
    out = checks.tick(now)                  not before checks.due
    out = checks.hear(frame, ...)           a frame that came from a backend
    checks.news                             verdicts that are new; whoever takes them empties it

Checks of many backends are spread over their interval, in which each has its moment, and so they stay. While a backend that is up
does not answer, the time that is spent on waiting for it is taken off the interval, so that it is down within `fall` intervals
after the last answer. A check that could not be looked at in time, because the controller was busy, is asked once more: its
answer may have been lost because nobody read it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable
from math import floor
from typing import Any, NamedTuple

from controller.health import frames
from controller.health.exchanges import Exchange, Key, Question, Result, frame_of, key_of, make
from controller.health.frames import Ends, Said
from controller.health.tcp import NEVER, Segment, reset
from controller.health.verdict import Judge

FIRST_PORT, PORTS = 0xF000, 0x1000  # ports of ours that checks come from
GOLDEN = 0.6180339887  # multiples of it, without what is before the point, lie apart evenly however many there are
LATE = 0.1  # seconds
HUSHED = 3.0  # seconds after a failure in which silence says nothing: hosts refuse datagrams only about once a second
ROUNDING = 1e-6  # intervals
AT_ONCE = 200  # checks that one call looks at; where more are due they come with the next


class Asked(NamedTuple):
    """What a backend is asked, and how often. Seconds; `rise` and `fall` are 1 or more."""

    question: Question
    interval: float
    rise: int
    fall: int


class Place(NamedTuple):
    """Where a backend is: behind a port of a bridge, in a network (its number)."""

    bridge: str
    port: int
    network: int
    ends: Ends


class Out(NamedTuple):
    """A frame to be sent to a port of a bridge, as one of a network."""

    bridge: str
    port: int
    network: int
    frame: bytes


class Verdict(NamedTuple):
    """What is new about a backend, by the key that it was put with. `turned`: it was up and is down, or the other way round."""

    key: Any
    up: bool
    reason: str
    turned: bool


class _Check:
    """A backend that is checked."""

    def __init__(self, key: Hashable, asked: Asked, judge: Judge, number: int, start: float) -> None:
        self.key, self.asked, self.judge, self.number = key, asked, judge, number
        self.place: Place | None = None
        self.why = ""  # where it has no place: the reason, for which it counts as down; none: nothing is known of it just now
        self.moment = self.start = start  # `start`: of the next check, or of the one under way
        self.when = NEVER  # when it is to be looked at again
        self.exchange: Exchange | None = None
        self.deadline = NEVER
        self.again = False  # it is asked once more
        self.failed = -NEVER  # when the last check failed

    @property
    def timeout(self) -> float:
        """Seconds until a check has failed, never more than the interval."""
        return min(self.asked.question.timeout, self.asked.interval)

    def plan(self, now: float) -> None:
        """Set the beginning of the next check: a whole number of intervals from its moment, no longer than one after this one."""
        asked, moment = self.asked, self.moment
        if self.judge.doubted:
            self.start = max(self.start + max(self.timeout, asked.interval - self.timeout / (asked.fall - 1)), now)
            return
        times = floor((self.start - moment) / asked.interval + 1 + ROUNDING)
        if moment + times * asked.interval <= now:
            times = floor((now - moment) / asked.interval) + 1
        self.start = moment + times * asked.interval


class Checks:
    """The checks of all backends. `random` gives 32 bits that nobody can guess."""

    def __init__(self, random: Callable[[], int]) -> None:
        self.news: list[Verdict] = []
        self._random = random
        self._checks: dict[Hashable, _Check] = {}
        self._queue: list[tuple[float, int, _Check]] = []
        self._turn = 0  # so many have been put in the queue
        self._known = 0  # so many backends have come
        self._waiting: dict[tuple[int, Key], _Check] = {}  # by network and what is heard

    # ------------------------------------------------------------------ what is checked

    def put(
        self, key: Hashable, asked: Asked, place: Place | None, now: float, *, why: str = "", judge: Judge | None = None
    ) -> None:
        """Check this backend from now on, or change how. `judge` is what was known of one that is new here.

        Where it has no place it is down, because of `why`; without that nothing is said of it.
        """
        check = self._checks.get(key)
        if check is None:
            first = now + self._known * GOLDEN % 1 * asked.interval
            self._known += 1
            check = self._checks[key] = _Check(key, asked, judge or Judge(), self._random() % PORTS, first)
            check.place, check.why = place, why
        elif (check.asked, check.place, check.why) != (asked, place, why):
            found = place is not None and check.place is None and check.why
            moved = place is not None and check.place is not None and check.place != place
            if check.place != place or check.asked.question != asked.question:
                self._forget(check)
            check.asked, check.place, check.why = asked, place, why
            if check.exchange is None:
                check.start = now if found or moved else min(check.start, now + asked.interval)
        self._queue_again(check)

    def drop(self, key: Hashable) -> None:
        """Check this backend no more."""
        check = self._checks.pop(key, None)
        if check is not None:
            self._forget(check)
            check.when = NEVER

    def __contains__(self, key: Hashable) -> bool:
        return key in self._checks

    # ------------------------------------------------------------------ time

    @property
    def due(self) -> float:
        """When `tick` has something to do."""
        while self._queue and self._queue[0][2].when != self._queue[0][0]:
            heapq.heappop(self._queue)
        return self._queue[0][0] if self._queue else NEVER

    def tick(self, now: float) -> list[Out]:
        """Begin what is due, ask again, and end what has taken too long. Gives the frames to be sent."""
        out: list[Out] = []
        for _ in range(AT_ONCE):
            if self.due > now:
                break
            check = heapq.heappop(self._queue)[2]
            check.when = NEVER
            out += self._go_on(check, now)
            self._queue_again(check)
        return out

    def _go_on(self, check: _Check, now: float) -> list[Out]:
        exchange = check.exchange
        if exchange is None:
            return self._begin(check, now) if now >= check.start else []
        if now < check.deadline:
            return _sent(check, exchange.tick(now))
        if now - check.deadline > LATE and not check.again:
            out = _sent(check, exchange.end())
            self._forget(check)
            check.again = True
            return out + self._begin(check, now)
        return self._end(check, exchange.silence(), now)

    def _begin(self, check: _Check, now: float) -> list[Out]:
        place = check.place
        if place is None:
            if check.why:
                self._judge(check, Result(False, check.why))
            check.plan(now)
            return []
        for _ in range(PORTS):
            check.number = (check.number + 1) % PORTS
            exchange = make(check.asked.question, place.ends, FIRST_PORT + check.number, self._random)
            if not any((place.network, key) in self._waiting for key in exchange.keys):
                break
        check.exchange, check.deadline = exchange, now + check.timeout
        self._waiting |= {(place.network, key): check for key in exchange.keys}
        return _sent(check, exchange.start(now))

    def _end(self, check: _Check, result: Result, now: float) -> list[Out]:
        """A check is over."""
        assert check.exchange is not None
        out = _sent(check, check.exchange.end())
        self._forget(check)
        check.again = False
        if not result.well:
            check.failed = now
        if not result.silent or now - check.failed > HUSHED:
            self._judge(check, result)
        check.plan(now)
        return out

    def _judge(self, check: _Check, result: Result) -> None:
        was_up = check.judge.up
        reason = check.judge.take(result, check.asked.rise, check.asked.fall)
        if reason:
            self.news.append(Verdict(check.key, check.judge.up, reason, check.judge.up != was_up))

    def _forget(self, check: _Check) -> None:
        """The exchange under way is no more."""
        if check.exchange is not None and check.place is not None:
            for key in check.exchange.keys:
                self._waiting.pop((check.place.network, key), None)
        check.exchange, check.deadline = None, NEVER

    def _queue_again(self, check: _Check) -> None:
        if check.key not in self._checks:
            return
        when = check.start if check.exchange is None else min(check.deadline, check.exchange.due)
        if when != check.when:
            check.when = when
            self._turn += 1
            heapq.heappush(self._queue, (when, self._turn, check))

    # ------------------------------------------------------------------ answers

    def hear(self, bridge: str, port: int, network: int, frame: bytes, now: float) -> list[Out]:
        """A frame that a backend sent to us. Gives the frames to be sent in answer."""
        said = frames.read(frame)
        if said is None:
            return []
        check = self._waiting.get((network, key_of(said)))
        if check is None or check.exchange is None:
            return [Out(bridge, port, network, _refusal(said, segment)) for segment in _unasked(said)]
        out = _sent(check, check.exchange.hear(said, now))
        if check.exchange.result is not None:
            out += self._end(check, check.exchange.result, now)
        self._queue_again(check)
        return out


def _sent(check: _Check, sent: list[bytes]) -> list[Out]:
    place = check.place
    return [Out(place.bridge, place.port, place.network, frame) for frame in sent] if place is not None else []


def _unasked(said: Said) -> list[Segment]:
    """What a segment is answered with that belongs to no check, as one of before a restart does."""
    return reset(Segment(said.seq, said.ack, said.flags, said.data)) if said.kind == "tcp" else []


def _refusal(said: Said, segment: Segment) -> bytes:
    return frame_of(segment, Ends(said.to_mac, said.mac, said.ip, said.peer), said.local, said.port)
