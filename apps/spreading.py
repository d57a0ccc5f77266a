"""How new connections are spread over backends: weights made into buckets of groups, and into slots of a table.

A select group of Open vSwitch has 16, 32 or 64 slots, into which a hash of the connection falls, and deals them out by the
weights of its buckets. That is coarse, so several groups share the work, each for some source ports.

All groups have 64 slots, always. When that number changes, entries of the datapath for more and for fewer bits of the hash
overlap for a while. Of two that do, Open vSwitch 3.1 in userspace may renew the wrong one, and the other goes on sending
connections to a backend that is gone.
"""

from collections.abc import Hashable, Mapping
from math import gcd
from typing import TypeVar

SLOTS = 64  # of a group
GROUPS = (1, 4, 16, 64)  # so many of them share the work: each means as many entries of the datapath more
MIXED = 16  # groups at the least where they have to differ
NOTICEABLE = 1e-4  # sum of (error of the share)^2 / share: less is not seen in 10,000 connections (chi-square)
Key = TypeVar("Key", bound=Hashable)
Buckets = list[tuple[Key, int]]


def groups(weights: Mapping[Key, int], known: Mapping[Key, int] | None = None) -> list[Buckets[Key]]:
    """Buckets (key, weight) of 1, 4, 16 or 64 groups by the weights, all above 0; none for no weights.

    Frames are to be spread over the groups evenly. Each group has the slots that Open vSwitch would make for it. `known` are the
    weights of all that there are: how many groups there are goes by these, because frames are lost when a group goes.
    """
    if not weights:
        return []
    least, count = _least(weights), _count(_least(known or weights))
    return [_with_all_slots(share) for share in _dealt(apportion(least, count * SLOTS), count)]


def mixed_groups(weights: Mapping[Key, int], known: Mapping[Key, int]) -> list[Buckets[Key]]:
    """The same for a hash that does not see ports: each group has its slots turned a little further than the one before.

    So one slot has, over all groups, backends by their weights.
    """
    if not weights:
        return []
    least, count = _least(weights), max(MIXED, _count(_least(known)))
    made = []
    for group, share in enumerate(_dealt(apportion(least, count * SLOTS), count)):
        units, turn = [key for key, number in share.items() for _ in range(number)], group * SLOTS // count
        made.append([(key, 1) for key in units[turn:] + units[:turn]])
    return made


def _least(weights: Mapping[Key, int]) -> dict[Key, int]:
    divisor = gcd(*weights.values())
    return {key: weight // divisor for key, weight in weights.items()}


def _count(weights: Mapping[Key, int]) -> int:
    """How many groups make shares that cannot be told from the weights."""
    for count in GROUPS[:-1]:
        if count * SLOTS >= len(weights) and _error(weights, apportion(weights, count * SLOTS)) <= NOTICEABLE:
            return count
    return GROUPS[-1]


def apportion(weights: Mapping[Key, int], slots: int) -> dict[Key, int]:
    """Slots for each by its weight, at least one (largest remainder). `slots` is at least the number of keys."""
    total, rest = sum(weights.values()), slots - len(weights)
    shares = {key: max(0.0, weight * slots / total - 1) for key, weight in weights.items()}
    scale = rest / sum(shares.values()) if rest else 0.0
    exact = {key: share * scale for key, share in shares.items()}
    given = {key: 1 + int(share) for key, share in exact.items()}
    order = sorted(exact, key=lambda key: (int(exact[key]) - exact[key], repr(key)))
    for key in order[: slots - sum(given.values())]:
        given[key] += 1
    return given


def _error(weights: Mapping[Key, int], slots: Mapping[Key, int]) -> float:
    total, all_slots = sum(weights.values()), sum(slots.values())
    shares = ((weights[key] / total, slots[key] / all_slots) for key in weights)
    return sum((real - wanted) ** 2 / wanted for wanted, real in shares)


def _dealt(slots: Mapping[Key, int], count: int) -> list[dict[Key, int]]:
    """The slots dealt out to so many groups, each of which gets as many."""
    shares: list[dict[Key, int]] = [{} for _ in range(count)]
    turn = 0
    for key, number in slots.items():
        for index in range(count):
            more = (index - turn) % count < number % count
            if each := number // count + more:
                shares[index][key] = each
        turn = (turn + number) % count
    return shares


def _with_all_slots(share: Mapping[Key, int]) -> Buckets[Key]:
    """Buckets with a weight of 1 among them, because of which Open vSwitch makes all slots; then each gets exactly its number."""
    buckets = list(share.items())
    if min(share.values()) > 1:
        key, weight = buckets[0]
        buckets[0:1] = [(key, weight - 1), (key, 1)]
    return buckets
