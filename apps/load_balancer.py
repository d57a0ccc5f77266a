"""Load balancer: which backend of a service gets a new connection. That is decided in the bridge of the client.

    wrr     a select group, by a hash of the connection and the weights
    least   the same; the weights follow from how many connections there are
    source  a hash of the client's address, as the number of a slot; each slot has a backend (Maglev)
    maglev  the same with a hash of the connection

A backend gets new connections where its weight is above 0, it is not draining, its checks (if there are any) say that it is up,
and it is known where it is. Which backend a client had is learned by the bridge itself, where the service has `affinity`; that
counts only as long as this backend gets new connections.
"""

from functools import lru_cache

from apps.maglev import fill, slots_for, spares_for
from apps.service_tables import (
    COMMIT,
    PROTOCOLS,
    REMEMBER,
    SCHEDULE,
    SLOTS,
    SPARES,
    STICKY,
    TAKES,
    Reached,
    ethertype,
    ip,
    mark_of,
    port,
)
from apps.spreading import groups, mixed_groups
from controller.app import App, Count, rules
from controller.model import Backend, Draining, Health, HealthCheck, Network, Served, Service, ServicePort, Tuned, Virtual
from controller.pipeline import DROP, bucket, learn, load, multipath, resubmit

BY_PORT = 1  # lowest bit of the source port that decides on a group: some clients take even ones only
STREAMS = {"tcp", "sctp"}
HASHED = {"source": "nw_src", "maglev": "symmetric_l3l4+udp"}


