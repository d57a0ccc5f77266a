"""What a controller has of the machine, round after round, and whether that is flat. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

WARM_UP = 0.4  # part of the rounds that are not looked at: caches fill, libraries are imported
GROWTH = 0.06  # part of its memory by which the controller may be larger in the last third than in the first one after that:
# no object is left by a round but its events (10,000 are kept), yet what 80 threads free and take again settles slowly
LONG, GROWTH_OF_SHORT = 480.0, 0.12  # seconds; in a shorter run most of that comes after the warm-up


class Sample(NamedTuple):
    """The controller at rest, with nobody there but us."""

    seconds: float
    memory: int  # KiB that are resident
    threads: int
    files: int
    flows: int  # on all bridges
    events: int  # in the journal so far

    def __str__(self) -> str:
        return (
            f"{self.seconds / 60:5.1f} min  {self.memory / 1024:6.1f} MiB  {self.threads:3} threads  "
            f"{self.files:3} files  {self.flows:5} flows  {self.events:7} events"
        )


def of_process(pid: int) -> tuple[int, int, int]:
    """Resident KiB, threads and open files of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return int(fields["VmRSS"].split()[0]), int(fields["Threads"]), len([*Path(f"/proc/{pid}/fd").iterdir()])


def growth(seconds: float) -> float:
    """By which part the memory may grow in a run of so many seconds."""
    return GROWTH if seconds >= LONG else GROWTH_OF_SHORT


def faults(samples: Sequence[Sample]) -> list[str]:
    """What is not flat, as sentences; nothing where all is well."""
    warm = samples[int(len(samples) * WARM_UP) :]
    third = len(warm) // 3
    if not third:
        return [f"{len(samples)} rounds are too few to tell"]
    early, late = warm[:third], warm[-third:]
    found = []
    before, after = (median(sample.memory for sample in part) for part in (early, late))
    allowed = growth(samples[-1].seconds)
    if after > before * (1 + allowed):
        found.append(f"memory grew from {before / 1024:.1f} to {after / 1024:.1f} MiB; {allowed:.0%} are allowed")
    for what in ("threads", "files", "flows"):
        first, last = (min(getattr(sample, what) for sample in part) for part in (early, late))
        if last != first:
            found.append(f"{what}: {first} became {last}")
    return found
