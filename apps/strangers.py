"""First frames on a mesh: what a host sends before other hypervisors have been told of it waits until they have.

They take a frame from a tunnel only where its source lives, and so would drop the first ones of a host that is new, or has
just moved. Such a frame is marked in LEARN (`stranger` is 2) and goes to its local destinations at once. What would leave by a
tunnel comes here instead, whole and metered, and goes on its way as soon as all hypervisors hold what follows from the host.
"""

from typing import NamedTuple

from controller.app import App, Rate, on, rules
from controller.model import BY_MESH, Host, Network, PacketIn, PortRole, TunnelAt, Vtep
from controller.pipeline import EGRESS, FORWARD, LEARN, NEXT, NEXTHOP, controller, load, resubmit

ASKED, STRANGER = 1, 2  # register `stranger`: its first bytes were copied for learning; and its source is not known


class Held(NamedTuple):
    """A frame of this host that may be sent on; `to_all` where it had come as far as the tunnels to all."""

    host: Host
    frame: bytes
    to_all: bool


class Strangers(App, stages=(LEARN, NEXTHOP, EGRESS)):
    """Holds the first frames of a host until all hypervisors know it."""

    frames_per_second: Rate = 100  # of strangers on one hypervisor, as many at once; the rest is dropped

    @rules(each=PortRole)
    def mark(self, role, rows):
        if role.role == "edge" and rows.get(Vtep, role.bridge):
            stranger = load("stranger", STRANGER), NEXT
            yield LEARN.flow(*stranger, in_port=role.port, stranger=ASKED, priority=2, why="other hypervisors do not know it yet")

    @rules(each=Vtep)
    def hold(self, here, rows):
        """What is for one host in NEXTHOP, where no local port was found; what is for all where it enters the tunnels."""
        meter = rows.meter("strangers", here.bridge, pps=self.frames_per_second, burst=self.frames_per_second)
        yield meter
        whole = controller(meter=meter.number)
        why = "until all hypervisors know its source"
        yield NEXTHOP.flow(whole, stranger=STRANGER, to_bridge=(BY_MESH, BY_MESH), priority=115, why=why)
        for tunnel in rows.where(TunnelAt, bridge=here.bridge):
            yield EGRESS.flow(whole, stranger=STRANGER, out_port=tunnel.port, priority=115, why=why)

    @on(PacketIn)
    def held(self, packet, tx):
        """Its source has been learned by now, from the copy that was made before; who may not be learned stays at home."""
        for network in tx.where(Network, number=packet.network):
            host = tx.get(Host, network.name, packet.eth_src)
            if host is not None and (host.bridge, host.port) == (packet.bridge, packet.in_port):
                tx.when(host, Held(host, packet.data, packet.table == EGRESS.table))

    @on(Held)
    def send_on(self, event, tx):
        """From where it was held: by the tunnel to all, or to its destination, wherever that is by now."""
        host, network = event.host, tx.get(Network, event.host.network)
        tunnel = network and tx.get(TunnelAt, host.bridge, network.mesh)
        if tunnel is not None:
            there = (load("out_port", tunnel.port), resubmit(EGRESS.table)) if event.to_all else (resubmit(FORWARD.table),)
            tx.packet_out(host.bridge, event.frame, load("network", network.number), *there, in_port=host.port)
