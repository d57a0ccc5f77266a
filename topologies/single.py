"""One bridge with all hosts on it. Also for plain Mininet: `mn --custom single.py --topo single`."""

from mininet.topo import Topo


def build(hosts: int = 4) -> Topo:
    """One bridge, `hosts` hosts."""
    if not 1 <= hosts <= 200:
        raise ValueError(f"hosts must be 1 to 200, not {hosts}")
    topo = Topo()
    bridge = topo.addSwitch("s1", dpid=f"{1:016x}")
    for number in range(1, hosts + 1):
        topo.addLink(topo.addHost(f"h{number}"), bridge)
    return topo


def groups(topo: Topo) -> list[set[str]]:
    """Hosts of one group reach each other, hosts of different groups do not: here everybody reaches everybody."""
    return [set(topo.hosts())]


topos = {"single": build}
