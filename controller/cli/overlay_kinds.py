"""Hypervisors and the tunnels between them, as `weft get` shows them."""

from controller.cli.kind import Kind, octets
from controller.cli.output import Column, Item, age, field


def _state(item: Item) -> str:
    return f"{item['state']} ({item['reason']})" if item["reason"] else str(item["state"])


def _tunnel_name(item: Item) -> str:
    return f"{item['mesh']}/{item['hypervisor']}>{item['peer']}"


HYPERVISORS = Kind(
    "hypervisors",
    "hv",
    (
        Column("NAME", field("name")),
        Column("STATE", _state, long=True),
        Column("PORTS", field("ports")),
        Column("SINCE", age("since")),
        Column("DATABASE", field("remote"), long=True),
        Column("PROBLEMS", field("problems"), long=True),
        Column("BFD", field("bfd"), wide=True, long=True),
        Column("OPEN-VSWITCH", field("version"), wide=True),
    ),
    ("name",),
    lambda item: (item["name"],),
    "No hypervisors. They stand in the network file, under hypervisors:, with ovsdb: or listen:.",
    frozenset(),
    frozenset({"hypervisors", "bridges"}),
    bridge="name",
)

TUNNELS = Kind(
    "tunnels",
    "tu",
    (
        Column("MESH", field("mesh")),
        Column("HYPERVISOR", field("hypervisor")),
        Column("PEER", field("peer")),
        Column("STATE", field("state")),
        Column("SINCE", age("since")),
        Column("CAUSE", field("cause"), long=True),
        Column("MTU", field("mtu")),
        Column("RX", octets("rx_bytes")),
        Column("TX", octets("tx_bytes")),
        Column("PROBLEMS", field("problems"), long=True),
        Column("TYPE", field("type"), wide=True),
        Column("LOCAL", field("local"), wide=True),
        Column("REMOTE", field("remote"), wide=True),
        Column("RX-PACKETS", field("rx_packets"), wide=True),
        Column("TX-PACKETS", field("tx_packets"), wide=True),
    ),
    ("mesh", "hypervisor", "peer"),
    lambda item: (_tunnel_name(item), item["hypervisor"], item["peer"], item["mesh"]),
    "No tunnels. They join the hypervisors of a mesh, which stand in the network file.",
    frozenset(),
    frozenset({"tunnels"}),
    bridge="hypervisor",
)
