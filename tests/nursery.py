"""Controllers for tests, as copies of a process that has imported what they need: most of the time of a start is imports.

A copy runs the command line that it is given, with an environment and a log of its own, from its first option to its exit code.
Who asks for one talks to the nursery by a socket; when that is gone the nursery ends, and the kernel kills its copies.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import secrets
import select
import signal
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import IO, Any, NoReturn

from controller.cli.supervised import Process, SupervisedController

ROOT = Path(__file__).parents[1]
IMPORTED = ("controller.cli.start", "controller.runtime.wiring", "webui.app", "waitress")
PR_SET_PDEATHSIG = 1
LONGEST = 1 << 17  # bytes of a request


class Copy:
    """A process like one of `subprocess`, as far as tests use it."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery, self.pid = nursery, pid
        self._handle = os.pidfd_open(pid)
        self.returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            with select.epoll() as poll:
                poll.register(self._handle, select.EPOLLIN)
                if not poll.poll(timeout):
                    raise subprocess.TimeoutExpired("a controller", timeout or 0.0)
            self.returncode = self._nursery.ask({"reap": self.pid})
            os.close(self._handle)
        return self.returncode

    def terminate(self) -> None:
        """End it kindly."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash would."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)


class Nursery:
    """The process that copies itself, and our end of its socket."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-P", "-m", "tests.nursery", str(theirs.fileno())]
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            self._process = subprocess.Popen(command, env=environment, pass_fds=[theirs.fileno()], start_new_session=True)

    def start(self, arguments: list[str], log: IO[bytes]) -> Copy:
        """A copy that runs `weft ARGUMENTS`."""
        return Copy(self, self.ask({"run": arguments, "environment": dict(os.environ)}, log.fileno()))

    def ask(self, request: dict[str, Any], *files: int) -> int:
        """Ask for something, which is answered by a number."""
        socket.send_fds(self._socket, [json.dumps(request).encode()], files)
        return int(self._socket.recv(100))


class CopiedController(SupervisedController):
    """`weft start`, in a copy."""

    def _spawn(self, log: IO[bytes]) -> Process:
        return nursery().start(self._command, log)


@cache
def nursery() -> Nursery:
    """The one of this process."""
    return Nursery()


def serve(asked: socket.socket) -> None:
    """Copy ourselves for each request, until nobody can ask any more."""
    for module in IMPORTED:
        __import__(module)
    from controller.openflow import osken

    osken.peer(osken.V14)
    gc.collect()
    gc.freeze()  # what is here already is not looked at again, so that copies share it
    while True:
        text, files, _, _ = socket.recv_fds(asked, LONGEST, 1)
        if not text:
            return
        request = json.loads(text)
        if "reap" in request:
            number = os.waitstatus_to_exitcode(os.waitpid(request["reap"], 0)[1])
        else:
            number = os.fork()
            if not number:
                asked.close()
                become(request, files[0])
            os.close(files[0])
        asked.send(str(number).encode())


def become(request: dict[str, Any], log: int) -> NoReturn:
    """Be the program that was asked for."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setsid()
    for number, file in enumerate((os.open(os.devnull, os.O_RDONLY), log, log)):
        os.dup2(file, number)
    os.environ.clear()
    os.environ.update(request["environment"])
    from controller.cli import main
    from controller.topology import discovery

    discovery.KEY = secrets.token_bytes(32)  # each controller has one of its own
    sys.argv = ["weft", *request["run"]]
    code: object = 1
    try:
        main()
    except SystemExit as end:
        code = end.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
