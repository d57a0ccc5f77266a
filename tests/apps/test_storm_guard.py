"""The storm guard: a meter a port, in front of FLOOD."""

import pytest

from apps.storm_guard import StormGuard
from controller.model import PortRole
from tests.apps.engine import Lab

pytestmark = pytest.mark.apps


def lab(**settings):
    made = Lab(StormGuard(**settings))
    made.bridge("s1", 1, 2)
    made.put(PortRole("s1", 1, "edge"), PortRole("s1", 2, "link"))
    return made.flows("s1", app="storm_guard")


def test_edge_ports_have_a_meter_before_flood() -> None:
    flow, meter = lab(broadcast_per_second=50)
    assert flow.startswith("FORWARD priority=1,in_port=1 actions=meter:")
    assert flow.endswith("goto_table:90")
    assert "meter=storm/s1/1" in meter
    assert "rate=50" in meter


def test_none_where_it_is_off() -> None:
    assert lab(broadcast_per_second=0) == []
