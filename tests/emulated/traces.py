"""What a running program has made on this machine, noted while it runs, to see afterwards whether any of it is left."""

import re
from dataclasses import dataclass
from pathlib import Path

NAMESPACES = ("net", "pid", "mnt")


@dataclass(frozen=True, slots=True)
class Traces:
    """Processes (pid and start time) of a program and all below it, and the namespaces that only they are in."""

    processes: frozenset[tuple[str, str]]
    namespaces: frozenset[str]

    def left(self) -> set[str]:
        """What of it still exists."""
        alive = {process for process in self.processes if _started(process[0]) == process[1]}
        alive = {process for process in alive if _state(process[0]) != "Z"}
        used = {namespace for pid in _pids() for namespace in _namespaces(pid)}
        return {f"process {pid}" for pid, _ in alive} | (self.namespaces & used)


def of_program(pid: int) -> Traces:
    """What the program PID has made so far."""
    parents = {child: _parent(child) for child in _pids()}
    family = {str(pid)}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    ours = {namespace for process in family for namespace in _namespaces(process)}
    return Traces(frozenset((process, _started(process)) for process in family), frozenset(ours - set(_namespaces("self"))))


def on_machine() -> set[str]:
    """Links in the root namespace, named namespaces and mounts that could be ours, by name."""
    links = {f"link {path.name}" for path in Path("/sys/class/net").iterdir() if re.match(r"[sh]\d+(-eth\d+)?$|ovs", path.name)}
    names = {f"netns {path.name}" for path in Path("/run/netns").glob("*")}
    mounts = {f"mount {line.split()[4]}" for line in Path("/proc/self/mountinfo").read_text().splitlines()}
    return links | names | mounts


def _pids() -> list[str]:
    return [path.name for path in Path("/proc").iterdir() if path.name.isdigit()]


def _stat(pid: str) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return []


def _state(pid: str) -> str:
    return "".join(_stat(pid)[:1])


def _parent(pid: str) -> str:
    return "".join(_stat(pid)[1:2])


def _started(pid: str) -> str:
    return "".join(_stat(pid)[19:20])


def _namespaces(pid: str) -> list[str]:
    found = []
    for kind in NAMESPACES:
        try:
            found.append(str(Path(f"/proc/{pid}/ns/{kind}").readlink()))
        except OSError:
            continue
    return found
