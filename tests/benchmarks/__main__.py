"""Runs the benchmarks: `python -m tests.benchmarks [NAME...] [--repeats N]`."""

from __future__ import annotations

import argparse
import sys

from controller.runtime import logs
from tests.benchmarks import hosts, incremental, nexthop, outage, reactive, reconnect, ring, rows, services, tunnel
from topologies.openvswitch import OvsError, private_ovs

BENCHMARKS = {
    "rows": (rows.run, "100,000 flows from rows to committed, beside ovs-ofctl"),
    "reconnect": (reconnect.run, "a bridge with 100,000 flows connects again"),
    "reactive": (reactive.run, "packet-ins answered and addresses learned, beside ovs-testcontroller"),
    "incremental": (incremental.run, "one host moves, 10 to 1000 bridges; bytes a flow"),
    "ring": (ring.run, "1000 fake switches in a ring: links found and kept, beside os-ken"),
    "nexthop": (nexthop.run, "a link of a fat tree fails, beside networkx"),
    "hosts": (hosts.run, "10,000 hosts learned on 100 bridges and on 10: what a host costs"),
    "outage": (outage.run, "traffic stops when a link goes down, beside RSTP; needs root"),
    "services": (services.run, "connections through a virtual address, beside HAProxy and none; needs root"),
    "tunnel": (tunnel.run, "TCP through a tunnel, beside one hand-written flow each way; needs root"),
}


def main() -> int:
    """Exit 0, or 1 where a program that is needed is missing."""
    parser = argparse.ArgumentParser(prog="script/bench", description="Benchmarks of weft.")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each contender (%(default)s)")
    parser.add_argument("--watch", type=float, default=ring.WATCH, help="ring: seconds in which no link may go (%(default).0f)")
    listing = "; ".join(f"{name}: {what}" for name, (_, what) in BENCHMARKS.items())
    parser.add_argument("--k", type=int, default=nexthop.K, help="nexthop: ports of a bridge of the fat tree, even (%(default)s)")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"run those whose name contains NAME ({listing})")
    options = parser.parse_args()
    chosen = [name for name in BENCHMARKS if not options.names or any(part in name for part in options.names)]
    if not chosen:
        parser.error(f"no benchmark is called like that; there are {', '.join(BENCHMARKS)}")
    ring.WATCH, nexthop.K = options.watch, options.k
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
