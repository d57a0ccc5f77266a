"""Discovery and hosts that pretend: forged frames, frames that are played back, ports with hosts."""

from __future__ import annotations

import pytest

from controller.model import Host, Mac, PacketIn
from controller.packet import Beacon, beacon
from controller.topology import discovery
from controller.topology.discovery import MISSES
from tests.apps.wires import LINK, TURN, Wires, linked

pytestmark = pytest.mark.apps


@pytest.fixture
def two() -> Wires:
    """Two bridges with a link between."""
    return linked()


def test_a_port_with_hosts_makes_no_link() -> None:
    lab = Wires()
    lab.start("s1")
    lab.start("s2")
    lab.wait(2 * TURN)
    lab.put(Host("default", Mac(2), "s1", 1), Host("default", Mac(3), "s2", 1))
    lab.join(("s1", 1), ("s2", 1))  # its hosts pass on whatever they hear
    lab.wait(5 * TURN)
    assert (lab.role("s1", 1), lab.role("s2", 1), lab.links) == ("edge", "edge", set())
    assert "link.suspect" in lab.told


def test_a_host_that_sends_its_own_frame_back_is_not_cut_off() -> None:
    lab = Wires()
    lab.start("s1")
    lab.wait(TURN)
    lab.put(Host("default", Mac(2), "s1", 1))
    lab.cables["s1", 1] = [("s1", 1)]
    lab.wait(3 * TURN)
    assert lab.role("s1", 1) == "edge"


def test_frames_that_are_forged_or_old_are_not_heard() -> None:
    lab = Wires()
    lab.start("s1")
    lab.start("s2")
    lab.wait(TURN)
    for frame in (
        beacon(Beacon(2, 1, 3), Mac(2), b"another key"),
        beacon(Beacon(9, 1, 3), Mac(2), discovery.KEY),  # no such bridge
        b"",
        beacon(Beacon(2, 1, 3), Mac(2), discovery.KEY)[:40],
    ):
        lab.event(PacketIn("s1", 1, frame))
        assert lab.role("s1", 1) == "edge"
    old = beacon(Beacon(2, 1, 1), Mac(2), discovery.KEY)
    lab.wait(5 * TURN)
    lab.event(PacketIn("s1", 1, old))
    assert lab.role("s1", 1) == "edge"


def fresh(lab: Wires, bridge: str, port: int) -> bytes:
    """The frame that a port says now."""
    turn = lab.engine.tables.get(discovery.Turn, "discovery") or discovery.Turn()
    return beacon(Beacon(int(bridge[1:]), port, turn.number), lab.port(bridge, port).mac, discovery.KEY)


@pytest.mark.parametrize("hosts", [True, False])
def test_a_frame_that_is_played_back_elsewhere_makes_no_link_and_ends_none(two: Wires, hosts: bool) -> None:
    two.start("s3")
    two.wait(2 * TURN)
    if hosts:
        two.put(Host("default", Mac(9), "s3", 2))
    frame = fresh(two, "s1", 1)
    for _ in range(8):
        two.event(PacketIn("s3", 2, frame))
        two.deliver()
        two.wait(TURN / 2)
        assert two.links == LINK
    two.wait((MISSES + 2) * TURN)
    assert (two.role("s3", 2), two.links) == ("edge", LINK)
    assert ("link.suspect" in two.told) == hosts


def test_a_port_with_hosts_is_not_cut_off_by_frames_of_others() -> None:
    """They are signed and fresh, whoever plays them back."""
    lab = Wires()
    lab.start("s1")
    lab.start("s2")
    lab.wait(2 * TURN)
    lab.put(Host("default", Mac(2), "s1", 1))
    for bridge, port in (("s1", 1), ("s1", 2), ("s2", 1), ("s2", 3)):
        lab.event(PacketIn("s1", 1, fresh(lab, bridge, port)))
        lab.deliver()
        assert (lab.role("s1", 1), lab.links) == ("edge", set())


def test_hosts_that_turn_out_to_be_behind_the_other_bridge() -> None:
    """They were learned here while that bridge had no controller."""
    lab = Wires()
    lab.join(("s1", 1), ("s2", 1))
    lab.start("s1")
    lab.wait(2 * TURN)
    lab.put(Host("default", Mac(2), "s1", 1), Host("default", Mac(3), "s1", 1))
    lab.start("s2")
    lab.wait(2 * TURN)
    assert lab.links == set()
    lab.put(Host("default", Mac(2), "s2", 2))  # each says something where it really is
    lab.wait(2 * TURN)
    assert lab.links == set()
    lab.put(Host("default", Mac(3), "s2", 2))
    lab.wait(2 * TURN)
    assert lab.links == LINK
