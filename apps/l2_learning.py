"""L2 learning: each bridge learns on which port an address lives, and forwards to it; what is not known is flooded.

1. A frame from a source that is not known goes on at once; a copy of its first bytes, metered, comes to `learn`.
2. `learn` puts a Host row: bridge, network, address, port.
3. From the row follow the flows: the source is known now (LEARN), frames to it go to its port (FORWARD).
4. When the LEARN flow was idle for `idle_timeout` seconds, or the port goes down, the row goes, and its flows with it.
"""

from controller.app import App, on, rules
from controller.model import Bridge, BridgeUp, FlowExpired, Host, Link, Network, PacketIn, Port, PortDown
from controller.packet import arp_sender
from controller.pipeline import ARP, FLOOD, FORWARD, LEARN, NEXT, bucket, controller, to_port

SEEN = 128  # bytes of a frame that are copied: enough for the addresses
LOCAL = 0xFFFFFFFE


class L2Learning(App, stages=(LEARN, FORWARD, FLOOD)):
    """Learns which address lives on which port, and floods what it does not know."""

    idle_timeout: int = 300  # seconds without a frame from an address until it is forgotten; 0 = never
    max_hosts_per_port: int = 0  # addresses learned on one edge port at the most; 0 = no limit
    copies_per_second: int = 100  # frames from unknown sources that a port may send to the controller

    @on(PacketIn)
    def learn(self, packet, tx):
        network = tx.where(Network, number=packet.network)
        if not network or packet.eth_src.is_multicast or tx.get(Port, packet.bridge, packet.in_port) is None:
            return
        name, mac = network[0].name, packet.eth_src
        known = tx.get(Host, packet.bridge, name, mac)
        if known is None and self.is_full(tx, packet):
            return
        ip = arp_sender(packet.data) or (known.ip if known else None)
        tx.put(Host(packet.bridge, name, mac, packet.in_port, ip))

    def is_full(self, tx, packet):
        """An edge port that has all the addresses it may have. A port towards another bridge has no limit."""
        at = {"bridge": packet.bridge, "port": packet.in_port}
        return 0 < self.max_hosts_per_port <= len(tx.where(Host, **at)) and not tx.where(Link, **at)

    @on(PortDown)
    def forget_port(self, event, tx):
        tx.drop(Host, bridge=event.bridge, port=event.port)

    @on(BridgeUp)
    def forget_missing_ports(self, event, tx):
        for host in tx.where(Host, bridge=event.bridge):
            if tx.get(Port, host.bridge, host.port) is None:
                tx.drop(host)

    @on(FlowExpired)
    def age(self, event, tx):
        if isinstance(event.row, Host):
            tx.drop(event.row)

    @rules(each=Port)
    def unknown_source(self, port, rows):
        meter = rows.meter("learn", port.bridge, port.port, pps=self.copies_per_second, burst=self.copies_per_second)
        yield meter
        copy = controller(SEEN, meter=meter.number)
        yield LEARN.flow(copy, NEXT, in_port=port.port, priority=1, why="the source is not known yet")

    @rules(each=Host)
    def known(self, host, rows):
        network = rows.value(Network, host.network, field="number")
        source = {"network": network, "in_port": host.port, "eth_src": host.mac}
        yield LEARN.flow(NEXT, **source, idle=self.idle_timeout, why="the source is known here")
        if host.ip is None:  # its IP address is worth a copy of its ARP, until we have one
            yield LEARN.flow(controller(SEEN), NEXT, **source, eth_type=ARP, priority=110, why="which IP address has it?")
        yield FORWARD.flow(*to_port(host.port), network=network, eth_dst=host.mac, why="the host is on this port")

    @rules(each=Bridge)
    def flood(self, bridge, rows):
        ports = [p for p in rows.where(Port, bridge=bridge.bridge) if p.port != LOCAL or p.up]
        members = rows.group("all", "flood", bridge.bridge, buckets=[bucket(*to_port(p.port)) for p in ports], why="all ports")
        yield members
        yield FLOOD.flow(members.use, why="broadcast, multicast, or a destination that is not known")
