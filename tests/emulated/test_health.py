"""Health checks of real servers in namespaces, of each kind: found without a word of theirs, down in time, up again; and what
becomes of a connection to a backend that is not well any more.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.emulated.conftest import Lab
from topologies import webserver
from topologies.namespaces import inside

INTERVAL, FALL, RISE, TIMEOUT = 1.0, 2, 2, 0.5
LATE = 0.2  # seconds that a verdict may come after FALL intervals
TARGET, SIGNAL = 8080, 9090  # ports of the servers; the second one is there to be checked
CHECKS = {
    "tcp": "type: tcp",
    "http": "type: http, path: /health, status: 200, body: h",
    "udp": "type: udp, port: 8080",
    "icmp": "type: icmp",
    "neighbour": "type: neighbour",
    "apart": f"type: tcp, port: {SIGNAL}, source: 10.0.0.250",
    "six": "type: http",
    "echo6": "type: icmp",
    "nd": "type: neighbour",
    "direct": f"type: tcp, port: {SIGNAL}, source: 10.0.0.251",
}
VIPS = {name: f"2001:db8::{n}" if name in ("six", "echo6", "nd") else f"10.0.0.{n}" for n, name in enumerate(CHECKS, 100)}


def network_file() -> str:
    lines = ["networks: {blue: {vlan: 10}}", "ports:", *[f"  s1/s1-eth{n}: {{access: blue}}" for n in (1, 2, 3)], "services:"]
    for name, check in CHECKS.items():
        backends = "2001:db8::" if ":" in VIPS[name] else "10.0.0."
        ports, mode = (f"{{port: {TARGET}}}", "dsr") if name == "direct" else (f"{{port: 80, target: {TARGET}}}", "nat")
        lines += [
            f"  {name}:",
            f"    {{network: blue, vip: '{VIPS[name]}', mode: {mode}, ports: [{ports}],",
            f"    backends: [{{address: '{backends}1'}}, {{address: '{backends}2'}}],",
            f"    health: {{{check}, interval: {INTERVAL}, timeout: {TIMEOUT}, rise: {RISE}, fall: {FALL}}}}}",
        ]
    return "\n".join(lines) + "\n"


class Farm:
    """Two hosts with servers, a third one, and what the controller thinks of them."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.client = lab, lab.controller.client
        self.servers: dict[tuple[str, int], subprocess.Popen[bytes]] = {}
        for number, host in enumerate(lab.network.hosts, 1):
            interface = lab.network.hosts[host].interface
            lab.network.run(host, "sysctl", "-q", "-w", f"net.ipv6.conf.{interface}.disable_ipv6=0")
            lab.network.run(host, "ip", "address", "add", f"2001:db8::{number}/64", "dev", interface, "nodad")
            lab.network.run(host, "ip", "link", "set", "lo", "up")
            if number < 3:
                lab.network.run(host, "ip", "address", "add", VIPS["direct"], "dev", "lo")
        file = folder / "network.yaml"
        file.write_text(network_file())
        command = [sys.executable, "-m", "controller", "apply", "-f", str(file), "--state-dir", str(lab.controller.state_dir)]
        subprocess.run(command, check=True, capture_output=True, timeout=30)
        lab.controller._command += ["--network-file", str(file)]  # when it starts again

    def start(self, host: str, *places: str) -> float:
        """Start a server, called by its first port; gives the time when it answers."""
        program = [sys.executable, "-I", "-S", str(Path(webserver.__file__)), host, *places]
        command = self.lab.network.command(host, "setpriv", "--pdeathsig", "KILL", *program)
        self.servers[host, int(places[0])] = subprocess.Popen(command)
        self.lab.wait_for("the server answers", lambda: self.answers(host, int(places[0])))
        return time.time()

    def answers(self, host: str, port: int) -> bool:
        with inside(self.lab.network.hosts[host].namespace), socket.socket() as asking:
            return asking.connect_ex(("127.0.0.1", port)) == 0

    def kill(self, host: str, port: int) -> float:
        """Kill a server; gives the time."""
        process = self.servers.pop((host, port))
        process.kill()
        process.wait()
        return time.time()

    def backend(self, service: str, number: int) -> dict[str, Any]:
        """A backend as the API shows it."""
        found = self.client.items("/backends")
        return next(b for b in found if b["service"] == service and b["address"].endswith(str(number)))

    def wait_until(self, number: int, state: str, *services: str) -> None:
        """Wait until a backend is in a state for some services."""
        missing: list[str] = []

        def all_are() -> bool:
            missing[:] = [f"{s}: {self.backend(s, number)}" for s in services if self.backend(s, number)["state"] != state]
            return not missing

        try:
            self.lab.wait_for(f"backend {number} is {state}", all_are)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{missing}") from error

    def wait_for_reason(self, service: str, number: int, reason: str) -> None:
        """Wait until this is why a backend is in its state."""
        self.lab.wait_for(f"{service}: {reason}", lambda: self.backend(service, number)["reason"] == reason)

    def when(self, kind: str, subject: str, after: float) -> float:
        """When an event was told, in seconds behind a moment."""
        events = self.client.get("/events/history", kind=kind, limit=1000)["items"]
        return min(float(e["time"]) for e in events if e["subject"] == subject and e["time"] >= after) - after


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What is put there ends with the test."""
    with ExitStack() as entered:
        yield entered


@pytest.fixture(scope="module")
def farm(build: Callable[..., Lab], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    farm = Farm(build("single", hosts=3), tmp_path_factory.mktemp("health"))
    yield farm
    for host, port in list(farm.servers):
        farm.kill(host, port)


def test_backends_are_down_until_somebody_answers_and_nobody_had_to_speak_first(farm: Farm) -> None:
    farm.wait_for_reason("tcp", 1, f"connect to 10.0.0.1:{TARGET} refused")
    farm.wait_for_reason("http", 2, f"GET /health at 10.0.0.2:{TARGET}: the connection was refused")
    farm.wait_for_reason("udp", 2, f"UDP port 10.0.0.2:{TARGET} is unreachable")
    farm.wait_until(1, "down", "tcp", "http", "udp", "apart", "six")
    farm.wait_until(1, "up", "icmp", "neighbour", "echo6", "nd")
    for number in (1, 2):
        farm.start(f"h{number}", str(TARGET), f"{TARGET}@10.0.0.{number}")
        farm.start(f"h{number}", str(SIGNAL))
    for number in (1, 2):
        farm.wait_until(number, "up", *CHECKS)


def test_who_dies_is_down_in_time_and_up_again_after_some_answers(farm: Farm) -> None:
    died = farm.kill("h1", TARGET)
    farm.wait_until(1, "down", "tcp", "http", "udp", "six")
    for service, port in (("tcp", "10.0.0.1"), ("http", "10.0.0.1"), ("six", "2001:db8::1")):
        assert farm.when("service.backend_down", f"{service}/{port}", died) <= FALL * INTERVAL + LATE
    assert farm.backend("tcp", 1)["reason"] == f"connect to 10.0.0.1:{TARGET} refused {FALL} times"
    assert farm.backend("six", 1)["reason"] == f"GET / at [2001:db8::1]:{TARGET}: the connection was refused {FALL} times"
    assert {farm.backend(service, 1)["state"] for service in ("icmp", "neighbour", "apart")} == {"up"}
    assert {farm.backend(service, 2)["state"] for service in CHECKS} == {"up"}
    back = farm.start("h1", str(TARGET), f"{TARGET}@10.0.0.1")
    farm.wait_until(1, "up", *CHECKS)
    assert farm.when("service.backend_up", "tcp/10.0.0.1", back) <= RISE * INTERVAL + LATE


@pytest.mark.parametrize(("service", "port"), [("apart", 80), ("direct", TARGET)])
def test_a_connection_to_a_backend_that_fails_is_ended_and_no_other(
    farm: Farm, service: str, port: int, stack: ExitStack
) -> None:
    at = VIPS[service], port
    by: dict[str, list[socket.socket]] = {"h1": [], "h2": []}
    with inside(farm.lab.network.hosts["h3"].namespace):
        for _ in range(100):
            connection = stack.enter_context(closing(socket.create_connection(at, timeout=10)))
            by[ask(connection)].append(connection)
            if min(map(len, by.values())) > 3:
                break
    assert min(map(len, by.values())) > 3, "a hundred times nearly always the same one"
    farm.kill("h1", SIGNAL)
    farm.wait_until(1, "down", service)
    for connection in by["h1"]:
        farm.lab.wait_for("the connection is ended", partial(is_ended, connection))
    for connection in by["h2"]:
        assert ask(connection) == "h2"
    with inside(farm.lab.network.hosts["h3"].namespace):
        for _ in range(8):
            with closing(socket.create_connection(at, timeout=10)) as connection:
                assert ask(connection) == "h2"
    farm.start("h1", str(SIGNAL))
    farm.wait_until(1, "up", "apart", "direct")


def is_ended(connection: socket.socket) -> bool:
    """Whether the other end answers no more, but with a reset."""
    try:
        return ask(connection) != "h1"
    except (ConnectionResetError, BrokenPipeError):
        return True


def ask(connection: socket.socket) -> str:
    """Who is at the other end."""
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    return connection.recv(4096).split()[-1].decode()


def test_a_host_that_vanishes_is_down_in_time_for_all_kinds(farm: Farm) -> None:
    interface = farm.lab.network.hosts["h1"].interface
    farm.lab.network.run("h1", "ip", "address", "flush", "dev", interface)
    gone = time.time()
    farm.wait_until(1, "down", *CHECKS)
    for service in ("tcp", "http", "icmp", "neighbour", "apart", "direct"):
        assert farm.when("service.backend_down", f"{service}/10.0.0.1", gone) <= FALL * INTERVAL + TIMEOUT
    assert farm.backend("tcp", 1)["reason"] == f"connect to 10.0.0.1:{TARGET} timed out {FALL} times"
    assert farm.backend("icmp", 1)["reason"] == f"10.0.0.1 does not answer pings {FALL} times"
    assert farm.backend("neighbour", 1)["reason"] == f"10.0.0.1 does not answer ARP {FALL} times"
    assert farm.backend("nd", 1)["reason"] == f"2001:db8::1 does not answer neighbour discovery {FALL} times"
    assert {farm.backend(service, 2)["state"] for service in CHECKS} == {"up"}


def test_a_restart_of_the_controller_changes_no_verdict(farm: Farm) -> None:
    farm.lab.controller.pause(0.5)  # rows are written a moment later
    farm.lab.controller.stop()
    farm.lab.start_controller()
    farm.lab.converge()
    assert {farm.backend(service, 1)["state"] for service in CHECKS} == {"down"}
    assert {farm.backend(service, 2)["state"] for service in CHECKS} == {"up"}
    farm.lab.controller.pause(FALL * INTERVAL + 1)
    assert farm.client.get("/events/history", kind="service.backend_", limit=100)["items"] == []
