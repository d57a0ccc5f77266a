"""Flows, groups and meters as bytes, for the tests of this folder."""

from __future__ import annotations

from struct import pack

from controller.openflow.events import Change, Thing

NO_OPTS = bytes(8)


def flow(port: int = 1, table: int = 0, priority: int = 100, actions: bytes = b"") -> Thing:
    """in_port=PORT -> actions (default: drop)."""
    slot = pack("!BHHHII4x", table, priority, 1, 12, 0x80000004, port)
    body = pack("!HH4x", 4, 8 + len(actions)) + actions if actions else b""
    return slot, body, NO_OPTS


def output(port: int) -> bytes:
    """The action that sends a frame out of a port."""
    return pack("!HHIH6x", 0, 16, port, 0)


def to_group(number: int) -> bytes:
    """The action that hands a frame to a group."""
    return pack("!HHI", 22, 8, number)


def group(number: int, *ports: int) -> Thing:
    """An ALL group with one bucket a port."""
    buckets = b"".join(pack("!HHII4x", 32, 0, 0xFFFFFFFF, 0xFFFFFFFF) + output(port) for port in ports)
    return pack("!BI", 255, number), b"\0" + buckets, NO_OPTS


def meter(number: int, rate: int) -> Thing:
    """A meter that drops what is more than `rate` packets a second."""
    return pack("!BI", 254, number), pack("!HHHII4x", 2 | 8, 1, 16, rate, 0), NO_OPTS


def put(thing: Thing, cookie: int = 1) -> Change:
    """A change that installs it."""
    return thing[0], cookie, thing


def remove(thing: Thing) -> Change:
    """A change that deletes it."""
    return thing[0], 0, None
