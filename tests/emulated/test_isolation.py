"""What a capture at every host makes of frames from elsewhere, frames that come twice and frames that do not come."""

from types import SimpleNamespace
from typing import Any

import pytest

from topologies.isolation import BROADCASTS, ETHERTYPE, Capture

HOSTS = {name: SimpleNamespace(name=name, mac=f"00:00:00:00:00:0{n}") for n, name in enumerate(("b1", "b2", "r1"), 1)}


def together(one: str, other: str) -> bool:
    return one[0] == other[0]


@pytest.fixture
def capture() -> Capture:
    network: Any = SimpleNamespace(hosts=HOSTS, together=together)
    capture = Capture(network)
    capture._turn = 0
    for source, target in (("b1", "b2"), ("b2", "b1")):
        for number in range(BROADCASTS):
            capture._note(target, frame(source, "all", number))
        capture._note(target, frame(source, target, 0))
    return capture


def frame(source: str, target: str, number: int, kind: int = ETHERTYPE) -> bytes:
    text = f"{source} {target} {number}".encode().ljust(46, b"\0")
    return b"\xff" * 6 + bytes.fromhex(HOSTS[source].mac.replace(":", "")) + kind.to_bytes(2, "big") + text


def test_each_once_and_in_its_network_is_right(capture: Capture) -> None:
    assert capture.faults() == []
    assert capture.frames == 2 * (BROADCASTS + 1)


@pytest.mark.parametrize(
    ("who", "heard", "fault"),
    [
        ("r1", frame("b1", "all", 0), "r1 heard b1, which must be apart (EtherType 0x88b5)"),
        ("r1", frame("b1", "all", 0, kind=0x0806), "r1 heard b1, which must be apart (EtherType 0x0806)"),
        ("b2", frame("b1", "all", 2), "b2 got broadcast 2 of b1 2 times"),
        ("b2", frame("b1", "b2", 0), "b2 got the frame for b2 of b1 2 times"),
        ("b1", frame("b1", "all", 0, kind=0x0800), "b1 heard b1, which must be apart (EtherType 0x0800)"),
    ],
    ids=("stranger", "stranger's ARP", "broadcast twice", "unicast twice", "itself"),
)
def test_a_fault_is_named(capture: Capture, who: str, heard: bytes, fault: str) -> None:
    capture._note(who, heard)
    assert capture.faults() == [fault]


def test_what_did_not_come_is_named(capture: Capture) -> None:
    del capture._heard["b2", "b1", "all", 1], capture._heard["b1", "b2", "b1", 0]
    assert capture.faults() == ["b2 did not get broadcast 1 of b1", "b1 did not get the frame for b1 of b2"]


def test_what_did_not_come_may_come_when_it_is_said_again(capture: Capture) -> None:
    del capture._heard["b2", "b1", "all", 1]
    capture._turn = 1
    for source, target in (("b1", "b2"), ("b2", "b1")):
        for number in range(BROADCASTS, 2 * BROADCASTS):
            capture._note(target, frame(source, "all", number))
        capture._note(target, frame(source, target, 1))
    assert capture.faults() == []
    capture._note("b2", frame("b1", "all", 0))
    assert capture.faults() == ["b2 got broadcast 0 of b1 2 times"]


def test_networks_that_are_apart_may_have_the_same_addresses(capture: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(HOSTS, "r1", SimpleNamespace(name="r1", mac=HOSTS["b1"].mac))
    network: Any = SimpleNamespace(hosts=HOSTS, together=together)
    overlapping = Capture(network)
    overlapping._turn = 0
    overlapping._note("b2", frame("b1", "all", 0, kind=0x0806))
    overlapping._note("b2", frame("r1", "all", 0))
    assert overlapping.faults()[0] == "b2 heard r1, which must be apart (EtherType 0x88b5)"
