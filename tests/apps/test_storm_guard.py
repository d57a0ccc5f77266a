"""The storm guard: a meter a port, in front of FLOOD."""

import pytest

from apps.storm_guard import StormGuard
from controller.app import Tx
from controller.model import Metered, Port, PortRole
from controller.state.engine import Engine
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


def test_what_is_dropped_is_told_as_long_as_it_lasts() -> None:
    tx, role = Tx(Engine().tables), PortRole("s1", 1, "edge")
    tx.put(Port("s1", 1, "s1-eth1"))
    for frames, seconds in ((9000, 3.0), (1, 3.0), (0, 3.0)):
        StormGuard().storm(Metered("s1", role, frames, seconds), tx)
    said = "s1/s1-eth1 sends more than 1000 frames/s to everybody; {} a second are dropped"
    assert tx.notes == [
        ("warning", "port.storm", "s1/s1-eth1", said.format(3000), True),
        ("warning", "port.storm", "s1/s1-eth1", said.format(1), True),
        ("info", "port.storm.over", "s1/s1-eth1", "s1/s1-eth1 does not send too many frames to everybody any more", False),
    ]
