"""An emulated network seen from outside: started, asked, used and ended by the process that wants it."""

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from topologies.openvswitch import OvsTools, tail
from topologies.runs import Run

SOCKET = "weft.controller"
LEAVING = 10.0  # seconds in which a network may end by itself


class NetworkError(RuntimeError):
    """The network could not be built, or is gone."""


@dataclass(frozen=True, slots=True)
class Host:
    """A host, where it is attached, and its network namespace (a path that `nsenter --net=` takes)."""

    name: str
    ip: str
    mac: str
    interface: str
    bridge: str
    port: int
    port_name: str
    namespace: str


class EmulatedNetwork:
    """Bridges, hosts and links of a topology, in namespaces that end with this object, with this process, or with `close`.

    Bridges connect to the Unix socket `controller_socket` in `start`; where the controller opens it later they try each second.
    """

    def __init__(self, run: Run, topology: str, parameters: Mapping[str, str], *, interactive: bool = False) -> None:
        self.ovs = OvsTools(run.path / "ovs")
        self.controller_socket = self.ovs.directory / SOCKET
        self.hosts: dict[str, Host] = {}
        self.bridges: dict[str, int] = {}
        self.links: list[tuple[str, str]] = []
        self.groups: list[set[str]] = []
        self.namespaces: dict[str, str] = {}
        """Of hypervisors and their underlay, as those of hosts."""
        self._run = run
        self._wanted = {"topology": topology, "parameters": dict(parameters), "controller": f"unix:{self.controller_socket}"}
        self._interactive = interactive
        self._process: subprocess.Popen[bytes] | None = None
        self._received = b""
        self.ovs.directory.mkdir(exist_ok=True)  # the controller opens its socket there

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def launch(self) -> None:
        """Begin to build: bridges, hosts and links come up, the controller may be started meanwhile."""
        self._channel, theirs = socket.socketpair()
        with theirs:
            self._process = self._spawn(theirs.fileno())
        self._run.record(self._process.pid)

    def start(self, seconds: float = 120.0) -> None:
        """Build everything; returns when bridges, hosts and links are up and the bridges know their controller."""
        if self._process is None:
            self.launch()
        deadline = time.monotonic() + seconds
        self._send("connect")
        built = self._receive(deadline)
        for name, host in built["built"]["hosts"].items():
            self.hosts[name] = Host(name=name, namespace=self._namespace(host.pop("pid")), **host)
        self.bridges = built["built"]["bridges"]
        self.links = [(one, other) for one, other in built["built"]["links"]]
        self.groups = [set(group) for group in built["groups"]]
        self.namespaces = {name: self._namespace(pid) for name, pid in built["namespaces"].items()}

    def command(self, host: str, *command: str) -> list[str]:
        """The command line that runs COMMAND in a host."""
        return ["nsenter", f"--net={self.hosts[host].namespace}", "--", *command]

    def run(self, host: str, *command: str, timeout: float = 30.0) -> subprocess.CompletedProcess[str]:
        """Run a command in a host and wait for it."""
        return subprocess.run(self.command(host, *command), capture_output=True, text=True, timeout=timeout, check=False)

    def fail(self, hypervisor: str) -> None:
        """Kill ovs-vswitchd of a hypervisor, as a crash does. A NetworkError if it is none."""
        self._do(f"fail {hypervisor}")

    def repair(self, hypervisor: str) -> None:
        """Start ovs-vswitchd of a hypervisor again; returns when its bridges are back, without flows."""
        self._do(f"repair {hypervisor}")

    def console(self) -> None:
        """Hand the terminal to Mininet's command line; returns when the person leaves it.

        Ctrl-C is for the command line from then on: a late one must not look as if the run was interrupted.
        """
        terminal = termios.tcgetattr(sys.stdin) if sys.stdin.isatty() else None
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self._do("console", seconds=None)
        finally:
            if terminal is not None:
                termios.tcsetattr(sys.stdin, termios.TCSANOW, terminal)

    @property
    def namespace(self) -> str:
        """The network namespace of the bridges and of both ends of each link, as `Host.namespace`."""
        assert self._process is not None
        return f"/proc/{self._process.pid}/ns/net"

    def together(self, one: str, other: str) -> bool:
        """Whether two hosts must reach each other."""
        return any({one, other} <= group for group in self.groups)

    @property
    def alive(self) -> bool:
        """Whether the network still exists."""
        return self._process is not None and self._process.poll() is None

    def close(self) -> None:
        """End the network. When this returns its processes, namespaces, taps and links are gone."""
        if self._process is None:
            return
        self._channel.close()
        try:
            self._process.wait(LEAVING if self.hosts else 0.0)  # one that still builds does not listen
        except subprocess.TimeoutExpired:
            self._kill(self._process.pid)
            self._process.wait()
        self._process = None

    @staticmethod
    def _kill(unshare: int) -> None:
        """Kill process 1, and with it everything; `unshare` ends when all of that is gone."""
        children = Path(f"/proc/{unshare}/task/{unshare}/children").read_text().split()
        for process in children or [str(unshare)]:  # none: it has not come to that yet
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(process), signal.SIGKILL)

    def _do(self, command: str, seconds: float | None = 30.0) -> None:
        """Have process 1 do something, and wait for it."""
        self._send(command)
        self._receive(None if seconds is None else time.monotonic() + seconds)

    def _send(self, command: str) -> None:
        with contextlib.suppress(BrokenPipeError):  # it has ended: what it said last is still to be read
            self._channel.sendall(json.dumps({"command": command}).encode() + b"\n")

    def _namespace(self, pid: int) -> str:
        """The network namespace of a process that has the number PID for process 1, whose /proc is seen through its root."""
        assert self._process is not None
        return f"/proc/{self._process.pid}/root/proc/{pid}/ns/net"

    def _spawn(self, channel: int) -> subprocess.Popen[bytes]:
        wanted = json.dumps({**self._wanted, "directory": str(self.ovs.directory), "channel": channel})
        fresh = ["unshare", "--pid", "--net", "--mount", "--fork", "--kill-child=KILL", "--mount-proc"]
        # Signals of a terminal are for us: it must not end before we have taken note.
        guarded = ["env", "--ignore-signal=INT,TERM,HUP", "setpriv", "--pdeathsig", "KILL"]
        command = [*guarded, *fresh, sys.executable, "-P", "-m", "topologies.inside", wanted]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
        if self._interactive:
            return subprocess.Popen(command, env=environment, pass_fds=[channel])
        with self._log.open("wb") as log:
            return subprocess.Popen(
                command, env=environment, pass_fds=[channel], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    @property
    def _log(self) -> Path:
        return self._run.path / "network.log"

    def _receive(self, deadline: float | None) -> dict[str, Any]:
        """The next message of process 1."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._channel, selectors.EVENT_READ)
            while b"\n" not in self._received:
                if not selector.select(None if deadline is None else max(0.0, deadline - time.monotonic())):
                    raise NetworkError(f"the network was not built in time; its log ends: {tail(self._log) or '(empty)'}")
                if not (data := self._channel.recv(65536)):
                    raise NetworkError(f"the emulated network ended: {tail(self._log) or 'without a word'}")
                self._received += data
        line, self._received = self._received.split(b"\n", 1)
        message: dict[str, Any] = json.loads(line)
        if "error" in message:
            raise NetworkError(message["error"])
        return message
