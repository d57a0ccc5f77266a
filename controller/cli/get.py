"""`weft get`: what the controller knows, as a table, JSON, YAML or names; with `--watch` as it changes."""

import re
import time
from difflib import get_close_matches
from enum import StrEnum
from functools import partial
from itertools import islice
from typing import Annotated, Any

import typer

from controller.cli import kinds, options
from controller.cli.client import PAGE, Client, segment
from controller.cli.errors import ExitCode, Failure
from controller.cli.kinds import Kind
from controller.cli.output import Format, Item, as_json, duration, print_table, print_value, shown


class Output(StrEnum):
    """Values of `-o`: those of every list, and the graph of `weft get links`."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"
    DOT = "dot"
    GRAPHML = "graphml"
    NODE_LINK = "node-link"


GRAPHS = (Output.DOT, Output.GRAPHML, Output.NODE_LINK)
METER = re.compile(r"\bmeter:(\d+)")
PORT = re.compile(r"\b(?:in_port|out_port|reg2)=(\w+)")


KindName = Annotated[
    str,
    typer.Argument(
        metavar="KIND",
        help="bridges, ports, links, paths, hosts, networks, hypervisors, tunnels, services, backends, apps, flows, drops, "
        "events or status.",
        autocompletion=options.complete_kind,
    ),
]
Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAME...",
        help="Only these, or what is on these bridges. Of paths: from where, to where.",
        autocompletion=options.complete_item,
    ),
]
Form = Annotated[Output, typer.Option("--output", "-o", help="How to print. Of links also as a graph: dot, graphml, node-link.")]
Bridge = Annotated[
    str,
    typer.Option(
        "--bridge",
        "-b",
        help="Only what is on this bridge. Not of paths, services, apps and events.",
        autocompletion=options.complete_bridge,
    ),
]
Sort = Annotated[str, typer.Option("--sort", help="Order flows by this field, see below: '-packets' for the largest first.")]
Limit = Annotated[int | None, typer.Option("--limit", "-n", min=1, help="At most so many flows or events.")]
EPILOG = f"""
NAME narrows every list. The name of a bridge stands for whatever is on it: 'weft get ports s1' shows all ports of s1, as
--bridge s1 does, and 'weft get ports s1/s1' the one that is called s1 too. Flows are narrowed by --app, --table, --search and
--filter too, and put in order by --sort; events are narrowed by --kind and --severity. Where several are given, all must hold.

{options.FILTERS}

