"""The difference in single cases, and how it is written for the database."""

from __future__ import annotations

import pytest

from controller.ovsdb.intents import Bridge, Intent, Mirror, Port
from controller.ovsdb.reconcile import reconcile
from controller.ovsdb.rows import Delete, Insert, Mutate, Operation, Ref, Seen, Update
from tests.unit.ovsdb.database import apply, empty
from tests.unit.ovsdb.things import foreign_bridge, foreign_port

pytestmark = pytest.mark.unit
ONE = Intent((Bridge("br1", (Port("p1", max_rate=1000), Port("p2"))),))


def made(intent: Intent, seen: Seen | None = None) -> Seen:
    before = seen or empty()
    return apply(reconcile(intent, before, "us").operations, before)


def plugged(seen: Seen, name: str) -> Seen:
    """The database after somebody has plugged a port into its first bridge."""
    bridge = next(iter(seen.rows("Bridge")))
    operations: list[Operation] = [
        *foreign_port(name),
        Mutate("Bridge", bridge, "ports", add=frozenset({Ref("port0", new=True)})),
    ]
    return apply(operations, seen)


def names(seen: Seen, table: str) -> set[str]:
    return {str(row["name"]) for row in seen.rows(table).values()}


def told(intent: Intent, seen: Seen) -> list[str]:
    return [f"{p.subject}: {p.text}" for p in reconcile(intent, seen, "us").problems]


def test_what_is_sent() -> None:
    row, new = Ref("8f2e"), Ref("new1", new=True)
    assert Insert(
        "Port", new, {"name": "p1", "interfaces": frozenset({Ref("new2", new=True)}), "external_ids": {"a": "b"}}
    ).json() == {
        "op": "insert",
        "table": "Port",
        "uuid-name": "new1",
        "row": {"name": "p1", "interfaces": ["set", [["named-uuid", "new2"]]], "external_ids": ["map", [["a", "b"]]]},
    }
    where = [["_uuid", "==", ["uuid", "8f2e"]]]
    assert Update("Bridge", row, {"fail_mode": frozenset({"secure"}), "stp_enable": True}).json() == {
        "op": "update",
        "table": "Bridge",
        "where": where,
        "row": {"fail_mode": ["set", ["secure"]], "stp_enable": True},
    }
    assert Mutate("Bridge", row, "other_config", frozenset({"x"}), {"x": "y"}).json() == {
        "op": "mutate",
        "table": "Bridge",
        "where": where,
        "mutations": [["other_config", "delete", ["set", ["x"]]], ["other_config", "insert", ["map", [["x", "y"]]]]],
    }
    assert Delete("QoS", row).json() == {"op": "delete", "table": "QoS", "where": where}


def test_only_what_differs_is_changed() -> None:
    seen = made(ONE)
    (interface,) = [ref for ref, row in seen.rows("Interface").items() if row["name"] == "p2"]
    slower = Intent((Bridge("br1", (Port("p1", max_rate=1000), Port("p2", mtu=1400))),))
    assert reconcile(slower, seen, "us").operations == (Update("Interface", interface, {"mtu_request": frozenset({1400})}),)


def test_a_port_moves_to_another_bridge() -> None:
    seen = made(Intent((Bridge("br1", (Port("p2"),)), Bridge("br2", (Port("p1"),)))), made(ONE))
    assert names(seen, "Port") == {"br1", "br2", "p1", "p2"}
    assert seen.rows("QoS") == {}


def test_a_bridge_that_others_use_is_not_removed() -> None:
    used = plugged(made(ONE), "vm1")
    assert told(Intent(), used) == ["br1: it is not removed: port vm1 on it is not ours"]
    left = made(Intent(), used)
    assert names(left, "Port") == {"br1", "vm1"}
    free = apply([Mutate("Bridge", next(iter(left.rows("Bridge"))), "ports", frozenset(ports_called(left, "vm1")))], left)
    assert made(Intent(), free).tables.keys() == {"Open_vSwitch"}


def ports_called(seen: Seen, name: str) -> list[Ref]:
    return [ref for ref, row in seen.rows("Port").items() if row["name"] == name]


def test_the_bridge_of_another_controller_is_not_taken_over() -> None:
    theirs = apply(foreign_bridge("br1", "eth0", external_ids={"weft": "them"}), empty())
    wanted = Intent((Bridge("br1", adopt=True),))
    assert told(wanted, theirs) == ["br1: it belongs to another controller (them), and is left as it is"]
    assert reconcile(wanted, theirs, "us").operations == ()


def test_a_port_that_is_there_and_right_needs_nothing() -> None:
    there = apply(foreign_bridge("br1", "eth0", external_ids={}), empty())
    adopted = made(Intent((Bridge("br1", (Port("br1", ""), Port("eth0")), adopt=True),)), there)
    assert told(Intent((Bridge("br1", (Port("br1", ""), Port("eth0")), adopt=True),)), adopted) == []
    other = Intent((Bridge("br1", (Port("br1", ""), Port("eth0", mtu=1400)), adopt=True),))
    assert told(other, adopted) == ["br1/eth0: port eth0 is there and not ours; it is left as it is"]


def test_a_name_that_another_bridge_has() -> None:
    there = apply(foreign_bridge("br9", "p1", external_ids={}), empty())
    assert told(ONE, there) == ["br1/p1: br9 has port p1 already"]
    assert names(made(ONE, there), "Port") == {"br1", "br9", "p1", "p2"}


def test_a_mirror_waits_for_its_ports() -> None:
    wanted = Intent((Bridge("br1", mirrors=(Mirror("m1", "vm1"),)),))
    assert told(wanted, empty()) == ["br1: mirror m1 waits for port vm1"]
    plugged_in = plugged(made(wanted), "vm1")
    assert told(wanted, plugged_in) == []
    assert names(made(wanted, plugged_in), "Mirror") == {"m1"}


def test_a_database_that_was_never_begun() -> None:
    assert told(ONE, Seen({})) == [": its database is empty; on the hypervisor: ovs-vsctl init"]


@pytest.mark.parametrize(
    "bridges",
    [(Bridge("br1"), Bridge("br1")), (Bridge("br1", (Port("br2"),)), Bridge("br2")), (Bridge("br1", (Port("br1", "vxlan"),)),)],
)
def test_what_cannot_be_wanted(bridges: tuple[Bridge, ...]) -> None:
    with pytest.raises(ValueError, match=r"br1|br2"):
        Intent(bridges)
