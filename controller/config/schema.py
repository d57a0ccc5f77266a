"""The JSON Schema of the network file: for editors, and for sentences that name what is known and allowed."""

from __future__ import annotations

import copy
import functools
from typing import Any

from controller.config.models import NetworkFile

Schema = dict[str, Any]
_DRAFT = "http://json-schema.org/draft-07/schema#"  # what the language server of editors knows in full


def schema() -> Schema:
    """The JSON Schema of the network file, with descriptions and examples; the caller's own copy."""
    return copy.deepcopy(_schema())


@functools.cache
def _schema() -> Schema:
    made = NetworkFile.model_json_schema()
    _default_network(made["properties"]["networks"], made["$defs"]["NetworkEntry"])
    _tidy(made)
    return {"$schema": _DRAFT, **made, "type": "object", "title": "weft network file"}


def _default_network(networks: Schema, entry: Schema) -> None:
    """The network `default` needs no VLAN id; all others do."""
    networks["properties"] = {"default": {**entry, "required": [], "description": "The network that is always there."}}
    networks["patternProperties"] = {
        pattern.replace("^", "^(?!default$)", 1): other for pattern, other in networks["patternProperties"].items()
    }


def _tidy(node: Any) -> None:
    """As people write it: nothing after a key is an empty mapping, defaults are worth showing, names have a pattern."""
    if isinstance(node, list):
        for item in node:
            _tidy(item)
    if not isinstance(node, dict):
        return
    if node.get("type") == "object" and not node.get("required") and "oneOf" not in node:
        node["type"] = ["object", "null"]
    if "patternProperties" in node:
        node["additionalProperties"] = False
    if isinstance(node.get("title"), str):
        del node["title"]
    if "default" in node and not node["default"] and node["default"] is not False:
        del node["default"]
    for value in node.values():
        _tidy(value)


def top() -> Schema:
    """The schema of the file as a whole; not to be changed."""
    return _schema()


def below(node: Schema, key: str | int) -> Schema:
    """The schema of what is under a key, or of an item; empty where anything may stand."""
    node = resolved(node)
    if isinstance(key, int):
        return resolved(node.get("items", {}))
    if key in node.get("properties", {}):
        return resolved(node["properties"][key])
    others = [*node.get("patternProperties", {}).values(), node.get("additionalProperties")]
    return next((resolved(other) for other in others if isinstance(other, dict)), {})


def at(keys: tuple[str | int, ...]) -> Schema:
    """The schema of what is at the end of some keys."""
    return functools.reduce(below, keys, top())


def resolved(node: Schema) -> Schema:
    values = [other for other in node.get("anyOf", ()) if other.get("type") != "null"]
    if len(values) == 1:  # or nothing, where it may be left out
        node = {**node, **values[0]}
    if "$ref" not in node:
        return node
    found: Schema = _schema()["$defs"][node["$ref"].rpartition("/")[2]]
    return found
