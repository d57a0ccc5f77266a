"""Hosts on every bridge, with flows on that bridge alone: an app for the benchmark of memory."""

from collections.abc import Iterable

from controller.app import App, Tx, on, rules
from controller.model import Host, Installed, Mac
from controller.pipeline import FORWARD, IPV4, IPV6, LEARN, NEXT, to_port

HOSTS = 10  # on each bridge
KINDS = (0x0806, IPV4, IPV6)  # frames for which a host has flows of their own


class Many(App, stages=(LEARN, FORWARD)):
    """What a learning switch keeps of each host, and some flows more."""

    @on(Installed)
    def move_in(self, event: Installed, tx: Tx) -> None:
        """The hosts of a bridge are there as soon as it is ready."""
        for number in range(HOSTS):
            tx.put(Host("default", Mac(int(event.bridge[1:]) << 16 | number | 1 << 41), event.bridge, 1))

    @rules(each=Host)
    def known(self, host: Host) -> Iterable[object]:
        """Who may send, and where it is."""
        yield LEARN.flow(NEXT, network=1, in_port=host.port, eth_src=host.mac, why="the source is known here")
        for kind in KINDS:
            yield FORWARD.flow(*to_port(host.port), network=1, eth_dst=host.mac, eth_type=kind, priority=101, why="it is here")
