"""Rows of virtual services: an address that stands for several backends.

The first four come from the network file. A backend takes new connections where its weight is above 0, it is not draining, and
its service has no health check or the check says that it is up.
"""

from __future__ import annotations

from collections.abc import Sequence

from controller.model.address import IPv4, IPv6, Mac
from controller.model.rows import Row, key


class Service(Row):
    """A virtual address of a network. `scheduler` is one of wrr, least, source and maglev, `mode` nat or dsr.

    `affinity`: seconds without a new connection until a client may go to another backend, 0 for none. `drain_deadline`: seconds
    that a draining backend keeps its old connections, 0 for as long as they last.
    """

    name: str = key()
    network: str = ""
    vip: IPv4 | IPv6 = IPv4(0)
    scheduler: str = "wrr"
    affinity: int = 0
    mode: str = "nat"
    drain_deadline: int = 0


class ServicePort(Row):
    """A port of a service: `protocol` is tcp, udp or sctp, `port` that of the virtual address, `target` that of the backends."""

    service: str = key()
    protocol: str = key()
    port: int = key()
    target: int = 0


class Backend(Row):
    """A host that answers for a service. `weight` 0..65535: its share of new connections beside the other weights; 0, none."""

    service: str = key()
    address: IPv4 | IPv6 = key()
    weight: int = 1


class HealthCheck(Row):
    """How the backends of a service are asked whether they are well: each `interval` seconds, for an answer in `timeout` seconds.

    `type` is tcp, http, udp, icmp or neighbour (ARP, neighbour discovery). After `rise` answers in a row a backend is up, after
    `fall` failures down. `port` 0 is the target of the service's first port. `path`, `status` (from, to) and `body` (text that
    the answer holds) are for http. `source` is the address that asks; None: the virtual address.
    """

    service: str = key()
    type: str = "tcp"
    interval: float = 2.0
    timeout: float = 1.0
    rise: int = 2
    fall: int = 3
    port: int = 0
    path: str = "/"
    status: tuple[int, int] = (200, 399)
    body: str = ""
    source: IPv4 | IPv6 | None = None


def port_asked(check: HealthCheck, ports: Sequence[ServicePort]) -> int:
    """The port of the backends that a check asks: its own, else the target of the first that this kind of check can ask."""
    protocol = "udp" if check.type == "udp" else "tcp"
    first = next((p for p in ports if p.protocol == protocol), ports[0] if ports else None)
    return check.port or (first.target or first.port if first else 0)


class Health(Row, kept=True):
    """What the checks of a backend say, `since` when (seconds since 1970). A service without HealthCheck has none of these."""

    service: str = key()
    address: IPv4 | IPv6 = key()
    up: bool = False
    reason: str = "not checked yet"
    since: float = 0.0


class Virtual(Row):
    """What follows from a service: the MAC address of its virtual address, the same on every bridge and after a restart."""

    service: str = key()
    network: str = ""
    vip: IPv4 | IPv6 = IPv4(0)
    mac: Mac = Mac(0)


class Zone(Row):
    """The zones of connection tracking of a network that has services, on a bridge with ports of it: no others have them.

    `zone` holds connections to virtual addresses, `back` the other half of those of a backend to itself. 1..65534.
    """

    bridge: str = key()
    network: str = key()
    zone: int = 0
    back: int = 0


class Served(Row):
    """A network that has services: the scope of what its bridges need for them."""

    network: str = key()


class Draining(Row, kept=True):
    """A backend gets no new connections, by the word of a person, `since` then (seconds since 1970)."""

    service: str = key()
    address: IPv4 | IPv6 = key()
    since: float = 0.0


class Drained(Row, kept=True):
    """The time that a draining backend had for its old connections, from `since` on (seconds since 1970), is over."""

    service: str = key()
    address: IPv4 | IPv6 = key()
    since: float = 0.0


class Tuned(Row, kept=True):
    """The weight that a backend has just now, of a service whose scheduler is `least`."""

    service: str = key()
    address: IPv4 | IPv6 = key()
    weight: int = 1
