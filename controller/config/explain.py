"""What pydantic finds wrong, as sentences: what is there, what belongs there, and what was perhaps meant.

In the network file each mistake has its place (`problems`); a field of an app may as well come from the command line (`field`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import yaml
from pydantic import ValidationError

from controller.config.problems import Keys, instead, show
from controller.config.scalars import AmbiguousError, read
from controller.config.schema import Schema, at, resolved
from controller.config.source import Node, Source

_BELONGS = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
}
_LIST = ("a list", ["a", "b"])
_MAPPING = ("a mapping", {"key": "value"})
_HOLDS = {  # what it is, and an example where the schema has none
    "tuple_type": _LIST,
    "list_type": _LIST,
    "set_type": _LIST,
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
}
_KINDS = {
    "string": "a text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "array": "a list",
    "object": "a mapping",
}
_OUT_OF_RANGE = {"greater_than_equal", "less_than_equal", "greater_than", "less_than"}


def problems(error: ValidationError, source: Source) -> Iterator[tuple[Keys, bool, str]]:
    """Keys, whether it is about the key (and not its value), and a sentence, for each mistake that has not been told yet."""
    for found in error.errors():
        keys: Keys = found["loc"]
        about_key = keys[-1:] == ("[key]",) and len(source.way(keys)) < len(keys)
        keys = keys[:-1] if about_key or found["type"] == "missing" else keys
        way = source.way(keys)
        key, node = way[-1] if way else (source.root, source.root)
        if key.bad or node.bad:
            continue
        about_key = about_key or found["type"] in ("extra_forbidden", "missing")
        yield keys, about_key, _sentence(found, keys, node)


def _sentence(found: Any, keys: Keys, node: Node) -> str:
    kind = found["type"]
    if kind == "extra_forbidden":
        return _unknown(str(keys[-1]), at(keys[:-1]).get("properties", {}))
    if kind == "missing":
        return _missing(found["loc"][-1], at(found["loc"]))
    return _of_value(found, at(keys), node)


def field(found: Any, allowed: Schema) -> str:
    """A mistake in a field of an app, whose schema says what is `allowed`."""
    if found["type"] == "missing":
        return _missing(found["loc"][-1], allowed)
    value = found["input"]
    text = (
        ""
        if value is None or isinstance(value, list | dict)
        else str(value).lower()
        if value is True or value is False
        else str(value)
    )
    return _of_value(found, allowed, Node(0, 0, value, text))


def _of_value(found: Any, allowed: Schema, node: Node) -> str:
    kind = found["type"]
    if kind == "value_error":
        return str(found["ctx"]["error"])
    if kind in _BELONGS:
        return f"{what(node)}; {_BELONGS[kind]} belongs here{_hint(kind, allowed, node)}"
    if kind in _HOLDS:
        holds, other = _HOLDS[kind]
        example = next((each for each in allowed.get("examples", ()) if isinstance(each, type(other))), other)
        hint = _hint(kind, allowed, node)
        return f"{what(node)}; {holds}{'' if hint else f', like {_written(example)},'} belongs here{hint}"
    if kind in _OUT_OF_RANGE:
        return f"{show(node.text)} is not in {_range(allowed)}"
    if kind == "literal_error":
        known = allowed.get("enum", ())
        return (
            f"{show(node.text)} is not known here; {instead(node.text, known)}"
            if node.text
            else f"{what(node)}; {_one_of(known)}"
        )
    return f"{what(node)}; {found['msg'][:1].lower()}{found['msg'][1:]}"


def _unknown(key: str, known: Schema) -> str:
    if key.partition(":")[0] in known:
        return f"there is no key {show(key)} here; is a space missing after the colon?"
    return f"there is no key {show(key)} here; {instead(key, known)}"


def _one_of(known: Sequence[str]) -> str:
    return f"one of {', '.join(known)} belongs here"


def _missing(key: str | int, allowed: Schema) -> str:
    example = f", like {_written({key: allowed['examples'][0]})[1:-1]}" if allowed.get("examples") else ""
    return f"{key} is missing: {_kind(allowed)}{example}"


def _written(example: Any) -> str:
    """An example as it may stand in the file, on one line."""
    return str(yaml.safe_dump(example, default_flow_style=True, sort_keys=False, width=math.inf)).rstrip("\n")


def _kind(allowed: Schema) -> str:
    if "minimum" in allowed:
        return f"a number in {_range(allowed)}"
    return _KINDS.get(str(allowed.get("type")), "a value")


def _range(allowed: Schema) -> str:
    return f"{allowed.get('minimum', '')}..{allowed.get('maximum', '')}"


def what(node: Node) -> str:
    """What stands there: `ten is text`."""
    kinds = {bool: "true or false", int: "a whole number", float: "a number with a fraction", str: "text"}
    if node.value is None:
        return "nothing stands here"
    if isinstance(node.value, list | dict):
        return "this is a list" if isinstance(node.value, list) else "this is a mapping"
    return f"{show(node.text)} is {kinds.get(type(node.value), 'something else')}"


def _hint(kind: str, allowed: Schema, node: Node) -> str:
    if kind == "string_type" and isinstance(node.value, int | float):
        return f': "{show(node.text)}" in quotes is text'
    if kind == "tuple_type" and isinstance(node.value, str) and resolved(allowed.get("items", {})).get("type") == "string":
        return f": [{show(node.text)}]"
    if node.quoted and kind in ("int_type", "float_type", "bool_type") and _means_more(node.text):
        return ": leave out the quotes"
    if kind in ("dict_type", "model_type") and not node.quoted and ":" in node.text:
        return ": is a space missing after the colon?"
    return ""


def _means_more(text: str) -> bool:
    try:
        return not isinstance(read(text), str)
    except AmbiguousError:
        return False
