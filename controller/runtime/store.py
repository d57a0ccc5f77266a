"""Rows that survive a restart: kept in SQLite in the state directory, written behind, read once a type."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import structlog

from controller.model import IPv4, IPv6, Mac, Row
from controller.model.rows import Key

FILE = "rows.db"
RUINED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
ADDRESSES: dict[str, Any] = {"mac": Mac, "ipv4": IPv4, "ipv6": IPv6}
NAMES = {cls: name for name, cls in ADDRESSES.items()}
PLAIN = frozenset((str, int, float, bool, type(None)))
BYTES = "bytes"
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
            db.execute("SELECT count(*) FROM rows").fetchone()
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
        for (cls, key), row in changes.items():
            if row is None:
                self.since.pop((cls, key), None)
                gone.append((cls.__name__, _key(key)))
            elif (value := self._value(row)) is not None:
                self.since.setdefault((cls, key), now)
                there.append((cls.__name__, _key(key), value, now))
        with self._busy:  # at the end of a run the last save may meet the one before it, which is in a thread
            self._write(gone, there)

    def _write(self, gone: Sequence[tuple[str, str]], there: Sequence[tuple[str, str, str, float]]) -> None:
        try:
            self._db.execute("BEGIN")
            for statement, rows in ((DELETE, gone), (INSERT, there)):
                for first in range(0, len(rows), TOGETHER):
                    self._db.execute(statement, (json.dumps(rows[first : first + TOGETHER]),))
            self._db.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise OSError(f"cannot write {self.path}: {error}") from error

    def _value(self, row: Row) -> str | None:
        """A row as text; None where it cannot be kept, an author's mistake which costs nobody else anything."""
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


def _key(key: Key) -> str:
    return json.dumps(_encode(key))


def _value(row: Row) -> str:
    return json.dumps({field: _encode(value) for field, value in vars(row).items()})


def _encode(value: Any) -> Any:
    kind = type(value)
    if kind in PLAIN:  # nearly all; an address is a number or bytes, and yet of a type of its own
        return value
    if kind in NAMES:
        return {NAMES[kind]: str(value)}
    if isinstance(value, bytes):
        return {BYTES: value.hex()}
    if isinstance(value, tuple):
        return [_encode(v) for v in value]
    if isinstance(value, str | int | float):
        return value
    raise TypeError(f"{value!r} cannot be kept; a kept row holds numbers, text, bytes, addresses and tuples of them")


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_decode(v) for v in value)
    if isinstance(value, dict):
        ((name, text),) = value.items()
        return bytes.fromhex(text) if name == BYTES else ADDRESSES[name](text)
    return value
