"""What links cost: by speed, by the network file, the same both ways, and nothing new while a bridge is not known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.model import Bridge, BridgeName, Host, Link, LinkConfig, Mac, Port, Row, Tree
from controller.state.engine import Engine
from controller.state.tables import Tx
from controller.topology.costs import MOST, Costs, by_speed
from controller.topology.paths import Paths
from tests.fakes.rows import commit

pytestmark = pytest.mark.unit

GIGABIT = 10**9


@pytest.mark.parametrize(
    ("speeds", "cost"),
    [
        ((GIGABIT, GIGABIT), 20_000),
        ((10**10, 10**8), 200_000),
        ((10**10, 10**10), 2_000),
        ((0, 10**11), 200),
        ((0, 0), 20_000),
        ((10**15, 10**15), 1),
        ((1, 1), MOST),
    ],
)
def test_the_slower_port_counts_as_ieee_802_1q_says(speeds: tuple[int, int], cost: int) -> None:
    assert by_speed(speeds) == by_speed(reversed(speeds)) == cost


class Lab:
    """A triangle of bridges, rows of which change, and the costs and paths that follow."""

    def __init__(self, speed: int = GIGABIT) -> None:
        self.engine = Engine()
        self.costs, self.paths = Costs(self.engine), Paths(self.engine)
        cables = [("s1", 1, "s2", 2), ("s2", 1, "s3", 2), ("s3", 1, "s1", 2)]
        links = [link for a, p, b, q in cables for link in (Link(a, p, b, q), Link(b, q, a, p))]
        self.put(*(Bridge(f"s{n}", n) for n in (1, 2, 3)), *links)
        assert {link.cost for link in self.engine.tables.all(Link)} == {1}  # no port is known
        self.put(*(Port(link.bridge, link.port, f"eth{link.port}", speed=speed) for link in links))
        self.put(Host("default", Mac(1), "s3", 9))

    def put(self, *rows: Row, drop: tuple[Row, ...] = ()) -> None:
        """Rows change; costs first, then paths, as the controller does it."""
        commit(self.engine, rows, drop)
        for _ in range(3):
            tx = Tx(self.engine.tables)
            self.costs.update(tx) if self.costs.stale else self.paths.update(tx)
            self.engine.commit(tx)
        assert not self.costs.stale

    def cost(self, bridge: str, port: int) -> int:
        """Of a link, which is the same from its other end."""
        link = self.engine.tables.get(Link, bridge, port)
        assert link is not None
        back = self.engine.tables.get(Link, link.peer, link.peer_port)
        assert back is not None
        assert back.cost == link.cost
        return link.cost

    def port(self, bridge: str, port: int) -> Port:
        found = self.engine.tables.get(Port, bridge, port)
        assert found is not None
        return found

    def way(self) -> tuple[int, ...]:
        """The ports of s1 that lead to s3."""
        hops = [hop for tree in self.engine.tables.where(Tree, dest="s3") for hop in tree.hops]
        return dict(hops)["s1"]


def test_speed_makes_the_cost_and_the_path() -> None:
    lab = Lab()
    assert (lab.cost("s1", 1), lab.way()) == (20_000, (2,))
    for bridge, port in (("s1", 1), ("s2", 2), ("s2", 1), ("s3", 2)):
        lab.put(replace(lab.port(bridge, port), speed=100 * GIGABIT))
    assert (lab.cost("s1", 1), lab.cost("s1", 2), lab.way()) == (200, 20_000, (1,))


def test_a_link_is_as_slow_as_its_slower_end() -> None:
    lab = Lab()
    lab.put(replace(lab.port("s1", 1), speed=10**8))
    assert lab.cost("s2", 2) == 200_000
    lab.put(replace(lab.port("s1", 1), speed=0))
    assert lab.cost("s2", 2) == 20_000


def test_the_network_file_goes_before_the_speed() -> None:
    lab = Lab()
    lab.put(LinkConfig("s3", "eth1", 50_000))  # the other end of the direct link
    assert (lab.cost("s1", 2), lab.way()) == (50_000, (1,))
    lab.put(LinkConfig("s1", "eth2", 40_000))
    assert (lab.cost("s1", 2), lab.way()) == (50_000, (1,))  # the higher one
    lab.put(drop=(LinkConfig("s3", "eth1"),))
    assert (lab.cost("s1", 2), lab.way()) == (40_000, (1, 2))  # as much as two links of 20000
    lab.put(drop=(LinkConfig("s1", "eth2"),))
    assert (lab.cost("s1", 2), lab.way()) == (20_000, (2,))


def test_a_bridge_goes_by_its_name_in_the_file() -> None:
    lab = Lab()
    lab.put(LinkConfig("s1", "eth1", 7), BridgeName(2, "s1"))  # what the file calls s1 is s2, and our s1 has no name there
    assert (lab.cost("s1", 1), lab.cost("s2", 1)) == (20_000, 7)
    lab.put(BridgeName(1, "s1"), drop=(BridgeName(2),))
    assert (lab.cost("s1", 1), lab.cost("s2", 1)) == (7, 20_000)


def test_a_cost_stays_while_a_port_is_not_known() -> None:
    lab = Lab(10 * GIGABIT)
    lab.put(drop=(lab.port("s2", 2),))
    lab.put(LinkConfig("s1", "eth1", 7), replace(lab.port("s1", 1), speed=GIGABIT))
    assert lab.cost("s1", 1) == 2_000
    lab.put(Port("s2", 2, "eth2", speed=10 * GIGABIT))
    assert lab.cost("s1", 1) == 7


def test_a_link_that_is_found_again_costs_what_it_cost() -> None:
    lab = Lab()
    lab.put(Link("s1", 1, "s2", 2), Link("s2", 2, "s1", 1))
    assert lab.cost("s1", 1) == 20_000
