"""The columns of an Open_vSwitch database that are monitored, as a schema of their own: all are in Open vSwitch 2.6 and later.

CONFIGURED columns say how things shall be and are compared with what is wanted; REPORTED ones say how they are. Columns with
counters are not asked for: a large hypervisor rewrites them every five seconds.
"""

from __future__ import annotations

from typing import Any

NAME = "Open_vSwitch"
MAP = {"key": "string", "value": "string", "min": 0, "max": "unlimited"}
TEXTS = {"key": "string", "min": 0, "max": "unlimited"}
TEXT = {"key": "string", "min": 0, "max": 1}
NUMBER = {"key": "integer", "min": 0, "max": 1}


def _refs(table: str, most: int | str = "unlimited", weak: bool = False) -> dict[str, Any]:
    key = {"type": "uuid", "refTable": table, **({"refType": "weak"} if weak else {})}
    return {"key": key, "min": 0, "max": most}


CONFIGURED: dict[str, dict[str, Any]] = {
    "Open_vSwitch": {"bridges": _refs("Bridge")},
    "Bridge": {
        "name": "string",
        "datapath_type": "string",
        "fail_mode": TEXT,
        "protocols": TEXTS,
        "other_config": MAP,
        "external_ids": MAP,
        "ports": _refs("Port"),
        "controller": _refs("Controller"),
        "mirrors": _refs("Mirror"),
        "netflow": _refs("NetFlow", 1),
        "sflow": _refs("sFlow", 1),
        "ipfix": _refs("IPFIX", 1),
    },
    "Port": {"name": "string", "external_ids": MAP, "interfaces": _refs("Interface"), "qos": _refs("QoS", 1)},
    "Interface": {
        "name": "string",
        "type": "string",
        "options": MAP,
        "bfd": MAP,
        "mtu_request": NUMBER,
        "ofport_request": NUMBER,
        "external_ids": MAP,
    },
    "Controller": {
        "target": "string",
        "connection_mode": TEXT,
        "max_backoff": NUMBER,
        "inactivity_probe": NUMBER,
        "external_ids": MAP,
    },
    "Mirror": {
        "name": "string",
        "output_port": _refs("Port", 1, weak=True),
        "select_all": "boolean",
        "select_src_port": _refs("Port", weak=True),
        "select_dst_port": _refs("Port", weak=True),
        "external_ids": MAP,
    },
    "QoS": {"type": "string", "other_config": MAP, "external_ids": MAP},
    "NetFlow": {"targets": TEXTS, "active_timeout": "integer", "external_ids": MAP},
    "sFlow": {"targets": TEXTS, "agent": TEXT, "sampling": NUMBER, "polling": NUMBER, "header": NUMBER, "external_ids": MAP},
    "IPFIX": {"targets": TEXTS, "sampling": NUMBER, "obs_domain_id": NUMBER, "obs_point_id": NUMBER, "external_ids": MAP},
}

REPORTED: dict[str, dict[str, Any]] = {
    "Open_vSwitch": {"next_cfg": "integer", "cur_cfg": "integer", "ovs_version": TEXT, "external_ids": MAP},
    "Interface": {"ofport": NUMBER, "error": TEXT, "bfd_status": MAP, "mtu": NUMBER},
}

ROOTS = ("Open_vSwitch", "QoS")


def schema() -> dict[str, Any]:
    """The schema as ovsdb-server would give it, cut down to these columns."""
    tables = {
        table: {
            "isRoot": table in ROOTS,
            "columns": {name: {"type": kind} for name, kind in {**columns, **REPORTED.get(table, {})}.items()},
        }
        for table, columns in CONFIGURED.items()
    }
    return {"name": NAME, "version": "7.14.0", "tables": tables}
