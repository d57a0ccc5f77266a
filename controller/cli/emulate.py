"""`weft emulate`: a network of real Open vSwitch bridges and Mininet hosts with a controller of its own, while it runs."""

import os
import shutil
import signal
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from controller.cli.emulation import Emulation
from controller.cli.errors import ExitCode, Failure
from controller.cli.output import Column, field, print_table
from controller.cli.start import WEB, check_web
from topologies import catalogue, outage
from topologies.network import NetworkError
from topologies.openvswitch import OvsError

TOOLS = {
    "ovs-vswitchd": "openvswitch-switch",
    "mnexec": "mininet",
    "ip": "iproute2",
    "ping": "iputils-ping",
    "ethtool": "ethtool",
    "unshare": "util-linux",
    "setpriv": "util-linux",
}

LIST = (
    Column("TOPOLOGY", field("name")),
    Column("PARAMETERS", lambda item: " ".join(f"{key}={value}" for key, value in item["parameters"].items()), long=True),
    Column("WHAT IT IS", field("summary"), long=True),
)

Name = Annotated[str, typer.Argument(metavar="TOPOLOGY", help="A name that --list shows, or the path of a .py file.")]
Params = Annotated[
    list[str] | None, typer.Option("--param", "-p", metavar="NAME=VALUE", help="A parameter of the topology; may be given again.")
]
Apps = Annotated[
    list[str] | None,
    typer.Option("--app", "-a", metavar="NAME|FILE.py", show_default="l2_learning", help="An app to run; may be given again."),
]
Check = Annotated[bool, typer.Option("--check", help="Check who reaches whom, and leave: 0 all is right, 1 something is not.")]
Fail = Annotated[
    list[str] | None,
    typer.Option(
        "--fail",
        metavar="LINK|HYPERVISOR",
        help="Take a link (s1-s2, or an interface at one end: s1-eth3) down and up under traffic that uses it, say how long"
        " that stopped, and leave: 1 if it did not come back. A hypervisor (hv3) dies and comes back. May be given again.",
    ),
]
Demo = Annotated[bool, typer.Option("--demo", help="Stay with a little traffic until Ctrl-C, to look at the dashboard.")]
List = Annotated[bool, typer.Option("--list", help="Show the topologies and their parameters.")]


def emulate(
    topology: Name = "",
    param: Params = None,
    check: Check = False,
    fail: Fail = None,
    demo: Demo = False,
    app: Apps = None,
    web: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where the dashboard listens; another port if this is taken.")
    ] = WEB,
    list_: List = False,
) -> None:
    """Build a network of bridges and hosts to play with. Needs root.

    \b
    weft emulate --list                       what can be built
    weft emulate tree                         build it and open Mininet's command line
    weft emulate linear -p switches=5 --check who reaches whom, and leave
    weft emulate ring --check --fail s1-s2    and what happens when a link goes down
    weft emulate hypervisors -p n=8 --check   one network over many hypervisors, by tunnels
    weft emulate tree --demo                  stay until Ctrl-C, for the dashboard

    Mininet's hosts, a private Open vSwitch and a controller live in namespaces of their own: nothing of yours is touched and
    nothing is left.
    """
    if find_spec("mininet") is None:
        raise Failure(ExitCode.REFUSED, "Mininet is not installed for this Python", "'weft doctor' says how to mend that.")
    if list_:
        _list()
        return
    if not topology:
        raise typer.BadParameter(f"say which topology: {', '.join(catalogue.names())}, or the path of a .py file.")
    try:
        chosen = catalogue.find(topology)
        parameters = dict(_pair(text) for text in param or [])
        topo = chosen.build(parameters)
        failing = [chosen.hypervisor(topo, wanted) if chosen.separate else _link(chosen, topo, wanted) for wanted in fail or []]
    except catalogue.TopologyError as error:
        raise typer.BadParameter(f"{error}.") from error
    for name in app or []:
        check_app(name)
    check_machine()
    signal.signal(signal.SIGTERM, _terminated)
    signal.signal(signal.SIGHUP, _terminated)
    try:
        right = Emulation(topology, parameters, check_web(web), app or []).run(check, demo, failing)
    except (NetworkError, OvsError) as error:
        raise Failure(ExitCode.REFUSED, str(error), "'weft doctor' tells whether this machine lacks something.") from error
    raise typer.Exit(ExitCode.DONE if right else ExitCode.REFUSED)


def _link(chosen: catalogue.Topology, topo: Any, wanted: str) -> outage.Ends:
    return outage.choose(chosen.links(topo), wanted)


def _list() -> None:
    found = [catalogue.find(name) for name in catalogue.names()]
    print_table(LIST, [{"name": each.name, "parameters": each.parameters, "summary": each.summary} for each in found])


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise typer.BadParameter(f"'{text}' is not a parameter: write NAME=VALUE, as depth=3.")
    return name, value


def check_app(name: str) -> None:
    """One that is not there is told before anything is built."""
    if Path(name).is_file():
        return
    from controller.runtime import loader

    try:
        loader.load(name)
    except loader.LoadError as error:
        raise typer.BadParameter(f"{error}.") from None


def check_machine() -> None:
    """Root, and the programs that are needed."""
    if os.geteuid() != 0:
        raise Failure(ExitCode.NOT_ALLOWED, "an emulated network is made of network namespaces, which needs root", "Use sudo.")
    missing = sorted({package for tool, package in TOOLS.items() if shutil.which(tool) is None})
    if missing:
        raise Failure(ExitCode.REFUSED, f"not installed: {', '.join(missing)}", f"apt-get install {' '.join(missing)}")


def _terminated(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)
