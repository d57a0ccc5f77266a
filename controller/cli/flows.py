"""`weft flows BRIDGE`: a bridge's pipeline as a person reads it, table by table, each flow with its owner and reason."""

from itertools import groupby
from typing import Annotated, Any

import typer

from controller.cli import options
from controller.cli.client import PAGE, Client, segment
from controller.cli.output import Column, Format, Item, field, print_table, print_value, shown

COLUMNS = (
    Column("PRIORITY", field("priority")),
    Column("MATCH", field("match")),
    Column("ACTIONS", field("actions")),
    Column("PACKETS", field("packets")),
    Column("STATUS", field("status")),
    Column("APP", field("app")),
    Column("WHY", lambda item: item["why"] or item["row"] or "-"),
    Column("RULE", field("rule"), wide=True),
    Column("ROW", field("row"), wide=True),
    Column("BYTES", field("bytes"), wide=True),
    Column("COOKIE", field("cookie"), wide=True),
)


def flows(
    bridge: Annotated[str, typer.Argument(help="The bridge's name.", autocompletion=options.complete_bridge)],
    app: options.App = "",
    table: options.Table = None,
    filter: options.Filter = "",  # noqa: A002 - the option is called so
    search: options.Search = "",
    raw: Annotated[bool, typer.Option("--raw", help="As 'ovs-ofctl dump-flows' prints them: one flow a line.")] = False,
    output: options.Output = Format.TABLE,
    state_dir: options.StateDir = None,
) -> None:
    """Show the flows of one bridge, table by table, with the app and the reason of each.

    \b
    weft flows s1                             the whole pipeline
    weft flows s1 --table 40                  one stage of it
    weft flows s1 --app l2_learning -o wide   with rule, row and cookie
    weft flows s1 -f 'nw_dst~=10.0.0.5 and n_packets>0'
    weft flows s1 --raw | grep 00:00:00:00:00:01
    """
    client = Client(state_dir)
    client.get(f"/bridges/{segment(bridge)}")  # a bridge that does not exist is an error, not an empty list
    query: dict[str, Any] = {"bridge": bridge, "app": app, "table": table, "filter": filter, "search": search, "limit": PAGE}
    items = list(client.items("/flows", **query))
    if raw:
        for item in items:
            print(raw_line(item))
    elif output is Format.NAME:
        for item in items:
            print(item["cookie"])
    elif not print_value(items, output):
        show(items, output)


def show(items: list[Item], form: Format) -> None:
    """A heading and a table for each flow table, then groups and meters."""
    if not items:
        typer.echo("No flows match.", err=True)
    order = {"flow": 0, "group": 1, "meter": 2}
    items = sorted(items, key=lambda item: (order[item["kind"]], item["table"], -item["priority"]))
    for number, (title, members) in enumerate(groupby(items, heading)):
        if number:
            print()
        print(title)
        print_table(shown(COLUMNS, form), list(members))


def heading(item: Item) -> str:
    """What stands above the flows of a table."""
    if item["kind"] != "flow":
        return f"{item['kind']}s"
    return f"table {item['table']} {item['stage']}".rstrip()


def raw_line(item: Item) -> str:
    """A flow in the order ovs-ofctl prints it; groups and meters as add-group and add-meter take them."""
    if item["kind"] != "flow":
        return ",".join(part for part in (item["match"], item["actions"]) if part)
    parts = [f"cookie={item['cookie']}", f"table={item['table']}"]
    parts += [
        f"{label}={item[name]}" for label, name in (("n_packets", "packets"), ("n_bytes", "bytes")) if item[name] is not None
    ]
    parts += [f"{name}_timeout={item[name]}" for name in ("idle", "hard") if item[name]]
    match = f",{item['match']}" if item["match"] else ""
    return f"{', '.join(parts)}, priority={item['priority']}{match} actions={item['actions'] or 'drop'}"
