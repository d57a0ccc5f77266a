"""Backends that have not spoken are asked for on all bridges of their network, ever less often, and no longer than needed."""

from __future__ import annotations

from scapy.layers.inet6 import ICMPv6ND_NS
from scapy.layers.l2 import ARP, Ether

from apps.backend_finder import BackendFinder, Sought, Tried
from controller.model import Address, Attachment, Backend, Host, IPv4, IPv6, Mac, Network, Service, Virtual
from tests.apps.engine import Lab

MAC, OURS = Mac("02:00:00:00:00:0b"), Mac("0a:57:00:05:00:01")
ELEVEN = IPv4("10.0.0.11")


def lab(*bridges: str, **settings: int) -> Lab:
    made = Lab(BackendFinder(**settings))
    made.put(Network("blue", 5), Service("web", "blue", IPv4("10.0.0.100")), Virtual("web", "blue", IPv4("10.0.0.100"), OURS))
    made.put(*[Attachment(bridge, port, "blue") for bridge in bridges for port in (1, 2)], Attachment("s9", 1, "red"))
    return made


def turn(made: Lab, turns: int = 1) -> list[tuple[str, bytes]]:
    """Some seconds pass: who was sent what."""
    before = len(made.frames)
    for _ in range(turns):
        made.tick("ask")
    return [(bridge, frame) for bridge, _port, _actions, frame in made.frames[before:]]


def test_the_whole_network_is_asked_and_no_other() -> None:
    made = lab("s1", "s2")
    made.put(Backend("web", ELEVEN))
    sent = turn(made)
    assert [bridge for bridge, _ in sent] == ["s1", "s2"]
    frame = Ether(sent[0][1])
    assert (frame.src, frame.dst, frame[ARP].op, frame[ARP].psrc, frame[ARP].pdst) == (
        str(OURS),
        "ff:ff:ff:ff:ff:ff",
        1,
        "0.0.0.0",
        "10.0.0.11",
    )
    assert [str(action) for action in made.frames[0][2]] != []


def test_ipv6() -> None:
    made = lab("s1")
    made.put(Backend("web", IPv6("fd00::b")))
    ((_, sent),) = turn(made)
    assert Ether(sent)[ICMPv6ND_NS].tgt == "fd00::b"


def test_who_answers_is_not_asked_again() -> None:
    made = lab("s1")
    made.put(Backend("web", ELEVEN))
    assert len(turn(made)) == 1
    made.put(Address("blue", ELEVEN, MAC))
    assert len(turn(made)) == 1  # the address is known, its host is not
    made.put(Host("blue", MAC, "s1", 1, (ELEVEN,)))
    assert made.rows(Sought) == []
    assert turn(made) == []
    assert made.rows(Tried) == []


def test_who_does_not_answer_is_asked_ever_less_often() -> None:
    made = lab("s1")
    made.put(Backend("web", ELEVEN))
    assert [len(turn(made)) for _ in range(16)] == [1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]


def test_no_more_is_sent_than_was_said_and_all_have_their_turn() -> None:
    made = lab("s1", "s2", "s3", questions_per_second=6)
    made.put(*[Backend("web", IPv4(ELEVEN + n)) for n in range(5)])
    asked = []
    for _ in range(5):
        sent = turn(made)
        assert len(sent) == 6
        asked += [Ether(frame)[ARP].pdst for _, frame in sent]
    assert {asked.count(f"10.0.0.{11 + n}") for n in range(5)} == {6}


def test_a_network_with_more_bridges_than_questions_is_asked_all_the_same() -> None:
    made = lab("s1", "s2", "s3", questions_per_second=2)
    made.put(*[Backend("web", IPv4(ELEVEN + n)) for n in range(2)])
    assert len(turn(made)) == 3
    assert len(turn(made)) == 3
