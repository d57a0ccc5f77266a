"""`weft emulate`: a network of real Open vSwitch bridges and Mininet hosts, with a controller of its own, for as long as it runs."""

import itertools
import json
import os
import shutil
import signal
import sys
import time
from contextlib import ExitStack
from typing import Annotated, NoReturn

import typer

from controller.cli import options
from controller.cli.errors import ExitCode, Failure
from controller.cli.start import WEB, check_app, check_web
from controller.cli.supervised import SupervisedController, fetch, free_address
from topologies import catalogue, runs
from topologies.network import EmulatedNetwork, NetworkError
from topologies.openvswitch import OvsError
from topologies.reachability import Probe, matrix, probe, probe_all

CONVERGE_SECONDS = 60.0
DEMO_PERIOD = 2.0  # seconds between two pings of the demo
TOOLS = {
    "ovs-vswitchd": "openvswitch-switch",
    "mnexec": "mininet",
    "ip": "iproute2",
    "ping": "iputils-ping",
    "ethtool": "ethtool",
    "unshare": "util-linux",
    "setpriv": "util-linux",
}

Name = Annotated[str, typer.Argument(metavar="TOPOLOGY", help="A name that --list shows, or the path of a .py file.")]
Params = Annotated[
    list[str] | None, typer.Option("--param", "-p", metavar="NAME=VALUE", help="A parameter of the topology; may be given again.")
]
Apps = Annotated[
    list[str] | None,
    typer.Option("--app", "-a", metavar="NAME|FILE.py", show_default="l2_learning", help="An app to run; may be given again."),
]
Check = Annotated[bool, typer.Option("--check", help="Check who reaches whom, and leave: 0 all is right, 1 something is not.")]
Demo = Annotated[bool, typer.Option("--demo", help="Stay with a little traffic until Ctrl-C, to look at the dashboard.")]
List = Annotated[bool, typer.Option("--list", help="Show the topologies and their parameters.")]


def emulate(
    topology: Name = "",
    param: Params = None,
    check: Check = False,
    demo: Demo = False,
    app: Apps = None,
    web: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where the dashboard listens; another port if this is taken.")] = WEB,
    list_: List = False,
) -> None:
    """Build a network of Open vSwitch bridges and Mininet hosts with a controller of its own, and use it. Needs root.

    \b
    weft emulate --list                       what can be built
    weft emulate tree                         build it and open Mininet's command line
    weft emulate linear -p switches=5 --check who reaches whom, and leave
    weft emulate tree --demo                  stay until Ctrl-C, for the dashboard

    It lives in namespaces of its own with a private Open vSwitch: nothing of yours is touched and nothing is left.
    """
    if list_:
        _list()
        return
    if not topology:
        raise typer.BadParameter(f"say which topology: {', '.join(catalogue.names())}, or the path of a .py file.")
    try:
        chosen = catalogue.find(topology)
        parameters = dict(_pair(text) for text in param or [])
        chosen.build(parameters)
    except catalogue.TopologyError as error:
        raise typer.BadParameter(f"{error}.") from error
    check_machine()
    for name in app or []:
        check_app(name)
    signal.signal(signal.SIGTERM, _terminated)
    signal.signal(signal.SIGHUP, _terminated)
    try:
        code = Emulation(topology, parameters, check_web(web), app or []).run(check, demo)
    except (NetworkError, OvsError) as error:
        raise Failure(ExitCode.REFUSED, str(error), "'weft doctor' tells whether this machine lacks something.") from error
    raise typer.Exit(code)


def _list() -> None:
    for name in catalogue.names():
        found = catalogue.find(name)
        parameters = " ".join(f"{key}={value}" for key, value in found.parameters.items())
        print(f"{name:<10} {parameters:<20} {found.summary}")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise typer.BadParameter(f"'{text}' is not a parameter: write NAME=VALUE, as depth=3.")
    return name, value


