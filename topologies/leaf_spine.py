"""Leaves with hosts, each linked to every spine. Also for plain Mininet: `mn --custom leaf_spine.py --topo leaf_spine`."""

from mininet.topo import Topo


def build(spines: int = 2, leaves: int = 4, hosts: int = 2) -> Topo:
    """`leaves` bridges with `hosts` hosts each, every one linked to each of `spines` bridges."""
    if not (1 <= spines <= 8 and 1 <= leaves <= 32 and 1 <= hosts <= 20):
        raise ValueError(f"there are 1 to 8 spines, 1 to 32 leaves and 1 to 20 hosts a leaf, not {spines}, {leaves} and {hosts}")
    topo = Topo()
    above = [topo.addSwitch(f"s{n}", dpid=f"{n:016x}") for n in range(1, spines + 1)]
    for leaf in range(spines + 1, spines + leaves + 1):
        bridge = topo.addSwitch(f"s{leaf}", dpid=f"{leaf:016x}")
        for _ in range(hosts):
            topo.addLink(bridge, topo.addHost(f"h{len(topo.hosts()) + 1}"))
        for spine in above:
            topo.addLink(bridge, spine)
    return topo


def groups(topo: Topo) -> list[set[str]]:
    """Everybody reaches everybody."""
    return [set(topo.hosts())]


topos = {"leaf_spine": build}
