"""How many connections a `maglev` service moves that it need not move, when one of N backends leaves or fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random

from apps.maglev import fill, slots_for

SIZES = (10, 100, 1000)
TRIALS = 5  # backends that leave, one at a time


def moves(size: int, random: Random) -> tuple[float, float, float]:
    """Percent of slots of backends that stay which change hands: one leaves (mean, most), one fails (most)."""
    weights, slots = dict.fromkeys((f"10.0.{n >> 8}.{n & 255}" for n in range(size)), 1), slots_for(size)
    before = fill(weights, slots)
    left, failed = [], []
    for gone in random.sample(sorted(weights), TRIALS):
        stay = {name: weight for name, weight in weights.items() if name != gone}
        left.append(_moved(before, fill(stay, slots), gone))
        failed.append(_moved(before, fill(weights, slots, frozenset({gone})), gone))
    return sum(left) / len(left), max(left), max(failed)


def _moved(before: list[str], after: list[str], gone: str) -> float:
    pairs = [(one, other) for one, other in zip(before, after, strict=True) if one != gone]
    return 100 * sum(one != other for one, other in pairs) / len(pairs)


def unevenness(size: int) -> float:
    """How much more than its part the fullest of so many equal backends has, percent."""
    slots = slots_for(size)
    fullest = max(Counter(fill(dict.fromkeys(range(size), 1), slots)).values())
    return 100 * (fullest * size / slots - 1)


def lines() -> Iterator[str]:
    """The table as text."""
    random = Random(1)
    yield f"maglev: slots of others that change hands, {TRIALS} backends each, percent"
    yield f"  {'backends':>8}{'slots':>8}{'one leaves, mean':>20}{'most':>8}{'one fails, most':>20}{'fullest above its part':>26}"
    for size in SIZES:
        mean, most, failed = moves(size, random)
        yield f"  {size:>8}{slots_for(size):>8}{mean:>20.2f}{most:>8.2f}{failed:>20.2f}{unevenness(size):>26.2f}"
