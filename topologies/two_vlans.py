"""Bridges in a row, at each a host in the network `blue` and one in `red`: those of one never hear those of the other.

Also for plain Mininet: `mn --custom two_vlans.py --topo two_vlans` (there nothing keeps them apart).
"""

import itertools
from typing import Any

from mininet.topo import Topo

VLANS = {"blue": 10, "red": 20}


def build(switches: int = 3, hosts: int = 1) -> Topo:
    """A row of `switches` bridges; at each `hosts` hosts in blue (b1, b2, ...) and as many in red (r1, r2, ...)."""
    if not 1 <= switches <= 100 or not 1 <= hosts <= 50:
        raise ValueError(f"there are 1 to 100 bridges, and 1 to 50 hosts of a network at each, not {switches} and {hosts}")
    topo = Topo()
    bridges = [topo.addSwitch(f"s{n}", dpid=f"{n:016x}") for n in range(1, switches + 1)]
    for number, bridge in enumerate(bridges):
        for network in VLANS:
            for host in range(number * hosts + 1, (number + 1) * hosts + 1):
                topo.addLink(bridge, topo.addHost(f"{network[0]}{host}", network=network))
    for one, other in itertools.pairwise(bridges):
        topo.addLink(one, other)
    return topo


def groups(topo: Topo) -> list[set[str]]:
    """A group for each network."""
    return [{host for host in topo.hosts() if topo.nodeInfo(host)["network"] == network} for network in VLANS]


def network_file(topo: Topo) -> str:
    """The network file that keeps them apart."""
    lines = ["networks:", *[f"  {name}: {{vlan: {vlan}}}" for name, vlan in VLANS.items()], "ports:"]
    for bridge in topo.switches():
        for port, (peer, _) in sorted(topo.ports[bridge].items()):
            if peer in topo.hosts():
                lines.append(f"  {bridge}/{bridge}-eth{port}: {{access: {topo.nodeInfo(peer)['network']}}}")
    return "\n".join([*lines, "unlisted_ports: closed", ""])


topos: dict[str, Any] = {"two_vlans": build}
