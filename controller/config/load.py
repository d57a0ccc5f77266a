"""From the text of a network file to its model, or to all that is wrong with it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from controller.config import checks, explain, syntax
from controller.config.models import NetworkFile
from controller.config.problems import ConfigError, Problem
from controller.config.reader import Reader
from controller.config.source import Node, Source

STANDARD_INPUT = "standard input"  # what mistakes call it
MOST = 32 << 20  # bytes of a network file
More = Callable[[Node], checks.Found]


def nothing_more(root: Node) -> checks.Found:
    """No other mistakes."""
    return iter(())


def load(path: Path, more: More = nothing_more) -> NetworkFile:
    """The network file at a path. Raises ConfigError, also where there is no such file."""
    return parse(read(path), str(path), more)


def read_or_stdin(file: str) -> tuple[str, str]:
    """Name and text of a file; - is standard input. Raises ConfigError."""
    if file == "-":
        return STANDARD_INPUT, decode(sys.stdin.buffer.read(MOST + 1), STANDARD_INPUT)
    return file, read(Path(file))


def read(path: Path) -> str:
    """The text of the file at a path. Raises ConfigError."""
    name = str(path)
    try:
        with path.open("rb") as file:
            data = file.read(MOST + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ConfigError([Problem(name, 0, 0, "", f"cannot be read: {why}")]) from None
    return decode(data, name)


def decode(data: bytes, name: str) -> str:
    """The text in the bytes of a network file; `name` is what problems call it. Raises ConfigError."""
    if len(data) > MOST:
        raise ConfigError([Problem(name, 0, 0, "", f"is longer than {MOST >> 20} MiB; is it a network file?")])
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = len(data[data.rfind(b"\n", 0, error.start) + 1 : error.start].decode()) + 1
        raise ConfigError([Problem(name, line, column, "", "this is not UTF-8; save the file in that encoding")]) from None


def parse(text: str, name: str, more: More = nothing_more) -> NetworkFile:
    """The network file in a text; `name` is what problems call it, `more` looks for what only the caller can know.

    Raises ConfigError with every problem.
    """
    text = text.removeprefix("\N{BYTE ORDER MARK}")
    if strange := syntax.strange(text):
        line, column, sentence = strange
        raise ConfigError([Problem(name, line, column, "", sentence)])
    reader = Reader(text, name)
    if reader.root is None:
        raise ConfigError(reader.problems)
    source = Source(name, reader.root)
    found = list(reader.problems)
    file = None
    try:
        file = NetworkFile.of(reader.root.plain(), source)
    except ValidationError as error:
        found += [source.problem(keys, sentence, key) for keys, key, sentence in explain.problems(error, source)]
    found += [source.problem(keys, sentence, key) for keys, key, sentence in checks.problems(reader.root)]
    found += [source.problem(keys, sentence, key) for keys, key, sentence in more(reader.root)]
    if file is None or found:
        raise ConfigError(found)
    return file
