"""What a controller costs while nothing happens: a ring of 100 bridges with two links each, all usual apps."""

from __future__ import annotations

from tests.benchmarks import results
from tests.benchmarks.controllers import APPS, weft
from tests.benchmarks.report import Table
from tests.benchmarks.ring import found_file, ring
from topologies.openvswitch import PrivateOvs

BRIDGES = 100
WATCH = 10.0  # seconds of each run
WEFT = "weft"


def run(_ovs: PrivateOvs, repeats: int) -> None:
    """Print the table. (Fake switches, which answer all that they are asked: counters, flows, echoes.)"""
    table = Table(f"share of a processor that a controller with {BRIDGES} bridges takes while nothing happens", "1", 3)
    for _ in range(repeats):
        with (
            found_file(BRIDGES) as file,
            weft("l2_learning", APPS / "ring_app.py") as controller,
            ring(controller, file, switches=BRIDGES) as run,
        ):
            run.settled()
            table.add(WEFT, run.watch(WATCH)["busy"])
    table.show()
    results.keep("a controller with 100 bridges where nothing happens", "a processor", table.median(WEFT))
