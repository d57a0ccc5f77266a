"""Values without quotes: those on which all versions of YAML agree are read, all others are refused by name."""

import contextlib
import math

import pytest

from controller.config.scalars import AmbiguousError, read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10", 10), ("-5", -5), ("+5", 5), ("0", 0), ("0x1F", 31), ("1.5", 1.5), ("1.", 1.0), (".5", 0.5), ("1.5e+3", 1500.0),
        ("true", True), ("FALSE", False), ("null", None), ("~", None), ("", None), (".inf", math.inf), ("-.Inf", -math.inf),
    ],
)  # fmt: skip
def test_values_all_agree_on(text: str, value: object) -> None:
    assert read(text) == value
    assert type(read(text)) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "blue",
            "s1-eth1",
            "y",
            "oN",
            "-",
            "1a",
            "0xg",
            "1.2.3",
            "80:90",
            "10.0.0.1",
            "10.0.0.0/8",
            "fe80::1",
            "0000ba67b05cb041",
        ),
        *("02:00:00:00:00:0a", "02:00:00:00:00:01", "tcp:127.0.0.1:6653"),
    ],
)
def test_texts_all_agree_on(text: str) -> None:
    assert read(text) == text


def test_not_a_number_is_one() -> None:
    number = read(".nan")
    assert isinstance(number, float)
    assert math.isnan(number)


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("on", "on is true to some readers of YAML and text to others"),
        ("No", "No is false to some readers of YAML and text to others"),
        ("010", "010 is 8 to some readers of YAML and 10 to others"),
        ("089", "089 is text to some readers of YAML and 89 to others"),
        ("0o17", "0o17 is text to some readers of YAML and 15 to others"),
        ("0b101", "0b101 is a binary number to some readers of YAML and text to others"),
        ("1_000", "1_000 is a number to some readers of YAML and text to others"),
        ("1e3", "1e3 is text to some readers of YAML and 1000 to others"),
        ("1.5e3", "1.5e3 is text to some readers of YAML and 1500 to others"),
        ("1:30", "1:30 is 90 (base 60) to some readers of YAML and text to others"),
        ("10:20:30:40:50:59", "10:20:30:40:50:59 is 8041827059 (base 60) to some readers of YAML and text to others"),
        ("2024-01-31", "2024-01-31 is a date to some readers of YAML and text to others"),
        ("9" * 40, "a number of 40 digits is too long"),
    ],
)
def test_values_with_two_readings(text: str, reading: str) -> None:
    with pytest.raises(AmbiguousError) as caught:
        read(text)
    assert caught.value.reading == reading
    assert str(caught.value).startswith(f"{reading}; ")


@pytest.mark.parametrize(
    "text", ["9" * 5000, "0" * 5000, "1e" + "9" * 500, "1:" * 400 + "1", "0x" + "f" * 999, "9" * 5000 + ".5"]
)
def test_absurd_lengths_do_no_harm(text: str) -> None:
    with contextlib.suppress(AmbiguousError):
        read(text)
