"""Churn for some minutes, and what is left of it: `python -m tests.soak [MINUTES] [options]`; script/soak says more."""

from __future__ import annotations

import argparse
import sys

from tests.soak.churn import soak
from tests.soak.verdict import Sample, growth
from topologies.openvswitch import OvsError

EVERY = 60.0  # seconds between two lines
MOST = 40  # faults that are told


class Lines:
    """A line each minute."""

    def __init__(self, every: float) -> None:
        self._every, self._next = every, 0.0

    def __call__(self, sample: Sample) -> None:
        if sample.seconds >= self._next:
            print(sample, flush=True)
            self._next = sample.seconds - sample.seconds % max(self._every, 1e-9) + self._every


def main() -> int:
    """Exit 0 where nothing grew and nothing was left, else 1."""
    parser = argparse.ArgumentParser(prog="script/soak", description="Churn, and what is left of it.")
    parser.add_argument("minutes", type=float, nargs="?", default=30.0, help="how long (%(default)g)")
    parser.add_argument("--app", action="append", default=[], metavar="NAME|FILE", help="an app more; may be given again")
    parser.add_argument("--seed", type=int, default=1, help="of what happens (%(default)s)")
    parser.add_argument("--every", type=float, default=EVERY, metavar="SECONDS", help="between two lines (%(default)g)")
    options = parser.parse_args()
    try:
        wrong = soak(options.minutes * 60, *options.app, seed=options.seed, tell=Lines(options.every))
    except OvsError as error:
        print(f"script/soak: {error}", file=sys.stderr)
        return 1
    print(
        *wrong
        or [f"flat: memory within {growth(options.minutes * 60):.0%}, threads, files and flows as at first; no stale flow"],
        sep="\n",
        flush=True,
    )
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
