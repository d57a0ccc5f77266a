"""Links between bridges, by LLDP (IEEE 802.1AB): each port says who it is, whoever hears it knows the link."""

from collections.abc import Iterator

from controller.app import App, Tx, every, on, rules
from controller.model import Bridge, Installed, Link, PacketIn, Pipeline, Port, PortDown, PortUp, Row, key
from controller.packet import NEAREST_BRIDGE, lldp, parse_lldp
from controller.pipeline import ADMIT, LLDP, Flow, controller, output
from controller.pipeline.actions import PORT_LOCAL

PERIOD = 3.0  # seconds between two frames of a port
MISSES = 3  # periods without a frame until a link is gone


class Heard(Row):
    """How many periods ago a link was heard of. Apart from Link, because it changes all the time."""

    bridge: str = key()
    port: int = key()
    misses: int = 0


class Discovery(App, stages=(ADMIT,)):
    """Finds the links between bridges with LLDP frames."""

    @rules(each=Pipeline)
    def listen(self, pipeline: Pipeline) -> Iterator[Flow]:
        """Discovery frames come to the controller and go no further."""
        flow = ADMIT.flow(controller(), priority=300, eth_dst=NEAREST_BRIDGE, eth_type=LLDP, why="discovery of links")
        yield flow.on(pipeline)

    @on(Installed)
    def announce_all(self, event: Installed, tx: Tx) -> None:
        """A bridge that can hear us now says who it is on all its ports."""
        for port in tx.where(Port, bridge=event.bridge):
            self.announce(port, tx)

    @on(PortUp)
    def announce_at_once(self, event: PortUp, tx: Tx) -> None:
        """A port that comes up says who it is without waiting for its turn."""
        port = tx.get(Port, event.bridge, event.port)
        if port is not None:
            self.announce(port, tx)

    @every(PERIOD, each=Port)
    def announce(self, port: Port, tx: Tx) -> None:
        """Send a frame that names the bridge and the port."""
        bridge = tx.get(Bridge, port.bridge)
        if bridge is not None and port.up and port.port != PORT_LOCAL:
            frame = lldp(bridge.dpid, port.port, port.mac, ttl=int(PERIOD * (MISSES + 1)))
            tx.packet_out(port.bridge, frame, output(port.port))

    @on(PacketIn)
    def hear(self, packet: PacketIn, tx: Tx) -> None:
        """A frame from another bridge: a link from there to here."""
        beacon = parse_lldp(packet.data)
        sender = tx.where(Bridge, dpid=beacon.dpid) if beacon else []
        if beacon and sender:
            tx.put(Link(sender[0].bridge, beacon.port, packet.bridge, packet.in_port))
            tx.put(Heard(sender[0].bridge, beacon.port))
            port = tx.get(Port, packet.bridge, packet.in_port)
            if port is not None and tx.get(Link, packet.bridge, packet.in_port) is None:
                self.announce(port, tx)  # the other side may have been deaf when we said so before

    @every(PERIOD, each=Link)
    def age(self, link: Link, tx: Tx) -> None:
        """A link that is not heard of any more is gone."""
        heard = tx.get(Heard, link.bridge, link.port)
        misses = heard.misses + 1 if heard else 1
        tx.put(Heard(link.bridge, link.port, misses))
        if misses > MISSES:
            tx.drop(link)
            tx.drop(Heard, link.bridge, link.port)

    @on(PortDown)
    def lose(self, event: PortDown, tx: Tx) -> None:
        """A port that is down ends both directions of its link."""
        for link in tx.where(Link, bridge=event.bridge, port=event.port) + tx.where(
            Link, peer=event.bridge, peer_port=event.port
        ):
            tx.drop(link)
            tx.drop(Heard, link.bridge, link.port)
