"""Bridges in a row, each with its hosts. Also for plain Mininet: `mn --custom linear.py --topo linear`."""

from mininet.topo import Topo


def build(switches: int = 3, hosts: int = 1) -> Topo:
    """`switches` bridges in a row, `hosts` hosts on each."""
    if not 1 <= switches <= 50:
        raise ValueError(f"switches must be 1 to 50, not {switches}")
    if not 1 <= hosts <= 200 // switches:
        raise ValueError(f"hosts must be 1 to {200 // switches} on each of {switches} bridges, not {hosts}")
    topo = Topo()
    for number in range(1, switches + 1):
        bridge = topo.addSwitch(f"s{number}", dpid=f"{number:016x}")
        for host in range((number - 1) * hosts + 1, number * hosts + 1):
            topo.addLink(topo.addHost(f"h{host}"), bridge)
        if number > 1:
            topo.addLink(f"s{number - 1}", bridge)
    return topo


def groups(topo: Topo) -> list[set[str]]:
    """Hosts of one group reach each other, hosts of different groups do not: here everybody reaches everybody."""
    return [set(topo.hosts())]


topos = {"linear": build}
