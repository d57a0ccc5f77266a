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
    bridge: str = ""  # the field with the bridge that it is on, or with all of them
    called: str = ""  # said where nothing has a name

    def narrows(self, option: str) -> bool:
        """Whether an option narrows this kind."""
        return option in self.filters or (option == "bridge" and bool(self.bridge))

    def bridges(self, item: Item) -> tuple[str, ...]:
        """The bridges that an item is on."""
        found = (item[self.bridge] if self.bridge else None) or ()
        return (found,) if isinstance(found, str) else tuple(found)

    def names(self, item: Item) -> set[str]:
        """All that selects an item, in small letters: its names, and that of a bridge for whatever is on it."""
        return {name.lower() for name in (*self.naming(item), *self.bridges(item))}


def octets(name: str) -> Callable[[Item], str]:
    """A cell with a number of bytes."""
    return lambda item: quantity(item[name], "B")
