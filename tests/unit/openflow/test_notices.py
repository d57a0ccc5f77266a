"""What a switch says unasked."""

from struct import pack

import pytest

from controller.openflow.events import FlowChanged
from controller.openflow.notices import read_flow_updates, read_packet_in

FRAME = bytes(60)


def packet_in(match: bytes, frame: bytes = FRAME) -> bytes:
    return bytes(8) + pack("!IHBBQ", 0xFFFFFFFF, len(frame), 1, 40, 7) + match + bytes(2) + frame


def updates(*parts: bytes) -> bytes:
    return bytes(16) + b"".join(parts)


def full(event: int, reason: int = 0) -> bytes:
    match = pack("!HHII4x", 1, 12, 0x80000004, 3)
    return pack("!HHBBHHH4xQ", 24 + len(match), event, 40, reason, 0, 0, 100, 9) + match


def test_registers_of_the_packet_are_kept():
    tlvs = pack("!IIII", 0x80000004, 3, 0x00010004, 42)
    packet = read_packet_in(packet_in(pack("!HH", 1, 20) + tlvs + bytes(4)), "s1")
    assert (packet.in_port, packet.network, packet.data) == (3, 42, FRAME)


@pytest.mark.parametrize(
    ("match", "frame"),
    [
        (pack("!HH4x", 1, 4), FRAME),
        (pack("!HHI", 1, 8, 0x80000004), FRAME),
        (pack("!HHII4x", 1, 12, 0x80000004, 3), bytes(13)),
        (pack("!HHII4x", 1, 0, 0x80000004, 3), FRAME),
        (pack("!HHII4x", 1, 200, 0x80000004, 3), FRAME),
    ],
)
def test_a_packet_in_without_port_or_frame_is_refused(match, frame):
    with pytest.raises(ValueError, match=r"no input port|a frame of"):
        read_packet_in(packet_in(match, frame), "s1")


def test_changes_by_others_are_told_and_our_own_left_out():
    slot = b"\x28\0\x64" + pack("!HHII4x", 1, 12, 0x80000004, 3)
    changes = read_flow_updates(
        updates(full(1), full(2, 2), full(3), pack("!HHI", 8, 4, 77), pack("!HH4x", 8, 5), pack("!HH4x", 8, 6))
    )
    assert changes == [
        FlowChanged("added", slot, 9),
        FlowChanged("removed", slot, 9, "delete"),
        FlowChanged("modified", slot, 9),
        FlowChanged("paused"),
        FlowChanged("resumed"),
    ]


@pytest.mark.parametrize("part", [pack("!HH", 0, 4) + bytes(4), pack("!HH", 200, 1) + bytes(36), pack("!HH", 8, 9) + bytes(4)])
def test_an_update_that_does_not_fit_is_refused(part):
    with pytest.raises(ValueError, match="a flow update of kind"):
        read_flow_updates(updates(part))
