"""os-ken as an encoder and a decoder that we did not write, for the tests of this folder."""

from __future__ import annotations

from typing import Any

from os_ken.ofproto import ofproto_parser, ofproto_v1_3, ofproto_v1_3_parser, ofproto_v1_4, ofproto_v1_4_parser


class Peer:
    """The little that os-ken's parsers want to know of a switch."""

    def __init__(self, version: int) -> None:
        self.ofproto, self.ofproto_parser = {
            5: (ofproto_v1_4, ofproto_v1_4_parser),
            4: (ofproto_v1_3, ofproto_v1_3_parser),
        }[version]


def theirs(message: Any, xid: int = 9) -> bytes:
    """A message of os-ken as bytes."""
    message.set_xid(xid)
    message.serialize()
    return bytes(message.buf)


def parsed(peer: Peer, message: bytes) -> Any:
    """What os-ken makes of a message of a switch."""
    version, kind, length, xid = message[0], message[1], int.from_bytes(message[2:4], "big"), int.from_bytes(message[4:8], "big")
    return ofproto_parser._MSG_PARSERS[version](peer, version, kind, length, xid, message)
