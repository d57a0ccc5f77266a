"""Where everything stands in a YAML file: nodes that know line and column, and the file that they make up.

A node with a mistake is `bad`: that has been told, and whatever else may be wrong with it is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from controller.config.problems import Keys, Problem, render
from controller.config.scalars import Scalar


class Entry(NamedTuple):
    """A key and its value."""

    key: Node
    value: Node


@dataclass(slots=True)
class Node:
    """A value and where it stands: a scalar with its text as written, a list of nodes, or entries by key."""

    line: int
    column: int
    value: Scalar | list[Node] | dict[str, Entry]
    text: str = ""
    quoted: bool = False
    bad: bool = False
    size: int = 1
    depth: int = 1

    def entries(self) -> dict[str, Entry]:
        """The entries of a mapping; none of anything else."""
        return self.value if isinstance(self.value, dict) else {}

    def get(self, key: str) -> Node | None:
        entry = self.entries().get(key)
        return entry.value if entry else None

    def plain(self) -> Any:
        """The value as dict, list and scalars."""
        if isinstance(self.value, dict):
            return {key: entry.value.plain() for key, entry in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def way(self, keys: Keys) -> Iterator[Entry]:
        """The entries on the way along some keys, as far as it goes. An item of a list is its own key."""
        node = self
        for key in keys:
            if isinstance(node.value, dict) and key in node.value:
                entry = node.value[str(key)]
            elif isinstance(node.value, list) and isinstance(key, int) and key < len(node.value):
                entry = Entry(node.value[key], node.value[key])
            else:
                return
            yield entry
            node = entry.value


@dataclass(frozen=True, slots=True)
class Source:
    """A file that has been read: its name and its nodes. All are equal: where things stand is no part of what they are."""

    file: str = field(default="", compare=False)
    root: Node = field(default_factory=lambda: Node(0, 0, None), compare=False, repr=False)

    def way(self, keys: Keys) -> list[Entry]:
        """The entries along some keys, as far as the file has them."""
        return list(self.root.way(keys))

    def line_of(self, path: str | Keys) -> int:
        """The line of a path, or of what is nearest above it; 0 where the file has nothing of it."""
        way = self.way(parsed(path) if isinstance(path, str) else path)
        return way[-1].key.line if way else 0

    def problem(self, path: str | Keys, text: str, about_key: bool = False) -> Problem:
        """A problem with what is at a path: at a scalar it stands there, else at the key."""
        keys = parsed(path) if isinstance(path, str) else path
        way = self.way(keys)
        key, value = way[-1] if way else Entry(self.root, self.root)
        there = len(way) == len(keys) and not about_key and bool(value.text)
        node = value if there else key
        return Problem(self.file, max(node.line, 1), max(node.column, 1), render(keys), text)


_PART = re.compile(r'\[(\d+)\]|"((?:[^"\\]|\\.)*)"|([^.\[\]"]+)')


def parsed(path: str) -> Keys:
    """The keys of a path as `render` writes it."""
    return tuple(int(found[1]) if found[1] else found[3] or found[2].replace('\\"', '"') for found in _PART.finditer(path))
