"""The rows of a small network that was never run: three bridges in a tree, four hosts, and the flows they cause."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from controller.model import Attachment, Bridge, FloodPorts, Host, IPv4, Link, Mac, Network, Port
from controller.query import FlowView, HostView, PortView
from controller.runtime.topology import Topology

SPEED = 10_000_000_000  # bit/s
STAGES = {0: "ADMIT", 10: "CLASSIFY", 40: "LEARN", 70: "FORWARD", 80: "NEXTHOP", 90: "FLOOD", 110: "EGRESS"}
LAST = {11: "CLASSIFY.next", 41: "LEARN.next"}

# bridge -> port number -> what is behind it: a host name, or (bridge, port)
CABLES: dict[str, dict[int, str | tuple[str, int]]] = {
    "s1": {1: ("s2", 3), 2: ("s3", 3)},
    "s2": {1: "h1", 2: "h2", 3: ("s1", 1)},
    "s3": {1: "h3", 2: "h4", 3: ("s1", 2)},
}


@dataclass(frozen=True)
class Station:
    """A host and the port that it was heard on."""

    name: str
    number: int
    bridge: str
    port: int

    @property
    def mac(self) -> str:
        """Its Ethernet address, as Mininet would number it."""
        number = self.number
        return f"00:00:00:00:{number >> 8:02x}:{number & 255:02x}"

    @property
    def ip(self) -> str:
        """Its IPv4 address."""
        return f"10.0.{self.number >> 8}.{self.number & 255}"


def stations() -> tuple[Station, ...]:
    """The four hosts."""
    found = [
        Station(far, int(far[1:]), bridge, port)
        for bridge, ports in CABLES.items()
        for port, far in ports.items()
        if isinstance(far, str)
    ]
    return tuple(sorted(found, key=lambda station: station.number))


def host_view(station: Station, now: float, age: float = 3600.0) -> HostView:
    """What the controller learned of a host."""
    port_name = f"{station.bridge}-eth{station.port}"
    return HostView(station.mac, (station.ip,), "default", station.bridge, station.port, port_name, now - age, now - 2)


def topology(bridges: Iterable[str] = tuple(CABLES), hosts: Iterable[HostView] = ()) -> Topology:
    """The rows of bridges, cables and hosts, and two networks, one of which floods over all links."""
    ends = [(bridge, port, far) for bridge, ports in CABLES.items() if bridge in bridges for port, far in ports.items()]
    uplinks = {bridge: tuple(port for at, port, far in ends if at == bridge and isinstance(far, tuple)) for bridge in bridges}
    return Topology(
        [Bridge(name, number) for number, name in enumerate(CABLES, 1) if name in bridges],
        [Port(bridge, port, f"{bridge}-eth{port}", speed=SPEED) for bridge, port, _ in ends],
        [Link(bridge, port, *far, 2_000) for bridge, port, far in ends if isinstance(far, tuple)],
        [Host(host.network, Mac(host.mac), host.bridge, host.port, tuple(map(IPv4, host.ips))) for host in hosts],
        [Network("default", 1), Network("guests", 30, description="visitors, first floor")] if uplinks else [],
        [Attachment(bridge, port, "default") for bridge, port, far in ends if isinstance(far, str)]
        + [Attachment(bridge, 9, "guests", isolated=bridge == "s3") for bridge in uplinks if bridge != "s1"],
        [FloodPorts(bridge, "default", ports) for bridge, ports in uplinks.items()],
        states=dict.fromkeys(bridges, "connected"),
    )


def ports(elapsed: float) -> tuple[PortView, ...]:
    """Every port, with counters that grow with `elapsed` seconds."""
    found = []
    for index, (bridge, numbers) in enumerate(CABLES.items()):
        for port, far in numbers.items():
            rate = 40 + 35 * ((index * 3 + port * 2) % 5)
            received, sent = int(elapsed * rate), int(elapsed * rate * 0.8)
            peer = "" if isinstance(far, str) else f"{far[0]}/{far[0]}-eth{far[1]}"
            found.append(
                PortView(
                    bridge,
                    port,
                    f"{bridge}-eth{port}",
                    f"0a:00:00:00:{index + 1:02x}:{port:02x}",
                    "up",
                    "link" if peer else "edge",
                    "default",
                    SPEED,
                    peer,
                    1 if isinstance(far, str) else 0,
                    received,
                    sent,
                    received * 731,
                    sent * 512,
                    0,
                    3 if port == 2 and index == 1 else 0,
                    0,
                    0,
                )
            )
    return tuple(found)


def _flow(bridge: str, table: int, priority: int, match: str, actions: str, **rest: object) -> FlowView:
    stage = STAGES.get(table) or LAST.get(table, "")
    values: dict[str, object] = {
        "kind": "flow",
        "bridge": bridge,
        "table": table,
        "stage": stage,
        "priority": priority,
        "match": match,
        "actions": actions,
        "cookie": "0x5e00100000000000",
        "app": "pipeline",
        "rule": "default",
        "row": f"Bridge {bridge}",
        "why": "",
        "status": "installed",
        "packets": 0,
        "bytes": 0,
        "idle": 0,
        "hard": 0,
    }
    return FlowView(**(values | rest))  # type: ignore[arg-type]


def _bridge_flows(bridge: str) -> Iterator[FlowView]:
    found: dict[str, object] = {"app": "discovery", "rule": "admit", "cookie": "0x5e00200000000001"}
    yield _flow(bridge, 0, 200, "dl_type=0x88cc", "CONTROLLER:65535", why="LLDP finds the links", **found)
    reserved = "dl_dst=01:80:c2:00:00:00/ff:ff:ff:ff:ff:f0"
    yield _flow(bridge, 0, 190, reserved, "drop", why="link-local is not forwarded", **found)
    yield _flow(bridge, 0, 0, "", "resubmit(,1)", why="the stage's default")
    for port in CABLES[bridge]:
        yield from _port_flows(bridge, port)
    fabric: dict[str, object] = {"app": "fabric", "rule": "flood", "row": "Network default", "cookie": "0x5e00400000000003"}
    fabric |= {"packets": 64, "bytes": 2_688}
    yield _flow(bridge, 90, 100, "reg0=0x1", "group:1", why="unknown and broadcast frames follow the tree", **fabric)
    buckets = ",".join(f"bucket=actions=set_field:{port:#x}->reg2,resubmit(,110)" for port in CABLES[bridge])
    yield _flow(bridge, -1, 0, "group_id=1", f"type=all,{buckets}", kind="group", why="the network's tree", **fabric)


def _port_flows(bridge: str, port: int) -> Iterator[FlowView]:
    vlan: dict[str, object] = {"app": "vlan_isolation", "row": f"Port {bridge}:{port}", "cookie": "0x5e00300000000002"}
    vlan |= {"packets": 812 * port, "bytes": 91_000 * port}
    match = f"in_port={port},vlan_tci=0x0000/0x1000"
    actions = "set_field:0x1->reg0,resubmit(,11)"
    yield _flow(bridge, 10, 100, match, actions, rule="classify", why="untagged frames are in network default", **vlan)
    match = f"reg0=0x1,reg2={port:#x}"
    yield _flow(bridge, 110, 100, match, f"output:{port}", rule="egress", why="the port is in network default", **vlan)


def learned_flows(bridge: str, station: Station, port: int) -> Iterator[FlowView]:
    """What `l2_learning` wants on one bridge for one host."""
    mac = station.mac
    host: dict[str, object] = {"app": "l2_learning", "row": f"Host {mac}", "cookie": f"0x5e0010{station.number:010x}"}
    host |= {"packets": 1_204 * station.number, "bytes": 118_000 * station.number}
    match = f"reg0=0x1,in_port={port},dl_src={mac}"
    yield _flow(bridge, 40, 100, match, "resubmit(,41)", rule="known", idle=300, why=f"{mac} is known on port {port}", **host)
    actions = f"set_field:{port:#x}->reg2,resubmit(,110)"
    match = f"reg0=0x1,dl_dst={mac}"
    yield _flow(bridge, 70, 100, match, actions, rule="forward", why=f"{mac} is behind port {port}", **host)


def route(bridge: str, station: Station) -> int:
    """The port of `bridge` that leads to a host: its own, the one to its bridge, or the uplink."""
    if station.bridge == bridge:
        return station.port
    direct = [port for port, far in CABLES[bridge].items() if isinstance(far, tuple) and far[0] == station.bridge]
    return direct[0] if direct else next(port for port, far in CABLES[bridge].items() if isinstance(far, tuple))


def order(flow: FlowView) -> tuple[str, int, int, int, str]:
    """Flows by table, the strongest first, then groups, then meters."""
    return (flow.bridge, ("flow", "group", "meter").index(flow.kind), flow.table, -flow.priority, flow.match)


def flows(many: int = 0) -> list[FlowView]:
    """About sixty flows and groups; with `many`, further learned hosts until there are that many."""
    found = [flow for bridge in CABLES for flow in _bridge_flows(bridge)]
    for bridge in CABLES:
        for station in stations():
            found += learned_flows(bridge, station, route(bridge, station))
    number = 5
    while len(found) < many:
        bridge = ("s2", "s3")[number % 2]
        found += learned_flows(bridge, Station(f"h{number}", number, bridge, 1 + number % 2), 1 + number % 2)
        number += 1
    meters = [_meter(bridge, port) for bridge in ("s2", "s3") for port in (1, 2)]
    return sorted(found + meters, key=order)


def _meter(bridge: str, port: int) -> FlowView:
    bands = "pktps,burst,bands=type=drop,rate=100,burst_size=200"
    owner: dict[str, object] = {"app": "l2_learning", "rule": "copies", "row": f"Port {bridge}:{port}"}
    why = "copies to the controller, not frames, are metered"
    return _flow(bridge, -1, 0, f"meter_id={port}", bands, kind="meter", stage="", why=why, **owner)
