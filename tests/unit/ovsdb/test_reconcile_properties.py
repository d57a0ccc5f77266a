"""Whatever is wanted and whatever others did: one transaction makes it so, touches nothing of theirs, and the next is empty."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.ovsdb.intents import Bridge, Intent, Port
from controller.ovsdb.nodes import CHILDREN
from controller.ovsdb.ownership import ADOPTED, MARK, owner_of
from controller.ovsdb.reconcile import reconcile
from controller.ovsdb.rows import Plan, Ref, Seen
from tests.unit.ovsdb.database import apply, empty
from tests.unit.ovsdb.things import Meddling, intents, meddled, meddlings

pytestmark = pytest.mark.unit
US = "us"
TABLES = ("Bridge", "Port", "Interface", "Mirror", "Controller", "NetFlow", "sFlow", "IPFIX", "QoS")
Steps = list[Intent | Meddling]


@settings(max_examples=150, deadline=None)
@given(st.lists(intents() | meddlings(), max_size=6), intents())
def test_one_transaction_makes_it_so(history: Steps, intent: Intent) -> None:
    before = lived(history)
    plan = reconcile(intent, before, US)
    after = apply(plan.operations, before)
    assert foreign(before, intent) == foreign(after, intent)
    assert_holds(intent, after, plan)
    again = reconcile(intent, after, US)
    assert again.operations == ()
    assert {p.subject for p in again.problems} == {p.subject for p in plan.problems}


@settings(max_examples=50, deadline=None)
@given(st.lists(intents(), max_size=4), intents())
def test_alone_on_a_hypervisor_nothing_stands_in_the_way_and_nothing_is_left(history: Steps, intent: Intent) -> None:
    before = lived(list(history))
    plan = reconcile(intent, before, US)
    assert not [p for p in plan.problems if p.foreign]
    after = apply(plan.operations, before)
    assert {str(row["name"]) for row in after.rows("Bridge").values()} == {b.name for b in intent.bridges}
    end = apply(reconcile(Intent(), after, US).operations, after)
    assert set(end.tables) == {"Open_vSwitch"}


def lived(history: Steps) -> Seen:
    """A database in which all this happened, one after the other."""
    seen = empty()
    for step in history:
        seen = apply(reconcile(step, seen, US).operations, seen) if isinstance(step, Intent) else meddled(seen, step)
    return seen


def foreign(seen: Seen, intent: Intent) -> dict[tuple[str, Ref], dict[str, Any]]:
    """All rows that are not ours, without references to rows that are. What is taken over is told by its marks alone."""
    ours = {ref for table in TABLES for ref, row in seen.rows(table).items() if owner_of(row) == US}
    found = {}
    for table in TABLES:
        for ref, row in seen.rows(table).items():
            adopted = ADOPTED in row.get("external_ids", {})  # type: ignore[operator]
            wanted = table == "Bridge" and any(b.adopt and b.name == row["name"] for b in intent.bridges)
            if table == "Bridge" and (adopted or (wanted and owner_of(row) == "")):
                continue
            if owner_of(row) != US:
                found[table, ref] = {column: without(value, ours) for column, value in row.items()}
    # A row that was ours and lost its mark to somebody is theirs from then on; what was taken over comes back as theirs.
    return {key: row for key, row in found.items() if key[0] != "Bridge" or row["external_ids"] != {}}


def without(value: Any, ours: set[Ref]) -> Any:
    return value - ours if isinstance(value, frozenset) else value


def assert_holds(intent: Intent, seen: Seen, plan: Plan) -> None:
    """The database is that of the intent, but for what the plan says."""
    troubles = {p.subject for p in plan.problems}
    rows = {str(row["name"]): row for row in seen.rows("Bridge").values()}
    for bridge in intent.bridges:
        row = rows.get(bridge.name)
        if row is None or owner_of(row) != US:
            assert bridge.name in troubles
            continue
        assert_bridge(bridge, row, seen, troubles)
    wanted = {port.name for bridge in intent.bridges for port in bridge.all_ports()}
    wanted |= {name for name, row in rows.items() if owner_of(row) != US}  # a bridge keeps its local port, whose ever it is
    for port in seen.rows("Port").values():
        assert owner_of(port) != US or port["name"] in wanted or troubles
    shaped = {q for row in seen.rows("Port").values() for q in seen.refs(row, "qos")}
    assert {ref for ref, row in seen.rows("QoS").items() if owner_of(row) == US} <= shaped


def assert_bridge(bridge: Bridge, row: Any, seen: Seen, troubles: set[str]) -> None:
    assert row["fail_mode"] == {"secure"}
    assert row["protocols"] == {"OpenFlow13", "OpenFlow14"}
    if bridge.datapath_id:
        assert row["other_config"]["datapath-id"] == f"{bridge.datapath_id:016x}"
    held = {
        column: {seen.rows(table)[ref].get("name", seen.rows(table)[ref].get("target")): ref for ref in seen.refs(row, column)}
        for column, table in CHILDREN["Bridge"].items()
    }
    assert {c.target for c in bridge.controllers} <= held["controller"].keys() or bridge.name in troubles
    for column, export in (("netflow", bridge.netflow), ("sflow", bridge.sflow), ("ipfix", bridge.ipfix)):
        table = CHILDREN["Bridge"][column]
        targets: list[Any] = [seen.rows(table)[ref]["targets"] for ref in held[column].values()]
        assert bridge.name in troubles or targets in ([set(export.targets)] if export else [], [{"192.0.2.7:1"}])
    for port in bridge.all_ports():
        assert f"{bridge.name}/{port.name}" in troubles or is_so(port, seen.rows("Port")[held["ports"][port.name]], seen)
    for mirror in bridge.mirrors:
        if bridge.name not in troubles:
            output: Any = seen.rows("Mirror")[held["mirrors"][mirror.name]]["output_port"]
            assert output == {held["ports"][mirror.output]}


def is_so(port: Port, row: Any, seen: Seen) -> bool:
    interfaces = [seen.rows("Interface")[ref] for ref in seen.refs(row, "interfaces")]
    interface = next(i for i in interfaces if i["name"] == port.name)
    rates = [seen.rows("QoS")[ref]["other_config"] for ref in seen.refs(row, "qos")]
    if owner_of(row) != US:
        return interface["type"] == port.type
    assert row["external_ids"] == {MARK: US}
    assert (interface["type"], interface["options"]) == (port.type, dict(port.options))
    assert interface["mtu_request"] == (frozenset() if port.mtu is None else {port.mtu})
    assert interface["bfd"] == ({"enable": "true", "min_tx": "100", "min_rx": "100"} if port.bfd else {})
    return port.max_rate is None or {"max-rate": str(port.max_rate)} in rates
