"""Connections to a backend that is no more are forgotten by the bridges that track them: first no new one, then no old one.

A flush that comes before the bridge has left the backend out of its groups would be undone by the next frame of each connection,
which is committed to the same backend again. So it waits until the bridge has confirmed what it was told of the service (nothing
else is waited for), and goes out then, one for each protocol and zone. A bridge that is away gets it when it is back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from controller.model import Drained, Health, IPv4, IPv6, Service, ServicePort, Zone
from controller.openflow.ctflush import Tuple
from controller.pipeline.flow import GROUP_SLOT
from controller.runtime.peers import Peer
from controller.state.desired import Desired
from controller.state.engine import Engine
from controller.state.ledger import Held

EVERY = ""  # in place of the name of a service
PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}

Key = tuple[str, IPv4 | IPv6]  # service, address of a backend


class Flushing:
    """What is to be forgotten, and where it waits."""

    def __init__(self, engine: Engine, peers: Mapping[str, Peer]) -> None:
        self._engine, self._peers = engine, peers
        self._wanted: dict[tuple[str, Key], None] = {}  # bridge, backend

    @property
    def waiting(self) -> list[tuple[str, str, IPv4 | IPv6]]:
        """Bridge, service and backend of what is not flushed yet."""
        return [(bridge, *key) for bridge, key in self._wanted]

    def ask(self, service: str, address: IPv4 | IPv6) -> None:
        """Forget the connections to this backend, on all bridges that track those of its network."""
        row = self._engine.tables.get(Service, service)
        if row is not None:
            for zone in self._engine.tables.where(Zone, network=row.network):
                self._wanted[zone.bridge, (service, address)] = None

    def bridge(self, name: str) -> None:
        """A bridge connected: what failed while it, or we, were away."""
        tables = self._engine.tables
        gone = [(row.service, row.address) for row in tables.where(Health, up=False) if row.since]
        gone += [(row.service, row.address) for row in tables.all(Drained)]
        for key in gone:
            service = tables.get(Service, key[0])
            if service is not None and tables.get(Zone, name, service.network) is not None:
                self._wanted[name, key] = None

    def forget(self, service: str, address: IPv4 | IPv6) -> None:
        """The backend is well again: what is not flushed yet may live."""
        for what in [what for what in self._wanted if what[1] == (service, address)]:
            del self._wanted[what]

    def step(self) -> None:
        """All rules have run and all that is known is on its way: flush where bridges have confirmed."""
        unconfirmed: dict[str, set[str] | None] = {}  # by bridge
        for bridge, key in list(self._wanted):
            peer = self._peers.get(bridge)
            if peer is None or peer.channel is None:
                continue
            if bridge not in unconfirmed:
                unconfirmed[bridge] = open_services(self._engine.desired, bridge)
            services = unconfirmed[bridge]
            if services is not None and key[0] not in services and EVERY not in services:
                del self._wanted[bridge, key]
                for zone, protocol, original, reply in self._flushes(bridge, *key):
                    peer.channel.session.flush_connections(zone, protocol, original, reply)
                peer.channel.flush()

    def _flushes(self, bridge: str, name: str, address: IPv4 | IPv6) -> Iterator[tuple[int, int, Tuple, Tuple]]:
        """Zone, protocol and tuples of what a bridge is to forget."""
        tables = self._engine.tables
        service = tables.get(Service, name)
        zone = tables.get(Zone, bridge, service.network) if service else None
        if service is None or zone is None:
            return
        for protocol in sorted({PROTOCOLS[port.protocol] for port in tables.where(ServicePort, service=name)}):
            yield zone.zone, protocol, Tuple(destination=service.vip), Tuple(source=address)
            yield zone.back, protocol, Tuple(source=address, destination=address), Tuple(destination=service.vip)


def open_services(desired: Desired, bridge: str) -> set[str] | None:
    """The services of which a bridge does not hold all that it should; what it refused is not counted. None: it is away.

    EVERY stands for a group of which only the bytes are known, as after a read-back: it may be of any service.
    """
    ledger = desired.ledgers.get(bridge)
    if ledger is None:
        return None
    found: set[str] = set()
    for slot, held in ledger.unconfirmed():
        new = desired.effective(bridge, slot)
        if not ledger.is_refused(new):
            found.update(_services(slot, held), _services(slot, new))
    return found


def _services(slot: bytes, held: Held) -> tuple[str, ...]:
    """The service that a flow or group is of, if it is of one."""
    if held is None:
        return ()
    if len(held) == 3:
        return (EVERY,) if slot[0] == GROUP_SLOT else ()
    owner = held[0]
    return (str(owner.key[0]),) if owner.rule.each is Service or owner.rule.each.key_fields[0] == "service" else ()