class LoadBalancer(App, stages=(SCHEDULE, SLOTS, TAKES, SPARES, REMEMBER, COMMIT, STICKY)):
    """Spreads new connections to virtual services over their backends."""

    sticky_clients: Count = 65536  # clients of services with affinity that a bridge remembers

    @rules(each=Virtual)
    def schedule(self, virtual, rows):
        service, everywhere = rows.need(Service, virtual.service), Served(virtual.network)
        to_us = self.to_us(virtual, rows)
        weights = self.weights(service, rows)
        ready = {backend: weight for backend, weight in weights.items() if self.is_ready(backend, rows)}
        spread = self.by_slots if service.scheduler in HASHED else self.by_groups
        if not ready:
            yield SCHEDULE.flow(DROP, **to_us, why=f"no backend of {service.name} takes connections").on(everywhere)
            return
        sticky = self.stick(service, to_us, ready, rows) if service.affinity else ()
        for flow in (*spread(service, to_us, weights, ready, rows), *sticky):
            yield flow.on(everywhere)

    def to_us(self, virtual, rows):
        """The match of frames to a virtual address."""
        network = rows.value(Network, virtual.network, field="number")
        return {"network": network, **ip("dst", virtual.vip), "eth_type": ethertype(virtual.vip)}

    def weights(self, service, rows):
        """Backends that would get connections if they were well."""
        found = {}
        for backend in rows.where(Backend, service=service.name):
            tuned = rows.get(Tuned, service.name, backend.address) if service.scheduler == "least" else None
            weight = tuned.weight if tuned and backend.weight else backend.weight
            if weight:
                found[backend] = weight
        return found

    def is_ready(self, backend, rows):
        at = backend.service, backend.address
        health = rows.get(Health, *at) if rows.get(HealthCheck, backend.service) else None
        is_up = rows.get(HealthCheck, backend.service) is None or (health is not None and health.up)
        return is_up and rows.get(Draining, *at) is None and rows.get(Reached, *at) is not None

    def choice(self, service, backend, rows):
        """Actions that give a connection to a backend."""
        after = REMEMBER if service.affinity else COMMIT
        return load("backend", mark_of(rows, service.name, backend.address)), resubmit(after.table)

    def stick(self, service, to_us, ready, rows):
        """A client that comes back gets the backend that it had. A bucket of a group cannot learn; a table behind it can."""
        ends = [next(iter(ip(end, service.vip))) for end in ("src", "dst")]
        how = {"idle": service.affinity, "limit": self.sticky_clients, "eth_type": ethertype(service.vip)}
        note = learn(STICKY.table, same=("network", *ends), keep="backend", **how)
        yield REMEMBER.flow(note, resubmit(COMMIT.table), **to_us, why=f"{service.name} is sticky for {service.affinity} s")
        for backend in ready:
            mark, why = mark_of(rows, service.name, backend.address), f"the client had {backend.address}"
            yield SCHEDULE.flow(resubmit(COMMIT.table), **to_us, backend=mark, priority=120, why=why)

    def by_groups(self, service, to_us, weights, ready, rows):
        """Select groups, of which some bits of the source port take one. Their hash has no ports of UDP in it."""
        there = dict.fromkeys(p.protocol for p in rows.where(ServicePort, service=service.name))
        chosen = {backend.address: self.choice(service, backend, rows) for backend in ready}
        share = lru_cache(None)(lambda address, weight: bucket(*chosen[address], weight=weight))  # of thousands few are distinct
        kinds = ("stream", groups, STREAMS & there.keys()), ("datagram", mixed_groups, {"udp"} & there.keys())
        for name, spread, protocols in kinds:
            shares = spread(ready, weights) if protocols else []
            for number, buckets in enumerate(shares):
                made = [share(backend.address, weight) for backend, weight in buckets]
                number_of = "select", "service", service.name, name, number
                group = rows.group(*number_of, buckets=made, why=f"backends of {service.name}")
                yield group
                bits = number << BY_PORT, (len(shares) - 1) << BY_PORT
                for protocol in sorted(protocols):
                    some = to_us | (port(protocol, "src", bits, service.vip) if bits[1] else {"ip_proto": PROTOCOLS[protocol]})
                    yield SCHEDULE.flow(group.use, **some, why=f"a backend of {service.name}")

    def by_slots(self, service, to_us, weights, ready, rows):
        """A hash as the number of a slot. Slots stay as they are when backends fail; those of such backends have a spare."""
        fields, spare = HASHED[service.scheduler], spares_for(len(weights))
        numbered = multipath(fields, slots_for(len(weights)), "slot"), resubmit(SLOTS.table)
        yield SCHEDULE.flow(*numbered, **to_us, why=f"a slot of {service.name}")
        after = resubmit((REMEMBER if service.affinity else COMMIT).table)
        for backend in ready:
            mark, why = mark_of(rows, service.name, backend.address), f"{backend.address} takes connections"
            yield TAKES.flow(after, **to_us, backend=mark, why=why)
        absent = frozenset(backend.address for backend in weights if backend not in ready)
        if absent:
            again = multipath(fields, spare, "slot", basis=1), resubmit(SPARES.table)
            yield TAKES.flow(*again, **to_us, priority=90, why="its backend takes no connections: another one")
            for slot, address in enumerate(fill(addresses(weights), spare, absent)):
                chosen = load("backend", mark_of(rows, service.name, address)), after
                yield SPARES.flow(*chosen, **to_us, slot=slot, why=f"a spare slot of {address}")

    @rules(each=Virtual)
    def slots(self, virtual, rows):
        service = rows.need(Service, virtual.service)
        weights = self.weights(service, rows) if service.scheduler in HASHED else {}
        if not weights:
            return
        to_us = self.to_us(virtual, rows)
        marks = {backend.address: load("backend", mark_of(rows, service.name, backend.address)) for backend in weights}
        for slot, address in enumerate(fill(addresses(weights), slots_for(len(weights)))):
            flow = SLOTS.flow(marks[address], resubmit(TAKES.table), **to_us, slot=slot, why=f"a slot of {address}")
            yield flow.on(Served(virtual.network))


def addresses(weights):
    """The weights by the addresses of the backends."""
    return {backend.address: weight for backend, weight in weights.items()}
