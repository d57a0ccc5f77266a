"""Numbers for names: group ids, meter ids, app numbers. Given once, kept as rows, the same after a restart."""

from __future__ import annotations

from hashlib import blake2b

from controller.model.rows import Key, Number
from controller.state.tables import Tables


def allocate(tables: Tables, space: str, name: Key, size: int) -> int:
    """A free number: from the hash of the name where `size` says how many there are, else the lowest free one.

    A hash makes two controllers agree without talking; meters need small numbers (their ids are an array in the switch).
    Raises ValueError when all numbers of the space are taken.
    """
    if not size:
        return _lowest(tables, space)
    start = int.from_bytes(blake2b(repr(name).encode(), digest_size=4).digest(), "big") % size
    for step in range(size):
        number = (start + step) % size
        if number and not tables.bucket(Number, ("space", "number"), (space, number)):
            return number
    raise ValueError(f"all {size - 1} numbers of {space!r} are taken")


def _lowest(tables: Tables, space: str) -> int:
    given = tables.bucket(Number, ("space",), (space,))
    number = len(given) + 1  # what is given back comes many at a time, so this is nearly always free
    if not tables.bucket(Number, ("space", "number"), (space, number)):
        return number
    taken = {row.number for row in given.values() if isinstance(row, Number)}
    return next(n for n in range(1, len(taken) + 2) if n not in taken)
