"""Maglev's table: a slot for each value of a hash, each with a backend, of which few move when the backends change.

Eisenbud et al., "Maglev: a fast and reliable software network load balancer", NSDI 2016, section 3.4.
"""

from collections.abc import Hashable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import TypeVar

PRIMES = ((3, 1021), (6, 4093), (40, 16381), (1000, 65521))  # up to so many backends: slots of the table
SPARE = 251  # slots of a table that stands in for backends; a prime number
Key = TypeVar("Key", bound=Hashable)


def slots_for(backends: int) -> int:
    """How many slots a table for so many backends has: a prime number, many for each."""
    return next((prime for most, prime in PRIMES if backends <= most), PRIMES[-1][1])


def spares_for(backends: int) -> int:
    """How many slots a table has that stands in for backends which take no connections."""
    return SPARE if 10 * backends < SPARE else slots_for(backends)


def fill(weights: Mapping[Key, int], slots: int, absent: frozenset[Key] = frozenset()) -> list[Key]:
    """The backend of each slot. `slots` is prime.

    Each takes its favourite slots in turn, as often as its weight says. Without one of them nearly all slots of others are as
    before; the slots of those that are `absent` for a while are dealt out in the same way, and no other changes.
    """
    table: list[Key | None] = list(_filled(tuple(sorted(weights.items(), key=repr)), slots))
    present = tuple(item for item in sorted(weights.items(), key=repr) if item[0] not in absent)
    if len(present) < len(weights) and present:
        table = _take_turns(present, [None if key in absent else key for key in table])
    return [key for key in table if key is not None]


@lru_cache(maxsize=64)
def _filled(weights: tuple[tuple[Key, int], ...], slots: int) -> tuple[Key | None, ...]:
    return tuple(_take_turns(weights, [None] * slots))


def _take_turns(weights: tuple[tuple[Key, int], ...], table: list[Key | None]) -> list[Key | None]:
    """Fill what is free in the table."""
    heaviest, left, slots = max(weight for _, weight in weights), table.count(None), len(table)
    turns = [[*_favourites(key, slots), 0, weight] for key, weight in weights]
    while left:
        for (key, _), turn in zip(weights, turns, strict=True):
            turn[2] += turn[3]
            if turn[2] < heaviest or not left:
                continue
            turn[2] -= heaviest
            place, step = turn[0], turn[1]
            while table[place] is not None:
                place = (place + step) % slots
            table[place], turn[0] = key, (place + step) % slots
            left -= 1
    return table


def _favourites(key: object, slots: int) -> tuple[int, int]:
    """Where a backend's permutation of the slots begins, and its step."""
    digest = blake2b(repr(key).encode(), digest_size=16).digest()
    return int.from_bytes(digest[:8], "big") % slots, int.from_bytes(digest[8:], "big") % (slots - 1) + 1
