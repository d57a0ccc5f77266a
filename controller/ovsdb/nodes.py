"""What is wanted as the rows that it takes: a tree, from the bridge down to interfaces, queues and export targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from controller.ovsdb.intents import Bridge, Controller, Ipfix, Mirror, NetFlow, Port, SFlow
from controller.ovsdb.rows import Atom, Columns, Ref

KEYS = {"Bridge": "name", "Port": "name", "Interface": "name", "Mirror": "name", "Controller": "target"}
"""The column that tells a row from its siblings; rows of other tables have no siblings."""

CHILDREN = {
    "Bridge": {
        "ports": "Port",
        "controller": "Controller",
        "mirrors": "Mirror",
        "netflow": "NetFlow",
        "sflow": "sFlow",
        "ipfix": "IPFIX",
    },
    "Port": {"interfaces": "Interface", "qos": "QoS"},
}
"""The columns by which a row holds others, and their table. Mirrors stand behind the ports that they name."""


@dataclass(frozen=True, slots=True)
class Node:
    """A row that is wanted. `columns` are exactly so, of the mapping in `settings` only the keys given; more may be in it."""

    table: str
    key: str
    columns: Columns
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    children: Mapping[str, tuple[Node, ...]] = field(default_factory=dict)


def bridge(wanted: Bridge, ports: tuple[Port, ...]) -> Node:
    """A bridge with these of its ports; its mirrors are for later, when the rows of the ports are known."""
    config = {"disable-in-band": "true", **wanted.other_config}
    if wanted.datapath_id is not None:
        config["datapath-id"] = f"{wanted.datapath_id:016x}"
    columns: dict[str, Atom | frozenset[Atom] | Mapping[str, str]] = {
        "name": wanted.name,
        "fail_mode": frozenset({wanted.fail_mode}),
        "protocols": frozenset(wanted.protocols),
    }
    if not wanted.adopt:
        columns["other_config"] = config
    if wanted.datapath_type or not wanted.adopt:  # another type takes a bridge down: of an adopted one only where it is said
        columns["datapath_type"] = wanted.datapath_type
    children = {
        "ports": tuple(map(port, ports)),
        "controller": tuple(map(_controller, wanted.controllers)),
        "netflow": (_netflow(wanted.netflow),) if wanted.netflow else (),
        "sflow": (_sflow(wanted.sflow),) if wanted.sflow else (),
        "ipfix": (_ipfix(wanted.ipfix),) if wanted.ipfix else (),
    }
    return Node("Bridge", wanted.name, columns, {"other_config": config} if wanted.adopt else {}, children)


def port(wanted: Port) -> Node:
    """A port with its interface, and its shaper where it has one."""
    bfd = {}
    if wanted.bfd:
        bfd = {"enable": "true", "min_tx": str(wanted.bfd.min_tx), "min_rx": str(wanted.bfd.min_rx), **wanted.bfd.options}
    columns: Columns = {
        "name": wanted.name,
        "type": wanted.type,
        "options": dict(wanted.options),
        "bfd": bfd,
        "mtu_request": _optional(wanted.mtu),
        "ofport_request": _optional(wanted.number),
    }
    shaper: tuple[Node, ...] = ()
    if wanted.max_rate is not None:
        shaper = (Node("QoS", "", {"type": "linux-htb", "other_config": {"max-rate": str(wanted.max_rate)}}),)
    children = {"interfaces": (Node("Interface", wanted.name, columns),), "qos": shaper}
    return Node("Port", wanted.name, {"name": wanted.name}, children=children)


def mirror(wanted: Mirror, ports: Mapping[str, Ref]) -> Node | str:
    """A mirror, with the rows of the ports of its bridge; or the name of a port that is not there."""
    for name in (wanted.output, *wanted.sources, *wanted.destinations):
        if name not in ports:
            return name
    columns: Columns = {
        "name": wanted.name,
        "output_port": frozenset({ports[wanted.output]}),
        "select_all": wanted.everything,
        "select_src_port": frozenset(ports[name] for name in wanted.sources),
        "select_dst_port": frozenset(ports[name] for name in wanted.destinations),
    }
    return Node("Mirror", wanted.name, columns)


def _controller(wanted: Controller) -> Node:
    columns: Columns = {
        "target": wanted.target,
        "connection_mode": frozenset({"out-of-band"}),
        "max_backoff": _optional(wanted.max_backoff),
        "inactivity_probe": _optional(wanted.inactivity_probe),
    }
    return Node("Controller", wanted.target, columns)


def _netflow(wanted: NetFlow) -> Node:
    return Node("NetFlow", "", {"targets": frozenset(wanted.targets), "active_timeout": wanted.active_timeout})


def _sflow(wanted: SFlow) -> Node:
    columns: Columns = {
        "targets": frozenset(wanted.targets),
        "agent": _optional(wanted.agent or None),
        "sampling": _optional(wanted.sampling),
        "polling": _optional(wanted.polling),
        "header": _optional(wanted.header),
    }
    return Node("sFlow", "", columns)


def _ipfix(wanted: Ipfix) -> Node:
    columns: Columns = {
        "targets": frozenset(wanted.targets),
        "sampling": _optional(wanted.sampling),
        "obs_domain_id": _optional(wanted.domain),
        "obs_point_id": _optional(wanted.point),
    }
    return Node("IPFIX", "", columns)


def _optional(value: str | int | None) -> frozenset[Atom]:
    return frozenset() if value is None else frozenset({value})
