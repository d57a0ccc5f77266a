"""Bridges that are all linked to each other, a host at each. Also for plain Mininet: `mn --custom mesh.py --topo mesh`."""

from itertools import combinations

from mininet.topo import Topo


def build(switches: int = 4) -> Topo:
    """A full mesh of `switches` bridges, and a host at each."""
    if not 2 <= switches <= 20:
        raise ValueError(f"a mesh has 2 to 20 bridges, not {switches}")
    topo = Topo()
    bridges = [topo.addSwitch(f"s{n}", dpid=f"{n:016x}") for n in range(1, switches + 1)]
    for number, bridge in enumerate(bridges, 1):
        topo.addLink(bridge, topo.addHost(f"h{number}"))
    for one, other in combinations(bridges, 2):
        topo.addLink(one, other)
    return topo


def groups(topo: Topo) -> list[set[str]]:
    """Everybody reaches everybody."""
    return [set(topo.hosts())]


topos = {"mesh": build}
