"""Actions that weft itself never writes, in os-ken's words: for the flows that somebody else put on a bridge."""

from __future__ import annotations

import re

RAW = re.compile(r"raw\(([0-9a-f]+)\)")


def in_words(text: str) -> str:
    """Flow text in which `raw(ffff0018...)` is replaced by what os-ken reads in it; what it cannot read stays as it is."""
    return RAW.sub(lambda found: _action(bytes.fromhex(found[1])) or found[0], text)


def _action(action: bytes) -> str:
    from os_ken.ofproto import ofproto_v1_4_parser as parser  # 0.4 s to import, so only when somebody looks

    try:
        parsed = parser.OFPAction.parser(action, 0)
    except Exception:  # os-ken raises struct.error, AssertionError, KeyError and more on what it does not know
        return ""
    return f"{type(parsed).__name__}({', '.join(_arguments(parsed))})" if parsed is not None else ""


def _arguments(parsed: object) -> list[str]:
    hidden = ("type", "len", "subtype", "experimenter", "vendor")
    return [f"{name}={value}" for name, value in sorted(vars(parsed).items()) if name not in hidden and not name.startswith("_")]
