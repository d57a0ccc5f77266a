"""What a run of the benchmarks found: tables, ratios and the goals that they have, as JSON, and beside an earlier run."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

STORED = Path(__file__).parent / "ratios.json"
TOLERANCE = 1.4  # times as bad as stored: worse than that is told (on a machine with other work ratios differ by a third)


class Numbers(Protocol):
    """A table, as the report needs it."""

    title: str
    unit: str
    numbers: dict[str, list[float]]


class Goal(NamedTuple):
    """A limit of a ratio: it is to be at least or at most that."""

    limit: float
    more: bool

    def reached(self, ratio: float) -> bool:
        """Whether a ratio is what it should be."""
        return ratio >= self.limit if self.more else ratio <= self.limit

    def __str__(self) -> str:
        return f"at {'least' if self.more else 'most'} {self.limit:g}"


def least(limit: float) -> Goal:
    """More is better."""
    return Goal(limit, more=True)


def most(limit: float) -> Goal:
    """Less is better."""
    return Goal(limit, more=False)


GOALS = {  # what is measured, and beside whom
    "packet-ins answered / ovs-testcontroller": least(1.5),
    "packet-ins answered / os-ken, native": least(25),
    "one packet-in at a time, p50 / ovs-testcontroller": most(1.3),
    "one packet-in at a time, p99 / ovs-testcontroller": most(1.3),
    "addresses learned, 1 bridge / Faucet": least(15),
    "addresses learned, 8 bridges / Faucet": least(15),
    "100,000 flows installed / ovs-ofctl --bundle add-flows": most(1.5),
    "100,000 flows read back and compared / ovs-ofctl dump-flows": most(1),
    "memory of 1000 switches / os-ken, eventlet": most(1),
    "memory of 1000 switches, 10000 hosts, 100,000 flows / os-ken, eventlet, flows as its messages": most(1),
    "memory of 1000 switches, 10000 hosts, 100,000 flows / os-ken, eventlet, flows as bytes": most(1),
    "a controller with 100 bridges where nothing happens / a processor": most(0.02),
    "p99 of a packet-in beside a dashboard and 20 clients / nobody": most(2),
    "the engine's part when one host of 10,000 moves, 1000 bridges / 10 members: rules and ledgers": most(4),
    "s until all links of a ring of 1000 are known / 1": most(1),
    "live links of that ring said to be gone / 1": most(0),
    "ms when a link of an edge bridge fails, 980 bridges / 1": most(50),
    "connections a second, weft, 1 backend / without a virtual address": least(0.8),
    "connections a second, weft, 10 backends / without a virtual address": least(0.8),
    "connections a second, weft, 100 backends / without a virtual address": least(0.8),
}
RATIOS: dict[str, float] = {}
TABLES: list[Numbers] = []


def keep(what: str, other: str, ratio: float) -> None:
    """Remember a ratio, and print what its goal is."""
    name = f"{what} / {other}"
    RATIOS[name] = ratio
    if name in GOALS:
        goal = GOALS[name]
        print(f"    {name} = {ratio:.3g}, the goal is {goal}: {'reached' if goal.reached(ratio) else 'missed'}", flush=True)


def document() -> dict[str, Any]:
    """Everything, for a file."""
    machine = {"processors": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    tables = [{"title": table.title, "unit": table.unit, "numbers": table.numbers} for table in TABLES]
    ratios = {name: {"ratio": ratio, "goal": str(GOALS[name]) if name in GOALS else None} for name, ratio in RATIOS.items()}
    return {
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine,
        "load": os.getloadavg()[0],
        "ratios": ratios,
        "tables": tables,
    }


def write(path: Path) -> None:
    """The report as JSON."""
    path.write_text(json.dumps(document(), indent=1) + "\n", encoding="utf-8")


def stored() -> dict[str, float]:
    """The ratios of an earlier run."""
    found: dict[str, float] = json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {}
    return found


def store() -> None:
    """These ratios are what later runs are compared with; those that this run did not measure stay."""
    STORED.write_text(
        json.dumps(stored() | {name: round(ratio, 4) for name, ratio in RATIOS.items()}, indent=1, sort_keys=True) + "\n"
    )


def worse(before: dict[str, float]) -> Iterator[str]:
    """A sentence for each ratio with a goal that is much worse than it was."""
    for name, ratio in RATIOS.items():
        if name not in before or name not in GOALS:
            continue
        times = before[name] / ratio if GOALS[name].more else ratio / before[name]
        if times > TOLERANCE:
            yield f"warning: {name} is {ratio:.3g}; it was {before[name]:.3g} (the goal is {GOALS[name]})"
