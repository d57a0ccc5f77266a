"""Pure handlers: what they answered is given again while what they read is the same, and only then."""

from __future__ import annotations

from struct import pack
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.app import App, on
from controller.model import Mac, PacketIn, Row, key
from controller.model.cookie import OWNER_BITS
from controller.openflow.answers import Known, head_of
from controller.pipeline import FLOOD_PORTS, LEARN, output
from controller.runtime.dispatch import Dispatch
from controller.runtime.journal import Journal
from controller.state.engine import Engine

CALLS: list[PacketIn] = []


class Place(Row):
    mac: Mac = key()
    port: int = 0


class Rule(Row):
    name: str = key()
    port: int = 0


class Switch(App, stages=(LEARN,)):
    """Learns, and sends on."""

    @on(PacketIn, pure=True)
    def answer(self, packet, tx):
        CALLS.append(packet)
        tx.put(Place(packet.eth_src, packet.in_port))
        place = tx.get(Place, packet.eth_dst)
        if not tx.where(Rule, name="deaf"):
            tx.answer(packet, output(place.port) if place else FLOOD_PORTS)


class Odd(App, stages=(LEARN,)):
    """Does what the EtherType says."""

    @on(PacketIn, pure=True)
    def answer(self, packet, tx):
        CALLS.append(packet)
        tx.answer(packet, output(2))
        {
            1: lambda: packet.data,
            2: lambda: tx.tell("info", "odd.told", "it", "it"),
            3: lambda: tx.after(60.0, object()),
            4: lambda: tx.answer(packet, output(3)),
            5: lambda: tx.packet_out("s1", b"x" * 60, output(3)),
            6: lambda: 1 / 0,
            7: lambda: tx.drop(Place),
        }.get(packet.eth_type, lambda: None)()


class Lab:
    def __init__(self, app: App) -> None:
        CALLS.clear()
        self.engine = Engine()
        self.number = self.engine.enable(app).number
        self.dispatch = Dispatch(self.engine, Journal(), lambda: None)
        self.known: Known = {}

    def packet(self, source: int, target: int, port: int = 1, kind: int = 0x800, rest: bytes = bytes(46)) -> PacketIn:
        data = Mac(target) + Mac(source) + kind.to_bytes(2, "big") + rest
        match = pack("!II", 0x80000004, port)
        return PacketIn("s1", port, data, cookie=0x57 << 56 | self.number << OWNER_BITS, match=match)

    def send(self, *args: Any, **more: Any) -> bool:
        """Whether the answer to this packet is known from now on."""
        packet = self.packet(*args, **more)
        self.dispatch.packet_in(packet, self.known)
        return head_of(packet) in self.known

    def change(self, row: Row) -> None:
        self.dispatch.change(lambda tx: tx.put(row))


def test_an_answer_is_kept_when_nothing_changed_and_goes_with_what_was_read() -> None:
    lab = Lab(Switch())
    assert not lab.send(1, 2)  # its source is new
    assert lab.send(1, 2)
    assert not lab.send(2, 1, port=2)
    assert lab.known == {}  # the other one is flooded no more
    assert lab.send(1, 2)
    assert lab.send(2, 1, port=2)
    lab.change(Place(Mac(3), 5))
    assert len(lab.known) == 2
    lab.change(Place(Mac(1), 5))
    assert lab.known == {}


def test_whatever_is_looked_for_by_fields_is_any_row_of_its_type() -> None:
    lab = Lab(Switch())
    lab.send(1, 2)
    assert lab.send(1, 2)
    lab.change(Rule("other"))
    assert lab.known == {}


def test_the_frame_may_carry_anything() -> None:
    lab = Lab(Switch())
    lab.send(1, 2)
    assert lab.send(1, 2)
    assert head_of(lab.packet(1, 2, rest=b"something else")) in lab.known
    assert head_of(lab.packet(1, 2, kind=0x806)) not in lab.known
    assert head_of(lab.packet(1, 2, port=2)) not in lab.known


@pytest.mark.parametrize(("kind", "kept"), [(0, True), (1, False), (2, False), (4, False), (5, False), (6, False)])
def test_only_an_answer_that_is_all_of_it_is_kept(kind: int, kept: bool) -> None:
    lab = Lab(Odd())
    assert lab.send(1, 2, kind=kind) is kept
    assert len(CALLS) == 1


def test_nothing_is_kept_when_apps_come_or_go() -> None:
    lab = Lab(Odd())
    assert lab.send(1, 2)
    lab.dispatch.stop_timers("switch")
    assert lab.known == {}


def test_there_are_never_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controller.runtime.answers.MOST", 3)
    lab = Lab(Odd())
    for source in range(1, 10):
        assert lab.send(source, 2)
        assert len(lab.known) <= 3


def test_only_handlers_of_packet_ins_are_pure() -> None:
    with pytest.raises(TypeError, match="packet-ins alone"):
        on(Place, pure=True)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.booleans()), max_size=40))
def test_a_known_answer_is_what_the_handler_would_say(steps: list[tuple[int, int, int, bool]]) -> None:
    lab, deaf = Lab(Switch()), False
    for source, target, port, turn in steps:
        if turn:
            deaf = not deaf
            lab.dispatch.change(lambda tx, deaf=deaf: tx.put(Rule("deaf")) if deaf else tx.drop(Rule, "deaf"))  # type: ignore[misc]
        packet = lab.packet(source, target, port)
        known = lab.known.get(head_of(packet))
        lab.dispatch.packet_in(packet, {})
        frames = lab.dispatch.take_frames()
        if known is not None:
            said = [known.to(bytes(20) + packet.data, 20)]
            assert [out[24:] for out in said if out] == [b"".join(actions) + frame for _, _, actions, frame in frames]
        lab.dispatch.packet_in(packet, lab.known)
        lab.dispatch.take_frames()
