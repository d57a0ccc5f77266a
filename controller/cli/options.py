"""Options that several commands share, and completion of the names behind them."""

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer

from controller.cli import kinds
from controller.cli.client import PAGE, Client
from controller.cli.errors import ExitCode, Failure
from controller.cli.output import Format

LAST_TABLE = 254
COMPLETION_SECONDS = 0.2  # a person waits for a tab key
FILTERS = """\
--filter compares fields of a flow, by the names that ovs-ofctl has for them: nw_dst, dl_src, in_port, tp_dst, reg0, table,
priority, n_packets. A protocol (arp) or action (drop) stands by itself. Clauses are joined by and, or, not and brackets:

\b
  nw_dst=10.0.0.5     the match has exactly this; != for anything else
  nw_dst~=10.0.0.5    the match covers this, as 10.0.0.0/24 does
  n_packets>1000      a number is larger; < for smaller
  not (arp or drop) and in_port=2"""


def _names(kind: kinds.Kind, context: typer.Context, start: str) -> list[str]:
    """Names of live things that begin so; none where the controller does not answer at once."""
    chosen = context.params.get("state_dir")  # as it was typed: completion converts nothing
    try:
        items = list(Client(Path(chosen) if chosen else None, COMPLETION_SECONDS).items(f"/{kind.name}"))
    except Failure:
        return []
    return sorted(name for item in items if (name := kind.naming(item)[0]).startswith(start))


def complete_bridge(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of bridges."""
    return _names(kinds.BRIDGES, ctx, incomplete)


def complete_app(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of apps."""
    return _names(kinds.APPS, ctx, incomplete)


def complete_service(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of services."""
    return _names(kinds.SERVICES, ctx, incomplete)


def complete_backend(ctx: typer.Context, incomplete: str) -> list[str]:
    """Addresses of the backends of the service that was just typed."""
    service = f"{ctx.params.get('service') or ''}/"
    return [name.removeprefix(service) for name in _names(kinds.BACKENDS, ctx, service + incomplete)]


def complete_kind(incomplete: str) -> list[str]:
    """Kinds of `weft get`."""
    return [name for name in (*(kind.name for kind in kinds.KINDS), "status") if name.startswith(incomplete)]


def table_number(client: Client, name: str) -> int | None:
    """The table that was asked for, by number or by the name of its stage; None where none was."""
    if not name:
        return None
    if name.isdecimal() and int(name) <= LAST_TABLE:
        return int(name)
    from controller.pipeline.stages import STAGES

    stages = {stage.name: stage.table for stage in STAGES}
    if name.upper() not in stages:
        stages |= _stages_of_apps(client, name)
    if name.upper() not in stages:
        known = ", ".join(sorted(stages, key=lambda stage: stages[stage]))
        raise typer.BadParameter(f"there is no table '{name}': a number from 0 to {LAST_TABLE}, or a stage: {known}.")
    return stages[name.upper()]


def _stages_of_apps(client: Client, name: str) -> dict[str, int]:
    """Stages that apps brought, which the API knows by their flows: those of all bridges, and the private one of this name."""
    bridges = client.get("/bridges")["items"]
    found = [
        *(client.items("/flows", bridge=bridges[0]["name"], filter="priority=0", limit=PAGE) if bridges else ()),
        *(flow for flow in client.items("/flows", search=name, limit=PAGE) if flow["stage"].upper() == name.upper()),
    ]
    return {flow["stage"].upper(): flow["table"] for flow in found if flow["kind"] == "flow" and " " not in flow["stage"]}


def must_be_app(client: Client, name: str) -> None:
    """An app that does not exist has no flows for another reason than one that wants none."""
    known = sorted(app["name"] for app in client.items("/apps")) if name else []
    if name and name not in known:
        near = get_close_matches(name, known, 1)
        hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known)}."
        raise Failure(ExitCode.NOT_FOUND, f"there is no app {name!r}", hint)


def complete_item(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of the kind that was just typed. Flows are too many to offer."""
    kind = kinds.find(ctx.params.get("kind") or "")
    if kind is kinds.PATHS:  # from where to where
        return complete_bridge(ctx, incomplete) + _names(kinds.HOSTS, ctx, incomplete)
    return [] if kind in (None, kinds.FLOWS, kinds.EVENTS) else _names(kind, ctx, incomplete)


StateDir = Annotated[
    Path | None,
    typer.Option(
        "--state-dir",
        envvar="WEFT_STATE_DIR",
        show_default="/var/lib/weft as root, else ~/.local/state/weft",
        readable=False,  # that is told with an exit code of its own
        help="Where the controller keeps its state and its socket.",
    ),
]
Output = Annotated[Format, typer.Option("--output", "-o", help="How to print.")]
App = Annotated[str, typer.Option("--app", "-a", help="Only flows of this app.", autocompletion=complete_app)]
Table = Annotated[str, typer.Option("--table", "-t", help="Only this table: its number, or its stage, as FORWARD.")]
Filter = Annotated[
    str, typer.Option("--filter", "-f", help="Only flows for which this holds: 'nw_dst~=10.0.0.5 and n_packets>0'.")
]
Search = Annotated[
    str, typer.Option("--search", "-s", help="Only flows with this text in match, actions, app, rule, row or reason.")
]
NoHeaders = Annotated[bool, typer.Option("--no-headers", help="Rows only.")]
