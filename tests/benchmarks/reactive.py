"""Packet-ins answered by an app on the public interface, beside ovs-testcontroller; addresses learned by l2_learning."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.report import Table, in_turns
from topologies.openvswitch import OvsError, PrivateOvs

APPS = Path(__file__).parent
APP = APPS / "reactive_app.py"
WEFT, OTHER, LEARN = "weft, a reactive app", "ovs-testcontroller", "weft, l2_learning"
COUNT = 3000  # of packet-ins one at a time


@contextlib.contextmanager
def process(*command: str) -> Iterator[subprocess.Popen[str]]:
    """A program that ends with the block, or with us."""
    with subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


@dataclass(frozen=True)
class Controller:
    """A controller that runs: the port that it listens on, its process."""

    port: int
    pid: int

    def cpu(self) -> float:
        """Seconds of processor time so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """MiB that are resident."""
        return int(re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.pid}/status").read_text())[0]) / 1024

    def load(self, *options: str) -> dict[str, float]:
        """Run the generator; `cpu` is what an answer costs here, in microseconds."""
        before = self.cpu()
        command = [sys.executable, "-m", "tests.benchmarks.generator", str(self.port), *options]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=60)
        numbers: dict[str, float] = json.loads(done.stdout)
        if "answers" in numbers:
            numbers["cpu"] = (self.cpu() - before) / max(1.0, numbers["answers"]) * 1e6
        return numbers


@contextlib.contextmanager
def weft(*apps: str | Path) -> Iterator[Controller]:
    """A whole controller, as `weft start` runs it."""
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as folder:
        command = ["start", "--listen", "tcp:127.0.0.1:0", "--web", "none", "--state-dir", folder]
        command += [word for app in apps for word in ("--app", str(app))]
        with process(sys.executable, "-m", "controller", *command, "--log-level", "error") as running:
            assert running.stdout is not None
            found = re.search(r"tcp:127\.0\.0\.1:(\d+)", running.stdout.readline())
            if found is None:
                raise OvsError("weft start did not say where it listens; run it by hand to see why")
            yield Controller(int(found[1]), running.pid)


@contextlib.contextmanager
def testcontroller() -> Iterator[Controller]:
    """The controller of Open vSwitch's own tests, in C."""
    if shutil.which(OTHER) is None:
        raise OvsError(f"{OTHER} is not installed: apt-get install openvswitch-testcontroller")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    options = (f"ptcp:{port}:127.0.0.1", "-O", "OpenFlow14", "-vconsole:off")
    with (
        tempfile.TemporaryDirectory(prefix="weft-bench-") as folder,
        process(OTHER, *options, f"--unixctl={folder}/c") as running,
    ):
        wait_for(port)
        yield Controller(port, running.pid)


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        time.sleep(0.02)


class Reactive:
    """The contenders and their three tables."""

    def __init__(self) -> None:
        self.rates = Table("packet-ins answered, 4 switches with 64 open each", "1/s", 0)
        self.costs = Table("processor time of the controller for one of them", "us", 1)
        self.busy = Table("share of a processor that the generator took meanwhile (near 1: it was the limit)", "1", 2)
        self.middle = Table("one packet-in at a time, p50", "us", 0)
        self.slowest = Table("one packet-in at a time, p99", "us", 0)

    @property
    def tables(self) -> tuple[Table, ...]:
        """All of them, in the order in which they are printed."""
        return self.rates, self.costs, self.busy, self.middle, self.slowest

    def weft(self) -> None:
        """An app that puts rows and sends a frame for each packet-in."""
        with weft(APP) as controller:
            self._throughput(WEFT, controller)
            self._latency(WEFT, controller)

    def other(self) -> None:
        """The same in C, which sends a flow for each packet-in as well."""
        with testcontroller() as controller:
            self._throughput(OTHER, controller)
            self._latency(OTHER, controller)

    def learn(self) -> None:
        """Addresses learned: from a frame with a new source until its flows are in a bundle."""
        with weft("l2_learning") as controller:
            self._throughput(LEARN, controller, "--learn")

    def _throughput(self, name: str, controller: Controller, *options: str) -> None:
        numbers = controller.load(*options)
        self.rates.add(name, numbers["rate"])
        self.costs.add(name, numbers["cpu"])
        self.busy.add(name, numbers["generator"])

    def _latency(self, name: str, controller: Controller) -> None:
        numbers = controller.load("--latency", str(COUNT))
        self.middle.add(name, numbers["p50"])
        self.slowest.add(name, numbers["p99"])


def run(_ovs: PrivateOvs, repeats: int) -> None:
    """Print the tables. (Fake switches: Open vSwitch itself is not loaded.)"""
    reactive = Reactive()
    in_turns(repeats, [reactive.weft, reactive.other, reactive.learn])
    for table in reactive.tables:
        print("\n".join(table.lines()))
        if table is not reactive.busy:
            print(table.ratio(WEFT, OTHER))
