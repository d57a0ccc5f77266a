"""What a switch says unasked: packet-in, flow removed, flow monitor updates.

Packet-in is the hottest path of the controller: it is cut out of its message by offsets, and nothing in it is interpreted.
"""

from __future__ import annotations

from struct import Struct

from controller.model.events import PacketIn
from controller.openflow.events import FlowChanged, FlowRemoved

_COOKIE_AND_MATCH = Struct("!QHH").unpack_from
_REMOVED = Struct("!QHBBIIHHQQHH").unpack_from
_UPDATE = Struct("!HHBBHHH4xQHH").unpack_from
_IN_PORT = b"\x80\0\0\4"
_ETHERNET_HEADER = 14
_REASONS = ("idle", "hard", "delete", "group", "meter", "eviction")
_ABBREVIATED = 4
_EVENTS = {0: "added", 1: "added", 2: "removed", 3: "modified", 4: "ours", 5: "paused", 6: "resumed"}


def read_packet_in(message: bytes, bridge: str) -> PacketIn:
    """The frame and where it came from."""
    cookie, _, length = _COOKIE_AND_MATCH(message, 16)
    start = 26 + (length + 7 & ~7)  # the match is padded to 8; two more bytes align the frame
    frame = message[start:]
    if length < 4 or len(frame) < _ETHERNET_HEADER:
        raise ValueError(f"a frame of {len(frame)} bytes after a match of {length}")
    tlvs = message[28 : 24 + length]
    first = tlvs[:4] == _IN_PORT and len(tlvs) >= 8
    in_port = int.from_bytes(tlvs[4:8], "big") if first else _find_in_port(tlvs)
    return PacketIn(bridge, in_port, frame, cookie, message[15], message[14], tlvs)


def _find_in_port(tlvs: bytes) -> int:
    pos = 0
    while pos + 8 <= len(tlvs):
        if tlvs[pos : pos + 4] == _IN_PORT:
            return int.from_bytes(tlvs[pos + 4 : pos + 8], "big")
        pos += 4 + tlvs[pos + 3]
    raise ValueError("no input port")


def read_flow_removed(message: bytes) -> FlowRemoved:
    """A flow is gone, and why."""
    cookie, _, reason, table, _, _, _, _, packets, count, _, length = _REMOVED(message, 8)
    match = _match(message, 48, length, len(message))
    return FlowRemoved(bytes((table,)) + message[16:18] + match, cookie, _reason(reason), packets, count)


def read_flow_updates(message: bytes) -> list[FlowChanged]:
    """The changes in one part of a monitor's reply. Our own changes stand there too, abbreviated, and are left out."""
    changes: list[FlowChanged] = []
    pos, end = 16, len(message)
    while pos < end:
        length, event = message[pos] << 8 | message[pos + 1], message[pos + 2] << 8 | message[pos + 3]
        if length < 8 or pos + length > end or event not in _EVENTS:
            raise ValueError(f"a flow update of kind {event} with {length} bytes where {end - pos} are left")
        if event > _ABBREVIATED:
            changes.append(FlowChanged(_EVENTS[event]))
        elif event != _ABBREVIATED:
            changes.append(_full_update(message, pos, pos + length))
        pos += length
    return changes


def _full_update(message: bytes, pos: int, end: int) -> FlowChanged:
    _, event, table, reason, _, _, _, cookie, _, length = _UPDATE(message, pos)
    slot = bytes((table,)) + message[pos + 10 : pos + 12] + _match(message, pos + 24, length, end)
    return FlowChanged(_EVENTS[event], slot, cookie, _reason(reason) if event == 2 else "")


def _match(message: bytes, pos: int, length: int, end: int) -> bytes:
    """The match at `pos`, with its padding."""
    after = pos + (length + 7 & ~7)
    if length < 4 or after > end:
        raise ValueError(f"a match of {length} bytes where {end - pos} are left")
    return message[pos:after]


def _reason(number: int) -> str:
    return _REASONS[number] if number < len(_REASONS) else f"reason {number}"
