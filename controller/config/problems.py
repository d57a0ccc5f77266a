"""What is wrong in a file, and where: `network.yaml:14:7 networks.blue.vlan: 4096 is not in 1..4094`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

Keys = tuple[str | int, ...]
"""The way from the top of the file to a value: keys of mappings, numbers of list items from 0."""

_PLAIN = re.compile(r"""[^\s."'\[\]]+""")
_SHOWN = 60
LISTED = 32  # names that there are instead


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. Lines and columns count from 1; line 0 means the file as a whole (it cannot be read)."""

    file: str
    line: int
    column: int
    path: str
    text: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place} {self.path}: {self.text}" if self.path else f"{place}: {self.text}"


class ConfigError(ValueError):
    """A file that cannot be used. Its text is all its problems, a line each, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.line, p.column)))
        super().__init__("\n".join(map(str, self.problems)))


def render(keys: Keys) -> str:
    """Keys as people write them: `ports.s1/s1-eth2.trunk[1]`. A key with a dot or a space in it stands in quotes."""
    path = ""
    for key in keys:
        if isinstance(key, int):
            path += f"[{key}]"
        else:
            name = printable(key)
            path += ("." if path else "") + (name if _PLAIN.fullmatch(name) else '"' + name.replace('"', '\\"') + '"')
    return path


def show(text: str) -> str:
    """A piece of the file for a sentence: on one line, and not too long."""
    text = printable(text)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def printable(text: str) -> str:
    return text if text.isprintable() else "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def instead(name: str, known: Iterable[str]) -> str:
    """What to write instead of a name that is not known."""
    names = [show(n) for n in known]
    near = difflib.get_close_matches(name, names, 1)
    if near:
        return f"did you mean {near[0]}?"
    if not names:
        return "there are none"
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"there {'is' if len(names) == 1 else 'are'} {', '.join(names[:LISTED])}{more}"
