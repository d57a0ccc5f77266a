"""Ratios beside their goals as an SVG: a bar each, on a logarithmic scale, from the goal to the right where it is surpassed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import log10
from xml.sax.saxutils import escape

from tests.benchmarks.results import Goal

WIDTH, LABEL, ROW, TOP = 960, 560, 26, 46
REACH = 1.3  # decades to either side of the goal
SCALE = (WIDTH - LABEL) / (2 * REACH)
MIDDLE = LABEL + REACH * SCALE
GOOD, BAD, TEXT, LINE = "#2e7d4f", "#b3541e", "#808890", "#808890"


def margin(ratio: float, goal: Goal) -> float:
    """How many times better than its goal a ratio is; below 1 where it misses it."""
    return ratio / goal.limit if goal.more else goal.limit / ratio


def draw(ratios: Mapping[str, float], goals: Mapping[str, Goal]) -> str:
    """The chart of all ratios that have a goal other than none at all."""
    rows = [(name, ratios[name], goal) for name, goal in goals.items() if name in ratios and goal.limit]
    height = TOP + ROW * len(rows) + 10
    style = 'font-family="sans-serif" font-size="12"'
    body = "\n".join([*_frame(height), *(line for at, row in enumerate(rows) for line in _row(at, *row))])
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {style}>\n{body}\n</svg>\n'


def _frame(height: int) -> Iterator[str]:
    for times in (0.1, 0.3, 1, 3, 10):
        x, width = MIDDLE + SCALE * log10(times), 2 if times == 1 else 0.5
        word = "the goal" if times == 1 else f"{times:g} times"
        yield f'<text x="{x:.0f}" y="20" text-anchor="middle" fill="{TEXT}">{word}</text>'
        yield f'<line x1="{x:.0f}" x2="{x:.0f}" y1="28" y2="{height - 6}" stroke="{LINE}" stroke-width="{width}"/>'


def _row(at: int, name: str, ratio: float, goal: Goal) -> Iterator[str]:
    y = TOP + ROW * at
    times = margin(ratio, goal)
    end = MIDDLE + SCALE * max(-REACH, min(REACH, log10(times)))
    left, width = min(MIDDLE, end), max(1.0, abs(end - MIDDLE))
    yield f'<text x="4" y="{y + 13}" fill="{TEXT}">{escape(f"{name}: {goal}")}</text>'
    yield f'<rect x="{left:.1f}" y="{y + 2}" width="{width:.1f}" height="15" fill="{GOOD if times >= 1 else BAD}"/>'
    anchor, x = ("start", end + 4) if times >= 1 else ("end", end - 4)
    yield f'<text x="{x:.1f}" y="{y + 14}" text-anchor="{anchor}" fill="{TEXT}">{ratio:.3g}</text>'
