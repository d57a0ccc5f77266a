"""What `weft get` has to know of a kind of thing that it shows."""

from collections.abc import Callable
from dataclasses import dataclass

from controller.cli.output import Column, Item, quantity


@dataclass(frozen=True, slots=True)
class Kind:
    """A collection of the API as the command line shows it."""

    name: str
    short: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]  # fields that tell one item from another
    naming: Callable[[Item], tuple[str, ...]]  # the first is what `-o name` prints; any of them selects the item
    empty: str  # said when there is nothing: why, and what to do
    filters: frozenset[str] = frozenset()
    collections: frozenset[str] = frozenset()  # changes of these make `--watch` ask again


def octets(name: str) -> Callable[[Item], str]:
    """A cell with a number of bytes."""
    return lambda item: quantity(item[name], "B")
