"""What `weft get` can show: for each kind its place in the API, its name, its columns and what narrows it down."""

from datetime import datetime

from controller.cli.kind import Kind as Kind
from controller.cli.kind import octets as _octets
from controller.cli.output import Column, Item, age, field, quantity
from controller.cli.overlay_kinds import HYPERVISORS as HYPERVISORS
from controller.cli.overlay_kinds import TUNNELS as TUNNELS
from controller.cli.service_kinds import BACKENDS as BACKENDS
from controller.cli.service_kinds import SERVICES as SERVICES

SHORT = 48  # letters of an error beside a state
LOCAL = 0xFFFFFFFE  # OFPP_LOCAL, the bridge's own interface


def _clock(item: Item) -> str:
    """Local time, with the date only where it is not today."""
    moment = datetime.fromtimestamp(item["time"])
    return moment.strftime("%H:%M:%S" if moment.date() == datetime.now().date() else "%Y-%m-%d %H:%M:%S")


def _bridge_state(item: Item) -> str:
    return f"{item['state']} ({item['reason']})" if item["reason"] else str(item["state"])


def _host_state(item: Item) -> str:
    return f"{item['state']} ({item['why']})" if item["why"] else str(item["state"])


def _event_text(item: Item) -> str:
    return str(item["text"]) + (f" (x{item['count']})" if item["count"] > 1 else "")


def error_of(item: Item) -> str:
    """What the traceback of a failed app ends in: where it was, and what."""
    return str(item["error"].strip().rpartition("\n")[2])


def _app_state(item: Item) -> str:
    """An app's state; of a failed one also the beginning of why."""
    error = error_of(item)
    short = error if len(error) <= SHORT else f"{error[: SHORT - 3]}..."
    return f"{item['state']}: {short}" if error else str(item["state"])


def _settings(item: Item) -> str:
    return " ".join(f"{name}={value}" for name, value in item["config"].items()) or "-"


def _stages(item: Item) -> str:
    """The stages an app writes, if they are few."""
    stages = item["stages"]
    return f"{stages[0]} ... {stages[-1]} ({len(stages)})" if len(stages) > 3 else ", ".join(stages) or "-"


def _port_number(item: Item) -> str:
    return "LOCAL" if item["port"] == LOCAL else str(item["port"])


def _owner(item: Item) -> str:
    """App and rule of a flow, if it has any."""
    app, rule = item["app"], item["rule"]
    return (rule if rule.startswith(f"{app}.") else f"{app}.{rule}".strip(".")) or "-"


def _hops(item: Item) -> str:
    """A path bridge by bridge, with the ports by which it enters and leaves: s1 (s1-eth1 > s1-eth3), s2 (...).

    Where it begins or ends at a bridge there is only one of the two: s1 (> s1-eth3).
    """
    ways = [(hop["bridge"], " ".join(filter(None, (hop["in_port_name"], ">", hop["out_port_name"])))) for hop in item["hops"]]
    return ", ".join(f"{bridge} ({way})" if way != ">" else bridge for bridge, way in ways) or "-"


def _path_name(item: Item) -> str:
    """Its bridges, and by which port it leaves each: no two paths have both in common."""
    return " ".join("/".join(filter(None, (hop["bridge"], hop["out_port_name"]))) for hop in item["hops"])


def _drop_name(item: Item) -> str:
    return f"{item['bridge']}/{item['table']}/{item['priority']}/{item['match']}"


def _link_name(item: Item) -> str:
    return f"{item['bridge']}/{item['port_name']}>{item['peer']}/{item['peer_port_name']}"


BRIDGES = Kind(
    "bridges",
    "br",
    (
        Column("NAME", field("name")),
        Column("DPID", field("dpid")),
        Column("STATE", _bridge_state, long=True),
        Column("PORTS", field("ports")),
        Column("FLOWS", field("flows")),
        Column("PENDING", field("pending")),
        Column("REJECTED", field("rejected")),
        Column("SINCE", age("since")),
        Column("ADDRESS", field("address"), wide=True),
        Column("OPENFLOW", field("protocol"), wide=True),
        Column("FLOW-MODS", field("flow_mods"), wide=True),
        Column("DESCRIPTION", field("description"), wide=True, long=True),
    ),
    ("name",),
    lambda item: (item["name"], item["dpid"]),
    "No bridge has connected. Point one here: ovs-vsctl set-controller BRIDGE {target}",
    frozenset(),
    frozenset({"bridges", "flows"}),
    bridge="name",
)

