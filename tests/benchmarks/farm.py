"""A topology for the benchmark of services: a client and a proxy on one bridge, on the other ten hosts that are all backends."""

from typing import Any

from mininet.topo import Topo

SIZES = (1, 10, 100)  # backends of the services that are measured
HTTP, WEB = 80, 8080
STREAM = 8081
PREFIX = 16
SERVERS = 10  # hosts, each of which is every tenth backend
DIRECT = "10.0.9.1"
SPARE = 10  # backends of each service that is only there


def build(services: int = len(SIZES)) -> Topo:
    """So many services, the first of which have 1, 10 and 100 backends."""
    if not len(SIZES) <= services <= 250:
        raise ValueError(f"there are {len(SIZES)} to 250 services, not {services}")
    topo = Topo()
    near, far = (topo.addSwitch(f"s{n}", dpid=f"{n:016x}", services=services) for n in (1, 2))
    for number, name in enumerate(("client", "proxy", *servers()), 1):
        topo.addLink(far if name in servers() else near, topo.addHost(name, ip=f"10.0.0.{number}/{PREFIX}"))
    topo.addLink(near, far)
    return topo


def groups(topo: Topo) -> list[set[str]]:
    """Everybody reaches everybody."""
    return [set(topo.hosts())]


def servers() -> list[str]:
    """The hosts of the backends."""
    return [f"server{number}" for number in range(SERVERS)]


def backends(service: int) -> list[str]:
    """The addresses of the backends of a service. Those that are measured share none.

    A server remembers for a minute the ports of clients that it has closed; met again by way of another service, they would wait.
    """
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
    lines = ["networks: {farm: {vlan: 10}}", "services:"]
    for number in range(topo.nodeInfo("s1")["services"]):
        both = f"[{{port: {HTTP}, target: {WEB}}}, {{port: {STREAM}}}]"
        lines.append(f'  v{number}: {{network: farm, vip: "{vip(number)}", ports: {both}, backends: [')
        lines += [f'    {{address: "{address}"}},' for address in backends(number)]
        lines.append("  ]}")
    ports = ["s1/s1-eth1", "s1/s1-eth2", *(f"s2/s2-eth{number}" for number in range(1, SERVERS + 1))]
    return "\n".join([*lines, "ports:", *(f"  {port}: {{access: farm}}" for port in ports), ""])


topos: dict[str, Any] = {"farm": build}
