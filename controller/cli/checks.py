"""What weft needs of a machine, one function a need. A check looks and never changes anything.

`fail` is kept for what the controller or its bridges cannot do without; what only emulation or the tests need is a
warning that says so.
"""

import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from controller.cli import paths
from controller.cli.client import Client
from controller.cli.errors import Failure
from controller.cli.output import many
from controller.cli.version import library_version

OLDEST_PYTHON = (3, 11)
OLDEST_OVS = (3, 1)  # the oldest that the test suite runs against
OLDEST_NODE = (20, 19)
MANY_FILES = 4096
NET_ADMIN, SYS_ADMIN = 12, 21  # bits of the capability set, see capabilities(7)


@dataclass(frozen=True, slots=True)
class Check:
    """One finding: what was looked for, what is there, and how to mend it."""

    name: str
    status: Literal["ok", "warn", "fail"]
    found: str
    mend: str = ""

    def as_item(self) -> dict[str, Any]:
        """The fields, as they are printed."""
        return asdict(self)


def run(state_dir: Path | None, openflow_port: int, web_port: int) -> Iterator[Check]:
    """All checks, in the order in which one would set a machine up."""
    yield python()
    yield from libraries()
    yield privileges()
    yield open_files()
    yield from open_vswitch()
    yield datapath()
    yield tun()
    yield from mininet()
    yield tool("iproute2", "ip", "-Version", "emulation builds its links with it", "iproute2", "fail")
    yield tool("ethtool", "ethtool", "--version", "TCP stalls between emulated hosts of a userspace bridge", "ethtool")
    yield tool("ping", "ping", "-V", "emulation cannot check reachability", "iputils-ping")
    yield tool("iperf3", "iperf3", "--version", "the throughput tests are left out", "iperf3")
    yield state(state_dir or paths.state_dir())
    running = controller(state_dir)
    yield running
    yield port("OpenFlow port", openflow_port, running, "--listen tcp:127.0.0.1:PORT")
    yield port("dashboard port", web_port, running, "--web 127.0.0.1:PORT")
    yield dashboard()
    yield chromium()
    yield node()


def python() -> Check:
    """The interpreter that runs weft."""
    found = f"{platform.python_version()} ({sys.executable})"
    if sys.version_info[:2] < OLDEST_PYTHON:
        return Check("python", "fail", found, "Install Python 3.11 or later and run script/bootstrap.")
    return Check("python", "ok", found)


def libraries() -> Iterator[Check]:
    """The libraries without which nothing starts."""
    needed = {"os_ken": "os-ken", "ovs": "ovs", "flask": "Flask", "waitress": "waitress", "networkx": "networkx"}
    missing = [distribution for module, distribution in needed.items() if find_spec(module) is None]
    if missing:
        yield Check("libraries", "fail", f"missing: {', '.join(missing)}", f"{sys.executable} -m pip install {' '.join(missing)}")
    else:
        found = ", ".join(f"{name} {library_version(name)}" for name in ("os-ken", "ovs", "Flask"))
        yield Check("libraries", "ok", found)


def privileges() -> Check:
    """The controller needs none; bridges, namespaces and interfaces do."""
    granted = next(
        int(line.split()[1], 16) for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapEff")
    )
    if not granted >> NET_ADMIN & 1 or not granted >> SYS_ADMIN & 1:
        return Check(
            "privileges",
            "warn",
            "neither root nor CAP_NET_ADMIN and CAP_SYS_ADMIN",
            "Use sudo for 'weft emulate', script/demo and script/test.",
        )
    if output_of("unshare", "--net", "true") is None:
        return Check(
            "privileges",
            "warn",
            "root, but network namespaces are refused",
            "Give the container CAP_SYS_ADMIN: emulation needs namespaces.",
        )
    return Check("privileges", "ok", "may make network namespaces and interfaces")


def open_files() -> Check:
    """Each bridge and each dashboard is a file."""
    import resource

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if 0 <= limit < MANY_FILES:
        return Check(
            "open files", "warn", f"at most {limit}", f"Raise the limit: ulimit -Hn {MANY_FILES}, or LimitNOFILE= of the service."
        )
    return Check("open files", "ok", "unlimited" if limit < 0 else f"up to {limit}")


def open_vswitch() -> Iterator[Check]:
    """The switch daemon: there, new enough, running."""
    said = output_of("ovs-vswitchd", "--version")
    if said is None:
        yield Check(
            "ovs-vswitchd",
            "fail",
            "not found",
            "apt-get install openvswitch-switch (not needed where weft only drives other machines' bridges).",
        )
        return
    text = said.splitlines()[0].rpartition(" ")[2] if said else "unknown version"
    if numbers(text) < OLDEST_OVS:
        yield Check(
            "ovs-vswitchd",
            "warn",
            text,
            f"weft is tested with {'.'.join(map(str, OLDEST_OVS))} and later: some flows may be refused.",
        )
    else:
        yield Check("ovs-vswitchd", "ok", text)
    bridges = output_of("ovs-vsctl", "--timeout=3", "--no-wait", "list-br")
    if bridges is None and os.geteuid() != 0:
        yield Check("Open vSwitch runs", "warn", "no ovsdb-server answers, or not to you", "Ask again with sudo.")
    elif bridges is None:
        mend = "systemctl start openvswitch-switch; script/demo and the tests start a private one."
        yield Check("Open vSwitch runs", "warn", "no ovsdb-server answers", mend)
    else:
        yield Check("Open vSwitch runs", "ok", many(len(bridges.split()), "bridge"))


