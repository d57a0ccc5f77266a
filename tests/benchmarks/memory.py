"""Memory of a controller with 1000 switches, 10,000 hosts and 100,000 flows, beside an app on os-ken that keeps the same.

weft runs with all its usual apps but for the one that learns: a host is known on its own bridge alone, or there would be ten
million flows. The app on os-ken keeps what `osken_memory` says, of each flow its message or, harder to beat, its bytes.
"""

from __future__ import annotations

import os

from tests.benchmarks.controllers import APPS, Controller, weft
from tests.benchmarks.memory_app import HOSTS
from tests.benchmarks.peers import EVENTLET, osken
from tests.benchmarks.report import Table
from tests.benchmarks.ring import SWITCHES, found_file, ring
from topologies.openvswitch import PrivateOvs

WEFT = "weft"
KINDS = {"objects": f"{EVENTLET}, flows as its messages", "bytes": f"{EVENTLET}, flows as bytes"}
WATCH = 10.0  # seconds in which counters are read a few times


def run(_ovs: PrivateOvs, _repeats: int) -> None:
    """Print the table."""
    table = Table(f"memory with {SWITCHES} switches and {SWITCHES * HOSTS} hosts", "MiB", 0)
    with weft(APPS / "memory_app.py") as controller:
        held = _fill(controller)
        table.add(WEFT, controller.memory())
    print(f"  {WEFT}: {held} flows, groups and meters")
    os.environ["WEFT_FLOWS"] = str(round(held / SWITCHES))
    for kind, name in KINDS.items():
        os.environ["WEFT_FLOWS_AS"] = kind
        with osken(EVENTLET, "osken_memory") as controller:
            held = _fill(controller, "--plain")
            table.add(name, controller.memory())
        print(f"  {name}: {held} flows")
    table.show()
    for name in KINDS.values():
        table.compare(f"memory of {SWITCHES} switches, {SWITCHES * HOSTS} hosts, 100,000 flows", WEFT, name)


def _fill(controller: Controller, *options: str) -> int:
    """Let the switches connect, each by itself, and wait until nothing changes any more; how many flows there are then."""
    with found_file() as file, ring(controller, file, "--apart", *options) as run:
        run.settled()
        run.watch(WATCH)
        return int(run.now["held"])
