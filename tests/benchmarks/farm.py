"""A topology for the benchmark of services: a client and a proxy on one bridge, on the other the host that has all backends.

So the path is the same for who comes by a service and who does not: with ten hosts, frames would leave in smaller batches, and
that would be measured too. The client has several addresses, for with one it would soon take its source ports again. Open
vSwitch 3.1 keeps the translation of a closed connection in userspace for half a minute; with thousands of connections a second
between two addresses it has no port left, and the next one waits.
"""

from typing import Any

from mininet.topo import Topo

SIZES = (1, 10, 100)  # backends of the services that are measured
HTTP, WEB = 80, 8080
STREAM = 8081
SERVER = "server"
NET = "10.0.0.0/16"
CLIENTS = {2000 + number: f"10.0.1.{number}" for number in range(1, 9)}  # the address of each user who connects
PREFIX = 16
DIRECT = "10.0.9.1"
SPARE = 10  # backends of each service that is only there


def build(services: int = len(SIZES)) -> Topo:
    """So many services, the first of which have 1, 10 and 100 backends."""
    if not len(SIZES) <= services <= 250:
        raise ValueError(f"there are {len(SIZES)} to 250 services, not {services}")
    topo = Topo()
    near, far = (topo.addSwitch(f"s{n}", dpid=f"{n:016x}", services=services) for n in (1, 2))
    for number, name in enumerate(("client", "proxy", SERVER), 1):
        topo.addLink(far if name == SERVER else near, topo.addHost(name, ip=f"10.0.0.{number}/{PREFIX}"))
    topo.addLink(near, far)
    return topo


def groups(topo: Topo) -> list[set[str]]:
    """Everybody reaches everybody."""
    return [set(topo.hosts())]


def backends(service: int) -> list[str]:
    """The addresses of the backends of a service. Those that are measured share none."""
    size = SIZES[service] if service < len(SIZES) else SPARE
    third = min(service, len(SIZES))
    return [f"10.0.{10 + third}.{number}" for number in range(1, size + 1)]


def addresses() -> list[str]:
    """All addresses of backends, and the one that is for who comes without a service."""
    return [DIRECT, *(address for service in range(len(SIZES) + 1) for address in backends(service))]


def vip(number: int) -> str:
    """The virtual address of a service, counted from 0."""
    return f"10.0.2.{number + 1}"


def network_file(topo: Topo) -> str:
    """The services, without checks: it is the bridges that are measured."""
    lines = ["networks: {farm: {vlan: 10}}", "apps: {l2_learning: {max_ips_per_host: 0}}", "services:"]
    for number in range(topo.nodeInfo("s1")["services"]):
        both = f"[{{port: {HTTP}, target: {WEB}}}, {{port: {STREAM}}}]"
        lines.append(f'  v{number}: {{network: farm, vip: "{vip(number)}", ports: {both}, backends: [')
        lines += [f'    {{address: "{address}"}},' for address in backends(number)]
        lines.append("  ]}")
    ports = ["s1/s1-eth1", "s1/s1-eth2", "s2/s2-eth1"]
    return "\n".join([*lines, "ports:", *(f"  {port}: {{access: farm}}" for port in ports), ""])


topos: dict[str, Any] = {"farm": build}
