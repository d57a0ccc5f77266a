"""Errors of the YAML parser in words that say what to do, with line and column from 1."""

from __future__ import annotations

import re

import yaml

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
# What YAML lets stand in a file, surrogates not among it.
_STRANGE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")

_TAB = "a tab; YAML is indented by spaces"

# Words of the parser, and ours. What they are about is often a line above: {opened} says where.
_HINTS = (
    (
        "mapping values are not allowed",
        'a ":" that does not belong here; quote text with ": " in it, start keys of a mapping in one column',
    ),
    ("found unexpected end of stream", "the quote that begins {opened} is never closed"),
    ("',' or ']'", 'a "," or "]" is missing: the "[" stands {opened}'),
    ("',' or '}'", 'a "," or "}}" is missing: the "{{" stands {opened}'),
    ("unknown escape character", "this escape is not known; in single quotes a backslash is just that"),
    ("document start", "the document has ended above; a network file is one document"),
    ("undefined tag handle", "a ! begins a tag, and tags have no meaning here; put text that begins with ! in quotes"),
    ("expected '-' indicator", "an item of the list that begins {opened} is expected here, beginning with -"),
    (
        "did not find expected key",
        "a key is expected here; is the line indented unlike its neighbours, or a bracket closed early?",
    ),
    ("sequence entries", 'a "- " that does not belong here; a list begins in a line of its own, or is written [a, b]'),
    ("alphabetic or numeric", "& and * begin the name of an anchor; put text that begins with one in quotes"),
    ("unexpected ':'", 'a ":" that does not belong here; put text that begins with it in quotes'),
    ("did not find expected node content", "a value is expected here"),
    ("found a tab character", _TAB),
    ("could not find expected ':'", 'this line is no "key: value"'),
)


def strange(text: str) -> tuple[int, int, str] | None:
    """The first character that may not stand in a YAML file: line, column, sentence."""
    found = _STRANGE.search(text)
    if not found:
        return None
    line, column = _place(text, found.start())
    return line, column, f"the character U+{ord(found[0]):04X} may not stand in a YAML file"


def explain(error: yaml.YAMLError, text: str) -> tuple[int, int, str]:
    """Line, column and sentence of an error of the parser."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = str(getattr(error, "problem", None) or error)
    if mark is None:
        return 1, 1, f"this is not YAML: {' '.join(problem.split())}"
    return (
        mark.line + 1,
        mark.column + 1,
        _character(problem, text, mark) or _sentence(problem, getattr(error, "context_mark", None)),
    )


def _character(problem: str, text: str, mark: yaml.Mark) -> str:
    if "cannot start any token" not in problem:
        return ""
    line = (*_BREAK.split(text), "")[mark.line]
    character = line[mark.column : mark.column + 1]
    if character == "\t":
        return _TAB
    return f'a value that begins with {character} needs quotes: "{character}..."'


def _sentence(problem: str, opened: yaml.Mark | None) -> str:
    where = f"in line {opened.line + 1}, column {opened.column + 1}" if opened else "above"
    for words, hint in _HINTS:
        if words in problem:
            return hint.format(opened=where)
    return f"this is not YAML: {problem}"


def _place(text: str, position: int) -> tuple[int, int]:
    breaks = list(_BREAK.finditer(text, 0, position))
    return len(breaks) + 1, position - (breaks[-1].end() if breaks else 0) + 1
