"""Discovery: what each port is there for, from the frames that arrive on it, and what ends a link."""

from __future__ import annotations

import pytest

from controller.model import BridgeDown, BridgeUp, Greeted, Link, PortRole, PortUp, Prepared
from controller.topology import discovery
from controller.topology.discovery import BEAT, HOLD, MISSES, TICK, HoldOver
from tests.apps.wires import LINK, TURN, Wires, linked

pytestmark = pytest.mark.apps


@pytest.fixture
def two() -> Wires:
    """Two bridges with a link between."""
    return linked()


def test_a_port_is_held_until_it_is_known_that_only_hosts_are_behind_it() -> None:
    lab = Wires()
    lab.start("s1")
    assert lab.role("s1", 1) == "held"
    lab.wait(HOLD - TICK)
    assert lab.role("s1", 1) == "held"
    lab.wait(2 * TICK)
    assert lab.role("s1", 1) == "edge"
    lab.wait(5 * TURN)
    assert lab.role("s1", 1) == "edge"


def test_time_in_which_the_controller_did_not_run_makes_no_edge_port() -> None:
    """A link that came up must not be taken for hosts because nobody could say anything there."""
    lab = Wires()
    lab.start("s1")
    lab.now += 10  # no tick meanwhile
    for _, event in [(when, event) for when, event in lab.timers if isinstance(event, HoldOver)]:
        lab.event(event)
    assert lab.role("s1", 1) == "held"
    lab.wait(2 * HOLD)
    assert lab.role("s1", 1) == "edge"


def test_where_both_ends_hear_each_other_there_is_a_link_at_once(two: Wires) -> None:
    assert two.links == LINK
    assert two.role("s1", 2) == "held"
    two.wait(5 * TURN)
    assert two.links == LINK
    assert two.role("s1", 2) == "edge"


def test_a_bridge_that_comes_later_makes_a_link_of_an_edge_port() -> None:
    lab = Wires()
    lab.join(("s1", 1), ("s2", 1))
    lab.start("s1")
    lab.wait(3 * TURN)
    assert lab.role("s1", 1) == "edge"
    lab.start("s2")
    assert lab.links == LINK


def test_parallel_links() -> None:
    lab = Wires()
    lab.join(("s1", 1), ("s2", 1))
    lab.join(("s1", 2), ("s2", 2))
    lab.start("s1")
    lab.start("s2")
    assert len(lab.links) == 4


def test_a_port_that_hears_and_is_not_heard_lets_nothing_pass() -> None:
    lab = Wires()
    lab.cables["s1", 1] = [("s2", 1)]
    lab.start("s1")
    lab.start("s2")
    lab.wait(TURN)
    assert (lab.role("s1", 1), lab.role("s2", 1), lab.links) == ("edge", "oneway", set())
    lab.join(("s1", 1), ("s2", 1))
    lab.wait(TURN)
    assert lab.links == LINK


def test_a_port_that_hears_its_own_bridge_lets_nothing_pass() -> None:
    lab = Wires()
    lab.join(("s1", 1), ("s1", 2))
    lab.start("s1")
    lab.wait(5 * TURN)
    assert (lab.role("s1", 1), lab.role("s1", 2), lab.role("s1", 3)) == ("self", "self", "edge")
    lab.cut(("s1", 1), ("s1", 2))
    lab.wait((MISSES + 2) * TURN)
    assert lab.role("s1", 1) == "edge"


def test_a_plug_that_sends_everything_back() -> None:
    lab = Wires()
    lab.cables["s1", 1] = [("s1", 1)]
    lab.start("s1")
    lab.wait(3 * TURN)
    assert lab.role("s1", 1) == "self"


def test_several_bridges_behind_a_port_are_a_shared_segment() -> None:
    lab = Wires()
    lab.join(("s1", 1), ("s2", 1), ("s3", 1))
    for name in ("s1", "s2", "s3"):
        lab.start(name)
    lab.wait(5 * TURN)
    assert [lab.role(name, 1) for name in ("s1", "s2", "s3")] == ["shared"] * 3
    assert lab.links == set()


def test_of_a_shared_segment_with_two_bridges_left_becomes_a_link() -> None:
    lab = Wires()
    lab.join(("s1", 1), ("s2", 1), ("s3", 1))
    for name in ("s1", "s2", "s3"):
        lab.start(name)
    lab.wait(5 * TURN)
    lab.join(("s1", 1), ("s2", 1))
    del lab.cables["s3", 1]
    lab.wait((MISSES + 3) * TURN)
    assert lab.links == LINK


def test_another_bridge_in_place_of_the_one_before(two: Wires) -> None:
    """Through something that keeps the port up, as a media converter does."""
    two.start("s3")
    two.cut(("s1", 1), ("s2", 1))
    two.join(("s1", 1), ("s3", 1))
    two.wait(TURN)
    assert two.links == set()
    two.wait((MISSES + 3) * TURN)
    assert two.links == {("s1", 1, "s3", 1), ("s3", 1, "s1", 1)}


# ---------------------------------------------------------------------- the end of a link


