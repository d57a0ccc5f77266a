"""Timings of contenders that take turns, as a table of medians and ratios.

On a busy machine a single number says nothing; the ratio of two medians whose runs took turns does.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median

from tests.benchmarks import results
from topologies.openvswitch import OvsError

CPU = ", own processor time"


class Table:
    """Numbers by name, in the order in which the names came."""

    def __init__(self, title: str, unit: str = "s", digits: int = 3) -> None:
        self.title, self.unit, self.digits = title, unit, digits
        self.numbers: dict[str, list[float]] = {}

    def add(self, name: str, number: float) -> None:
        """One more number."""
        self.numbers.setdefault(name, []).append(number)

    @contextmanager
    def time(self, name: str) -> Iterator[None]:
        """Add how long the block takes."""
        began = time.perf_counter()
        yield
        self.add(name, time.perf_counter() - began)

    @contextmanager
    def cpu(self, name: str) -> Iterator[None]:
        """Add how much processor time of this process the block takes, which others' work on the machine changes least."""
        began = time.process_time()
        yield
        self.add(name + CPU, time.process_time() - began)

    def median(self, name: str) -> float:
        """The median of a name's numbers."""
        return median(self.numbers[name])

    def lines(self) -> Iterator[str]:
        """The table as text."""
        yield f"{self.title}, {self.unit}"
        for name, numbers in self.numbers.items():
            middle, least, most = (f"{number:.{self.digits}f}" for number in (median(numbers), min(numbers), max(numbers)))
            yield f"  {name:64}{middle:>12}   [{least} {most}]"

    def show(self) -> None:
        """Print it, and keep it for the report."""
        print("\n".join(self.lines()), flush=True)
        results.TABLES.append(self)

    def compare(self, what: str, name: str, other: str) -> None:
        """Print the ratio of two medians, and keep it for the report; nothing where one was not measured."""
        print(self.ratio(name, other), flush=True)
        if name in self.numbers and other in self.numbers:
            results.keep(what, other, self.median(name) / self.median(other))

    def ratio(self, name: str, other: str) -> str:
        """A line that compares two medians, and the two least numbers: the runs that others on the machine disturbed least."""
        if name not in self.numbers or other not in self.numbers:
            return f"  {name} / {other}: not measured"
        least = min(self.numbers[name]) / min(self.numbers[other])
        return f"  {name} / {other}: {self.median(name) / self.median(other):.2f} (least: {least:.2f})"


def in_turns(repeats: int, contenders: Sequence[Callable[[], None]]) -> None:
    """Run each contender so many times, each round starting with another one. One that fails is told of, and measured less."""
    for turn in range(repeats):
        for step in range(len(contenders)):
            gc.collect()
            try:
                contenders[(turn + step) % len(contenders)]()
            except OvsError as error:
                print(f"  a run failed and is not counted: {error}", flush=True)
