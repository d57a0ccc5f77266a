"""The controller as a child process, for commands that need one of their own while they run."""

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Protocol

from controller.cli.client import Client
from controller.cli.errors import ExitCode, Failure

START_SECONDS = 30.0
PAUSE = 0.03  # between two looks at something that is about to happen


class Process(Protocol):
    """What is needed of a child process, as `subprocess` has it."""

    pid: int

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code. Raises subprocess.TimeoutExpired."""

    def terminate(self) -> None:
        """End it kindly."""

    def kill(self) -> None:
        """End it as a crash would."""


class SupervisedController:
    """`weft start` with a state directory and a log in FOLDER. The kernel kills it should our own process die."""

    def __init__(self, folder: Path, listen: str, web: str, apps: Sequence[str] = (), network_file: Path | None = None) -> None:
        self.state_dir = folder / "state"
        self.log = folder / "controller.log"
        self.web = web
        self.client = Client(self.state_dir)
        self._command = ["start", "--state-dir", str(self.state_dir), "--listen", listen, "--web", web or "none"]
        for app in apps:
            self._command += ["--app", app]
        if network_file is not None:
            self._command += ["--network-file", str(network_file)]
        self._process: Process | None = None

    @property
    def pid(self) -> int:
        """The process id; 0 when it does not run."""
        return self._process.pid if self._process is not None else 0

    def start(self) -> None:
        """Start it; `wait_ready` tells when it answers."""
        with self.log.open("ab") as log:
            self._process = self._spawn(log)

    def _spawn(self, log: IO[bytes]) -> Process:
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", sys.executable, "-P", "-m", "controller", *self._command],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for us: we stop it when its bridges are gone
        )

    def wait_ready(self, seconds: float = START_SECONDS) -> None:
        """Wait until it takes bridges."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(Failure):
                if self.client.get("/status")["state"] == "ready":
                    return
            self.pause()
        raise Failure(ExitCode.TIMED_OUT, f"the controller was not ready in {seconds:g} s", self.last_words())

    def pause(self, seconds: float = PAUSE) -> None:
        """Wait a moment; a failure if the controller ends meanwhile."""
        assert self._process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self._process.wait(seconds)
            raise Failure(ExitCode.REFUSED, f"the controller ended (exit code {code})", self.last_words())

    def stop(self, seconds: float = 5.0) -> None:
        """End it, kindly at first."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def last_words(self, lines: int = 12) -> str:
        """The end of its log."""
        try:
            said = self.log.read_text(errors="replace").splitlines()[-lines:]
        except OSError:
            said = []
        return "\n".join(["Its log ends:", *(f"  {line}" for line in said)]) if said else "It logged nothing."


def free_address(wanted: str) -> str:
    """WANTED (HOST:PORT) if nobody listens there, else the same host with a free port."""
    host, _, port = wanted.rpartition(":")
    with contextlib.suppress(OSError):
        return f"{host}:{_bindable(host, int(port))}"
    return f"{host}:{_bindable(host, 0)}"


def _bindable(host: str, port: int) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host.strip("[]"), port))
        return int(probe.getsockname()[1])


def fetch(web: str, path: str, timeout: float = 10.0) -> tuple[int, str]:
    """GET a path from the web server as a browser would; status and body."""
    connection = http.client.HTTPConnection(web, timeout=timeout)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
    finally:
        connection.close()
