"""How rows become text: tables for people, JSON, YAML and names for programs.

On a terminal a table is coloured and folded to its width; anywhere else the same columns are padded with blanks, one row
a line, nothing cut off. JSON is the API's own fields as an array, and does not change with the table's columns.
"""

import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

Item = dict[str, Any]


class Format(StrEnum):
    """Values of `-o`."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its heading, how a cell is made, whether it is only for `-o wide`, and whether it may be folded."""

    title: str
    cell: Callable[[Item], str]
    wide: bool = False
    long: bool = False


COMMA = re.compile(r",(?! )")  # a blank behind it is where a long cell is folded; ovs-ofctl takes both forms
TONES = {
    "green": ("connected", "up", "running", "installed", "ready", "ok", "info"),
    "yellow": ("syncing", "pending", "starting", "warning", "warn", "hidden"),
    "red": ("disconnected", "down", "failed", "rejected", "error", "fail", "gone"),
    "dim": ("disabled", "foreign"),
}
_TONE = {word: tone for tone, words in TONES.items() for word in words}


def field(name: str) -> Callable[[Item], str]:
    """A cell that shows a field as it is; a dash where there is nothing."""

    def cell(item: Item) -> str:
        value = item[name]
        if isinstance(value, list | tuple):
            value = ", ".join(str(part) for part in value)
        return "-" if value is None or value == "" else str(value)

    return cell


def age(name: str) -> Callable[[Item], str]:
    """A cell that shows how long ago a moment was."""
    return lambda item: duration(time.time() - item[name]) if item[name] else "-"


def duration(seconds: float) -> str:
    """A span in at most two units: 8s, 4m10s, 2h14m, 12d3h."""
    left = max(0, int(seconds))
    if left < 60:
        return f"{left}s"
    for unit, size, lower, lower_size in (("d", 86400, "h", 3600), ("h", 3600, "m", 60), ("m", 60, "s", 1)):
        if left >= size:
            rest = left % size // lower_size
            return f"{left // size}{unit}" + (f"{rest}{lower}" if rest else "")
    raise AssertionError(left)


def quantity(value: float | None, unit: str) -> str:
    """A number with a decimal prefix: 1.2MB, 10Gbit/s."""
    if value is None:
        return "-"
    prefixes = iter(("", "k", "M", "G"))
    prefix = next(prefixes)
    while abs(value) >= 1000 and (larger := next(prefixes, "")):
        prefix, value = larger, value / 1000
    return f"{value:.3g}{prefix}{unit}" if abs(value) < 1000 else f"{value:.0f}{prefix}{unit}"


def many(count: int, what: str) -> str:
    """A number of things: 1 bridge, 2 bridges."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def as_json(value: object) -> str:
    """Indented JSON, readable in any language."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def as_yaml(value: object) -> str:
    """The same fields as YAML."""
    import yaml

    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=130)).rstrip("\n")


def print_value(value: object, form: Format) -> bool:
    """Print JSON or YAML where that is asked for; False where a table is."""
    if form is Format.JSON:
        print(as_json(value))
    elif form is Format.YAML:
        print(as_yaml(value))
    else:
        return False
    return True


def shown(columns: Sequence[Column], form: Format) -> list[Column]:
    """The columns of a format."""
    return [column for column in columns if form is Format.WIDE or not column.wide]


def on_terminal() -> bool:
    """Whether a person watches."""
    return sys.stdout.isatty()


def print_table(columns: Sequence[Column], items: Iterable[Item], headers: bool = True) -> None:
    """Print rows for a person, or padded for a pipe."""
    if on_terminal():
        from rich.console import Console

        Console(highlight=False).print(rich_table(columns, items, headers))
        return
    for line in plain_table(columns, items, headers):
        print(line)


def plain_table(
    columns: Sequence[Column], items: Iterable[Item], headers: bool = True, widths: list[int] | None = None
) -> list[str]:
    """Padded lines, the last column not padded. Given `widths` are kept to, and widened for the lines to come."""
    rows = [[one_line(column.cell(item)) for column in columns] for item in items]
    if headers:
        rows.insert(0, [column.title for column in columns])
    widths = [0] * len(columns) if widths is None else widths
    widths[:] = [max(least, *(len(row[n]) for row in rows), 0) for n, least in enumerate(widths)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def rich_table(columns: Sequence[Column], items: Iterable[Item], headers: bool = True) -> "Table":
    """The same rows with colours by meaning, folded instead of cut."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=headers, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column.title, overflow="fold", no_wrap=not column.long)
    for item in items:
        cells = [(column, one_line(column.cell(item))) for column in columns]
        table.add_row(*[Text(COMMA.sub(", ", cell) if column.long else cell, style=tone(cell)) for column, cell in cells])
    return table


def tone(cell: str) -> str:
    """The colour of a state, by its first word; no colour for what is no state."""
    return _TONE.get(cell.split(":")[0].split(" ")[0], "")


def one_line(text: str) -> str:
    """Text from a switch or an app must not break the table, or send control codes to a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
