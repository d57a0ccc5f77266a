"""What links cost reaches the flows: with another speed or network file NEXTHOP goes another way, and nothing else moves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apps.fabric import Fabric
from controller.model import Host, Link, LinkConfig, Mac, Port, PortRole, Row
from controller.state.tables import Tx
from controller.topology.costs import Costs
from controller.topology.paths import Paths
from tests.apps.engine import Lab

pytestmark = pytest.mark.apps

CABLES = [("s1", 1, "s2", 1), ("s2", 2, "s3", 2), ("s1", 3, "s3", 3)]  # s1 and s3: directly by port 3, or over s2


class Triangle(Lab):
    """Three bridges with a link between any two, and a host on s3."""

    def __init__(self) -> None:
        super().__init__(Fabric())
        self.costs, self.paths = Costs(self.engine), Paths(self.engine)
        for number in (1, 2, 3):
            self.bridge(f"s{number}", dpid=number, ports=())
        ends = [end for a, p, b, q in CABLES for end in ((a, p, b, q), (b, q, a, p))]
        self.put(*(Port(bridge, port, f"eth{port}", speed=10**9) for bridge, port, *_ in ends))
        self.put(*(PortRole(bridge, port, "link") for bridge, port, *_ in ends), *(Link(*end) for end in ends))
        self.put(Host("default", Mac(1), "s3", 9))

    def put(self, *rows: Row) -> None:
        super().put(*rows)
        for follow in (self.costs, self.paths) if "paths" in vars(self) else ():
            tx = Tx(self.engine.tables)
            follow.update(tx)
            self._commit(tx)

    def next_hops(self, bridge: str) -> list[str]:
        """The flows towards the bridge of the host."""
        return [flow for flow in self.flows(bridge, "NEXTHOP") if "reg1=" in flow]

    def all_flows(self) -> set[tuple[str, str]]:
        return {(bridge, flow) for bridge in ("s1", "s2", "s3") for flow in self.flows(bridge)}


def test_the_cheapest_way_is_the_one_in_the_flows() -> None:
    lab = Triangle()
    before = lab.all_flows()
    (direct,) = lab.next_hops("s1")
    assert "set_field:0x3->reg2" in direct
    lab.put(LinkConfig("s3", "eth3", 100_000))
    (around,) = lab.next_hops("s1")
    assert "set_field:0x1->reg2" in around
    assert lab.all_flows() ^ before == {("s1", direct), ("s1", around)}
    lab.put(LinkConfig("s3", "eth3", 1))
    assert lab.all_flows() == before


def test_ways_that_cost_the_same_are_both_used() -> None:
    lab = Triangle()
    lab.put(LinkConfig("s1", "eth3", 40_000))  # as much as two links of 1 Gbit/s
    (flow,) = lab.next_hops("s1")
    assert "group:" in flow
    (group,) = [flow for flow in lab.flows("s1") if "type=select" in flow]
    assert "watch_port:1" in group
    assert "watch_port:3" in group


def test_a_faster_port_changes_the_way() -> None:
    lab = Triangle()
    fast = [port for port in lab.engine.tables.all(Port) if port.port in (1, 2)]
    lab.put(*(replace(port, speed=10**10) for port in fast))
    (flow,) = lab.next_hops("s1")
    assert "set_field:0x1->reg2" in flow
