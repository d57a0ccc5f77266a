"""Bridges in a ring, a host at each. Also for plain Mininet: `mn --custom ring.py --topo ring`."""

from mininet.topo import Topo


def build(switches: int = 4, parallel: int = 1) -> Topo:
    """A ring of `switches` bridges with `parallel` links between neighbours, and a host at each."""
    if not 3 <= switches <= 100 or not 1 <= parallel <= 8:
        raise ValueError(f"a ring has 3 to 100 bridges and 1 to 8 parallel links, not {switches} and {parallel}")
    topo = Topo()
    bridges = [topo.addSwitch(f"s{n}", dpid=f"{n:016x}") for n in range(1, switches + 1)]
    for number, bridge in enumerate(bridges, 1):
        topo.addLink(bridge, topo.addHost(f"h{number}"))
    for one, other in zip(bridges, bridges[1:] + bridges[:1], strict=True):
        for _ in range(parallel):
            topo.addLink(one, other)
    return topo


def groups(topo: Topo) -> list[set[str]]:
    """Everybody reaches everybody."""
    return [set(topo.hosts())]


topos = {"ring": build}
