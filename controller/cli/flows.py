"""`weft flows BRIDGE`: a bridge's pipeline as a person reads it, table by table, each flow with its owner and reason."""

from itertools import groupby
from typing import Annotated, Any

import typer

from controller.cli import options
from controller.cli.client import PAGE, Client, segment
from controller.cli.output import Column, Format, Item, field, print_table, print_value, shown

_TAIL = (
    Column("PACKETS", field("packets")),
    Column("STATUS", field("status"), long=True),
    Column("APP", field("app")),
    Column("WHY", lambda item: item["why"] or item["row"] or "-", long=True),
    Column("RULE", field("rule"), wide=True),
    Column("ROW", field("row"), wide=True),
    Column("BYTES", field("bytes"), wide=True),
    Column("COOKIE", field("cookie"), wide=True),
)
COLUMNS = {
    "flow": (
        Column("PRIORITY", field("priority")),
        Column("MATCH", field("match"), long=True),
        Column("ACTIONS", field("actions"), long=True),
        *_TAIL,
    ),
    "group": (Column("GROUP", field("match")), Column("BUCKETS", field("actions"), long=True), *_TAIL),
    "meter": (Column("METER", field("match")), Column("RATE", field("actions"), long=True), *_TAIL),
}
ORDER = tuple(COLUMNS)
EPILOG = options.FILTERS


def flows(
    bridge: Annotated[str, typer.Argument(help="The bridge's name.", autocompletion=options.complete_bridge)],
    app: options.App = "",
    table: options.Table = "",
    filter: options.Filter = "",  # noqa: A002 - the option is called so
    search: options.Search = "",
    raw: Annotated[bool, typer.Option("--raw", help="As 'ovs-ofctl dump-flows' prints them: one flow a line.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Also the tables that only lead on to the next.")] = False,
    output: options.Output = Format.TABLE,
    state_dir: options.StateDir = None,
) -> None:
    """Show a bridge's flows, table by table, with app and reason.

    \b
    weft flows s1                             the whole pipeline
    weft flows s1 --table LEARN               one stage of it
    weft flows s1 --app l2_learning -o wide   with rule, row and cookie
    weft flows s1 -f 'nw_dst~=10.0.0.5 and n_packets>0'
    weft flows s1 --raw | grep 00:00:00:00:00:01
    """
    client = Client(state_dir)
    client.get(f"/bridges/{segment(bridge)}")  # a bridge that does not exist is an error, not an empty list
    options.must_be_app(client, app)
    number = options.table_number(client, table)
    query: dict[str, Any] = {"bridge": bridge, "app": app, "table": number, "filter": filter, "search": search, "limit": PAGE}
    items = list(client.items("/flows", **query))
    if raw:
        for item in items:
            print(raw_line(item))
    elif output is Format.NAME:
        for item in items:
            print(item["cookie"])
    elif not print_value(items, output):
        show(items, output, everything or bool(app or filter or search or table))


def show(items: list[Item], form: Format, everything: bool) -> None:
    """A heading and a table for each flow table, then groups and meters. Tables that only lead on are counted."""
    if not items:
        typer.echo("No flows match.", err=True)
    items = sorted(items, key=lambda item: (ORDER.index(item["kind"]), item["table"], -item["priority"]))
    tables = [(title, list(members)) for title, members in groupby(items, heading)]
    shown_tables = [entry for entry in tables if everything or not leads_on(entry[1])]
    for number, (title, members) in enumerate(shown_tables):
        if number:
            print()
        print(title)
        print_table(shown(COLUMNS[members[0]["kind"]], form), members)
    if left_out := len(tables) - len(shown_tables):
        holds = "1 table holds" if left_out == 1 else f"{left_out} tables hold"
        print(f"\n{holds} one flow that leads on; --all shows {'it' if left_out == 1 else 'them'}.")


def leads_on(members: list[Item]) -> bool:
    """A table with nothing but the flow for what nothing matches."""
    only = members[0]
    return len(members) == 1 and only["kind"] == "flow" and not only["priority"] and not only["match"]


def heading(item: Item) -> str:
    """What stands above the flows of a table."""
    if item["kind"] != "flow":
        return f"{item['kind']}s"
    return f"table {item['table']} {item['stage']}".rstrip()


def raw_line(item: Item) -> str:
    """A flow in the order ovs-ofctl prints it; groups and meters as add-group and add-meter take them."""
    if item["kind"] != "flow":
        return ",".join(part for part in (item["match"].replace("meter_id=", "meter="), item["actions"]) if part)
    parts = [f"cookie={item['cookie']}", f"table={item['table']}"]
    parts += [
        f"{label}={item[name]}" for label, name in (("n_packets", "packets"), ("n_bytes", "bytes")) if item[name] is not None
    ]
    parts += [f"{name}_timeout={item[name]}" for name in ("idle", "hard") if item[name]]
    match = f",{item['match']}" if item["match"] else ""
    return f"{', '.join(parts)}, priority={item['priority']}{match} actions={item['actions'] or 'drop'}"
