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
        for bridge, key in list(self._wanted):
            peer = self._peers.get(bridge)
            if peer is not None and peer.channel is not None and is_confirmed(self._engine.desired, bridge, key[0]):
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


def is_confirmed(desired: Desired, bridge: str, service: str) -> bool:
    """A bridge is connected and holds all that it should for a service, but for what it refused."""
    ledger = desired.ledgers.get(bridge)
    if ledger is None:
        return False
    for changes in (ledger.inflight or {}, ledger.pending):
        for slot, held in changes.items():
            new = desired.effective(bridge, slot)
            if not ledger.is_refused(new) and any(_is_of(service, slot, entry) for entry in (held, new)):
                return False
    return True


def _is_of(service: str, slot: bytes, held: Held) -> bool:
    """Whether this is of the service; where only its bytes are known, as after a read-back, any group may be."""
    if held is None:
        return False
    if len(held) == 3:
        return slot[0] == GROUP_SLOT
    owner = held[0]
    return owner.key[0] == service and (owner.rule.each is Service or owner.rule.each.key_fields[0] == "service")
