"""Rows that survive a restart: kept in SQLite in the state directory, written behind, read once a type."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import structlog

from controller.model import IPv4, IPv6, Mac, Row
from controller.model.rows import Key

FILE = "rows.db"
RUINED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
ADDRESSES: dict[type, str] = {Mac: "mac", IPv4: "ipv4", IPv6: "ipv6"}
FLOAT = "float"  # one that JSON has no number for
READERS: dict[str, Any] = {name: cls for cls, name in ADDRESSES.items()} | {FLOAT: float, "bytes": bytes.fromhex}
PLAIN = frozenset((str, int, bool, type(None)))
AS_THEY_ARE = PLAIN | {Mac, IPv6, bytes}  # by `_tagged` the rest that is not JSON; an IPv4 would become a number
FORMAT = 1  # of the file: keys are JSON without spaces
SCHEMA = "CREATE TABLE IF NOT EXISTS rows (type TEXT, key TEXT, value TEXT, since REAL, PRIMARY KEY (type, key)) WITHOUT ROWID"
TOGETHER = 200  # rows of a statement: one for each row would take the interpreter from the event loop as many times
_TYPE, _KEY, _VALUE, _SINCE = (f"json_extract(value, '$[{n}]')" for n in range(4))
DELETE = f"DELETE FROM rows WHERE (type, key) IN (SELECT {_TYPE}, {_KEY} FROM json_each(?))"
INSERT = f"""INSERT INTO rows SELECT {_TYPE}, {_KEY}, {_VALUE}, {_SINCE} FROM json_each(?) WHERE true
    ON CONFLICT (type, key) DO UPDATE SET value = excluded.value"""


log = structlog.get_logger("weft")


class Store:
    """The rows of `kept` types. A file that is no database any more is put aside, never overwritten.

    Raises OSError with a sentence where the file cannot be opened at all.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.since: dict[tuple[type[Row], Key], float] = {}  # when a row first came
        self.version = 0  # grows when times in `since` come or go
        self._loaded: set[str] = set()  # names of types
        self._busy = threading.Lock()
        self._unfit: set[type[Row]] = set()  # types with rows that cannot be kept, told about
        self.problem = ""  # why an old file was put aside
        try:
            self._db = self._open()
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode not in RUINED:
                raise OSError(
                    f"cannot open {self.path}: {error}; is its directory ours, and does no other weft use it?"
                ) from error
            aside = self.path.with_name(f"{FILE}.unreadable-{int(time.time())}")
            self.path.rename(aside)
            self.problem = (
                f"{self.path} is not readable ({error}); it was renamed to {aside.name}, and addresses are learned anew"
            )
            self._db = self._open()

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            db.execute(SCHEMA)
            if db.execute("PRAGMA user_version").fetchone() != (FORMAT,):
                db.execute("UPDATE OR REPLACE rows SET key = json(key) WHERE json_valid(key)")
                db.execute(f"PRAGMA user_version = {FORMAT}")
        except sqlite3.DatabaseError:
            db.close()
            raise
        return db

    def load(self) -> Iterator[Row]:
        """Rows whose type is known to a loaded module and that were not loaded before; others stay for when their app is back."""
        types = {cls.__name__: cls for cls in _kept_types(Row) if cls.__name__ not in self._loaded}
        self._loaded |= types.keys()
        for name, value, since in self._db.execute("SELECT type, value, since FROM rows ORDER BY type, key").fetchall():
            cls = types.get(name)
            if cls is None:
                continue
            try:
                row = cls(**{field: _decode(v) for field, v in json.loads(value).items()})
            except (TypeError, ValueError, KeyError, AttributeError):
                continue  # the row type has other fields than when it was written
            self.since[cls, cls.key_of(row)] = since
            yield row

    def save(self, changes: dict[tuple[type[Row], Key], Row | None]) -> None:
        """Write changes as one transaction. Raises OSError where they cannot be written (a full disk): nothing is then."""
        now = time.time()
        gone, there = [], []
        for what, row in changes.items():
            cls, key = what
            if row is None:
                self.since.pop(what, None)
                gone.append((cls.__name__, _key(key)))
            elif (value := self._value(row)) is not None:
                self.since.setdefault(what, now)
                there.append((cls.__name__, _key(key), value, now))
        self.version += 1
        with self._busy:  # at the end of a run the last save may meet the one before it, which is in a thread
            self._write(gone, there)

    def _write(self, gone: Sequence[tuple[Any, ...]], there: Sequence[tuple[Any, ...]]) -> None:
        try:
            self._db.execute("BEGIN")
            for statement, rows in ((DELETE, gone), (INSERT, there)):
                for first in range(0, len(rows), TOGETHER):
                    self._db.execute(statement, (json.dumps(rows[first : first + TOGETHER], default=_tagged),))
            self._db.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise OSError(f"cannot write {self.path}: {error}") from error

    def _value(self, row: Row) -> dict[str, Any] | None:
        """A row as JSON; None where it cannot be kept, an author's mistake which costs nobody else anything."""
        try:
            return _value(row)
        except TypeError as error:
            if type(row) not in self._unfit:
                self._unfit.add(type(row))
                log.warning(f"{type(row).__name__} rows are not kept: {error}", subject=str(row))
            return None

    def close(self) -> None:
        """Close the file."""
        with self._busy:
            self._db.close()


def _kept_types(cls: type[Row]) -> Iterator[type[Row]]:
    for sub in cls.__subclasses__():
        if sub.kept:
            yield sub
        yield from _kept_types(sub)


def _key(key: Key) -> Sequence[Any]:
    return key if AS_THEY_ARE.issuperset(map(type, key)) else [_encode(v) for v in key]


def _value(row: Row) -> dict[str, Any]:
    values = vars(row)
    for value in values.values():
        if type(value) not in AS_THEY_ARE and value != ():
            return {field: _encode(value) for field, value in values.items()}
    return values


def _tagged(value: Any) -> dict[str, str]:
    """What JSON does not have, with the name of its kind."""
    if isinstance(value, float):
        return {FLOAT: repr(value)}
    name = ADDRESSES.get(type(value))
    return {name: str(value)} if name else {"bytes": value.hex()}


def _encode(value: Any) -> Any:
    kind = type(value)
    if isinstance(value, float):
        return value if isfinite(value) else _tagged(value)
    if kind in PLAIN:  # nearly all; an address is a number or bytes, and yet of a type of its own
        return value
    if kind in ADDRESSES or isinstance(value, bytes):
        return _tagged(value)
    if isinstance(value, tuple):
        return [_encode(v) for v in value]
    if isinstance(value, str | int):
        return value
    raise TypeError(f"{value!r} cannot be kept; a kept row holds numbers, text, bytes, addresses and tuples of them")


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_decode(v) for v in value)
    if isinstance(value, dict):
        ((name, text),) = value.items()
        return READERS[name](text)
    return value
