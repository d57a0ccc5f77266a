"""Leaves and spines with clients, HTTP servers, and a virtual address for each way to spread connections over the servers.

The servers run while the network does. Also for plain Mininet, there without them: `mn --custom services.py --topo services`.
"""

from typing import Any, NamedTuple

from mininet.topo import Topo

NETWORK, VLAN = "blue", 10
PORT, TARGET = 80, 8080
UNEVEN = (3, 2, 2, 1)  # weights of the backends, over and over
ALIASES = 8  # addresses of a client beside its own
ASKING = "10.0.10.250"  # who checks servers that have the virtual address themselves
HEALTH = "interval: 1, timeout: 0.5, rise: 1, fall: 2"


class VirtualService(NamedTuple):
    """A virtual address, how it spreads connections, and the addresses of its backends with their weights."""

    name: str
    vip: str
    backends: dict[str, int]
    scheduler: str = "wrr"
    mode: str = "nat"
    affinity: int = 0
    check: str = "type: tcp"

    @property
    def target(self) -> int:
        """The port of the backends."""
        return PORT if self.mode == "dsr" else TARGET

    @property
    def sticks(self) -> bool:
        """Whether all connections from an address go to one backend."""
        return self.scheduler == "source" or self.affinity > 0


def build(spines: int = 2, leaves: int = 3, clients: int = 3, backends: int = 4) -> Topo:
    """`clients` clients (c1, c2, ...) and `backends` HTTP servers (w1, w2, ...), in turn on `leaves` bridges below `spines`."""
    if not (1 <= spines <= 8 and 1 <= leaves <= 16 and 1 <= clients <= 20 and 2 <= backends <= 64):
        said = f"{spines}, {leaves}, {clients} and {backends}"
        raise ValueError(f"there are 1 to 8 spines, 1 to 16 leaves, 1 to 20 clients and 2 to 64 backends, not {said}")
    topo = Topo()
    above = [topo.addSwitch(f"s{n}", dpid=f"{n:016x}") for n in range(1, spines + 1)]
    below = [topo.addSwitch(f"s{n}", dpid=f"{n:016x}") for n in range(spines + 1, spines + leaves + 1)]
    for number in range(1, clients + 1):
        topo.addLink(below[(number - 1) % leaves], topo.addHost(f"c{number}", **_client(number)))
    for number in range(1, backends + 1):
        topo.addLink(below[(number - 1) % leaves], topo.addHost(f"w{number}", **_addresses(30 + number)))
    for leaf in below:
        for spine in above:
            topo.addLink(leaf, spine)
    return topo


def groups(topo: Topo) -> list[set[str]]:
    """Everybody reaches everybody."""
    return [set(topo.hosts())]


def services(topo: Topo) -> list[VirtualService]:
    """A virtual address for each scheduler, one without translation, one of IPv6 and one that keeps clients with a backend."""
    nodes = [topo.nodeInfo(name) for name in servers(topo)]
    uneven = {_bare(node["ip"]): UNEVEN[number % len(UNEVEN)] for number, node in enumerate(nodes)}
    even = dict.fromkeys(uneven, 1)
    ipv6 = {_bare(node["ipv6"]): weight for node, weight in zip(nodes, uneven.values(), strict=True)}
    return [
        VirtualService("wrr", "10.0.10.101", uneven),
        VirtualService("least", "10.0.10.102", even, scheduler="least"),
        VirtualService("source", "10.0.10.103", even, scheduler="source"),
        VirtualService("maglev", "10.0.10.104", even, scheduler="maglev"),
        VirtualService("sticky", "10.0.10.105", even, affinity=60, check='type: http, path: "/", status: 200'),
        VirtualService("direct", "10.0.10.106", even, mode="dsr", check=f"type: tcp, source: {ASKING}"),
        VirtualService("ipv6", "2001:db8:10::101", ipv6),
    ]


def servers(topo: Topo) -> list[str]:
    """The hosts with a server."""
    return [name for name in topo.hosts() if name.startswith("w")]


def addresses(topo: Topo) -> dict[str, list[str]]:
    """What each host has beside its first address, with the length of the prefix."""
    nodes = {name: topo.nodeInfo(name) for name in topo.hosts()}
    return {name: [node["ipv6"], *node.get("aliases", [])] for name, node in nodes.items()}


def network_file(topo: Topo) -> str:
    """The network, its ports, and the services."""
    lines = ["networks:", f'  {NETWORK}: {{vlan: {VLAN}, subnets: ["10.0.10.0/23", "2001:db8:10::/64"]}}', "services:"]
    for service in services(topo):
        lines.append(f"  {service.name}:")
        lines += [f"    {key}: {value}" for key, value in _keys(service).items()]
        lines.append("    backends:")
        lines += [f'      - {{address: "{address}", weight: {weight}}}' for address, weight in service.backends.items()]
    lines.append("ports:")
    for bridge in topo.switches():
        hosts = [port for port, (peer, _) in sorted(topo.ports[bridge].items()) if peer in topo.hosts()]
        lines += [f"  {bridge}/{bridge}-eth{port}: {{access: {NETWORK}}}" for port in hosts]
    return "\n".join([*lines, "unlisted_ports: closed", ""])


def _keys(service: VirtualService) -> dict[str, str]:
    keys = {"network": NETWORK, "vip": f'"{service.vip}"', "scheduler": service.scheduler}
    ports = [f"{{protocol: {protocol}, port: {PORT}, target: {service.target}}}" for protocol in ("tcp", "udp")]
    keys |= {"mode": service.mode, "ports": f"[{', '.join(ports)}]"}
    if service.affinity:
        keys["affinity"] = f"{{seconds: {service.affinity}}}"
    return {**keys, "health": f"{{{service.check}, {HEALTH}}}"}


def _addresses(number: int) -> dict[str, Any]:
    return {"ip": f"10.0.10.{number}/23", "ipv6": f"2001:db8:10::{number}/64"}


def _client(number: int) -> dict[str, Any]:
    first = (number - 1) * ALIASES + 1
    return {**_addresses(number), "aliases": [f"10.0.11.{first + at}/23" for at in range(ALIASES)]}


def _bare(address: str) -> str:
    return address.partition("/")[0]


topos: dict[str, Any] = {"services": build}
