"""The classic reactive switch, as an app on the public interface: each packet-in is answered, each pair of hosts gets a flow.

Its handler is pure: frames with the same headers are answered without a call while the rows that it read are the same.
"""

from controller.app import App, on, rules
from controller.model import Bridge, Mac, PacketIn, Row, key
from controller.pipeline import CONTROLLER, FLOOD_PORTS, LEARN, output


class Station(Row):
    """Where an address was seen."""

    bridge: str = key()
    mac: Mac = key()
    port: int = 0


class Pair(Row):
    """Two hosts that talk."""

    bridge: str = key()
    in_port: int = key()
    source: Mac = key()
    target: Mac = key()
    out: int = 0


class Reactive(App, stages=(LEARN,)):
    """Answers every frame that no flow matches."""

    @on(PacketIn, pure=True)
    def answer(self, packet, tx):
        tx.put(Station(packet.bridge, packet.eth_src, packet.in_port))
        station = tx.get(Station, packet.bridge, packet.eth_dst)
        if station is None:
            tx.answer(packet, FLOOD_PORTS)
            return
        tx.put(Pair(packet.bridge, packet.in_port, packet.eth_src, packet.eth_dst, station.port))
        tx.answer(packet, output(station.port))

    @rules(each=Bridge)
    def ask(self, bridge):
        yield LEARN.flow(CONTROLLER, priority=1, why="nothing is known of these two")

    @rules(each=Pair)
    def forward(self, pair):
        yield LEARN.flow(output(pair.out), in_port=pair.in_port, eth_src=pair.source, eth_dst=pair.target)
