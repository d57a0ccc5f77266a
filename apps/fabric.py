"""The fabric: how frames get from bridge to bridge. Rules only: the paths and trees are rows already.

Between bridges a frame bears its network as VLAN id; the tag's priority says whether it is from an isolated port (bit 0) and
which way it goes (bits 1 and 2). It stays on that way, whatever the bridges that it meets know or do not know yet:

    ON_PATH  to a known host: NEXTHOP, one step nearer to the host's bridge; over several links, where they are equally near
    ON_TREE  for all, or to an unknown host: FLOOD, along the network's tree to its end. Were it to take the shortest path from a
             bridge that knows its destination, while other branches of the tree deliver it too, it would arrive twice
    TO_FIND  its destination was known where it entered, and is not known to a bridge on its path: from there to all bridges, over
             the tree that spans them all. Who knows the destination delivers it, or nothing; who does not, to all ports

Frames on a tree are taken only from ports that belong to it.
"""

from functools import lru_cache

from controller.app import App, rules
from controller.model import EVERY_BRIDGE, Attachment, FloodMember, FloodPorts, HopSet, Network, Pipeline, PortRole, Tree
from controller.pipeline import (
    CLASSIFY,
    DROP,
    EGRESS,
    FLOOD,
    FORWARD,
    NEXTHOP,
    POP_VLAN,
    PUSH_VLAN,
    bucket,
    load,
    move,
    output,
    to,
    to_port,
)

TAGGED = (0x1000, 0x1000)
ONE_HOST = ("00:00:00:00:00:00", "01:00:00:00:00:00")  # eth_dst: no group
START_TREE, START_FIND, HERE = 1, 2, 3  # register `way`: from this bridge on; HERE: for this bridge alone, to no other
CAME = 4  # it came from another bridge
ON_PATH, ON_TREE, TO_FIND = CAME, CAME + START_TREE, CAME + START_FIND


@lru_cache(maxsize=4096)
def by(port):
    """What sends a frame to a link port."""
    return load("out_port", port), to(EGRESS)


@lru_cache(maxsize=4096)
def spread_over(ports):
    """Equal shares for these ports."""
    return tuple(bucket(*by(port), weight=1, watch_port=port) for port in ports)


class Fabric(App, stages=(CLASSIFY, FORWARD, NEXTHOP, FLOOD, EGRESS)):
    """Carries frames from bridge to bridge: shortest paths for what is known, one tree a network for the rest."""

    @rules(each=PortRole)
    def link(self, role):
        if role.role != "link":
            return
        marks = move("vlan_vid", "network", bits=12), move("vlan_pcp", "isolated", bits=1)
        way = load("way", CAME), move("vlan_pcp", "way", bits=2, skip=1)
        yield CLASSIFY.flow(
            *marks, *way, POP_VLAN, to(FORWARD), in_port=role.port, vlan_vid=TAGGED, why=f"from a bridge, {role.why}"
        )
        tag = move("network", "vlan_vid", bits=12), move("isolated", "vlan_pcp", bits=1), move("way", "vlan_pcp", bits=2, at=1)
        yield EGRESS.flow(PUSH_VLAN, *tag, output(role.port), out_port=role.port, why=f"to a bridge, {role.why}")
        yield EGRESS.flow(DROP, out_port=role.port, way=HERE, priority=110, why="for this bridge alone")

    @rules(each=Pipeline)
    def stay(self, pipeline):
        for way in (ON_TREE, TO_FIND):
            yield FORWARD.flow(to(FLOOD), way=way, priority=200, why="it stays on the tree").on(pipeline)
        yield NEXTHOP.flow(DROP, way=HERE, priority=200, why="for this bridge alone, and its host is elsewhere").on(pipeline)

    @rules(each=Tree)
    def next_hop(self, tree, rows):
        dest = rows.number("bridge", tree.dest, size=4095)
        why = f"nearer to {tree.dest}"
        for bridge, ports in tree.hops:
            actions = by(ports[0]) if len(ports) == 1 else (rows.group_use("hops", bridge, ports),)
            yield NEXTHOP.flow(*actions, to_bridge=dest, why=why).on(bridge)

    @rules(each=HopSet)
    def equal_hops(self, hops, rows):
        """Over these ports, as far as they are up: the bridge sees that by itself, without the controller."""
        yield rows.group("select", "hops", hops.bridge, hops.ports, buckets=spread_over(hops.ports), why="equally near")

    @rules(each=FloodPorts)
    def flood(self, here, rows):
        if here.network == EVERY_BRIDGE:
            yield from self.find(here, rows)
            return
        number = rows.value(Network, here.network, field="number")
        ours = {"bridge": here.bridge, "network": here.network}
        tunnels = rows.where(FloodMember, **ours)
        links = () if tunnels else here.ports  # not both: frames would go in circles
        edge = sorted({at.port for at in (*rows.where(Attachment, **ours), *tunnels)})
        buckets = [bucket(*to_port(p)) for p in sorted({*edge, *links})]
        everyone = rows.group("all", "flood", here.bridge, here.network, buckets=buckets)
        yield everyone
        why = f"to all of {here.network}, from one of them"
        for port in edge:
            yield FLOOD.flow(load("way", START_TREE), everyone.use, network=number, in_port=port, why=why)
        for port in links:
            yield FLOOD.flow(everyone.use, network=number, in_port=port, way=ON_TREE, why=why)
        yield FLOOD.flow(everyone.use, network=number, way=HERE, why=f"to all ports of {here.network} on this bridge")

    def find(self, here, rows):
        """Over the tree of all bridges: frames on their path that come to a bridge which does not know their destination."""
        buckets = [bucket(load("way", HERE), to(FORWARD)), *[bucket(*to_port(p)) for p in here.ports]]
        everywhere = rows.group("all", "find", here.bridge, buckets=buckets)
        yield everywhere
        back = move("out_port", "in_port")  # 0, no port: else it would not leave by the port that it came in by
        start = (back, load("way", START_FIND), everywhere.use)
        yield FLOOD.flow(*start, way=ON_PATH, eth_dst=ONE_HOST, why="not known yet here: to all bridges, for the one that knows")
        for port in here.ports:
            yield FLOOD.flow(everywhere.use, way=TO_FIND, in_port=port, why="not known on its path: to all bridges")
