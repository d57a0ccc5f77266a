"""`weft get --watch`: the event stream says that something changed, the collection is asked for again.

On a terminal the table is drawn anew in place. Anywhere else each row that was added, changed or is gone is a line, which
a script can read as it comes: with `-o json` one object a line, `{"change": "added", "item": {...}}`.
"""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from controller.cli import kinds
from controller.cli.client import Client
from controller.cli.errors import ExitCode, Failure
from controller.cli.kinds import Kind
from controller.cli.output import Column, Format, Item, as_yaml, on_terminal, plain_table, rich_table, shown

PAUSE = 0.25  # seconds between two questions: a burst of changes is one

Fetch = Callable[[], list[Item]]
Change = tuple[str, Item]


def follow(client: Client, kind: Kind, fetch: Fetch, form: Format, headers: bool) -> None:
    """Show a collection until the controller goes away or the person does."""
    if kind is kinds.EVENTS:
        _print(kind, _events(client, fetch), form, headers)
    elif on_terminal() and form in (Format.TABLE, Format.WIDE):
        _redraw(kind, _snapshots(client, kind, fetch), form, headers)
    else:
        _print(kind, _differences(kind, _snapshots(client, kind, fetch)), form, headers)
    raise Failure(ExitCode.UNREACHABLE, "the controller went away", "What is shown is its last word.")


def _snapshots(client: Client, kind: Kind, fetch: Fetch) -> Iterator[list[Item]]:
    """The collection now, and after each change of it."""
    for name, data in client.stream():
        if name in ("hello", "reset") or (name == "changed" and kind.collections.intersection(data["collections"])):
            yield fetch()
            time.sleep(PAUSE)


def _events(client: Client, fetch: Fetch) -> Iterator[list[Change]]:
    """History first, then what happens, without a gap."""
    past = fetch()
    yield [("added", event) for event in past]
    last = max((event["seq"] for event in past), default=0)
    for name, _data in client.stream(last):
        if name != "event":
            continue
        # Asking again applies the filters where they are defined; the stream is only the bell.
        fresh = [event for event in fetch() if event["seq"] > last]
        yield [("added", event) for event in fresh]
        last = max((event["seq"] for event in fresh), default=last)


def _differences(kind: Kind, snapshots: Iterator[list[Item]]) -> Iterator[list[Change]]:
    """What each snapshot has that the one before had not, and the other way round."""
    known: dict[tuple[Any, ...], Item] = {}
    for items in snapshots:
        now = {tuple(item[name] for name in kind.key): item for item in items}
        changes = [("changed" if key in known else "added", item) for key, item in now.items() if known.get(key) != item]
        yield changes + [("gone", item) for key, item in known.items() if key not in now]
        known = now


def _print(kind: Kind, batches: Iterator[list[Change]], form: Format, headers: bool) -> None:
    """A line, or a document, for each change."""
    columns = shown(kind.columns, form)
    widths = [0] * len(columns)
    if kind is not kinds.EVENTS:
        columns.insert(0, Column("CHANGE", lambda item: str(item["change"])))
        widths.insert(0, len("changed"))  # the longest of them, which comes later than the others
    for batch in batches:
        if form in (Format.TABLE, Format.WIDE):
            lines = plain_table(columns, [{**item, "change": change} for change, item in batch], headers, widths)
            headers = False
        else:
            lines = [_document(kind, change, item, form) for change, item in batch]
        for line in lines:
            print(line, flush=True)


def _document(kind: Kind, change: str, item: Item, form: Format) -> str:
    if form is Format.NAME:
        return kind.naming(item)[0]
    value = {"change": change, "item": item}
    return json.dumps(value, ensure_ascii=False) if form is Format.JSON else "---\n" + as_yaml(value)


def _redraw(kind: Kind, snapshots: Iterator[list[Item]], form: Format, headers: bool) -> None:
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(highlight=False), auto_refresh=False) as live:
        for items in snapshots:
            live.update(rich_table(shown(kind.columns, form), items, headers), refresh=True)
