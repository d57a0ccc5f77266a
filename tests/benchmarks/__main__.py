"""Runs the benchmarks: `python -m tests.benchmarks [NAME...] [options]`; script/bench says what they are."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from controller.runtime import logs
from tests.benchmarks import (
    chart,
    clients,
    hosts,
    idle,
    incremental,
    learning,
    memory,
    nexthop,
    outage,
    reactive,
    reconnect,
    results,
    ring,
    rows,
    services,
    tunnel,
)
from topologies.openvswitch import OvsError, private_ovs

BENCHMARKS = {
    "rows": (rows.run, "100,000 flows from rows to committed, beside ovs-ofctl"),
    "reconnect": (reconnect.run, "a bridge with 100,000 flows connects again, beside ovs-ofctl"),
    "reactive": (reactive.run, "packet-ins answered, beside ovs-testcontroller and os-ken"),
    "learning": (learning.run, "addresses learned on 1 and on 8 bridges, beside Faucet"),
    "clients": (clients.run, "packet-ins while 20 clients ask the API, beside none"),
    "idle": (idle.run, "what 100 bridges cost while nothing happens"),
    "incremental": (incremental.run, "one host moves, 10 to 1000 bridges; bytes a flow"),
    "ring": (ring.run, "1000 fake switches in a ring: links found and kept, beside os-ken"),
    "memory": (memory.run, "1000 switches, 10,000 hosts, 100,000 flows: memory, beside os-ken"),
    "nexthop": (nexthop.run, "a link of a fat tree fails, beside networkx"),
    "hosts": (hosts.run, "10,000 hosts learned on 100 bridges and on 10: what a host costs"),
    "outage": (outage.run, "traffic stops when a link goes down, beside RSTP; needs root"),
    "services": (services.run, "connections through a virtual address, beside HAProxy and none; needs root"),
    "tunnel": (tunnel.run, "TCP through a tunnel, beside one hand-written flow each way; needs root"),
}
QUICK = ("rows", "reconnect", "reactive", "learning", "clients", "idle")


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="script/bench", description="Benchmarks of weft.")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each contender (%(default)s)")
    parser.add_argument("--watch", type=float, default=ring.WATCH, help="ring: seconds in which no link may go (%(default).0f)")
    parser.add_argument("--k", type=int, default=nexthop.K, help="nexthop: ports of a bridge of the fat tree, even (%(default)s)")
    parser.add_argument("--quick", action="store_true", help=f"{', '.join(QUICK)}, once each; warn of ratios worse than stored")
    parser.add_argument("--store", action="store_true", help="later runs are compared with the ratios of this one")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write tables and ratios to FILE")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw the ratios beside their goals, as SVG")
    listing = "; ".join(f"{name}: {what}" for name, (_, what) in BENCHMARKS.items())
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"run those whose name contains NAME ({listing})")
    options = parser.parse_args()
    if options.quick:
        options.repeats = 1
        options.names = options.names or QUICK
    options.chosen = [name for name in BENCHMARKS if not options.names or any(part in name for part in options.names)]
    if not options.chosen:
        parser.error(f"no benchmark is called like that; there are {', '.join(BENCHMARKS)}")
    return options


def main() -> int:
    """Exit 0, or 1 where a program that is needed is missing. Ratios that got worse are no failure."""
    options = arguments()
    ring.WATCH, nexthop.K = options.watch, options.k
    logs.configure("error", "console")
    before, failed, began = results.stored(), 0, time.monotonic()
    for name in options.chosen:
        try:
            with private_ovs("dummy", "bench") as ovs:
                BENCHMARKS[name][0](ovs, max(1, options.repeats))
        except OvsError as error:
            print(f"script/bench: {name}: {error}", file=sys.stderr)
            failed = 1
    for warning in results.worse(before):
        print(warning)
    print(f"{time.monotonic() - began:.0f} s")
    if options.store:
        results.store()
    if options.json:
        results.write(options.json)
    if options.chart:
        options.chart.write_text(chart.draw(results.RATIOS, results.GOALS), encoding="utf-8")
    return failed


if __name__ == "__main__":
    sys.exit(main())
