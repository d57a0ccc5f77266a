"""The tunnel mesh: how frames get from hypervisor to hypervisor. Rules only: who is where is rows already.

A frame in a tunnel bears its network as VNI, and its outer header says which hypervisor sent it. Addresses are told to all by the
controller, never learned from a tunnel, so each frame that comes by one is checked:

    CLASSIFY  the VNI is that of a network with ports here
    LEARN     its source lives behind the VTEP that sent it; who is new there is heard as soon as its hypervisor has learned it
    NEXTHOP   it does not leave by a tunnel again (split horizon), but at a hub

What is for all goes to each hypervisor that has ports of the network, one copy each. Open vSwitch sends nothing to the port
that a frame came in by, so that what came by the tunnel reaches local ports only.
"""

from controller.app import App, rules
from controller.model import BY_MESH, Host, IPv4, Mesh, Network, Replica, TunnelAt, Underlay, Vtep, Watched
from controller.pipeline import (
    ADMIT,
    CLASSIFY,
    DROP,
    EGRESS,
    FLOOD,
    FORWARD,
    LEARN,
    NEXT,
    NEXTHOP,
    bucket,
    load,
    move,
    output,
    set_field,
    to,
)

BY_TUNNEL = 1 << 16  # in out_port: by the tunnel of the frame's network; ports of Open vSwitch have 16 bits
# 0, which is no port: else a frame would not leave by the tunnel that it came by. Nothing on a mesh is isolated.
AGAIN = move("isolated", "in_port")

BFD = "00:23:20:00:00:01"  # to which Open vSwitch sends BFD, if nothing else is said


class TunnelMesh(App, stages=(ADMIT, CLASSIFY, LEARN, NEXTHOP, FLOOD, EGRESS)):
    """Joins the ports of networks on different hypervisors by VXLAN, Geneve or GRE tunnels."""

    @rules(each=TunnelAt)
    def refuse(self, tunnel, rows):
        """What does not pass a tunnel's port."""
        mesh, here = rows.need(Mesh, tunnel.mesh), rows.need(Vtep, tunnel.bridge)
        at = {"in_port": tunnel.port}
        yield CLASSIFY.flow(DROP, priority=90, **at, why=f"no network of {mesh.name} that has ports here has this VNI")
        yield LEARN.flow(DROP, priority=90, **at, why=f"the sender is no VTEP of {mesh.name}")
        if mesh.hub != here.hypervisor:
            yield NEXTHOP.flow(DROP, priority=110, **at, why="from tunnel to tunnel: its host has just moved, or is not here")

    @rules(each=Vtep)
    def received(self, vtep):
        """Counts the frames of a hypervisor, for those who ask whether it can be reached."""
        counted = ADMIT.flow(NEXT, priority=50, **outer("src", vtep.address), why=f"counts what comes from {vtep.bridge}")
        yield counted.on(Underlay())

    @rules(each=Mesh)
    def bfd(self, mesh):
        """BFD is no traffic: Open vSwitch takes its frames out, but counts them first."""
        if mesh.bfd:
            yield ADMIT.flow(NEXT, priority=60, tunnel_id=0, eth_dst=BFD, why="BFD is not counted as traffic").on(Underlay())

    @rules(each=Vtep)
    def reach(self, vtep, rows):
        """To a hypervisor, from any other; and what does not come from it."""
        number = rows.number("bridge", vtep.bridge, size=4095)
        yield NEXTHOP.flow(*toward(vtep), to_bridge=BY_MESH + number, why=f"to {vtep.bridge} by tunnel").on(Underlay())
        sender = outer("src", vtep.address)
        yield LEARN.flow(DROP, priority=95, **sender, why=f"its source does not live behind {vtep.bridge}").on(Underlay())

    @rules(each=Host, given=Vtep)
    def source(self, host, rows):
        """Frames of a host come from the hypervisor where it lives, or from the hub."""
        vtep = rows.get(Vtep, host.bridge)
        mesh = rows.get(Mesh, rows.value(Network, host.network, field="mesh")) if vtep else None
        if vtep is None or mesh is None:
            return
        who = {"network": rows.value(Network, host.network, field="number"), "eth_src": host.mac}
        hubs = [hub.address for hub in rows.where(Vtep, hypervisor=mesh.hub)] if mesh.hub else []
        for address in dict.fromkeys([vtep.address, *hubs]):
            why = f"the host lives on {host.bridge}"
            yield LEARN.flow(to(FORWARD), priority=130, **who, **outer("src", address), why=why).on(Underlay())
            yield LEARN.flow(DROP, priority=140, **who, **outer("src", address), why="from a tunnel, and the host lives here")

    @rules(each=Replica)
    def member(self, here, rows):
        """A network on a bridge: frames come and go by the tunnel of its mesh."""
        network, mesh = rows.need(Network, here.network), rows.need(Mesh, here.mesh)
        port, me = rows.need(TunnelAt, here.bridge, here.mesh).port, rows.need(Vtep, here.bridge)
        number, name, vni = network.number, network.name, set_field(tunnel_id=network.vni)
        is_hub, hubs = mesh.hub == me.hypervisor, rows.where(Vtep, hypervisor=mesh.hub) if mesh.hub else []
        yield CLASSIFY.flow(load("network", number), to(LEARN), in_port=port, tunnel_id=network.vni, why=f"{name}, by its VNI")
        again = [AGAIN] if is_hub else []
        by_hub = [set_field(**outer("dst", hub.address)) for hub in hubs if not is_hub]
        one = (vni, *again, *by_hub, output(port))
        yield EGRESS.flow(*one, out_port=BY_TUNNEL, network=number, why=f"{name} by the tunnels of {mesh.name}")
        others = hubs if by_hub else [rows.need(Vtep, row.bridge) for row in rows.where(Replica, network=name) if row != here]
        copies = [bucket(*again, set_field(**outer("dst", other.address)), output(port)) for other in others]
        everyone = rows.group("all", "replicate", here.bridge, name, buckets=copies, why=f"a copy to each with ports of {name}")
        yield everyone
        yield EGRESS.flow(vni, everyone.use, out_port=port, network=number, why=f"to all of {name} on other hypervisors")
        if is_hub:
            on = load("out_port", port), to(EGRESS)
            yield FLOOD.flow(*on, priority=90, network=number, in_port=port, why=f"{name} has no ports here: to the others")

    @rules(each=Watched)
    def watch(self, watched, rows):
        """Where BFD watches a hypervisor, frames to it end here as soon as it is dead."""
        for vtep in rows.where(Vtep, hypervisor=watched.peer):
            alive = bucket(*toward(vtep), watch_port=watched.port)
            group = rows.group("failover", "watched", watched.bridge, vtep.bridge, buckets=[alive], why="while BFD is up")
            yield group
            number = rows.number("bridge", vtep.bridge, size=4095)
            yield NEXTHOP.flow(
                group.use, to_bridge=BY_MESH + number, priority=105, why=f"to {vtep.bridge} by tunnel, while BFD is up"
            )


def toward(vtep):
    """Actions that send a frame to a hypervisor, by the tunnel of its network."""
    return set_field(**outer("dst", vtep.address)), load("out_port", BY_TUNNEL), to(EGRESS)


def outer(end, address):
    """The field of the outer header for an address: tun_src or tun_dst, for IPv6 tun_ipv6_src or tun_ipv6_dst."""
    return {f"tun_{end}" if isinstance(address, IPv4) else f"tun_ipv6_{end}": address}
