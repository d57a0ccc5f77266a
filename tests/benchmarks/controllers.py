"""A controller as a process: what it takes of the machine, and the load that is put on it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from topologies.openvswitch import OvsError

APPS = Path(__file__).parent
LOAD_SECONDS = 90


@contextlib.contextmanager
def process(*command: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A program that ends with the block, or with us."""
    with subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | environment,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


@dataclass(frozen=True)
class Controller:
    """A controller that runs: the port that it listens on, its process, and the port of its API (0: none)."""

    port: int
    pid: int
    web: int = 0

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
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=LOAD_SECONDS)
        if done.returncode:
            raise OvsError(f"{' '.join(command[2:])} failed (exit code {done.returncode})")
        numbers: dict[str, float] = json.loads(done.stdout)
        if "answers" in numbers:
            numbers["cpu"] = (self.cpu() - before) / max(1.0, numbers["answers"]) * 1e6
        return numbers


@contextlib.contextmanager
def weft(*apps: str | Path, web: bool = False, file: Path | None = None) -> Iterator[Controller]:
    """A whole controller, as `weft start` runs it."""
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as folder:
        command = ["start", "--listen", "tcp:127.0.0.1:0", "--web", "127.0.0.1:0" if web else "none", "--state-dir", folder]
        command += [word for app in apps for word in ("--app", str(app))] + (["--network-file", str(file)] if file else [])
        with process(sys.executable, "-m", "controller", *command, "--log-level", "error") as running:
            assert running.stdout is not None
            said = [running.stdout.readline() for _ in range(2)]
            ports = [int(found[1]) for line in said for found in [re.search(r"127\.0\.0\.1:(\d+)", line)] if found]
            if len(ports) != 1 + web:
                raise OvsError("weft start did not say where it listens; run it by hand to see why")
            yield Controller(ports[0], running.pid, ports[1] if web else 0)