--sort takes packets, bytes, priority, table, bridge, app, match or status; with - in front the largest comes first.
"""


def get(
    kind: KindName,
    names: Names = None,
    form: Form = Output.TABLE,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on, and show what changes.")] = False,
    no_headers: options.NoHeaders = False,
    bridge: Bridge = "",
    app: options.App = "",
    table: options.Table = "",
    filter: options.Filter = "",  # noqa: A002 - the option is called so
    search: options.Search = "",
    sort: Sort = "",
    limit: Limit = None,
    event_kind: Annotated[str, typer.Option("--kind", help="Only events whose kind begins so, as bridge.")] = "",
    severity: Annotated[str, typer.Option("--severity", help="Only events that are at least info, warning or error.")] = "",
    state_dir: options.StateDir = None,
) -> None:
    """Show what the controller knows: bridges, ports, hosts and more.

    \b
    weft get bridges                          one line a bridge
    weft get ports --bridge s1 -o wide        all counters
    weft get hosts 10.0.0.3                   find a host by MAC or IP address
    weft get networks -o wide                 VLANs, members, and the links that broadcasts take
    weft get paths 10.0.0.1 10.0.0.3          which ways frames take, bridge by bridge
    weft get tunnels                          which hypervisor hears which, since when and why
    weft get backends web                     state, weight and share of what is behind a service
    weft get links -o dot                     the whole topology, for Graphviz
    weft get flows -f 'n_packets>1000' -o json
    weft get drops                            frames that were refused, by port and reason
    weft get events -w                        follow what happens
    """
    client = Client(state_dir)
    output = Format.TABLE if form in GRAPHS else Format(form)
    if kind in ("status", "st"):
        return show_status(client, output, asked_for_more=bool(watch or names or form in GRAPHS))
    chosen = find_kind(kind)
    number = options.table_number(client, table)
    narrow = {"bridge": bridge, "app": app, "table": number, "filter": filter, "search": search, "sort": sort, "limit": limit}
    given = narrowing(chosen, narrow | {"kind": event_kind, "severity": severity})
    if form in GRAPHS:
        return show_graph(client, chosen, form, asked_for_more=bool(watch or names or given))
    fetch = partial(fetch_selected, client, chosen, given, names or [], must_exist=not watch)
    if watch:
        from controller.cli.watch import follow

        return follow(client, chosen, fetch, output, not no_headers)
    items = fetch()
    empty = "" if items else f"No {chosen.name} match." if given else why_empty(client, chosen)
    return show(chosen, items, output, not no_headers, empty)


def why_empty(client: Client, kind: Kind) -> str:
    """Why there is nothing of a kind, and what to do: with the address that this controller listens on."""
    return kind.empty.format(target=client.get("/status")["listen"][0]) if "{target}" in kind.empty else kind.empty


def find_kind(name: str) -> Kind:
    """The kind that was asked for."""
    found = kinds.find(name)
    if found is None:
        known = ", ".join(known.name for known in kinds.KINDS)
        raise typer.BadParameter(f"there is no kind '{name}'. Known: {known}, status.")
    return found


def narrowing(kind: Kind, options: dict[str, Any]) -> dict[str, Any]:
    """The filters that were given. One that would be ignored is a mistake."""
    given = {name: value for name, value in options.items() if value not in (None, "")}
    for name in given:
        if not kind.narrows(name):
            fitting = [other.name for other in kinds.KINDS if other.narrows(name)]
            raise typer.BadParameter(f"--{name} narrows {' and '.join(fitting)}, not {kind.name}.")
    return given


def fetch_selected(client: Client, kind: Kind, query: dict[str, Any], names: list[str], *, must_exist: bool) -> list[Item]:
    """The items that filters and names leave; of paths those between the two ends that are named."""
    if kind is kinds.PATHS:
        if len(names) != 2:
            raise typer.BadParameter("paths lead from one end to another: weft get paths SRC DST, bridges or hosts.")
        return list(client.items("/paths", source=names[0], target=names[1]))
    return select(kind, fetch_items(client, kind, query), names, must_exist)


def fetch_items(client: Client, kind: Kind, query: dict[str, Any]) -> list[Item]:
    """All items that the filters leave; what the API cannot filter is filtered here."""
    bridge = query.get("bridge")
    if kind is kinds.FLOWS:
        options.must_be_app(client, query.get("app", ""))
        limit = query.get("limit")
        page = min(limit or PAGE, PAGE)
        return list(islice(client.items("/flows", **{**query, "limit": page}), limit))
    if kind is kinds.DROPS:
        return dropped(client, query)
    if kind is kinds.EVENTS:
        return list(client.items("/events/history", **query))
    items = [item for item in client.items(f"/{kind.name}") if not bridge or bridge in kind.bridges(item)]
    if bridge and not items:
        client.get(f"/bridges/{segment(bridge)}")  # a bridge that does not exist is an error, not an empty list
    return items


def dropped(client: Client, query: dict[str, Any]) -> list[Item]:
    """Flows without actions that counted a frame, the largest first, with the port that the match or the row names."""
    ports = {(port["bridge"], port["port"]): port["name"] for port in client.items("/ports")}
    found = client.items("/flows", **query, filter="drop and n_packets>0", sort="-packets", limit=PAGE)
    drops = [item for item in found if item["actions"] == "drop"] + over_limit(client, query)
    named = [{**item, "port_name": ports.get((item["bridge"], port_of(item["match"])), "")} for item in drops]
    return sorted(named, key=lambda item: -item["packets"])


def over_limit(client: Client, query: dict[str, Any]) -> list[Item]:
    """Flows whose frames pass a meter that dropped some of them, with what it dropped."""
    meters = client.items("/flows", bridge=query.get("bridge", ""), search="meter_id=", sort="-packets", limit=PAGE)
    dropped = {
        (item["bridge"], item["match"].partition("=")[2]): {"packets": item["packets"], "bytes": item["bytes"]}
        for item in meters
        if item["kind"] == "meter" and item["packets"]
    }
    flows = client.items("/flows", **query, search="meter:", limit=PAGE) if dropped else ()
    passing = [(item, METER.search(item["actions"])) for item in flows]
    counts = [(item, dropped.get((item["bridge"], found[1]))) for item, found in passing if found]
    return [{**item, **count, "why": f"above the limit: {item['why']}"} for item, count in counts if count]


def port_of(match: str) -> int:
    """The port that a match names: where a frame came in, or where it was to leave (a register, see `weft flows`)."""
    found = PORT.search(match)
    return kinds.LOCAL if found and found[1] == "LOCAL" else int(found[1], 0) if found else 0


def select(kind: Kind, items: list[Item], names: list[str], must_exist: bool) -> list[Item]:
    """Only the items with these names; a name that nothing has is not found."""
    if not names:
        return items
    wanted = {name.lower(): name for name in names}
    chosen = [item for item in items if not kind.names(item).isdisjoint(wanted)]
    missing = sorted(wanted.keys() - {name for item in chosen for name in kind.names(item)})
    if missing and must_exist:
        called = "service" if kind.name == "backends" else kind.name.removesuffix("s")  # they go by the name of their service
        near = get_close_matches(wanted[missing[0]], {name for item in items for name in kind.naming(item)}, 1)
        hint = f"Did you mean {near[0]}?" if near else f"'weft get {called}s -o name' lists the names."
        raise Failure(ExitCode.NOT_FOUND, f"no {called} is called {wanted[missing[0]]}", kind.called or hint)
    return chosen


def show(kind: Kind, items: list[Item], form: Format, headers: bool, empty: str = "") -> None:
    """Print a collection; of one without items say why, unless it is for a program."""
    if print_value(items, form):
        return
    if form is Format.NAME:
        for item in items:
            print(kind.naming(item)[0])
    elif items:
        print_table(shown(kind.columns, form), items, headers)
    else:
        typer.echo(empty or kind.empty, err=True)


def show_graph(client: Client, kind: Kind, form: Output, *, asked_for_more: bool) -> None:
    """Print bridges, hosts and links as one graph."""
    if kind is not kinds.LINKS:
        raise typer.BadParameter(f"-o {form} draws the whole topology: weft get links -o {form}.")
    if asked_for_more:
        raise typer.BadParameter(f"-o {form} draws the whole topology: it takes no names and filters, and cannot be watched.")
    if form is Output.NODE_LINK:
        print(as_json(client.get("/topology", format=form)))
    else:
        print(client.text("/topology", format=form), end="")


def show_status(client: Client, form: Format, *, asked_for_more: bool) -> None:
    """Print the controller itself."""
    if asked_for_more:
        raise typer.BadParameter("status is one thing: it takes no names, cannot be watched and is no graph.")
    status = client.get("/status")
    if print_value(status, form):
        return
    if form is Format.NAME:
        print(status["version"])
        return
    lines = {
        "weft": f"{status['version']}, {status['state']} for {duration(time.time() - status['started'])}",
        "listens": ", ".join(status["listen"]),
        "bridges": f"{status['bridges']}, {status['connected']} connected",
        "ports": status["ports"],
        "links": status["links"],
        "hosts": status["hosts"],
        "networks": status["networks"],
        "hypervisors": status["hypervisors"],
        "services": status["services"],
        "flows": status["flows"],
        "apps": f"{status['apps']}, {status['apps_failed']} failed",
    }
    for name, value in lines.items():
        print(f"{name:<11} {value}")