def check_machine() -> None:
    """Root, and the programs that are needed."""
    if os.geteuid() != 0:
        raise Failure(ExitCode.NOT_ALLOWED, "an emulated network is made of network namespaces, which needs root", "Use sudo.")
    missing = sorted({package for tool, package in TOOLS.items() if shutil.which(tool) is None})
    if missing:
        raise Failure(ExitCode.REFUSED, f"not installed: {', '.join(missing)}", f"apt-get install {' '.join(missing)}")


def _terminated(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def _let_it_finish() -> None:
    """Taking away is quick and must not be broken off."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


class Emulation:
    """One network with its controller, from the first process to the last."""

    def __init__(self, topology: str, parameters: dict[str, str], web: str, apps: list[str]) -> None:
        self._topology = topology
        self._parameters = parameters
        self._wanted_web = web
        self._apps = apps
        self._started = time.monotonic()
        self._console = False

    def run(self, check: bool, demo: bool) -> int:
        """Build, use, take away. Returns the exit code."""
        self._console = not (check or demo)
        for name in runs.heal():
            _say("healed", f"removed what the killed run {name} had left")
        with ExitStack() as stack:
            self._build(stack)
            wrong = self._check(demo) if check or demo else []
            if wrong:
                self._explain(wrong)
            elif demo and not check:
                self._stay()
            elif self._console:
                self._open_console()
        return ExitCode.REFUSED if wrong else ExitCode.DONE

    def _build(self, stack: ExitStack) -> None:
        name = catalogue.find(self._topology).name
        run = runs.new_run(name)
        stack.callback(run.close)
        self._network = EmulatedNetwork(run, self._topology, self._parameters, interactive=self._console)
        web = free_address(self._wanted_web)
        if web != self._wanted_web:
            _say("dashboard", f"{self._wanted_web} is taken, using {web}")
        self._controller = SupervisedController(run.path, f"unix:{self._network.controller_socket}", web, self._apps)
        stack.callback(self._controller.stop)
        stack.enter_context(self._network)
        stack.callback(_let_it_finish)
        self._controller.start()
        run.record(self._controller.pid)
        self._network.start()
        counts = f"{len(self._network.bridges)} bridges, {len(self._network.hosts)} hosts, {len(self._network.links)} links between bridges"
        _say("network", f"{name}: {counts}")
        self._controller.wait_ready()
        _say("controller", f"ready, dashboard at http://{web}")
        self._converge()

    def _converge(self) -> None:
        """Wait until every bridge is connected and holds all the flows it should."""
        deadline = time.monotonic() + CONVERGE_SECONDS
        while waiting := self._waiting_for():
            if time.monotonic() > deadline:
                title = f"not ready after {CONVERGE_SECONDS:g} s: {', '.join(waiting)}"
                raise Failure(ExitCode.TIMED_OUT, title, self._controller.last_words())
            self._controller.pause()
        _say("bridges", "connected, all flows installed")

    def _waiting_for(self) -> list[str]:
        bridges = {bridge["name"]: bridge for bridge in self._controller.client.items("/bridges")}
        waiting = []
        for name in self._network.bridges:
            bridge = bridges.get(name)
            if bridge is None or bridge["state"] != "connected":
                waiting.append(f"{name} is not connected")
            elif bridge["pending"]:
                waiting.append(f"{name} waits for {bridge['pending']} flows")
        return waiting

    def _check(self, dashboard: bool) -> list[str]:
        """Ping between all pairs, and look whether the dashboard answers; what was wrong."""
        probes = list(probe_all(self._network))
        print(matrix(probes))
        wrong = [str(each) for each in probes if not each.right]
        if dashboard:
            wrong += self._check_dashboard()
        lost = sum(each.wanted and not each.answered for each in probes)
        loss = 100 * lost // max(1, sum(each.wanted for each in probes))
        right = sum(each.right for each in probes)
        verdict = "FAILED" if wrong else "ok"
        answers = "" if not dashboard else ", dashboard answers" if not self._dashboard_wrong(wrong) else ", dashboard does not"
        seconds = time.monotonic() - self._started
        print(f"{verdict}: {right} of {len(probes)} pairs as they should be, {loss} % lost{answers} ({seconds:.1f} s)", flush=True)
        return wrong
