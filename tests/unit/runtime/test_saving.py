"""Rows that are about to be written when the controller stops are written."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from controller.model import Host, Mac
from controller.runtime import wiring
from controller.runtime.journal import Journal
from controller.runtime.store import Store
from controller.state.engine import Engine
from controller.state.tables import Tx

pytestmark = pytest.mark.unit


def learned(engine: Engine) -> None:
    tx = Tx(engine.tables)
    tx.put(Host("default", Mac(1), "s1", 1))
    engine.commit(tx)


def test_a_stop_while_the_thread_that_writes_has_no_turn_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "SAVE_EVERY", 0.001)
    engine, store, busy = Engine(), Store(tmp_path), threading.Event()

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        other = loop.run_in_executor(None, busy.wait)  # the one thread that there is
        learned(engine)
        saving = loop.create_task(wiring._save(engine, store, Journal()))
        while engine.unsaved:
            await asyncio.sleep(0.001)
        saving.cancel()
        await asyncio.sleep(0)
        busy.set()
        await asyncio.gather(saving, other, return_exceptions=True)

    asyncio.run(scenario())
    store.save(engine.unsaved)  # as the controller does when all has ended
    store.close()
    again = Store(tmp_path)
    assert list(again.load()) == [Host("default", Mac(1), "s1", 1)]
    again.close()


def test_what_could_not_be_written_when_it_stopped_is_tried_once_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "SAVE_EVERY", 0.001)
    engine, store, busy = Engine(), Store(tmp_path), threading.Event()

    def full(changes: object) -> None:
        busy.wait()
        raise OSError("the disk is full")

    monkeypatch.setattr(store, "save", full)

    async def scenario() -> None:
        learned(engine)
        saving = asyncio.get_running_loop().create_task(wiring._save(engine, store, Journal()))
        while engine.unsaved:
            await asyncio.sleep(0.001)
        saving.cancel()
        await asyncio.sleep(0)
        busy.set()
        await asyncio.gather(saving, return_exceptions=True)

    asyncio.run(scenario())
    assert list(engine.unsaved.values()) == [Host("default", Mac(1), "s1", 1)]
    store.close()


@pytest.mark.parametrize(("comes", "looks"), [([1], 1), ([wiring.BURST, wiring.BURST, 3], 3), ([wiring.BURST] * 9, 5)])
def test_in_a_burst_rows_are_written_when_it_is_over_or_has_lasted_long(
    monkeypatch: pytest.MonkeyPatch, comes: list[int], looks: int
) -> None:
    """So many rows come from look to look; five looks are the most."""
    monkeypatch.setattr(wiring, "SAVE_LATEST", 5 * wiring.SAVE_EVERY)
    engine, left = Engine(), list(comes)

    async def pause(_seconds: float) -> None:
        engine.unsaved |= dict.fromkeys([(Host, (len(left), number)) for number in range(left.pop(0))])

    monkeypatch.setattr(asyncio, "sleep", pause)
    asyncio.run(wiring._lull(engine))
    assert len(comes) - len(left) == looks
