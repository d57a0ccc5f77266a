"""Packet-ins that are answered as those with the same head were, without a word to anybody.

The head of a packet-in is its reason, table, cookie and match, and the Ethernet header of the frame. Who knows that an answer
follows from nothing else of it puts the answer into `known` of the session.
"""

from __future__ import annotations

from struct import Struct
from typing import Protocol

from controller.model.events import PacketIn
from controller.openflow import codec

ETHERNET_HEADER = 14
_HEAD = Struct("!BBQHH").pack  # reason, table, cookie; match type and length
_OXM = 1
_START = Struct("!BBH").pack
_REST = Struct("!IIIH6x").pack


class Counted(Protocol):
    """Whose packet-ins they are."""

    packet_ins: int


class Answer:
    """A packet-out that sends the frame of a packet-in on, or nothing at all."""

    __slots__ = ("_asked", "_rest", "_size")

    def __init__(self, asked: Counted, in_port: int = 0, actions: bytes | None = None) -> None:
        self._asked = asked
        self._size = 0 if actions is None else 24 + len(actions)
        self._rest = b"" if actions is None else _REST(0, codec.NO_BUFFER, in_port, len(actions)) + actions

    def to(self, message: bytes, start: int) -> bytes:
        """The answer to a packet-in whose frame begins at `start`; empty where there is none."""
        self._asked.packet_ins += 1
        if not self._size:
            return b""
        return _START(message[0], codec.PACKET_OUT, self._size + len(message) - start) + self._rest + message[start:]


Known = dict[bytes, Answer]  # by head


def head_of(packet: PacketIn) -> bytes:
    """The head of the message that a packet-in was read from."""
    length = 4 + len(packet.match)
    match = packet.match + bytes(-length % 8 + 2)  # two more bytes align the frame
    return _HEAD(packet.reason, packet.table, packet.cookie, _OXM, length) + match + packet.data[:ETHERNET_HEADER]


def answer(known: Known, message: bytes) -> bytes | None:
    """The answer to a packet-in, where it is known; None where it is not."""
    start = 26 + ((message[26] << 8 | message[27]) + 7 & ~7)
    found = known.get(message[14 : start + ETHERNET_HEADER])
    return None if found is None else found.to(message, start)
