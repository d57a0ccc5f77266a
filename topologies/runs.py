"""Run directories: where a run keeps its files and process ids, so that the next run finds and removes what a killed one left.

A live run holds a lock on its directory. The kernel gives the lock back however the run ends, so a directory that can be
locked belongs to nobody. Namespaces, taps and links need no list: they end with the processes that live in them.
"""

import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

PIDS = "processes.json"


def registry() -> Path:
    """The directory that holds all run directories of this user. Short, for Unix sockets in it may have 107 characters."""
    if os.geteuid() == 0:
        return Path("/run/weft")
    return Path(tempfile.gettempdir()) / f"weft-{os.geteuid()}"


class Run:
    """A directory that is ours while we live."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock
        self._processes: list[list[str]] = []

    def record(self, pid: int) -> None:
        """Remember a process, to be ended by the next run should this one be killed first."""
        if (identity := _identity(pid)) is not None:
            self._processes.append([str(pid), identity])
            (self.path / PIDS).write_text(json.dumps(self._processes))

    def close(self) -> None:
        """Remove the directory with everything in it."""
        with _locked_registry() as runs:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            with contextlib.suppress(OSError):
                runs.rmdir()


def new_run(name: str) -> Run:
    """A fresh run directory called NAME, or NAME-2, NAME-3 ... while others are in use."""
    with _locked_registry() as runs:
        number = 1
        while True:
            path = runs / (name if number == 1 else f"{name}-{number}")
            try:
                path.mkdir(mode=0o755)
            except FileExistsError:
                number += 1
                continue
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            return Run(path, lock)


def heal() -> list[str]:
    """End and remove what dead runs left; returns their names."""
    healed = []
    with _locked_registry() as runs:
        for path in sorted(runs.iterdir()):
            lock = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            else:
                _end_recorded(path / PIDS)
                shutil.rmtree(path, ignore_errors=True)
                healed.append(path.name)
            finally:
                os.close(lock)
        with contextlib.suppress(OSError):
            runs.rmdir()
    return healed


@contextlib.contextmanager
def _locked_registry() -> Iterator[Path]:
    """The registry, made when absent, locked against other runs that come, go or heal."""
    path = registry()
    while True:
        path.mkdir(mode=0o755, exist_ok=True)
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        found = os.fstat(lock)
        if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o022:
            os.close(lock)
            raise PermissionError(f"{path} belongs to somebody else or others may write to it: remove it")
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            # Another run may have removed the directory while we waited for its lock.
            if path.exists() and path.stat().st_ino == found.st_ino:
                yield path
                return
        finally:
            os.close(lock)


def _end_recorded(record: Path) -> None:
    """Kill the recorded processes, each only if it still is the one that was recorded."""
    try:
        processes = json.loads(record.read_text())
    except (OSError, ValueError):
        return
    for pid, identity in processes:
        try:
            handle = os.pidfd_open(int(pid))
        except ProcessLookupError:
            continue
        # With the handle open the number cannot come to mean another process between the look and the kill.
        if _identity(int(pid)) == identity:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            select.select([handle], [], [], 5.0)
        os.close(handle)


def _identity(pid: int) -> str | None:
    """When the process was started, and in which boot of the machine; None when there is none."""
    try:
        # The command name in parentheses may hold spaces; start time is the 22nd field, the 20th after it.
        started = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        return None
    return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}:{started}"
