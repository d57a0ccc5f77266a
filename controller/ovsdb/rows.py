"""Rows of an Open_vSwitch database as plain values, and the operations that change them, as RFC 7047 writes them.

A column holds an atom, a frozenset of atoms (what is optional is a set of one or none) or a mapping of texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """A row by its UUID; `new` for one that the same transaction inserts, where the UUID is a name of ours."""

    uuid: str
    new: bool = False


Atom = str | int | bool | Ref
Value = Atom | frozenset[Atom] | Mapping[str, str]
Columns = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Seen:
    """The rows of a database, by table and UUID: columns that say how things shall be, not how they are."""

    tables: Mapping[str, Mapping[Ref, Columns]]

    def rows(self, table: str) -> Mapping[Ref, Columns]:
        """All rows of a table."""
        return self.tables.get(table, {})

    def refs(self, columns: Columns, column: str) -> list[Ref]:
        """The rows that a column refers to, in a fixed order."""
        value = columns.get(column, frozenset())
        return sorted(ref for ref in value if isinstance(ref, Ref)) if isinstance(value, frozenset) else []


def mapping(columns: Columns, column: str) -> Mapping[str, str]:
    """A column that holds a mapping; empty where it is not there."""
    value = columns.get(column)
    return value if isinstance(value, Mapping) else {}


@dataclass(frozen=True, slots=True)
class Insert:
    """A new row."""

    table: str
    ref: Ref
    columns: Columns

    def json(self) -> dict[str, Any]:
        return {"op": "insert", "table": self.table, "uuid-name": self.ref.uuid, "row": _row(self.columns)}


@dataclass(frozen=True, slots=True)
class Update:
    """Other values in columns of a row."""

    table: str
    ref: Ref
    columns: Columns

    def json(self) -> dict[str, Any]:
        return {"op": "update", "table": self.table, "where": _where(self.ref), "row": _row(self.columns)}


@dataclass(frozen=True, slots=True)
class Mutate:
    """Elements taken out of a set (or keys out of a mapping), then elements put into it; what else is in it stays."""

    table: str
    ref: Ref
    column: str
    remove: frozenset[Atom] = frozenset()
    add: frozenset[Atom] | Mapping[str, str] = frozenset()

    def json(self) -> dict[str, Any]:
        parts = (("delete", self.remove), ("insert", self.add))
        mutations = [[self.column, how, _value(what)] for how, what in parts if what]
        return {"op": "mutate", "table": self.table, "where": _where(self.ref), "mutations": mutations}


@dataclass(frozen=True, slots=True)
class Delete:
    """A row of a root table goes; other rows go by themselves when nothing refers to them any more."""

    table: str
    ref: Ref

    def json(self) -> dict[str, Any]:
        return {"op": "delete", "table": self.table, "where": _where(self.ref)}


Operation = Insert | Update | Mutate | Delete


@dataclass(frozen=True, slots=True)
class Problem:
    """What cannot be as wanted: on which bridge or port ("br1", "br1/eth0"), and why. `foreign`: it is not ours to change."""

    subject: str
    text: str
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The operations of one transaction, and what they leave out."""

    operations: tuple[Operation, ...] = ()
    problems: tuple[Problem, ...] = field(default=())


def _where(ref: Ref) -> list[Any]:
    return [["_uuid", "==", _value(ref)]]


def _row(columns: Columns) -> dict[str, Any]:
    return {name: _value(value) for name, value in columns.items()}


def _value(value: Value) -> Any:
    if isinstance(value, Ref):
        return ["named-uuid" if value.new else "uuid", value.uuid]
    if isinstance(value, Mapping):
        return ["map", [[key, text] for key, text in sorted(value.items())]]
    if isinstance(value, frozenset):
        return ["set", [_value(atom) for atom in sorted(value)]]
    return value
