"""The fabric: how frames get from bridge to bridge. Rules only: the paths and trees are rows already.

Between bridges a frame carries its network as VLAN id, and in the tag's priority whether it is from an isolated port.
NEXTHOP sends it one step nearer to the bridge of its destination; where several links are equally near, a select group
spreads flows over those whose port is up. FLOOD sends what is for all along the network's tree, and takes it only from a
port that belongs to that tree.
"""

from controller.app import App, rules
from controller.model import Attachment, FloodPorts, HopSet, Network, PortRole, Tree
from controller.pipeline import (
    CLASSIFY,
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


class Fabric(App, stages=(CLASSIFY, NEXTHOP, FLOOD, EGRESS)):
    """Carries frames from bridge to bridge: shortest paths for what is known, one tree a network for the rest."""

    @rules(each=PortRole)
    def link(self, role):
        if role.role != "link":
            return
        marks = move("vlan_vid", "network", bits=12), move("vlan_pcp", "isolated", bits=1)
        yield CLASSIFY.flow(*marks, POP_VLAN, to(FORWARD), in_port=role.port, vlan_vid=TAGGED, why=f"from a bridge, {role.why}")
        tag = move("network", "vlan_vid", bits=12), move("isolated", "vlan_pcp", bits=1)
        yield EGRESS.flow(PUSH_VLAN, *tag, output(role.port), out_port=role.port, why=f"to a bridge, {role.why}")

    @rules(each=Tree)
    def next_hop(self, tree, rows):
        dest = rows.number("bridge", tree.dest, size=4095)
        for bridge, ports in tree.hops:
            one = (load("out_port", ports[0]), to(EGRESS))
            actions = one if len(ports) == 1 else (self.spread(rows, bridge, ports).use,)
            yield NEXTHOP.flow(*actions, to_bridge=dest, why=f"nearer to {tree.dest}").on(bridge)

    @rules(each=HopSet)
    def equal_hops(self, hops, rows):
        yield self.spread(rows, hops.bridge, hops.ports)

    def spread(self, rows, bridge, ports):
        """Over these ports, as far as they are up: the bridge sees that by itself, without the controller."""
        buckets = [bucket(load("out_port", p), to(EGRESS), weight=1, watch_port=p) for p in ports]
        return rows.group("select", "hops", bridge, ports, buckets=buckets, why="equally near")

    @rules(each=FloodPorts)
    def flood(self, here, rows):
        number = rows.value(Network, here.network, field="number")
        edge = [a.port for a in rows.where(Attachment, bridge=here.bridge, network=here.network)]
        members = sorted({*edge, *here.ports})
        everyone = rows.group("all", "flood", here.bridge, here.network, buckets=[bucket(*to_port(p)) for p in members])
        yield everyone
        for port in members:
            yield FLOOD.flow(everyone.use, network=number, in_port=port, why=f"to all of {here.network}, from one of them")
