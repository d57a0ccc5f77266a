"""What has changed in scopes, written once whatever the number of members: a ledger takes it over when it is looked at.

What has been added since the last look is a block: members that have nothing else in its slots are sent it as it is.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

from controller.model.rows import Key
from controller.openflow.bundle import Block
from controller.pipeline.flow import METER_SLOT, Flow
from controller.state.owner import Entry

Record = tuple[Key, bytes, Entry | None, Entry | None]  # scope, slot, what was there, what is there
FEWEST = 8  # additions that are worth a block
LONGEST = 1 << 10  # bytes of the instructions of a flow in a block, which is packed in one piece


class Batch:
    """Some changes in their order, as numbers count them; `block` where all of them are flows that one scope has in addition."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.records: list[Record] = []
        self.block: Block | None = None
        self.scope: Key = ()
        self.slots: dict[bytes, None] = {}  # these and what follows: of a batch with a block
        self.entries: list[Entry] = []
        self.changes: list[tuple[bytes, int, Flow]] = []  # the same as they are sent

    @property
    def end(self) -> int:
        """The number after its last one."""
        return self.first + len(self.records)

    def seal(self) -> None:
        """Nothing follows: make a block of it, if it can be one."""
        records = self.records
        self.scope = records[0][0]
        if len(records) < FEWEST:
            return
        entries: list[Entry] = []
        for scope, slot, old, new in records:
            if old is not None or new is None or slot[0] >= METER_SLOT or len(new[1][1]) > LONGEST or scope != self.scope:
                return  # so each slot is there once: to come a second time it would have to go in between
            entries.append(new)
        self.entries = entries
        self.slots = dict.fromkeys([record[1] for record in records])
        self.changes = [(entry[1][0], entry[0].cookie, entry[1]) for entry in entries]
        self.block = Block(self.first, list(self.changes))

    def fits(self, scopes: Container[Key], *taken: Mapping[bytes, object]) -> bool:
        """Whether its block can be sent as it is to a bridge in these scopes, of which other slots are `taken`."""
        slots = self.slots.keys()
        return self.scope in scopes and all(slots.isdisjoint(other.keys()) for other in taken)


class News:
    """The latest changes of all scopes, in their order."""

    def __init__(self) -> None:
        self._batches: list[Batch] = []
        self._open: Batch | None = None  # the last one, while it grows
        self._where: dict[bytes, Batch] = {}  # the last batch with this slot
        self.end = 0  # number of the next record

    def __contains__(self, slot: bytes) -> bool:
        """Whether a change of this slot is kept."""
        return slot in self._where

    def __len__(self) -> int:
        """How many are kept."""
        return self.end - self._batches[0].first if self._batches else 0

    def add(self, scope: Key, slot: bytes, old: Entry | None, new: Entry | None) -> None:
        """A scope has `new` in this slot instead of `old`."""
        batch = self._open
        if batch is None:
            batch = self._open = Batch(self.end)
            self._batches.append(batch)
        before = self._where.get(slot)
        if before is not None:
            last = batch.records[-1] if before is batch else None
            if last is not None and last[1] == slot and last[0] == scope:  # gone, and come as something else: one change
                batch.records[-1] = (scope, slot, last[2], new)
                return
            before.block = None  # it is not as it should be any more
        self._where[slot] = batch
        batch.records.append((scope, slot, old, new))
        self.end += 1

    def seal(self) -> int:
        """What comes from now on is told apart from what is there; gives the number of the first of it."""
        if self._open is not None:
            self._open.seal()
            self._open = None
        return self.end

    def since(self, number: int) -> list[Batch]:
        """The batches that hold that record and all later ones."""
        self.seal()
        batches = self._batches
        start = len(batches) - 1
        while start > 0 and batches[start].first > number:
            start -= 1
        return batches[start:]

    def boundary(self, number: int) -> int:
        """The number after the batch that holds that record."""
        self.seal()
        return next((batch.end for batch in self._batches if batch.end > number), self.end)

    def forget(self, number: int) -> None:
        """All ledgers have taken over what is before that record."""
        while self._batches and self._batches[0].end <= number:
            batch = self._batches.pop(0)
            for record in batch.records:
                if self._where.get(record[1]) is batch:
                    del self._where[record[1]]
            if batch is self._open:
                self._open = None


def rank(entry: Entry) -> tuple[int, str]:
    """The first has the slot: the lowest cookie; of one owner what it says of the bridge itself, then scopes by their key."""
    where = entry[1][3]
    return entry[0].cookie, "" if isinstance(where, str) else repr(where)


def winner(one: Entry, other: Entry | None) -> Entry:
    """Who of two has a slot that both want."""
    return one if other is None or rank(one) < rank(other) else other
