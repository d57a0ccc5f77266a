"""Runs the benchmarks: `python -m tests.benchmarks [NAME...] [--repeats N]`."""

from __future__ import annotations

import argparse
import sys

from controller.runtime import logs
from tests.benchmarks import incremental, outage, reactive, reconnect, rows
from topologies.openvswitch import OvsError, private_ovs

BENCHMARKS = {
    "rows": (rows.run, "100,000 flows from rows to committed, beside ovs-ofctl"),
    "reconnect": (reconnect.run, "a bridge with 100,000 flows connects again"),
    "reactive": (reactive.run, "packet-ins answered and addresses learned, beside ovs-testcontroller"),
    "incremental": (incremental.run, "one host moves, 10 to 1000 bridges; bytes a flow"),
    "outage": (outage.run, "traffic stops when a link goes down, beside RSTP; needs root"),
}


def main() -> int:
    """Exit 0, or 1 where a program that is needed is missing."""
    parser = argparse.ArgumentParser(prog="script/bench", description="Benchmarks of weft.")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each contender (%(default)s)")
    listing = "; ".join(f"{name}: {what}" for name, (_, what) in BENCHMARKS.items())
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"run those whose name contains NAME ({listing})")
    options = parser.parse_args()
    chosen = [name for name in BENCHMARKS if not options.names or any(part in name for part in options.names)]
    if not chosen:
        parser.error(f"no benchmark is called like that; there are {', '.join(BENCHMARKS)}")
    logs.configure("error", "console")
    try:
        for name in chosen:
            with private_ovs("dummy", "bench") as ovs:
                BENCHMARKS[name][0](ovs, max(1, options.repeats))
    except OvsError as error:
        print(f"script/bench: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
