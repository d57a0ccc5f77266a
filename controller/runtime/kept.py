"""A word that is made once and kept in a file of the state directory, as a token or the mark of an owner."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def kept(path: Path, make: Callable[[], str], mode: int) -> str:
    """The word in the file at `path`; where there is none, `make` makes it, and the file gets `mode`."""
    try:
        if word := path.read_text().strip():
            return word
    except FileNotFoundError:
        pass
    word = make()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{word}\n")
    return word
