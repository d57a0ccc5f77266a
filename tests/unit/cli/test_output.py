"""Cells and tables."""

import pytest

from controller.cli.output import Column, duration, field, one_line, plain_table, quantity, tone
from tests.fakes.view import FakeView
from tests.unit.cli.runner import Weft

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0s"), (0.4, "0s"), (59.9, "59s"), (60, "1m"), (250, "4m10s"), (8040, "2h14m"), (7200, "2h"), (90_000, "1d1h")],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0, "0B"), (999, "999B"), (1500, "1.5kB"), (10**10, "10GB"), (123_456_789, "123MB"), (9 * 10**15, "9000000GB")],
)
def test_quantity(value: int | None, text: str) -> None:
    assert quantity(value, "B") == text


def test_columns_are_padded_and_the_last_is_not() -> None:
    columns = [Column("A", field("a")), Column("LONGER", field("b"))]
    lines = plain_table(columns, [{"a": "wide cell", "b": ""}, {"a": None, "b": ["x", "y"]}])
    assert lines == ["A          LONGER", "wide cell  -", "-          x, y"]


def test_widths_are_kept_from_batch_to_batch() -> None:
    widths = [0, 0]
    columns = [Column("A", field("a")), Column("B", field("b"))]
    plain_table(columns, [{"a": "long cell", "b": 1}], True, widths)
    assert plain_table(columns, [{"a": "x", "b": 2}], False, widths) == ["x          2"]


def test_no_rows_is_only_a_heading() -> None:
    assert plain_table([Column("A", field("a"))], []) == ["A"]


def test_text_of_others_cannot_drive_the_terminal() -> None:
    assert one_line("evil\x1b[2J\nname") == "evil [2J name"


@pytest.mark.parametrize(
    ("cell", "colour"), [("connected", "green"), ("rejected: (2,9)", "red"), ("hidden by x", "yellow"), ("s1", "")]
)
def test_tone(cell: str, colour: str) -> None:
    assert tone(cell) == colour


def on_a_terminal(weft: Weft, *args: str, **environment: str) -> str:
    """What a command prints where it can see a terminal."""
    import os
    import pty
    import subprocess
    import sys

    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "controller", *args]
    with subprocess.Popen(command, env=weft.environment | {"TERM": "xterm"} | environment, stdout=follower) as process:
        process.wait(timeout=30)
        os.close(follower)
        text = os.read(leader, 65536).decode()
    os.close(leader)
    return text


def test_a_terminal_gets_colours_by_meaning(weft: Weft, view: FakeView) -> None:
    assert "\x1b[32mconnected\x1b[0m" in on_a_terminal(weft, "get", "bridges")


def test_no_color_is_honoured(weft: Weft, view: FakeView) -> None:
    assert "\x1b[32m" not in on_a_terminal(weft, "get", "bridges", NO_COLOR="1")


def test_json_is_the_same_on_a_terminal(weft: Weft, view: FakeView) -> None:
    assert on_a_terminal(weft, "get", "links", "-o", "json").replace("\r\n", "\n") == weft("get", "links", "-o", "json").out
