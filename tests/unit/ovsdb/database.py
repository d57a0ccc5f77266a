"""As much of ovsdb-server as transactions need: named rows, mutations, collection of what nothing holds, unique names."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from controller.ovsdb.nodes import CHILDREN
from controller.ovsdb.rows import Delete, Insert, Mutate, Operation, Ref, Seen, Update

STRONG = {**CHILDREN, "Open_vSwitch": {"bridges": "Bridge"}}
WEAK = ("output_port", "select_src_port", "select_dst_port")
ROOTS = ("Open_vSwitch", "QoS")
AT_MOST_ONE = {"Port": ("qos",), "Bridge": ("netflow", "sflow", "ipfix", "fail_mode")}
UNIQUE = ("Bridge", "Port", "Interface")
ROOT = Ref("root")
_numbers = itertools.count(1)


class ConstraintViolationError(Exception):
    """The transaction is refused."""


Tables = dict[str, dict[Ref, dict[str, Any]]]


def empty() -> Seen:
    return Seen({"Open_vSwitch": {ROOT: {"bridges": frozenset()}}})


def apply(operations: Iterable[Operation], seen: Seen) -> Seen:
    """The database after one transaction. Raises ConstraintViolationError, and nothing has changed."""
    tables: Tables = {table: {ref: dict(row) for ref, row in rows.items()} for table, rows in seen.tables.items()}
    names: dict[Ref, Ref] = {}
    operations = list(operations)
    for operation in operations:
        if isinstance(operation, Insert):
            assert operation.ref not in names
            names[operation.ref] = Ref(f"u{next(_numbers)}")
    for operation in operations:
        _one(tables, operation, names)
    _collect(tables)
    _check(tables)
    return Seen({table: rows for table, rows in tables.items() if rows})


def _one(tables: Tables, operation: Operation, names: Mapping[Ref, Ref]) -> None:
    def real(value: Any) -> Any:
        if isinstance(value, frozenset):
            return frozenset(map(real, value))
        return names[value] if isinstance(value, Ref) and value.new else value

    rows = tables.setdefault(operation.table, {})
    ref = real(operation.ref)
    match operation:
        case Insert(columns=columns):
            rows[ref] = {name: real(value) for name, value in columns.items()}
        case Update(columns=columns):
            rows[ref].update({name: real(value) for name, value in columns.items()})
        case Delete():
            del rows[ref]
        case Mutate(column=column, remove=remove, add=add) if isinstance(add, Mapping) or isinstance(
            rows[ref].get(column), Mapping
        ):
            kept = {key: text for key, text in rows[ref].get(column, {}).items() if key not in remove}
            new = add if isinstance(add, Mapping) else {}
            rows[ref][column] = {**new, **kept}  # an insertion leaves a key that is there as it is
        case Mutate(column=column, remove=remove, add=add):
            rows[ref][column] = (rows[ref].get(column, frozenset()) - real(remove)) | real(add)


@dataclass(frozen=True)
class _Held:
    table: str
    ref: Ref


def _collect(tables: Tables) -> None:
    """What no root holds goes; weak references to what is gone go too."""
    for holder, held_by in STRONG.items():
        for row in tables.get(holder, {}).values():
            for column, table in held_by.items():
                if not row.get(column, frozenset()) <= tables.get(table, {}).keys():
                    raise ConstraintViolationError(f"referential integrity: {holder}.{column}")  # also where the holder goes too
    todo = [_Held(table, ref) for table in ROOTS for ref in tables.get(table, {})]
    held = set(todo)
    while todo:
        found = todo.pop()
        for column, table in STRONG.get(found.table, {}).items():
            for ref in tables[found.table][found.ref].get(column, frozenset()):
                if _Held(table, ref) not in held:
                    held.add(_Held(table, ref))
                    todo.append(_Held(table, ref))
    for table, rows in tables.items():
        tables[table] = {ref: row for ref, row in rows.items() if _Held(table, ref) in held}
    for mirror in tables.get("Mirror", {}).values():
        for column in WEAK:
            mirror[column] = frozenset(ref for ref in mirror.get(column, ()) if ref in tables["Port"])


def _check(tables: Tables) -> None:
    for table in UNIQUE:
        names = [row["name"] for row in tables.get(table, {}).values()]
        if len(names) != len(set(names)):
            raise ConstraintViolationError(f"a name is in {table} twice: {sorted(names)}")
    for table, columns in AT_MOST_ONE.items():
        for row in tables.get(table, {}).values():
            for column in columns:
                if len(row.get(column, ())) > 1:
                    raise ConstraintViolationError(f"{table}.{column} holds more than one")
    for row in tables.get("Port", {}).values():
        if not row.get("interfaces"):
            raise ConstraintViolationError("a port without an interface")
