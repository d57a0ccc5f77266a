"""A ring of a thousand fake switches: how long until all links are known, and whether they stay so, beside os-ken's discovery."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import results
from tests.benchmarks.controllers import APPS, Controller, process, weft
from tests.benchmarks.peers import EVENTLET, NATIVE, osken
from tests.benchmarks.report import Table
from topologies.openvswitch import PrivateOvs

SWITCHES = 1000
DIRECTIONS = 2 * SWITCHES
PATIENCE = 60.0  # seconds until a contender has to have found all links
STILL = 3.0  # seconds without a change until the ring counts as settled
WATCH = 60.0  # seconds in which no link may go; set by --watch
FILE, DIRECTIONS_OF = "WEFT_RING_FILE", "WEFT_RING_DIRECTIONS"
WEFT = "weft"
OTHERS = (EVENTLET, NATIVE)
Numbers = dict[str, float]


class Ring:
    """The switches, in a process of their own, and what they and the controller say."""

    def __init__(self, switches: subprocess.Popen[str], controller: Controller, file: Path) -> None:
        self._lines, self._file, self._controller = switches.stdout, file, controller
        self.spent = controller.cpu()
        self.first = self._line()
        self.now: Numbers = {}

    def _line(self) -> Numbers:
        assert self._lines is not None
        numbers: Numbers = json.loads(self._lines.readline())
        return numbers

    def second(self) -> Numbers:
        """Wait for the next word of the switches, add what the controller has found, and all since the first connection."""
        found: Numbers = {"links": 0, "last_link": 0.0, "deleted": 0}
        with contextlib.suppress(FileNotFoundError):
            said = json.loads(self._file.read_text())
            found |= {"links": said["links"], "last_link": said["last"], "deleted": said.get("deleted", 0)}
        self.now = self._line() | found
        return self.now

    def since(self, name: str) -> float:
        """Seconds from the first connection to this moment."""
        return self.now[name] - self.first["began"]

    def found(self) -> bool:
        """Wait until all links are known; False where that takes too long."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.second()["links"] >= DIRECTIONS:
                return True
        return False

    def settled(self) -> None:
        """Wait until nothing has changed for a while."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            now = self.second()
            if not now["bare"] and time.monotonic() - now["last"] >= STILL:
                return

    def watch(self, seconds: float) -> Numbers:
        """What changes in so many seconds, and what they cost."""
        before, cpu, began = self.second(), self._controller.cpu(), time.monotonic()
        while time.monotonic() < began + seconds:
            self.second()
        took = time.monotonic() - began
        spent = {"busy": (self._controller.cpu() - cpu) / took, "heard": (self.now["frames"] - before["frames"]) / took}
        return spent | {name: self.now[name] - before[name] for name in ("changes", "deleted", "away")}


@contextlib.contextmanager
def ring(controller: Controller, file: Path, *options: str, switches: int = SWITCHES) -> Iterator[Ring]:
    """The switches connect to a controller."""
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.ring_switches",
        str(controller.port),
        "--switches",
        str(switches),
        *options,
    ]
    with process(*command) as running:
        yield Ring(running, controller, file)


class Rings:
    """The contenders and their tables."""

    def __init__(self) -> None:
        self.times = Table(f"{SWITCHES} switches in a ring connect: until all {DIRECTIONS} directions of links are known")
        self.after = Table("the same, from when the last switch could hear its neighbours")
        self.first = Table("the same as the first, until the first switch had its pipeline")
        self.piped = Table("the same as the first, until the last switch had its pipeline")
        self.force = Table("the same as the first, until the flows that follow are on all switches")
        self.cpu = Table("processor time of the controller until then", digits=2)
        self.switches = Table("processor time of the switches until then", digits=2)
        self.memory = Table("memory of the controller", "MiB", 0)
        self.busy = Table("share of a processor while nothing happens", "1", 2)
        self.gone = Table("live links said to be gone meanwhile (weft: changes of flows, whatever their reason)", "1", 0)
        self.lost = Table("connections lost meanwhile", "1", 0)
        self.lines: list[str] = []

    def weft(self, watch: float) -> None:
        """A whole controller with its usual apps."""
        with found_file() as file, weft("l2_learning", APPS / "ring_app.py") as controller, ring(controller, file) as run:
            self._found(WEFT, run)
            run.settled()
            self.after.add(WEFT, max(0.0, run.since("last_link") - run.since("ready")))
            self.first.add(WEFT, run.since("piped_first"))
            self.piped.add(WEFT, run.since("piped_last"))
            self.force.add(WEFT, run.since("last"))
            self.switches.add(WEFT, run.now["cpu"])
            self.cpu.add(WEFT, controller.cpu() - run.spent)
            self._stays(WEFT, run, controller, watch)

    def osken(self, name: str, watch: float) -> None:
        """Topology discovery alone."""
        with found_file() as file, osken(name, "osken_ring") as controller, ring(controller, file, "--plain") as run:
            self._found(name, run)
            self._stays(name, run, controller, watch)

    def _found(self, name: str, run: Ring) -> None:
        if run.found():
            self.times.add(name, run.since("last_link"))
        else:
            self.lines.append(f"  {name}: {run.now['links']:.0f} of {DIRECTIONS} directions after {PATIENCE:.0f} s")

    def _stays(self, name: str, run: Ring, controller: Controller, watch: float) -> None:
        if not watch:
            return
        seen = run.watch(watch)
        self.memory.add(name, controller.memory())
        self.busy.add(name, seen["busy"])
        gone = seen["changes"] if name == WEFT else seen["deleted"]
        what = "changes of flows, links that go included" if name == WEFT else "directions of links said to be gone"
        lost, heard = seen["away"], seen["heard"]
        self.gone.add(name, gone)
        self.lost.add(name, lost)
        self.lines.append(
            f"  {name}: in {watch:.0f} s {gone:.0f} {what}, {lost:.0f} connections lost; {heard:.0f} frames/s heard"
        )


@contextlib.contextmanager
def found_file(switches: int = SWITCHES) -> Iterator[Path]:
    """Where a controller that is started in the block says that it found all links."""
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as folder:
        os.environ |= {FILE: f"{folder}/found", DIRECTIONS_OF: str(2 * switches)}
        yield Path(folder) / "found"


def run(_ovs: PrivateOvs, repeats: int) -> None:
    """Print the tables. os-ken has one turn only: it takes a minute and more."""
    rings = Rings()
    for left in reversed(range(repeats)):
        rings.weft(WATCH if not left else 0)
    for name in OTHERS:
        rings.osken(name, WATCH)
    until = (rings.times, rings.after, rings.first, rings.piped, rings.force, rings.cpu, rings.switches)
    for table in (*until, rings.memory, rings.busy, rings.gone, rings.lost):
        table.show()
    print("\n".join(rings.lines))
    if WEFT in rings.times.numbers:
        results.keep(f"s until all links of a ring of {SWITCHES} are known", "1", rings.times.median(WEFT))
    if WEFT in rings.gone.numbers:
        results.keep("live links of that ring said to be gone", "1", rings.gone.median(WEFT))
    for name in OTHERS:
        rings.times.compare(f"all links of a ring of {SWITCHES} known", WEFT, name)
        rings.memory.compare(f"memory of {SWITCHES} switches", WEFT, name)
