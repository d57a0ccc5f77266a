"""A YAML text made into nodes: events of the parser, each thing with its place.

Reading goes on after a mistake where that is possible (a key given twice, a value with two readings), so that all of them
are told.
"""

from __future__ import annotations

from typing import Any

import yaml

from controller.config.problems import Keys, Problem, render, show
from controller.config.scalars import AmbiguousError, read
from controller.config.source import Entry, Node
from controller.config.syntax import explain

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster where libyaml is there
_DEPTH = 20
_NODES = 1_000_000
_EMPTY = "the file is empty; write at least `networks: {}`: nothing but the default network"


class UnreadableError(Exception):
    """Nothing after this is read; the problem itself has been noted."""


class Reader:
    """Reads one document. `root` is None where there is nothing that could be checked further."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self._lines = text.splitlines() or [""]
        self.problems: list[Problem] = []
        self.root: Node | None = None
        self._anchors: dict[str, Node | None] = {}
        try:
            self._events = iter(yaml.parse(text, Loader=_LOADER))
            self.root = self._document()
        except UnreadableError:
            pass
        except yaml.YAMLError as error:
            line, column, sentence = explain(error, text)
            self.note(line, column, (), sentence)

    def note(self, line: int, column: int, keys: Keys, text: str) -> None:
        """Keep a problem. The parser stands behind the last line where something is missing at the end: that is no line."""
        if line > len(self._lines):
            line, column = len(self._lines), len(self._lines[-1]) + 1
        self.problems.append(Problem(self.file, line, column, render(keys), text))

    def _document(self) -> Node | None:
        next(self._events)  # the stream begins
        node = None
        if not isinstance(next(self._events), yaml.StreamEndEvent):
            node = self._node(next(self._events), ())
            next(self._events)  # the document ends
            event = next(self._events)
            if not isinstance(event, yaml.StreamEndEvent):
                self.note(*_place(event), (), "a second document begins here; a network file is one")
        if node is None or (node.value is None and not node.bad):
            self.note(1, 1, (), _EMPTY)
            return None
        return node

    def _node(self, event: Any, keys: Keys) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, keys)
        line, column = _place(event)
        if len(keys) > _DEPTH:
            self.note(line, column, keys[:3], f"this is more than {_DEPTH} levels deep")
            raise UnreadableError
        node = Node(line, column, None)
        if event.anchor:
            self._anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(node, event, keys)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._list(node, keys)
        else:
            self._mapping(node, keys)
        if event.tag:
            node.bad = True
            self.note(line, column, keys, f"{_tag(event.tag)} is a tag, and tags have no meaning here; leave it out")
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _scalar(self, node: Node, event: Any, keys: Keys) -> None:
        node.text, node.quoted = event.value, bool(event.style)
        try:
            node.value = event.value if node.quoted or event.tag else read(event.value)
        except AmbiguousError as error:
            node.value, node.bad = event.value, True
            self.note(node.line, node.column, keys, str(error))

    def _list(self, node: Node, keys: Keys) -> None:
        items: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, (*keys, len(items))))
        node.value = items
        self._grow(node, items, keys)

    def _mapping(self, node: Node, keys: Keys) -> None:
        entries: dict[str, Entry] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, keys)
            value = self._node(next(self._events), (*keys, key.text))
            if key.text in entries and not key.bad:
                again = f"{show(key.text)} is given twice; the first is in line {entries[key.text].key.line}"
                self.note(key.line, key.column, (*keys, key.text), again)
            elif isinstance(key.value, str):
                entries.setdefault(key.text, Entry(key, value))
            else:
                node.bad = True  # what is missing in it may be in what is left out
        node.value = entries
        self._grow(node, [entry.value for entry in entries.values()], keys)

    def _key(self, event: Any, keys: Keys) -> Node:
        """A key. Where it cannot be one its value is None, and what it leads to is left out."""
        node = Node(*_place(event), None, text="?", bad=True)
        if not isinstance(event, yaml.ScalarEvent):
            self.note(node.line, node.column, keys, "a key is text; here is a list, a mapping or an alias in its place")
            self._node(event, (*keys, "?"))
            return node
        node.value = node.text = event.value
        why = _no_key(event)
        node.bad = bool(why)
        if why:
            self.note(node.line, node.column, keys, why)
        if event.value == "<<" and not event.style:
            node.value = None
        return node

    def _alias(self, event: Any, keys: Keys) -> Node:
        target = self._anchors.get(event.anchor)
        if target:
            return target
        why = "stands inside of what it names" if event.anchor in self._anchors else "names nothing that stands before it"
        self.note(*_place(event), keys, f"*{show(event.anchor)} {why}")
        return Node(*_place(event), None, bad=True)

    def _grow(self, node: Node, children: list[Node], keys: Keys) -> None:
        """Aliases multiply what there is, and stand deeper than they are written: so what a node holds is measured too."""
        node.size += sum(child.size for child in children)
        node.depth = 1 + max((child.depth for child in children), default=0)
        if node.size > _NODES or node.depth > _DEPTH:
            self.note(node.line, node.column, keys, f"this holds more than {_NODES} values or {_DEPTH} levels")
            raise UnreadableError


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _no_key(event: Any) -> str:
    """Why a scalar cannot be a key; empty where it can."""
    text = show(event.value)
    if event.tag or event.anchor:
        return "a key has neither tag nor anchor"
    if event.style:
        return ""
    if event.value == "<<":
        return "<< (merge) is not known here; write the keys out"
    try:
        value = read(event.value)
    except AmbiguousError as error:
        return f'{error.reading}; write "{text}"'
    if isinstance(value, str):
        return ""
    return f'{text} is no text, and a key is; write "{text}"' if text else 'the key in front of ":" is missing'


def _tag(tag: str) -> str:
    return show(tag.replace("tag:yaml.org,2002:", "!!"))
