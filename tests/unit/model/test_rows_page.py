"""docs/rows.md has every row of the model as its class has it: key, fields, types and words. What fails is the line to write."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from controller import model
from controller.model import Row

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "rows.md").read_text()
ROWS = [each for name, each in vars(model).items() if inspect.isclass(each) and issubclass(each, Row) and each is not Row]
LINE = re.compile(r"^(\| `([A-Z]\w+)`.* \|) ([^|]*) \|$", re.MULTILINE)


def cells(row: type[Row]) -> str:
    """A line of the table, without who puts the row."""
    key: list[str] = []
    other: list[str] = []
    for field in fields(row):  # type: ignore[arg-type]
        usual = "" if field.default is MISSING else f" = {field.default!r}"
        text = f"`{field.name}: {str(field.type).replace(' | ', ' or ')}{usual}`"
        (key if field.name in row.key_fields else other).append(text)
    words = " ".join(inspect.getdoc(row).split())  # type: ignore[union-attr]
    name = f"`{row.__name__}`{', kept' if row.kept else ''}"
    return f"| {name} | {', '.join(key)} | {', '.join(other)} | {words} |"


def lines() -> Iterator[tuple[str, str, str]]:
    """Row, line without its last cell, and that: who puts it."""
    for found in LINE.finditer(PAGE):
        yield found[2], found[1], found[3]


def test_every_row_is_on_the_page_as_it_is() -> None:
    shown = {name: line for name, line, _by in lines()}
    assert [cells(row) for row in ROWS if shown.get(row.__name__) != cells(row)] == []
    assert sorted(shown) == sorted(row.__name__ for row in ROWS)


@pytest.mark.parametrize(("name", "by"), [(name, by) for name, _line, by in lines()])
def test_who_puts_a_row_does(name: str, by: str) -> None:
    files = re.findall(r"`([\w/]+\.py)`", by)
    assert files
    assert all(f"{name}(" in (ROOT / file).read_text() for file in files)