def test_a_port_that_goes_down_ends_the_link_at_once_in_both_directions(two: Wires) -> None:
    two.down("s1", 1)
    assert (two.links, two.role("s1", 1), two.role("s2", 1)) == (set(), "", "held")
    two.down("s2", 1)
    two.up("s2", 1)
    assert two.links == set()
    two.up("s1", 1)
    assert two.links == LINK


def test_the_end_of_an_earlier_hold_does_not_end_a_later_one(two: Wires) -> None:
    two.wait(HOLD - TICK)
    two.down("s1", 1)
    two.wait(2 * TICK)
    assert two.role("s2", 1) == "held"
    two.wait(HOLD)
    assert two.role("s2", 1) == "edge"


def test_a_link_that_is_silent_is_gone_after_some_turns(two: Wires) -> None:
    two.wait(TURN)
    two.cut(("s1", 1), ("s2", 1))
    two.wait((MISSES - 1) * TURN)
    assert two.links == LINK
    two.wait(2 * TURN)
    assert two.links == set()
    assert two.told.count("link.lost") == 1


def test_many_ports_take_turns_at_a_limited_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn takes as long as its ports need; nobody is left out, and a silent link is gone after some of these turns."""
    monkeypatch.setattr(discovery, "RATE", 40)
    lab = Wires()
    for number in range(1, 11):
        lab.join((f"s{number}", 1), (f"s{number % 10 + 1}", 2))
    for number in range(1, 11):
        lab.start(f"s{number}", ports=8)
    lab.wait(2)
    assert len(lab.links) == 20
    lab.frames.clear()
    said: set[bytes] = set()
    for _ in range(4):  # 80 ports, 20 each half of a second
        lab.tick("take_turns")
        assert len(lab.frames) <= 20
        said |= {frame[22:60] for _, _, _, frame in lab.frames}
        lab.deliver()
    assert len(said) == 80
    lab.cut(("s1", 1), ("s2", 2))
    lab.wait(2 * (MISSES + 2))
    assert len(lab.links) == 18


@pytest.mark.parametrize(
    ("ports", "seconds"),
    [(1, 1), (100, 1), (150, 1.5), (200, 2), (2000, 2), (3000, 3), (4900, 5), (10_000, 5), (20_000, 5), (40_000, 10)],
)
def test_a_turn_takes_one_to_five_seconds_as_long_as_that_is_no_more_than_4000_frames_a_second(
    ports: int, seconds: float
) -> None:
    part, least = discovery._part(ports)
    assert max(-(-ports // part), least) == pytest.approx(seconds / BEAT, abs=1)


def test_a_link_that_is_silent_in_one_direction_is_gone_too(two: Wires) -> None:
    two.wait(TURN)
    del two.cables["s1", 1]
    two.wait((MISSES + 2) * TURN)
    assert two.links == set()
    assert two.role("s1", 1) == "oneway"


def test_a_bridge_that_is_away_keeps_its_links_and_those_of_its_neighbours(two: Wires) -> None:
    two.event(BridgeDown("s2", "silent"))
    cables, two.cables = two.cables, {}  # nobody speaks for it, and it hears nobody
    two.wait(3 * MISSES * TURN)
    assert two.links == LINK
    two.cables = cables
    two.event(BridgeUp("s2"))
    two.event(Greeted("s2"))
    two.event(Prepared("s2"))
    two.deliver()
    two.wait(3 * TURN)
    assert two.links == LINK


def test_ports_that_a_bridge_does_not_have_any_more(two: Wires) -> None:
    two.event(BridgeDown("s2", "gone"))
    two.drop(two.port("s2", 1))
    two.event(BridgeUp("s2"))
    assert (two.links, two.role("s1", 1), two.role("s2", 1)) == (set(), "held", "")


# ---------------------------------------------------------------------- after a restart


def restarted(old: Wires) -> Wires:
    """A new controller with the rows that are kept, and no bridge yet."""
    lab = Wires()
    lab.cables = old.cables
    lab.put(*(row for cls in (PortRole, Link) for row in old.rows(cls)))
    return lab


def test_roles_and_links_are_known_after_a_restart(two: Wires) -> None:
    two.wait(TURN)
    lab = restarted(two)
    lab.start("s1")
    lab.wait(2 * MISSES * TURN)  # the other one takes its time
    assert lab.links == LINK
    assert lab.role("s1", 2) == "edge"
    lab.start("s2")
    lab.wait(2 * MISSES * TURN)
    assert lab.links == LINK


def test_what_was_rewired_meanwhile_is_found(two: Wires) -> None:
    two.wait(TURN)
    lab = restarted(two)
    lab.cables = {}
    lab.join(("s1", 1), ("s3", 1))
    for name in ("s1", "s2", "s3"):
        lab.start(name)
    assert lab.links == {("s1", 1, "s3", 1), ("s3", 1, "s1", 1)}
    assert lab.role("s2", 1) == "held"
    lab.wait(2 * TURN)
    assert lab.role("s2", 1) == "edge"


def test_a_bridge_without_its_flows_does_not_classify(two: Wires) -> None:
    lab = Wires()
    lab.bridge("s1", dpid=1, ports=1)
    lab.event(PortUp("s1", 1))
    lab.event(HoldOver("s1", 1, 0))
    assert lab.role("s1", 1) == "held"
