"""A session and a fake switch joined without I/O: what one says, the other hears, until both are quiet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from controller.openflow.events import Ready
from controller.openflow.session import Session
from tests.fakes.switch import FakeSwitch


def sent(session: Session) -> bytes:
    """Everything that the session wants to send now."""
    data = b"".join(session.out)
    session.out.clear()
    while (chunk := session.more()) is not None:
        data += chunk
    return data


def hear(session: Session, data: bytes, now: float = 1.0) -> list[Any]:
    """What a session makes of bytes. (Which event it is to be is for the test to know, not for the type checker.)"""
    return [*session.receive(data, now)]


def pump(session: Session, switch: FakeSwitch, now: float = 0.0, data: bytes = b"") -> list[Any]:
    """Carry bytes to and fro until nobody has anything to say; `data` is what the switch begins with. The session's events."""
    events: list[Any] = hear(session, data, now) if data else []
    while outgoing := sent(session):
        answer = switch.receive(outgoing)
        if answer:
            events += session.receive(answer, now)
    return events


def live(session: Session, switch: FakeSwitch, seconds: int, each: Callable[[float], object] = lambda now: None) -> None:
    """Let time pass, a second at a time, and do `each` in each of them."""
    for second in range(1, seconds + 1):
        session.tick(float(second))
        each(float(second))
        pump(session, switch, float(second))


def join(switch: FakeSwitch | None = None, bridge: str = "s1") -> tuple[Session, FakeSwitch, Ready]:
    """A session and a switch with the handshake behind them."""
    session, switch = Session(), switch or FakeSwitch()
    session.start(0.0)
    switch.reconnect()
    (ready,) = pump(session, switch, data=switch.hello())
    assert isinstance(ready, Ready)
    session.bridge = bridge
    return session, switch, ready
