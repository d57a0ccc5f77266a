"""Connections of failed backends of services without translation are scheduled again; no others are."""

from __future__ import annotations

import pytest

from apps.failover import Failover
from apps.service_tables import MARKED, SCHEDULE
from controller.model import Backend, Drained, Draining, Health, HealthCheck, IPv4, Member, Number, Row, Served, Service, scope_of
from tests.apps.engine import Lab

ONE, TWO = IPv4("10.0.0.1"), IPv4("10.0.0.2")
CHECK = HealthCheck("web")


def lab(*rows: Row, mode: str = "dsr") -> Lab:
    made = Lab(Failover())
    made.bridge("s1", dpid=1, ports=2)
    made.put(Member(scope_of(Served("blue")), "s1"), Service("web", "blue", IPv4("10.0.0.100"), mode=mode))
    made.put(Backend("web", ONE), Backend("web", TWO), *rows)
    return made


def taken(made: Lab) -> list[str]:
    """The backends from which connections are taken."""
    names = {
        MARKED | row.number: str(row.name[1]) for row in made.rows(Number) if isinstance(row, Number) and row.space == "backend"
    }
    flows = made.flows("s1", app="failover")
    assert all(" priority=120,ct_mark=" in flow and f"resubmit(,{SCHEDULE.table})" in flow for flow in flows)
    return sorted(names[int(flow.partition("ct_mark=")[2].partition(" ")[0], 0)] for flow in flows)


@pytest.mark.parametrize(
    ("rows", "from_whom"),
    [
        ((CHECK, Health("web", ONE, False, "refused", 5.0), Health("web", TWO, True, "", 5.0)), ["10.0.0.1"]),
        ((CHECK, Health("web", ONE)), []),  # not checked yet
        ((Health("web", ONE, False, "refused", 5.0),), []),  # its checks were taken from the file
        ((Draining("web", TWO, 5.0),), []),
        ((Draining("web", TWO, 5.0), Drained("web", TWO, 5.0)), ["10.0.0.2"]),
        ((Drained("web", TWO, 5.0),), []),
        ((), []),
    ],
)
def test_who_loses_connections(rows: tuple[Row, ...], from_whom: list[str]) -> None:
    assert taken(lab(*rows)) == from_whom
    assert taken(lab(*rows, mode="nat")) == []


def test_one_that_is_well_again_keeps_them() -> None:
    made = lab(CHECK, Health("web", ONE, False, "refused", 5.0))
    made.put(Health("web", ONE, True, "connects", 9.0))
    assert taken(made) == []
