"""Moments that all have in common who work by the clock: they wake the process up together, not one after the other.

To wake up costs more than most of what is then done: nothing of it is in the processor's caches any more.
"""

from __future__ import annotations

import asyncio

FIRST = 0.25  # of a period: a moment that is nearer is left out, so that none comes twice


def next_beat(now: float, period: float) -> float:
    """The next multiple of a period, by the clock of the event loop; in a quarter of a period at the earliest."""
    return ((now + FIRST * period) // period + 1) * period


async def beat(period: float, pause: float = 0.0) -> None:
    """Wait for the next multiple of a period; `pause`: for the next after so many seconds."""
    now = asyncio.get_running_loop().time()
    await asyncio.sleep(next_beat(now + pause, period) - now)