PORTS = Kind(
    "ports",
    "po",
    (
        Column("BRIDGE", field("bridge")),
        Column("PORT", _port_number),
        Column("NAME", field("name")),
        Column("STATE", field("state")),
        Column("ROLE", field("role")),
        Column("NETWORK", field("network")),
        Column("PEER", field("peer")),
        Column("HOSTS", field("hosts")),
        Column("RX", _octets("rx_bytes")),
        Column("TX", _octets("tx_bytes")),
        Column("PROBLEM", field("problem"), long=True),
        Column("MAC", field("mac"), wide=True),
        Column("SPEED", lambda item: quantity(item["speed"], "bit/s"), wide=True),
        Column("RX-PACKETS", field("rx_packets"), wide=True),
        Column("TX-PACKETS", field("tx_packets"), wide=True),
        Column("RX-DROPPED", field("rx_dropped"), wide=True),
        Column("TX-DROPPED", field("tx_dropped"), wide=True),
        Column("RX-ERRORS", field("rx_errors"), wide=True),
        Column("TX-ERRORS", field("tx_errors"), wide=True),
    ),
    ("bridge", "port"),
    lambda item: (f"{item['bridge']}/{item['name']}", item["name"], item["mac"]),
    "No ports: no bridge has connected.",
    frozenset(),
    frozenset({"ports", "hosts", "links", "counters"}),
    bridge="bridge",
)

LINKS = Kind(
    "links",
    "li",
    (
        Column("BRIDGE", field("bridge")),
        Column("PORT", field("port_name")),
        Column("PEER", field("peer")),
        Column("PEER-PORT", field("peer_port_name")),
        Column("COST", field("cost")),
        Column("STATE", field("state")),
        Column("FLOODS", field("networks"), wide=True, long=True),
        Column("NUMBERS", lambda item: f"{item['port']}>{item['peer_port']}", wide=True),
    ),
    ("bridge", "port"),
    lambda item: (_link_name(item), f"{item['bridge']}/{item['port_name']}"),
    "No links. One is found when two connected bridges hear each other's LLDP.",
    frozenset(),
    frozenset({"links", "networks"}),
    bridge="bridge",
)

PATHS = Kind(
    "paths",
    "pa",
    (
        Column("PATH", field("number")),
        Column("COST", field("cost")),
        Column("HOPS", _hops, long=True),
        Column("SOURCE", field("source"), wide=True),
        Column("TARGET", field("target"), wide=True),
    ),
    ("number",),
    lambda item: (_path_name(item),),
    "No path: no links that are up lead there. 'weft get links' lists the links that there are.",
    frozenset(),
    frozenset({"links", "ports", "hosts"}),
)

NETWORKS = Kind(
    "networks",
    "ne",
    (
        Column("NAME", field("name")),
        Column("VLAN", field("vlan")),
        Column("PORTS", field("ports")),
        Column("ISOLATED", field("isolated")),
        Column("HOSTS", field("hosts")),
        Column("BRIDGES", field("bridges"), long=True),
        Column("DESCRIPTION", field("description"), long=True),
        Column("MESH", field("mesh"), wide=True),
        Column("VNI", field("vni"), wide=True),
        Column("TREE", field("tree"), wide=True, long=True),
    ),
    ("name",),
    lambda item: (item["name"], str(item["vlan"])),
    "No networks.",
    frozenset(),
    frozenset({"networks", "hosts"}),
    bridge="bridges",
)

