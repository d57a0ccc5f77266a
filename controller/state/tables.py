"""All rows, by type and key, with an index for each combination of fields that somebody asked for.

Rows change by a transaction only: `tx.put(row)`, `tx.drop(row)`. A handler that raises leaves nothing behind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

from controller.model.events import PacketIn, frame_of
from controller.model.rows import Key, Row, tuple_getter

R = TypeVar("R", bound=Row)
Names = tuple[str, ...]
Change = tuple[Row | None]  # in a tuple, so that "goes" and "not changed" differ


class Index:
    """Rows of one type by the values of some fields."""

    __slots__ = ("buckets", "values_of")

    def __init__(self, names: Names, rows: Iterable[tuple[Key, Row]]) -> None:
        self.values_of: Callable[[Any], Key] = tuple_getter(names)
        self.buckets: dict[Key, dict[Key, Row]] = {}
        for key, row in rows:
            self.buckets.setdefault(self.values_of(row), {})[key] = row

    def replace(self, key: Key, old: Row | None, new: Row | None) -> None:
        """Keep the index true when a row comes, goes or changes."""
        after = self.values_of(new) if new is not None else None
        if old is not None:
            before = self.values_of(old)
            if before != after:
                bucket = self.buckets[before]
                del bucket[key]
                if not bucket:
                    del self.buckets[before]
        if after is not None:
            self.buckets.setdefault(after, {})[key] = cast(Row, new)


def in_order(rows: Mapping[Key, R]) -> list[R]:
    """Rows by their keys, in an order that depends on the keys alone; keys whose values cannot be compared go by their text."""
    if len(rows) < 2:
        return list(rows.values())
    try:
        return [rows[key] for key in sorted(rows)]
    except TypeError:
        return [rows[key] for key in sorted(rows, key=repr)]


class Tables:
    """The rows of everybody."""

    def __init__(self) -> None:
        self.rows: defaultdict[type[Row], dict[Key, Row]] = defaultdict(dict)
        self.indexes: defaultdict[type[Row], dict[Names, Index]] = defaultdict(dict)
        self.versions: defaultdict[type[Row], int] = defaultdict(int)  # how often rows of a type have changed

    def get(self, cls: type[R], *key: Any) -> R | None:
        """The row of this type and key, or None."""
        return self.rows[cls].get(key)  # type: ignore[return-value]  # no cast: it is a call

    def all(self, cls: type[R]) -> list[R]:
        """All rows of a type, by key."""
        rows = self.rows[cls]
        return cast("list[R]", in_order(rows))

    def bucket(self, cls: type[R], names: Names, values: Key) -> dict[Key, Row]:
        """Rows whose fields have these values, by key. The index is made when first asked for."""
        index = self.indexes[cls].get(names)
        if index is None:
            unknown = [n for n in names if n not in cls.__dataclass_fields__]  # type: ignore[attr-defined]
            if unknown:
                raise TypeError(f"{cls.__name__} has no field {unknown[0]!r}; it has {', '.join(cls.__dataclass_fields__)}")  # type: ignore[attr-defined]
            index = self.indexes[cls][names] = Index(names, self.rows[cls].items())
        return index.buckets.get(values, {})

    def where(self, cls: type[R], **equal: Any) -> list[R]:
        """Rows whose fields equal the given values, by key (so that the order is the same on every run)."""
        found = self.bucket(cls, tuple(equal), tuple(equal.values()))
        return cast("list[R]", in_order(found))

    def set(self, cls: type[Row], key: Key, old: Row | None, new: Row | None) -> None:
        """Put or remove a row where `old` is now. For the engine: everybody else goes through a transaction."""
        rows = self.rows[cls]
        if new is None:
            rows.pop(key, None)
        else:
            rows[key] = new
        self.versions[cls] += 1
        for index in self.indexes[cls].values():
            index.replace(key, old, new)


class Tx:
    """A transaction: changes that come true together, when the handler that made them returns."""

    __slots__ = ("_tables", "changes", "frames", "notes", "timers", "waits")

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self.changes: dict[tuple[type[Row], Key], Change] = {}
        self.frames: list[tuple[str, int, tuple[bytes, ...], bytes]] = []
        self.timers: list[tuple[float, object]] = []
        self.notes: list[tuple[str, str, str, str, bool]] = []
        self.waits: list[tuple[Row, object]] = []

    def put(self, row: Row) -> None:
        """Add a row, or replace the one with the same key. A row equal to the stored one is no change."""
        cls = type(row)
        key = cls.key_of(row)
        changes = self.changes  # mostly there are none yet: then nobody has to look for one of this row
        change = changes.get((cls, key)) if changes else None
        stored = self._tables.rows[cls].get(key) if change is None else change[0]
        if stored is None or not stored == row:  # noqa: SIM201 - by `!=` Python would call `==` all the same, later
            changes[cls, key] = (row,)

    def drop(self, row: Row | type[Row], *key: Any, **where: Any) -> None:
        """Remove rows: `drop(row)`, `drop(Host, *key)`, or all that match, `drop(Host, bridge="s1", port=3)`."""
        cls = type(row) if isinstance(row, Row) else row
        if isinstance(row, Row):
            key = cls.key_of(row)
        elif not key and not where:
            raise TypeError(f"drop({cls.__name__}) would drop all of them; give a key, or fields that say which")
        for found in [self.get(cls, *key)] if key else self.where(cls, **where):
            if found is not None:
                self.changes[cls, cls.key_of(found)] = (None,)

    def get(self, cls: type[R], *key: Any) -> R | None:
        """The row as this transaction sees it, or None."""
        change = self.changes.get((cls, key)) if self.changes else None
        return self._tables.rows[cls].get(key) if change is None else change[0]  # type: ignore[return-value]

    def where(self, cls: type[R], **equal: Any) -> list[R]:
        """Rows whose fields equal the given values, as this transaction sees them, by key."""
        stored = self._tables.where(cls, **equal) if equal else self._tables.all(cls)
        if not self.changes:
            return stored
        found: dict[Key, R] = {cls.key_of(r): r for r in stored}
        for (changed, key), (row,) in self.changes.items():
            if changed is cls:
                found.pop(key, None)
                if row is not None and all(getattr(row, n) == v for n, v in equal.items()):
                    found[key] = cast(R, row)
        return in_order(found)

    def packet_out(self, bridge: str, frame: bytes, *actions: bytes, in_port: int = 0xFFFFFFFD) -> None:
        """Send a frame out of a bridge by these actions, when the transaction is done."""
        self.frames.append((bridge, in_port, actions, frame))

    def answer(self, packet: PacketIn, *actions: bytes) -> None:
        """Send the frame of a packet-in on by these actions, as if it came in again, when the transaction is done."""
        self.frames.append((packet.bridge, packet.in_port, actions, frame_of(packet)))

    def tell(self, severity: str, kind: str, subject: str, text: str, *, lasting: bool = False) -> None:
        """Let people know: `severity` info, warning or error; `kind` such as "host.moved"; `text` a sentence.

        What is `lasting` is one event with a count and the newest text, until another kind is told of the subject.
        """
        self.notes.append((severity, kind, subject, text, lasting))

    def after(self, seconds: float, event: object) -> None:
        """Deliver an event once, so many seconds from now (lost by a restart: use `every` for what must last)."""
        self.timers.append((seconds, event))

    def when(self, row: Row, event: object) -> None:
        """Deliver an event once the connected bridges hold the flows of all rules for this row; after 0.2 s in any case."""
        self.waits.append((row, event))
