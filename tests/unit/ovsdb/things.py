"""Hypervisors as hypothesis makes them up: what is wanted of them, and what other people did there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from controller.ovsdb.intents import Bfd, Bridge, Controller, Intent, Ipfix, Mirror, NetFlow, Port, SFlow
from controller.ovsdb.ownership import owner_of
from controller.ovsdb.rows import Columns, Insert, Mutate, Operation, Ref, Seen, Update
from tests.unit.ovsdb.database import ROOT, ConstraintViolationError, apply

BRIDGES = ("br1", "br2", "br3")
PORTS = ("p1", "p2", "p3", "p4", "br3")  # one may have the name of a bridge


@st.composite
def intents(draw: Any) -> Intent:
    homes = draw(st.dictionaries(st.sampled_from(PORTS), st.sampled_from(BRIDGES), max_size=5))
    names = draw(st.lists(st.sampled_from(BRIDGES), unique=True, max_size=3))
    for port in list(homes):
        if port in names and homes[port] != port:
            del homes[port]
    return Intent(tuple(draw(bridges(name, tuple(p for p, home in homes.items() if home == name))) for name in names))


@st.composite
def bridges(draw: Any, name: str, ports: tuple[str, ...]) -> Bridge:
    some = st.sampled_from((*PORTS, name))
    collectors = st.sampled_from((("192.0.2.1:1",), ("192.0.2.1:1", "192.0.2.2:1")))
    return Bridge(
        name,
        tuple(draw(port(p, local=p == name)) for p in ports),
        tuple(Controller(f"tcp:192.0.2.{n}:6653") for n in draw(st.sets(st.integers(1, 2)))),
        datapath_type=draw(st.sampled_from(("", "netdev"))),
        datapath_id=draw(st.sampled_from((None, 1, 2))),
        other_config=draw(st.sampled_from(({}, {"mac-aging-time": "9"}))),
        mirrors=tuple(
            Mirror(f"m{n}", draw(some), tuple(draw(st.sets(some, max_size=2))), everything=draw(st.booleans()))
            for n in draw(st.sets(st.integers(1, 2)))
        ),
        netflow=draw(st.none() | st.builds(NetFlow, collectors, st.integers(-1, 1))),
        sflow=draw(st.none() | st.builds(SFlow, collectors)),
        ipfix=draw(st.none() | st.builds(Ipfix, collectors)),
        adopt=draw(st.booleans()),
    )


@st.composite
def port(draw: Any, name: str, local: bool) -> Port:
    return Port(
        name,
        "internal" if local else draw(st.sampled_from(("", "internal", "vxlan"))),
        draw(st.sampled_from(({}, {"remote_ip": "192.0.2.9"}))),
        draw(st.none() | st.just(Bfd())),
        draw(st.none() | st.just(1400)),
        draw(st.none() | st.integers(1, 2)),
        draw(st.none() | st.integers(1, 2)),
    )


Meddling = Callable[[Seen], list[Operation]]
_NEW = Ref("foreign1", new=True), Ref("foreign2", new=True), Ref("foreign3", new=True)


def foreign_port(name: str, number: int = 0) -> list[Operation]:
    """Rows of a port that nobody marked; the first is the port's."""
    port, interface = Ref(f"port{number}", new=True), Ref(f"iface{number}", new=True)
    plain: Columns = {"type": "", "options": {}, "bfd": {}, "mtu_request": frozenset(), "ofport_request": frozenset()}
    return [
        Insert("Port", port, {"name": name, "interfaces": frozenset({interface}), "external_ids": {}}),
        Insert("Interface", interface, {"name": name, **plain, "external_ids": {"vm": "7"}}),
    ]


def foreign_bridge(name: str, *ports: str, external_ids: dict[str, str]) -> list[Operation]:
    made = [foreign_port(port, number) for number, port in enumerate((name, *ports))]
    columns: Columns = {"name": name, "ports": frozenset(p[0].ref for p in made), "external_ids": external_ids}
    rest: Columns = {"fail_mode": frozenset(), "protocols": frozenset(), "other_config": {"stp": "1"}, "datapath_type": ""}
    bridge = Insert("Bridge", _NEW[0], {**columns, **rest})
    return [bridge, *(row for p in made for row in p), Mutate("Open_vSwitch", ROOT, "bridges", add=frozenset({_NEW[0]}))]


@st.composite
def meddlings(draw: Any) -> Meddling:
    """Something that somebody else does; where it cannot be done nothing."""
    name, pick = draw(st.sampled_from((*BRIDGES, *PORTS))), draw(st.integers(0, 20))
    what = draw(st.sampled_from(("bridge", "port", "child", "bond", "set", "detach", "unmark", "share", "controller")))

    def rows(seen: Seen, table: str) -> Ref | None:
        refs = sorted(seen.rows(table))
        return refs[pick % len(refs)] if refs else None

    def meddle(seen: Seen) -> list[Operation]:
        bridge, row, qos = rows(seen, "Bridge"), rows(seen, "Port"), rows(seen, "QoS")
        if what == "bridge":
            marks: dict[str, str] = {"weft": "another"} if pick % 3 == 0 else {}
            return foreign_bridge(name, external_ids=marks)
        if what in ("port", "child", "controller", "detach") and bridge:
            return _on_bridge(what, seen, bridge, name, pick)
        if row and what == "bond":
            return [foreign_port(f"{name}x")[1], Mutate("Port", row, "interfaces", add=frozenset({Ref("iface0", new=True)}))]
        if row and qos and what == "share":
            return [Update("Port", row, {"qos": frozenset({qos})})]
        if what == "unmark":
            table = ("Bridge", "Port", "Interface", "QoS")[pick % 4]
            ref = rows(seen, table)
            return [Mutate(table, ref, "external_ids", frozenset({"weft"}))] if ref else []
        if what == "set" and bridge and owner_of(seen.rows("Bridge")[bridge]) == "us":
            return [Update("Bridge", bridge, {"fail_mode": frozenset({"standalone"}), "other_config": {"x": "y"}})]
        return []

    return meddle


def _on_bridge(what: str, seen: Seen, bridge: Ref, name: str, pick: int) -> list[Operation]:
    if what == "port":
        return [*foreign_port(name), Mutate("Bridge", bridge, "ports", add=frozenset({Ref("port0", new=True)}))]
    if what == "child":
        column, table = (("netflow", "NetFlow"), ("mirrors", "Mirror"))[pick % 2]
        row = Insert(table, _NEW[0], {"name": "m1", "targets": frozenset({"192.0.2.7:1"}), "external_ids": {}})
        return [row, Mutate("Bridge", bridge, column, add=frozenset({_NEW[0]}))]
    if what == "controller":
        row = Insert("Controller", _NEW[0], {"target": f"tcp:192.0.2.{pick % 4}:6653", "external_ids": {}})
        return [row, Mutate("Bridge", bridge, "controller", add=frozenset({_NEW[0]}))]
    ports = seen.refs(seen.rows("Bridge")[bridge], "ports")
    return [Mutate("Bridge", bridge, "ports", frozenset({ports[pick % len(ports)]}))] if ports else []


def meddled(seen: Seen, meddle: Meddling) -> Seen:
    """The database after somebody else's change; as it was where the change is refused."""
    try:
        return apply(meddle(seen), seen)
    except ConstraintViolationError:
        return seen
