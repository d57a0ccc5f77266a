"""What goes by the clock wakes up together: on the multiples of its period, and not at all where there is nothing to do."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.model import Bridge, Host, Mac
from controller.runtime import wiring
from controller.runtime.beats import FIRST, beat, next_beat
from controller.runtime.journal import Journal
from controller.runtime.store import Store
from controller.runtime.timers import Timers
from controller.state.engine import AppState, Engine, TimerSpec
from controller.state.tables import Tx

pytestmark = pytest.mark.unit

CLOCK = st.floats(0, 1e7)
PERIODS = st.sampled_from([0.05, 0.1, 0.5, 0.7, 1.0, 3.0, 60.0])
ALIKE = 1e-7  # seconds


@given(CLOCK, PERIODS)
def test_a_beat_is_a_multiple_of_the_period_that_is_neither_at_once_nor_far_away(now: float, period: float) -> None:
    at = next_beat(now, period)
    assert at / period == pytest.approx(round(at / period), abs=ALIKE / period)
    assert FIRST * period - ALIKE <= at - now <= (1 + FIRST) * period + ALIKE


@given(CLOCK, PERIODS, st.floats(-1e-9, 0.7))
def test_from_one_beat_to_the_next_is_one_period_also_for_who_comes_late(now: float, period: float, late: float) -> None:
    at = next_beat(now, period)
    assert next_beat(at + late * period, period) - at == pytest.approx(period, abs=ALIKE)


@given(CLOCK)
def test_beats_of_periods_that_go_into_each_other_are_the_same_moments_for_the_event_loop(now: float) -> None:
    second = next_beat(now, 1.0)
    for period in (0.1, 0.5):
        assert abs(next_beat(second - 0.7 * period, period) - second) < 1e-9 * max(1.0, second / 1e6)


def test_waiting_for_a_beat_ends_on_it() -> None:
    async def scenario() -> list[float]:
        loop, times = asyncio.get_running_loop(), []
        for pause in (0.0, 0.0, 0.05):
            await beat(0.05, pause)
            times.append(loop.time())
        return times

    one, two, three = asyncio.run(scenario())
    assert two - one == pytest.approx(0.05, abs=0.03)
    assert three - two == pytest.approx(0.1, abs=0.03)


class App:
    """One with a timer for each bridge."""

    name = "timed"

    def __init__(self) -> None:
        self.timers = (TimerSpec("tick", lambda app, row, tx: None, 0.01, Bridge),)


class Lab:
    """An engine, an app with a timer, and what the timer was called for."""

    def __init__(self) -> None:
        self.engine, self.app, self.called, self.woken = Engine(), App(), list[object](), 0
        self.engine.apps[1] = AppState(self.app, 1, [])
        self.timers = Timers(self.engine, lambda state, fn, row: self.called.append(row), self._wake)

    def _wake(self) -> None:
        self.woken += 1

    def put(self, there: bool) -> None:
        tx = Tx(self.engine.tables)
        tx.put(Bridge("s1")) if there else tx.drop(Bridge, "s1")
        self.engine.commit(tx)


def test_a_timer_rests_while_there_is_no_row_for_it() -> None:
    async def scenario() -> None:
        lab = Lab()
        lab.timers.start(lab.app)
        for there in (False, True, False, True):
            await asyncio.sleep(0.02)
            lab.put(there)
            await asyncio.sleep(0.02)  # the last time that it finds nothing
            lab.called.clear()
            before = lab.woken
            await asyncio.sleep(0.04)
            assert bool(lab.called) == (lab.woken > before) == there
        lab.timers.stop("timed")
        lab.called.clear()
        lab.put(False)
        lab.put(True)
        await asyncio.sleep(0.04)
        assert not lab.called

    asyncio.run(scenario())


def test_a_timer_that_is_stopped_while_it_rests_stays_so() -> None:
    async def scenario() -> None:
        lab = Lab()
        lab.timers.start(lab.app)
        lab.timers.stop("timed")
        lab.put(True)
        await asyncio.sleep(0.04)
        assert not lab.called

    asyncio.run(scenario())


def test_rows_that_come_after_a_pause_are_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who saves sleeps until there is something, and is woken by each first row."""
    monkeypatch.setattr(wiring, "SAVE_EVERY", 0.001)
    engine, store = Engine(), Store(tmp_path)
    sleeps: list[float] = []
    sleep = asyncio.sleep

    async def counted(seconds: float) -> None:
        sleeps.append(seconds)
        await sleep(seconds)

    async def scenario() -> None:
        monkeypatch.setattr(asyncio, "sleep", counted)
        saving = asyncio.get_running_loop().create_task(wiring._save(engine, store, Journal()))
        for number in (1, 2):
            await sleep(0.02)
            assert len(sleeps) == number - 1
            tx = Tx(engine.tables)
            tx.put(Host("default", Mac(number), "s1", 1))
            engine.commit(tx)
            async with asyncio.timeout(5):
                while engine.unsaved:
                    await sleep(0.001)
        await sleep(0.05)
        saving.cancel()
        await asyncio.gather(saving, return_exceptions=True)

    asyncio.run(scenario())
    store.close()
    again = Store(tmp_path)
    assert [row.mac for row in again.load() if isinstance(row, Host)] == [Mac(1), Mac(2)]
    again.close()
