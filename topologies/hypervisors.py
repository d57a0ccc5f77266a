"""Hypervisors with an Open vSwitch each, joined by an underlay; the networks of their virtual machines overlap in all addresses.

The controller makes the bridges and tunnels, by each hypervisor's database. Also for plain Mininet, there as bridges without
links: `mn --custom hypervisors.py --topo hypervisors`.
"""

from pathlib import Path
from typing import Any

from mininet.topo import Topo

SEPARATE = True  # each bridge has an Open vSwitch of its own
TYPES = ("vxlan", "geneve", "gre")
NETWORKS = ("blue", "red", "green", "yellow", "orange", "pink", "white", "cyan")
UNDERLAY_MTU = 1600  # octets: a frame of 1500 and the headers of any tunnel, over IPv6 too


def build(n: int = 2, vms: int = 2, networks: int = 2, type: str = "vxlan", ipv6: bool = False, bfd: bool = True) -> Topo:  # noqa: A002
    """`n` hypervisors of `vms` machines, in turn in `networks` networks that span all by tunnels of `type` (vxlan, geneve, gre).

    Machines are b1, b2, ... in blue, r1, r2, ... in red. The first of each network have one MAC address and one IP address,
    the second another one, and so on; besides each has an IP address that nobody else has. `ipv6` is for the underlay;
    `bfd` watches the tunnels.
    """
    _check(n, vms, networks, type)
    topo = Topo()
    for hypervisor in range(1, n + 1):
        name, vtep = f"hv{hypervisor}", f"2001:db8::{hypervisor:x}" if ipv6 else f"192.0.2.{hypervisor}"
        topo.addSwitch(name, dpid=f"{hypervisor:016x}", vtep=vtep, tunnel=type, bfd=bfd)
        for machine in range(vms):
            number, network = _place(hypervisor, machine, vms, networks)
            vm = topo.addHost(f"{NETWORKS[network][0]}{number}", network=NETWORKS[network], **_addresses(number, network))
            topo.addLink(name, vm, intfName1=vm)
    return topo


def groups(topo: Topo) -> list[set[str]]:
    """A group for each network."""
    return [{vm for vm in topo.hosts() if topo.nodeInfo(vm)["network"] == network} for network in _networks(topo)]


def network_file(topo: Topo, directory: Path) -> str:
    """Hypervisors, the mesh between them, networks and ports. The databases are in DIRECTORY."""
    nodes = {name: topo.nodeInfo(name) for name in topo.switches()}
    lines = ["hypervisors:"]
    for name, node in nodes.items():
        database = f'"unix:{folder(directory, name) / "db.sock"}"'
        bridge = f'bridge: {name}, datapath: netdev, dpid: "{node["dpid"]}"'
        lines.append(f'  {name}: {{ovsdb: {database}, vtep: "{node["vtep"]}", {bridge}}}')
    tunnel = next(iter(nodes.values()))["tunnel"]
    bfd = "bfd: {min_tx: 100, min_rx: 100}, " if next(iter(nodes.values()))["bfd"] else ""
    lines += ["meshes:", f"  core: {{type: {tunnel}, members: all, {bfd}underlay_mtu: {UNDERLAY_MTU}}}", "networks:"]
    lines += [f"  {name}: {{vlan: {vlan(name)}, vni: {vni(name)}, mesh: core}}" for name in _networks(topo)]
    lines.append("ports:")
    for vm in topo.hosts():
        [hypervisor] = topo.g[vm]
        lines.append(f"  {hypervisor}/{vm}: {{access: {topo.nodeInfo(vm)['network']}}}")
    return "\n".join([*lines, "unlisted_ports: closed", ""])


def folder(directory: Path, hypervisor: str) -> Path:
    """Where in DIRECTORY the database of a hypervisor is. Had it the name of a bridge, ovs-ofctl would take it for its socket."""
    return directory / f"{hypervisor}.machine"


def vlan(network: str) -> int:
    """The VLAN id of a network."""
    return 10 * (NETWORKS.index(network) + 1)


def vni(network: str) -> int:
    """The number of a network in tunnels."""
    return 5000 + vlan(network)


def _check(n: int, vms: int, networks: int, tunnel: str) -> None:
    if tunnel not in TYPES:
        raise ValueError(f"type must be one of {', '.join(TYPES)}, not {tunnel!r}")
    if not 1 <= n <= 32 or not 1 <= n * vms <= 200:
        raise ValueError(f"there are 1 to 32 hypervisors and 1 to 200 virtual machines, not {n} and {n * vms}")
    if not 1 <= networks <= min(vms, len(NETWORKS)):
        most = min(vms, len(NETWORKS))
        raise ValueError(f"networks must be 1 to {most} with {vms} virtual machines on a hypervisor, not {networks}")


def _place(hypervisor: int, machine: int, vms: int, networks: int) -> tuple[int, int]:
    """Which machine of which network it is, counted from 1 and from 0."""
    network = machine % networks
    here = len(range(network, vms, networks))
    return (hypervisor - 1) * here + machine // networks + 1, network


def _addresses(number: int, network: int) -> dict[str, str]:
    return {"mac": f"02:00:00:00:00:{number:02x}", "ip": f"10.0.{network + 1}.{number}/16", "shared": f"10.0.0.{number}/16"}


def _networks(topo: Topo) -> list[str]:
    return list(dict.fromkeys(topo.nodeInfo(vm)["network"] for vm in topo.hosts()))


topos: dict[str, Any] = {"hypervisors": build}
