"""Hosts of backends: to which MAC address frames for a backend go.

That is what its host said last, and it is remembered: a backend of which nothing was heard for a while is not forgotten with its
host, and one that is in no service any more keeps the connections that it has.
"""

from dataclasses import replace

from apps.service_tables import Reached
from controller.app import App, derives, every
from controller.model import Address, Backend, IPv4, IPv6, Mac, Row, Service, key

LONGEST = 24 * 60  # minutes that connections may last of a backend that is in no service any more


class BackendHost(Row, kept=True):
    """Where a backend was last. `gone`: minutes since it is in its service no more."""

    service: str = key()
    address: IPv4 | IPv6 = key()
    mac: Mac = Mac(0)
    gone: int = 0


class BackendHosts(App):
    """Knows the MAC addresses of backends."""

    @derives(each=Backend)
    def reach(self, backend, rows):
        network = rows.value(Service, backend.service, field="network")
        found = rows.get(Address, network, backend.address) or rows.get(BackendHost, backend.service, backend.address)
        yield Reached(backend.service, backend.address, (found or rows.need(Address, network, backend.address)).mac)

    @derives(each=BackendHost)
    def reach_old(self, old, rows):
        """Connections of a backend that is not in the file any more go on."""
        if rows.get(Backend, old.service, old.address) is None and rows.get(Service, old.service) is not None:
            yield Reached(old.service, old.address, old.mac)

    @every(5, each=Backend)
    def remember(self, backend, tx):
        service = tx.get(Service, backend.service)
        known = tx.get(Address, service.network, backend.address) if service else None
        if known is not None:
            tx.put(BackendHost(backend.service, backend.address, known.mac))

    @every(60, each=BackendHost)
    def forget(self, old, tx):
        if tx.get(Backend, old.service, old.address) is None:
            last = old.gone >= LONGEST or tx.get(Service, old.service) is None
            (tx.drop if last else tx.put)(replace(old, gone=old.gone + 1))
