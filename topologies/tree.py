"""A tree of bridges with hosts at its leaves. Also for plain Mininet: `mn --custom tree.py --topo tree`."""

from mininet.topo import Topo


def build(depth: int = 2, fanout: int = 2) -> Topo:
    """A tree of bridges, `depth` deep: each has `fanout` bridges below it, the lowest have `fanout` hosts."""
    if depth < 1 or fanout < 1 or fanout**depth > 200 or depth > 12:
        raise ValueError(f"depth {depth} and fanout {fanout} do not make a tree of 1 to 200 hosts at most 12 deep")
    topo = Topo()
    _grow(topo, depth, fanout)
    return topo


def _grow(topo: Topo, depth: int, fanout: int) -> str:
    """Add a bridge and all that is below it; numbers are given from the root down and left to right."""
    number = len(topo.switches()) + 1
    bridge: str = topo.addSwitch(f"s{number}", dpid=f"{number:016x}")
    for _ in range(fanout):
        below = _grow(topo, depth - 1, fanout) if depth > 1 else topo.addHost(f"h{len(topo.hosts()) + 1}")
        topo.addLink(bridge, below)
    return bridge


def groups(topo: Topo) -> list[set[str]]:
    """Hosts of one group reach each other, hosts of different groups do not: here everybody reaches everybody."""
    return [set(topo.hosts())]


topos = {"tree": build}
