"""Virtual services and their backends, as `weft get` shows them."""

from controller.cli.kind import Kind, octets
from controller.cli.output import Column, Item, age, field


def _up(item: Item) -> str:
    """How many backends take connections, of how many: 3/4, and those that drain."""
    drained = f" ({item['draining']} draining)" if item["draining"] else ""
    return f"{item['up']}/{item['backends']}{drained}"


def _state(item: Item) -> str:
    """A state, and why."""
    return f"{item['state']} ({item['reason']})" if item["reason"] else str(item["state"])


def _weight(item: Item) -> str:
    """The weight, and the one in use where the scheduler has set one: 3>40."""
    return str(item["weight"]) if item["tuned"] is None else f"{item['weight']}>{item['tuned']}"


def _seconds(name: str) -> Column:
    return Column(name.upper().replace("_", "-"), lambda item: f"{item[name]}s" if item[name] else "-", wide=True)


def _percent(title: str, name: str) -> Column:
    return Column(title, lambda item: "-" if item[name] is None else f"{item[name]:.1%}")


SERVICES = Kind(
    "services",
    "se",
    (
        Column("NAME", field("name")),
        Column("STATE", field("state")),
        Column("NETWORK", field("network")),
        Column("VIP", field("vip")),
        Column("PORTS", field("ports"), long=True),
        Column("SCHEDULER", field("scheduler")),
        Column("UP", _up),
        Column("CONNECTIONS", field("connections")),
        Column("ACTIVE", field("active")),
        Column("SINCE", age("since")),
        Column("PROBLEMS", field("problems"), long=True),
        Column("MODE", field("mode"), wide=True),
        _seconds("affinity"),
        _seconds("drain_deadline"),
        Column("HEALTH", field("health"), wide=True),
        Column("MAC", field("mac"), wide=True),
        Column("PACKETS", field("packets"), wide=True),
        Column("BYTES", octets("bytes"), wide=True),
    ),
    ("name",),
    lambda item: (item["name"], item["vip"]),
    "No services. They stand in the network file, under services:.",
    frozenset(),
    frozenset({"services", "hosts", "counters"}),
)

BACKENDS = Kind(
    "backends",
    "ba",
    (
        Column("SERVICE", field("service")),
        Column("ADDRESS", field("address")),
        Column("STATE", _state, long=True),
        Column("WEIGHT", _weight),
        _percent("EXPECTED", "expected"),
        _percent("SHARE", "share"),
        Column("CONNECTIONS", field("connections")),
        Column("ACTIVE", field("active")),
        Column("BRIDGE", field("bridge")),
        Column("PORT", field("port_name")),
        Column("SINCE", age("since")),
        Column("MAC", field("mac"), wide=True),
        Column("PACKETS", field("packets"), wide=True),
        Column("BYTES", octets("bytes"), wide=True),
    ),
    ("service", "address"),
    lambda item: (f"{item['service']}/{item['address']}", item["service"], item["address"]),
    "No backends: there is no service. Services stand in the network file, under services:.",
    frozenset(),
    frozenset({"services", "hosts", "counters"}),
    bridge="bridge",
)
