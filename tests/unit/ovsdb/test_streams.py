"""A stream reads only so much in a turn."""

from __future__ import annotations

import errno
import socket

import pytest

from controller.ovsdb.streams import TURN, Bounded, accepted

pytestmark = pytest.mark.unit


def read(stream: Bounded) -> int:
    total = 0
    while True:
        error, data = stream.recv(4096)
        if error:
            assert error == errno.EAGAIN
            return total
        total += len(data)


def test_a_turn_is_bounded() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        stream = accepted(ours, "test")
        theirs.sendall(b"x" * (TURN + 100))
        assert read(stream) == TURN
        assert read(stream) == 0
        stream.budget = TURN
        assert read(stream) == 100
