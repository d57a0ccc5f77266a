"""Handlers that are pure: what they answer is remembered, and given again while the rows that they read are the same.

What a handler reads is noticed, of the packet-in and of the rows. So an answer is kept only where it follows from the head of
the packet-in (see `controller.openflow.answers`) and from rows, and where the handler changed nothing.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, TypeVar

from controller.model.events import PacketIn, frame_of
from controller.model.rows import Key, Row
from controller.openflow.answers import Answer, Known, head_of
from controller.state.engine import AppState, Engine
from controller.state.tables import Tables, Tx

R = TypeVar("R", bound=Row)
What = tuple[type[Row], Key | None]  # a row, or any of its type
MOST = 50_000  # answers that are kept


class Asked(PacketIn):
    """A packet-in that knows whether somebody has looked further into its frame than at the Ethernet header."""

    __slots__ = ("looked",)

    def __init__(self, packet: PacketIn) -> None:
        at = packet.cookie, packet.table, packet.reason, packet.match
        super().__init__(packet.bridge, packet.in_port, frame_of(packet), *at)
        self.looked = False

    @property
    def data(self) -> bytes:
        """The frame; who takes it may look at all of it."""
        self.looked = True
        return frame_of(self)


class Reading(Tx):
    """A transaction that knows which rows it has looked at."""

    __slots__ = ("read",)

    def __init__(self, tables: Tables) -> None:
        super().__init__(tables)
        self.read: set[What] = set()

    def put(self, row: Row) -> None:
        """Add a row, or replace the one with the same key. Whether that is a change depends on the row that is there."""
        self.read.add((type(row), type(row).key_of(row)))
        super().put(row)

    def get(self, cls: type[R], *key: Any) -> R | None:
        """The row as this transaction sees it, or None."""
        self.read.add((cls, key))
        return super().get(cls, *key)

    def where(self, cls: type[R], **equal: Any) -> list[R]:
        """Rows whose fields equal the given values, as this transaction sees them, by key."""
        self.read.add((cls, None))
        return super().where(cls, **equal)


class Answers:
    """What pure handlers have answered, by the rows that they read."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._readers: defaultdict[What, list[tuple[Known, bytes]]] = defaultdict(list)
        self._kept: list[tuple[Known, bytes]] = []
        self._watched: set[type[Row]] = set()

    def remember(self, state: AppState, asked: Asked, tx: Reading, known: Known) -> None:
        """Keep the answer of a handler that returned, if it is one that may be given again."""
        if asked.looked or tx.changes or tx.notes or tx.timers or tx.waits or len(tx.frames) > 1:
            return
        answer = Answer(state)
        for bridge, in_port, actions, frame in tx.frames:
            if bridge != asked.bridge or frame is not frame_of(asked):
                return
            answer = Answer(state, in_port, b"".join(actions))
        if len(self._kept) >= MOST:
            self.forget()
        place = known, head_of(asked)
        known[place[1]] = answer
        self._kept.append(place)
        for what in tx.read:
            self._watch(what[0])
            self._readers[what].append(place)

    def forget(self) -> None:
        """Keep none: apps come, go, or are configured anew."""
        for known, head in self._kept:
            known.pop(head, None)
        self._kept.clear()
        self._readers.clear()

    def _watch(self, cls: type[Row]) -> None:
        if cls not in self._watched:
            self._watched.add(cls)
            self._engine.watchers[cls].append(self._changed)

    def _changed(self, old: Row | None, new: Row | None) -> None:
        row = old if old is not None else new
        assert row is not None
        if self._kept:
            self._drop((type(row), type(row).key_of(row)))
            self._drop((type(row), None))

    def _drop(self, what: What) -> None:
        for known, head in self._readers.pop(what, ()):
            known.pop(head, None)
