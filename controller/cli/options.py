"""Options that several commands share, and completion of the names behind them."""

from pathlib import Path
from typing import Annotated

import typer

from controller.cli import kinds
from controller.cli.client import Client
from controller.cli.errors import Failure
from controller.cli.output import Format

COMPLETION_SECONDS = 0.2  # a person waits for a tab key


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


def complete_kind(incomplete: str) -> list[str]:
    """Kinds of `weft get`."""
    return [name for name in (*(kind.name for kind in kinds.KINDS), "status") if name.startswith(incomplete)]


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
        help="Where the controller keeps its state and its socket.",
    ),
]
Output = Annotated[Format, typer.Option("--output", "-o", help="How to print.")]
Bridge = Annotated[str, typer.Option("--bridge", "-b", help="Only this bridge.", autocompletion=complete_bridge)]
App = Annotated[str, typer.Option("--app", "-a", help="Only flows of this app.", autocompletion=complete_app)]
Table = Annotated[int | None, typer.Option("--table", "-t", min=0, max=254, help="Only this table.")]
Filter = Annotated[str, typer.Option("--filter", "-f", help="An expression: 'nw_dst~=10.0.0.5 and n_packets>0'.")]
Search = Annotated[str, typer.Option("--search", "-s", help="Text in match, actions, app, rule, row or reason.")]
NoHeaders = Annotated[bool, typer.Option("--no-headers", help="Rows only.")]