def datapath() -> Check:
    """In the kernel if it can be, else in user space, which does all weft needs at a lower rate."""
    if Path("/sys/module/openvswitch").is_dir():
        return Check("datapath", "ok", "kernel module is loaded")
    if output_of("modprobe", "--dry-run", "openvswitch") is not None:
        return Check("datapath", "ok", "kernel module is there, loaded when needed")
    return Check(
        "datapath",
        "warn",
        "no kernel module openvswitch",
        "The userspace datapath (netdev) is used: slower. On bare metal: modprobe openvswitch.",
    )


def tun() -> Check:
    """Bridges in user space are tap devices."""
    device = Path("/dev/net/tun")
    if not device.exists():
        return Check(
            "tun device",
            "warn",
            "no /dev/net/tun",
            "modprobe tun, or start the container with --device /dev/net/tun: the userspace datapath needs it.",
        )
    if not os.access(device, os.R_OK | os.W_OK):
        return Check("tun device", "warn", "/dev/net/tun cannot be opened", "Use sudo: the userspace datapath needs it.")
    return Check("tun device", "ok", str(device))


def mininet() -> Iterator[Check]:
    """What `weft emulate` and the demo stand on."""
    if find_spec("mininet") is None:
        yield Check(
            "mininet",
            "warn",
            f"{sys.executable} cannot import it",
            "apt-get install mininet, then script/bootstrap: 'weft emulate' needs it.",
        )
    else:
        yield Check("mininet", "ok", library_version("mininet") or "importable")
    where = shutil.which("mnexec")
    if where is None:
        yield Check("mnexec", "warn", "not found", "apt-get install mininet: 'weft emulate' needs it.")
    else:
        yield Check("mnexec", "ok", where)


def tool(
    name: str, command: str, version_option: str, loss: str, package: str, severity: Literal["warn", "fail"] = "warn"
) -> Check:
    """A program from a package of the distribution."""
    said = output_of(command, version_option)
    if said is None:
        return Check(name, severity, f"no {command} on the PATH", f"apt-get install {package}: without it {loss}.")
    return Check(name, "ok", said.splitlines()[0] if said else str(shutil.which(command)))


def state(folder: Path) -> Check:
    """The state directory, or the first of its parents that exists, can be written."""
    nearest = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        return Check("state directory", "fail", f"{folder} cannot be written", "Use sudo, or choose another: --state-dir DIR.")
    return Check("state directory", "ok", str(folder) if nearest == folder else f"{folder}, made at the first start")


def controller(state_dir: Path | None) -> Check:
    """Whether one runs already; that none does is no fault."""
    try:
        status = Client(state_dir, timeout=2.0).get("/status")
    except Failure:
        return Check("controller", "ok", "not running")
    return Check("controller", "ok", f"running, {status['connected']} of {status['bridges']} bridges connected")


def port(name: str, number: int, running: Check, option: str) -> Check:
    """A TCP port that is free on the loopback address, or used by the controller itself."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError as error:
            if running.found.startswith("running"):
                return Check(name, "ok", f"{number} is in use, and the controller runs")
            return Check(
                name,
                "fail",
                f"{number}: {error.strerror}",
                f"'ss -ltnp sport = :{number}' shows who has it; or choose another: {option}.",
            )
    return Check(name, "ok", f"{number} is free")


def dashboard() -> Check:
    """The dashboard's files are built from TypeScript and are not in the repository."""
    package = find_spec("webui")
    if package is None or not package.origin:
        return Check("dashboard", "fail", "the package webui is not installed", "Run script/bootstrap.")
    page = Path(package.origin).parent / "static" / "index.html"
    if not page.is_file():
        return Check(
            "dashboard",
            "warn",
            f"not built: no {page}",
            "Run script/bootstrap. The controller runs without it; its page will say so.",
        )
    return Check("dashboard", "ok", str(page.parent))


def chromium() -> Check:
    """The browser tests drive Debian's chromium."""
    where = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if where is None:
        return Check("chromium", "warn", "not found", "apt-get install chromium: the browser tests need it.")
    return Check("chromium", "ok", where)


def node() -> Check:
    """Builds the dashboard; script/bootstrap brings one of its own where the distribution's is too old."""
    said = output_of("node", "--version")
    if said is None:
        return Check("node", "warn", "not found", "script/bootstrap installs one in .venv: building the dashboard needs it.")
    if numbers(said) < OLDEST_NODE:
        return Check(
            "node", "warn", said.strip(), "script/bootstrap installs a newer one in .venv: building the dashboard needs 20.19."
        )
    return Check("node", "ok", said.strip())


def output_of(*command: str) -> str | None:
    """What a program prints; None where it is absent, fails or does not end."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return (done.stdout or done.stderr).strip() if done.returncode == 0 else None


def numbers(text: str) -> tuple[int, ...]:
    """The leading numbers of a version: `v20.19.1` is (20, 19, 1)."""
    found: list[int] = []
    for part in text.strip().lstrip("v").split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        found.append(int(digits))
    return tuple(found)
