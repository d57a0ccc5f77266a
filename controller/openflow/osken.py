"""os-ken as the codec of messages that are rare: those of the handshake, ports, roles.

Its parsers are called one by one and not through `ofproto_parser.msg`, which logs what goes wrong and returns None.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

V13, V14 = 4, 5


class _Peer:
    """The little that os-ken wants to know of a switch: its version's constants and classes."""

    def __init__(self, ofproto: ModuleType, parser: ModuleType) -> None:
        self.ofproto, self.ofproto_parser = ofproto, parser


@cache
def peer(version: int) -> Any:
    """What stands for a switch of this version; os-ken is imported by the first call, which takes a third of a second."""
    from os_ken.ofproto import ofproto_v1_3, ofproto_v1_3_parser, ofproto_v1_4, ofproto_v1_4_parser

    modules = {V13: (ofproto_v1_3, ofproto_v1_3_parser), V14: (ofproto_v1_4, ofproto_v1_4_parser)}
    return _Peer(*modules[version])


def parse(message: bytes, kind: int, multipart: int | None = None) -> Any:
    """os-ken's object of a message of this type. Raises ValueError where it is another, or cannot be read."""
    version, xid = message[0], int.from_bytes(message[4:8], "big")
    if message[1] != kind or (multipart is not None and message[8:10] != multipart.to_bytes(2, "big")):
        raise ValueError("it is of another type than was asked for")
    switch = peer(version)
    from os_ken.ofproto import ofproto_parser

    try:
        return ofproto_parser._MSG_PARSERS[version](switch, version, kind, len(message), xid, message)
    except Exception as error:  # AssertionError, struct.error, KeyError, IndexError, AttributeError ... as it comes
        raise ValueError(str(error) or f"os-ken raised {type(error).__name__}") from error


def build(message: Any, xid: int) -> bytes:
    """The bytes of one of os-ken's messages."""
    message.set_xid(xid)
    message.serialize()
    return bytes(message.buf)