HOSTS = Kind(
    "hosts",
    "ho",
    (
        Column("MAC", field("mac")),
        Column("IPS", field("ips")),
        Column("NETWORK", field("network")),
        Column("BRIDGE", field("bridge")),
        Column("PORT", field("port_name")),
        Column("STATE", _host_state, long=True),
        Column("LAST-SEEN", age("last_seen")),
        Column("FIRST-SEEN", age("first_seen"), wide=True),
        Column("NUMBER", field("port"), wide=True),
    ),
    ("network", "mac"),
    lambda item: (item["mac"], *item["ips"]),
    "No hosts yet. A host is learned from the first frame it sends.",
    frozenset(),
    frozenset({"hosts"}),
    bridge="bridge",
    called="A host goes by its MAC or an IP address, see 'weft get hosts'; a name as h1 is known to the emulation alone.",
)

APPS = Kind(
    "apps",
    "ap",
    (
        Column("NAME", field("name")),
        Column("STATE", _app_state, long=True),
        Column("STAGES", _stages),
        Column("FLOWS", field("flows")),
        Column("ROWS", field("rows")),
        Column("PACKET-INS", field("packet_ins")),
        Column("DESCRIPTION", field("description"), long=True),
        Column("CONFIG", _settings, wide=True, long=True),
        Column("ALL-STAGES", field("stages"), wide=True, long=True),
        Column("ERROR", lambda item: error_of(item) or "-", wide=True, long=True),
    ),
    ("name",),
    lambda item: (item["name"],),
    "No apps are installed.",
    frozenset(),
    frozenset({"apps", "flows"}),
)

FLOWS = Kind(
    "flows",
    "fl",
    (
        Column("BRIDGE", field("bridge")),
        Column("TABLE", lambda item: item["kind"] if item["kind"] != "flow" else f"{item['table']} {item['stage']}".strip()),
        Column("PRIORITY", field("priority")),
        Column("MATCH", field("match"), long=True),
        Column("ACTIONS", field("actions"), long=True),
        Column("OWNER", _owner),
        Column("STATUS", field("status"), long=True),
        Column("PACKETS", field("packets")),
        Column("BYTES", field("bytes"), wide=True),
        Column("ROW", field("row"), wide=True),
        Column("WHY", field("why"), wide=True, long=True),
        Column("COOKIE", field("cookie"), wide=True),
        Column("IDLE", field("idle"), wide=True),
        Column("HARD", field("hard"), wide=True),
    ),
    ("bridge", "kind", "table", "priority", "match"),
    lambda item: (item["cookie"],),
    "No flows match.",
    frozenset({"app", "table", "filter", "search", "sort", "limit"}),
    frozenset({"flows", "counters"}),
    bridge="bridge",
)

EVENTS = Kind(
    "events",
    "ev",
    (
        Column("TIME", _clock),
        Column("SEVERITY", field("severity")),
        Column("KIND", field("kind")),
        Column("SUBJECT", field("subject")),
        Column("TEXT", _event_text, long=True),
        Column("SEQ", field("seq"), wide=True),
    ),
    ("seq",),
    lambda item: (str(item["seq"]), item["subject"]),
    "No events.",
    frozenset({"kind", "severity", "limit"}),
)

DROPS = Kind(
    "drops",
    "dr",
    (
        Column("BRIDGE", field("bridge")),
        Column("PORT", field("port_name")),
        Column("REASON", field("why"), long=True),
        Column("PACKETS", field("packets")),
        Column("BYTES", _octets("bytes")),
        Column("TABLE", lambda item: f"{item['table']} {item['stage']}", wide=True),
        Column("MATCH", field("match"), wide=True, long=True),
        Column("OWNER", _owner, wide=True),
    ),
    ("bridge", "table", "priority", "match"),
    lambda item: (_drop_name(item), f"{item['bridge']}/{item['port_name']}", item["port_name"], item["cookie"]),
    "Nothing was dropped.",
    frozenset(),
    frozenset({"flows", "counters"}),
    bridge="bridge",
)

KINDS = (
    BRIDGES,
    PORTS,
    LINKS,
    PATHS,
    HOSTS,
    NETWORKS,
    HYPERVISORS,
    TUNNELS,
    SERVICES,
    BACKENDS,
    APPS,
    FLOWS,
    DROPS,
    EVENTS,
)


def find(name: str) -> Kind | None:
    """A kind by its name, its singular or its two letters."""
    return next((kind for kind in KINDS if name in (kind.name, kind.name.removesuffix("s"), kind.short)), None)
