"""What a person would call a change of a network file: an entry of a section, or a field of an app, that is not as it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from controller.config.entry import Model
from controller.config.models import NetworkFile

Entries = Mapping[tuple[object, ...], object]
_MISSING = object()


def entries(file: NetworkFile) -> Entries:
    """All that the file says, by its place, and nothing of where that stands: small enough to be kept."""
    return dict(_entries(file))


def differences(before: Entries, after: Entries) -> int:
    """How many entries are new, gone or other ones."""
    return sum(before.get(place, _MISSING) != after.get(place, _MISSING) for place in {**before, **after})


def _entries(file: NetworkFile) -> Iterator[tuple[tuple[object, ...], object]]:
    for section, found in file:
        for name, entry in found.items() if isinstance(found, dict) else [("", found)]:
            if isinstance(entry, dict):
                yield from (((section, name, field), value) for field, value in entry.items())
            else:
                yield (section, name), tuple(vars(entry).values()) if isinstance(entry, Model) else entry
