"""Services of the network file as rows, and what becomes of backends whose service is checked from now on."""

from __future__ import annotations

from controller.config import parse
from controller.model import Backend, Drained, Draining, Health, HealthCheck, IPv4
from controller.runtime.networks import put
from controller.state.tables import Tables, Tx

FILE = """
networks: {{blue: {{vlan: 10}}}}
services:
  web:
    network: blue
    vip: 10.0.0.100
    ports: [{{port: 80}}]
    backends: [{backends}]
{health}
"""
CHECKED = "    health: {type: tcp}"
ONE, TWO = IPv4("10.0.0.1"), IPv4("10.0.0.2")


def apply(tables: Tables, *backends: IPv4, health: str = "") -> None:
    """Make the rows what a file says."""
    tx = Tx(tables)
    listed = ", ".join(f"{{address: {backend}}}" for backend in backends)
    put(tx, parse(FILE.format(backends=listed, health=health), "network.yaml"))
    for (cls, key), (row,) in tx.changes.items():
        tables.set(cls, key, tables.get(cls, *key), row)


def test_who_took_connections_before_there_was_a_check_does_so_until_it_says_no() -> None:
    tables = Tables()
    apply(tables, ONE)
    assert tables.all(Health) == []
    apply(tables, ONE, TWO, health=CHECKED)
    (health,) = tables.all(Health)
    assert (health.address, health.up, health.reason) == (ONE, True, "not checked yet")
    assert health.since > 0
    assert [row.address for row in tables.all(Backend)] == [ONE, TWO]
    tables.set(Health, ("web", ONE), health, Health("web", ONE, False, "refused", 5.0))
    apply(tables, ONE, TWO, health="    health: {type: icmp}")
    assert tables.all(Health) == [Health("web", ONE, False, "refused", 5.0)]
    assert tables.all(HealthCheck)[0].type == "icmp"


def test_of_a_backend_that_is_not_in_the_file_nothing_is_kept() -> None:
    tables = Tables()
    apply(tables, ONE, TWO, health=CHECKED)
    for row in (Draining("web", ONE, 1.0), Drained("web", ONE, 1.0), Health("web", ONE, True), Health("web", TWO, True)):
        tables.set(type(row), ("web", row.address), None, row)
    apply(tables, TWO, health=CHECKED)
    assert (tables.all(Draining), tables.all(Drained)) == ([], [])
    assert tables.all(Health) == [Health("web", TWO, True)]
    apply(tables, TWO)
    assert tables.all(Health) == []


def test_a_new_service_is_down_until_its_first_answers() -> None:
    tables = Tables()
    apply(tables, ONE, health=CHECKED)
    assert tables.all(Health) == []
