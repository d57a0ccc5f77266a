"""Storm guard: what a port may send to everybody, in frames a second.

Broadcast, multicast and frames to unknown addresses are copied to all ports of their network, so one port that sends too many of
them is felt by all. What FORWARD finds no host for passes the meter of its edge port on the way to FLOOD. Frames to known hosts
do not, nor requests that the bridge answers itself, nor frames from other bridges, which were counted where they came in.
"""

from controller.app import App, Count, on, rules
from controller.model import Metered, Port, PortRole
from controller.pipeline import FLOOD, FORWARD, to


class StormGuard(App, stages=(FORWARD,)):
    """Limits broadcast, multicast and unknown frames of each port."""

    broadcast_per_second: Count = 1000  # frames for all that a port may send; 0 = no limit

    @rules(each=PortRole)
    def limit(self, role, rows):
        if role.role != "edge" or not self.broadcast_per_second:
            return
        rate = self.broadcast_per_second
        meter = rows.meter("storm", role.bridge, role.port, pps=rate, burst=rate)
        yield meter
        yield FORWARD.flow(meter.use, to(FLOOD), in_port=role.port, priority=1, why=f"for all, {rate} frames/s at most")

    @on(Metered)
    def storm(self, event, tx):
        at = event.row
        port = tx.get(Port, at.bridge, at.port)
        name = f"{at.bridge}/{port.name if port else at.port}"
        if event.frames:
            rate, most = round(event.frames / event.seconds) or 1, self.broadcast_per_second
            text = f"{name} sends more than {most} frames/s to everybody; {rate} a second are dropped"
            tx.tell("warning", "port.storm", name, text, lasting=True)
        else:
            tx.tell("info", "port.storm.over", name, f"{name} does not send too many frames to everybody any more")
