"""A fat tree (Al-Fares et al., SIGCOMM 2008). Also for plain Mininet: `mn --custom fat_tree.py --topo fat_tree`."""

from mininet.topo import Topo


def build(k: int = 4, hosts: int = 1) -> Topo:
    """`k` pods of k/2 edge and k/2 aggregation bridges, (k/2)^2 core bridges, `hosts` hosts at each edge bridge."""
    if k % 2 or not 2 <= k <= 8 or not 1 <= hosts <= 8:
        raise ValueError(f"a fat tree has an even k from 2 to 8 and 1 to 8 hosts an edge bridge, not {k} and {hosts}")
    topo, half = Topo(), k // 2
    cores = [_bridge(topo) for _ in range(half * half)]
    for _ in range(k):
        aggregation = [_bridge(topo) for _ in range(half)]
        for number, bridge in enumerate(aggregation):
            for core in cores[number * half : (number + 1) * half]:
                topo.addLink(bridge, core)
        for _ in range(half):
            edge = _bridge(topo)
            for _ in range(hosts):
                topo.addLink(edge, topo.addHost(f"h{len(topo.hosts()) + 1}"))
            for bridge in aggregation:
                topo.addLink(edge, bridge)
    return topo


def _bridge(topo: Topo) -> str:
    number = len(topo.switches()) + 1
    name: str = topo.addSwitch(f"s{number}", dpid=f"{number:016x}")
    return name


def groups(topo: Topo) -> list[set[str]]:
    """Everybody reaches everybody."""
    return [set(topo.hosts())]


topos = {"fat_tree": build}
