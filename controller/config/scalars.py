"""What a value without quotes means, and a refusal of those that versions of YAML disagree about.

YAML 1.1 reads `on` as true, `010` as 8 and `1:30` as 90; YAML 1.2 reads text, 10 and text. An editor may go by one
and a tool by the other, so such values are never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import reduce

Scalar = str | int | float | bool | None


class AmbiguousError(ValueError):
    """A value that means one thing here and another there: its `reading` says which, its text also what to write."""

    def __init__(self, reading: str, advice: str) -> None:
        super().__init__(f"{reading}; {advice}")
        self.reading = reading


def read(text: str) -> Scalar:
    """The value of an unquoted scalar. Raises AmbiguousError for what has more than one reading."""
    for pattern, value in _FORMS:
        if pattern.fullmatch(text):
            return value(text)
    return text


def _switch(text: str) -> Scalar:
    value = "true" if text.lower() in ("yes", "on") else "false"
    raise AmbiguousError(f"{text} is {value} to some readers of YAML and text to others", f'write {value}, or "{text}" for text')


def _leading_zero(text: str) -> Scalar:
    digits = text.lstrip("+-")
    octal = str(int(digits, 8)) if set(digits) <= set("01234567") else "text"
    return _refuse(text, octal, str(int(digits)))


def _base_60(text: str) -> Scalar:
    value = reduce(lambda total, part: total * 60 + float(part), text.replace("_", "").lstrip("+-").split(":"), 0.0)
    return _refuse(text, f"{value:.10g} (base 60)", "text")


def _too_long(text: str) -> Scalar:
    raise AmbiguousError(f"a number of {len(text)} digits is too long", "put it in quotes if it is text")


def _refuse(text: str, one: str, other: str) -> Scalar:
    reading = f"{text} is {one} to some readers of YAML and {other} to others"
    raise AmbiguousError(reading, f'write the number out, or "{text}" for text')


def _date(text: str) -> Scalar:
    raise AmbiguousError(f"{text} is a date to some readers of YAML and text to others", f'write "{text}"')


def _forms(*forms: tuple[str, Callable[[str], Scalar]]) -> tuple[tuple[re.Pattern[str], Callable[[str], Scalar]], ...]:
    return tuple((re.compile(pattern), value) for pattern, value in forms)


# The first that fits counts. The length of numbers is bounded: none of ours has more than 20 digits.
_FORMS = _forms(
    (r"~|null|Null|NULL|", lambda text: None),
    (r"true|True|TRUE", lambda text: True),
    (r"false|False|FALSE", lambda text: False),
    (r"(yes|no|on|off)|(Yes|No|On|Off)|(YES|NO|ON|OFF)", _switch),
    (r"[-+]?(0|[1-9][0-9]{0,30})", int),
    (r"0x[0-9a-fA-F]{1,32}", lambda text: int(text, 16)),
    (r"[-+]?[0-9]{32,}", _too_long),
    (r"[-+]?0[0-9]+", _leading_zero),
    (r"0o[0-7]{1,30}", lambda text: _refuse(text, "text", str(int(text, 8)))),
    (r"[-+]?0b[01_]{1,99}", lambda text: _refuse(text, "a binary number", "text")),
    (r"[-+]?(0x[0-9a-fA-F_]+|[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?)", lambda text: _refuse(text, "a number", "text")),
    (r"[-+]?([1-9][0-9_]{0,19}(:[0-5]?[0-9]){1,9}|[0-9][0-9_]{0,19}(:[0-5]?[0-9]){1,9}\.[0-9_]{0,19})", _base_60),
    (r"[-+]?([0-9]{1,300}\.[0-9]*|\.[0-9]+)([eE][-+][0-9]+)?", float),
    (r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+", lambda text: _refuse(text, "text", f"{float(text):.10g}")),
    (r"[-+]?\.(inf|Inf|INF)", lambda text: float(text.replace(".", ""))),
    (r"\.(nan|NaN|NAN)", lambda text: float("nan")),
    (r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt \t].*)?", _date),
)
