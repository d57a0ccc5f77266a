"""Other controllers, each in a process of its own: ovs-testcontroller (C), os-ken on either of its hubs, Faucet."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.benchmarks.controllers import Controller, process
from topologies.openvswitch import OvsError

TESTCONTROLLER = "ovs-testcontroller"
NATIVE, EVENTLET = "os-ken, native", "os-ken, eventlet"
FAUCET = "Faucet"
VENV = Path(os.environ.get("WEFT_PEERS", Path.home() / ".cache" / "weft-peers"))  # Faucet needs another os-ken than we do
FAUCET_VLAN = 100
START_SECONDS, INSTALL_SECONDS = 20.0, 300.0


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    """Wait until somebody listens."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        time.sleep(0.02)
    raise OvsError(f"no controller listens on port {port} after {START_SECONDS:g} s")


@contextlib.contextmanager
def testcontroller() -> Iterator[Controller]:
    """The controller of Open vSwitch's own tests, in C."""
    if shutil.which(TESTCONTROLLER) is None:
        raise OvsError(f"{TESTCONTROLLER} is not installed: apt-get install openvswitch-testcontroller")
    port = free_port()
    options = (f"ptcp:{port}:127.0.0.1", "-O", "OpenFlow14", "-vconsole:off")
    with (
        tempfile.TemporaryDirectory(prefix="weft-bench-") as folder,
        process(TESTCONTROLLER, *options, f"--unixctl={folder}/c") as running,
    ):
        wait_for(port)
        yield Controller(port, running.pid)


@contextlib.contextmanager
def osken(name: str, module: str) -> Iterator[Controller]:
    """A program of ours on os-ken, on the hub that its name says."""
    port = free_port()
    environment = {"OSKEN_HUB_TYPE": name.rpartition(" ")[2]}
    with process(sys.executable, "-W", "ignore", "-m", f"tests.benchmarks.{module}", str(port), **environment) as running:
        wait_for(port)
        yield Controller(port, running.pid)


def faucet_program() -> Path | None:
    """Faucet in an environment of its own, made the first time; None where it cannot be installed."""
    program = VENV / "bin" / "faucet"
    if not program.exists():
        commands = ([sys.executable, "-m", "venv", str(VENV)], [str(VENV / "bin" / "pip"), "install", "--quiet", "faucet"])
        for command in commands:
            with contextlib.suppress(subprocess.TimeoutExpired):
                if subprocess.run(command, capture_output=True, timeout=INSTALL_SECONDS, check=False).returncode == 0:
                    continue
            return None
    return program


def faucet_config(bridges: int, ports: int) -> dict[str, Any]:
    """One VLAN on all ports, and no limit to what is learned."""
    interfaces = {port: {"native_vlan": FAUCET_VLAN} for port in range(1, ports + 1)}
    bridge = {"hardware": "Open vSwitch", "ignore_learn_ins": 0, "interfaces": interfaces}
    return {
        "vlans": {"bench": {"vid": FAUCET_VLAN, "max_hosts": 1 << 24}},
        "dps": {f"s{number}": {"dp_id": number, **bridge} for number in range(1, bridges + 1)},
    }


@contextlib.contextmanager
def faucet(program: Path, bridges: int, ports: int) -> Iterator[Controller]:
    """Faucet with so many bridges."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as folder:
        config = Path(folder, "faucet.yaml")
        config.write_text(yaml.safe_dump(faucet_config(bridges, ports)))
        environment = {
            "FAUCET_CONFIG": str(config),
            "FAUCET_LOG": f"{folder}/faucet.log",
            "FAUCET_EXCEPTION_LOG": f"{folder}/exceptions.log",
            "FAUCET_EVENT_SOCK": "0",
            "FAUCET_PROMETHEUS_PORT": str(free_port()),
            "FAUCET_PROMETHEUS_ADDR": "127.0.0.1",
            "PATH": f"{program.parent}:{os.environ['PATH']}",
        }
        options = ("--ryu-ofp-listen-host=127.0.0.1", f"--ryu-ofp-tcp-listen-port={port}", f"--ryu-config-file={folder}/none")
        Path(folder, "none").touch()
        with process(str(program), *options, **environment) as running:
            wait_for(port)
            yield Controller(port, running.pid)


def version(program: Path) -> str:
    """Faucet's version."""
    said = subprocess.run([str(program), "--version"], capture_output=True, text=True, timeout=START_SECONDS, check=False)
    found = re.search(r"[\d.]+\d", said.stdout)
    return found[0] if found else "?"
