"""What happened: numbered, folded, found again, and waited for from any thread."""

from __future__ import annotations

import itertools
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.runtime import journal
from controller.runtime.journal import Journal


@pytest.fixture
def made() -> Journal:
    """A journal whose clock counts."""
    clock = itertools.count(1)
    return Journal(now=lambda: float(next(clock)))


def test_events_have_numbers_and_times(made: Journal) -> None:
    made.add("info", "bridge.connected", "s1", "s1 connected")
    made.add("error", "app.failed", "mine", "it raised")
    assert [(e.seq, e.time, e.kind, e.count) for e in made.events()] == [
        (1, 1.0, "bridge.connected", 1),
        (2, 2.0, "app.failed", 1),
    ]
    assert made.seq == 2


def test_equal_events_in_a_row_are_one_with_a_count(made: Journal) -> None:
    for _ in range(3):
        made.add("warning", "flow.drift", "s1", "again")
    made.add("warning", "flow.drift", "s2", "again")
    made.add("warning", "flow.drift", "s1", "again")
    assert [(e.seq, e.subject, e.count) for e in made.events()] == [(3, "s1", 3), (4, "s2", 1), (5, "s1", 1)]
    assert made.events()[0].time == 3.0
    assert [e.seq for e in made.events(after=1)] == [3, 4, 5]


def test_events_by_kind_and_severity(made: Journal) -> None:
    for severity, kind in (("info", "bridge.connected"), ("warning", "bridge.gone"), ("error", "app.failed")):
        made.add(severity, kind, "x", kind)  # type: ignore[arg-type]
    assert [e.kind for e in made.events(kind="bridge")] == ["bridge.connected", "bridge.gone"]
    assert [e.kind for e in made.events(severity="warning")] == ["bridge.gone", "app.failed"]
    assert [e.kind for e in made.events(severity="error", kind="bridge")] == []
    assert [e.kind for e in made.events(limit=1)] == ["app.failed"]
    assert made.events(limit=0) == ()


@given(st.lists(st.integers(0, 2), max_size=40), st.integers(0, 45), st.integers(0, 50))
def test_nothing_is_lost_by_folding(texts: list[int], after: int, limit: int) -> None:
    made = Journal()
    for text in texts:
        made.add("info", "kind", "subject", str(text))
    folded = [(text, len(list(group))) for text, group in itertools.groupby(texts)]
    assert [(int(e.text), e.count) for e in made.events(limit=100)] == folded
    assert sum(e.count for e in made.events(limit=100)) == made.seq == len(texts)
    later = [e for e in made.events(limit=100) if e.seq > after]
    assert list(made.events(after, limit)) == (later[-limit:] if limit else [])
    assert made.events_after(after) == tuple(later)


def test_old_events_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "KEPT", 5)
    made = Journal()
    for number in range(9):
        made.add("info", "kind", "subject", str(number))
    assert [e.text for e in made.events()] == ["4", "5", "6", "7", "8"]


def test_waiting_ends_when_its_time_is_over(made: Journal) -> None:
    made.add("info", "kind", "subject", "before")
    made.changed("apps")
    started = time.monotonic()
    update = made.wait(made.seq, made.revision, 0.05)
    assert time.monotonic() - started >= 0.05
    assert (update.seq, update.revision, update.events, update.changed) == (1, 1, (), frozenset())


def test_what_is_new_is_told_at_once(made: Journal) -> None:
    made.changed("bridges", "flows")
    made.add("info", "kind", "subject", "one")
    made.changed("flows", "hosts")
    update = made.wait(0, 1, 5.0)
    assert [e.text for e in update.events] == ["one"]
    assert update.changed == {"flows", "hosts"}
    assert made.wait(1, 0, 5.0).changed == {"bridges", "flows", "hosts"}


def test_many_threads_wait_and_each_is_woken(made: Journal) -> None:
    found: list[tuple[int, int]] = []
    ready = threading.Barrier(9)

    def wait() -> None:
        ready.wait()
        update = made.wait(0, 0, 10.0)
        found.append((update.seq, len(update.events)))

    threads = [threading.Thread(target=wait) for _ in range(8)]
    for thread in threads:
        thread.start()
    ready.wait()
    made.add("info", "kind", "subject", "now")
    for thread in threads:
        thread.join(5.0)
    assert found == [(1, 1)] * 8


def test_a_follower_misses_nothing_while_others_write(made: Journal) -> None:
    seen: list[int] = []

    def follow() -> None:
        seq = revision = 0
        while len(seen) < 400:
            update = made.wait(seq, revision, 10.0)
            seen.extend(int(e.text) for e in update.events)
            seq, revision = update.seq, update.revision

    def write(numbers: range) -> None:
        for number in numbers:
            made.add("info", "kind", "subject", str(number))
            made.changed("flows")

    follower = threading.Thread(target=follow)
    writers = [threading.Thread(target=write, args=(range(start, start + 100),)) for start in (0, 100, 200, 300)]
    for thread in (follower, *writers):
        thread.start()
    for thread in (follower, *writers):
        thread.join(10.0)
    assert sorted(seen) == list(range(400))
    assert [n for n in seen if n < 100] == list(range(100))


def test_what_lasts_is_one_event_until_something_else_is_told_of_its_subject(made: Journal) -> None:
    made.add("warning", "port.storm", "s1/a", "7 dropped", lasting=True)
    made.add("warning", "port.storm", "s1/b", "1 dropped", lasting=True)
    made.add("info", "host.moved", "x", "moved")
    made.add("warning", "port.storm", "s1/a", "9 dropped", lasting=True)
    assert [(e.seq, e.subject, e.text, e.count) for e in made.events()] == [
        (2, "s1/b", "1 dropped", 1),
        (3, "x", "moved", 1),
        (4, "s1/a", "9 dropped", 2),
    ]
    assert [e.seq for e in made.events(after=3)] == [4]
    made.add("info", "port.storm.over", "s1/a", "over")
    made.add("warning", "port.storm", "s1/a", "7 dropped", lasting=True)
    assert [(e.seq, e.kind, e.count) for e in made.events() if e.subject == "s1/a"] == [
        (4, "port.storm", 2),
        (5, "port.storm.over", 1),
        (6, "port.storm", 1),
    ]
