"""What a rule sees of other rows. Each read is remembered, so that a change reruns exactly who read it.

A read is (type, names, values): names None for a key, a tuple of fields for a bucket, a str for one field of one row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from controller.model.rows import Key, Number, Row
from controller.pipeline.actions import Action
from controller.pipeline.actions import group as group_action
from controller.pipeline.flow import Group, Meter, make_group, make_meter
from controller.state.tables import Names, Tables, in_order

R = TypeVar("R", bound=Row)
Read = tuple[type[Row], Names | str | None, Key]
GROUPS = 1 << 24  # ids of groups
Allocate = Callable[[str, Key, int], int]


class Waits(Exception):  # noqa: N818 - it is no error
    """A row that a rule needs is not there (yet): no flows, and the status says for whom it waits."""


class Reader:
    """The rows, for one run of one rule."""

    __slots__ = ("_allocate", "_tables", "reads")

    def __init__(self, tables: Tables, allocate: Allocate) -> None:
        self._tables = tables
        self._allocate = allocate
        self.reads: list[Read] = []

    def get(self, cls: type[R], *key: Any) -> R | None:
        """The row of this type and key, or None."""
        self.reads.append((cls, None, key))
        return self._tables.get(cls, *key)

    def need(self, cls: type[R], *key: Any) -> R:
        """The row of this type and key. Where there is none, the rule yields nothing and its status says "waits for ..."."""
        row = self.get(cls, *key)
        if row is None:
            raise Waits(f"waits for {cls.__name__} {' '.join(map(str, key))}")
        return row

    def value(self, cls: type[Row], *key: Any, field: str) -> Any:
        """One field of a row that must be there; the rule reruns only when this field changes."""
        self.reads.append((cls, field, key))
        row = self._tables.get(cls, *key)
        if row is None:
            raise Waits(f"waits for {cls.__name__} {' '.join(map(str, key))}")
        return getattr(row, field)

    def where(self, cls: type[R], **equal: Any) -> list[R]:
        """Rows whose fields equal the given values, always in the same order."""
        names, values = tuple(equal), tuple(equal.values())
        self.reads.append((cls, names, values))
        found = self._tables.bucket(cls, names, values)
        return cast("list[R]", in_order(found))

    def number(self, space: str, *name: Any, size: int = 1 << 31) -> int:
        """An id of this name, 1..size-1, the same after a restart. size=0: the lowest free one."""
        self.reads.append((Number, None, (space, name)))
        row = self._tables.get(Number, space, name)
        return row.number if row else self._allocate(space, name, size)

    def group(self, kind: str, *name: Any, buckets: Sequence[bytes], why: str = "") -> Group:
        """A group ("all", "select", "indirect", "failover"); yield it, and use `.use` as an action."""
        return make_group(self.number("group", *name, size=GROUPS), kind, buckets, why)

    def group_use(self, *name: Any) -> Action:
        """The action that hands a frame to the group of this name, which another rule yields."""
        return group_action(self.number("group", *name, size=GROUPS))

    def meter(self, *name: Any, kbps: int = 0, pps: int = 0, burst: int = 0, why: str = "") -> Meter:
        """A meter with one drop band, in kbit/s or frames/s; yield it, and use `.use` or `.number`."""
        return make_meter(self.number("meter", *name, size=0), kbps=kbps, pps=pps, burst=burst, why=why)
