"""Connections of services: each stays with the backend that it was given, and its replies come from the virtual address.

They are tracked on the bridge of the client alone, in a zone that this network has there and nobody else. What comes for a
virtual address is translated in SERVICE, replies in UNSERVICE, where they leave for the client: in SERVICE, on their way in, the
virtual MAC address would be learned at the backend's port.

A backend that calls its own service talks to itself: the other half is in a second zone, where the client appears as the virtual
address. With `dsr` nothing is translated, and connections are tracked all the same, so that they stay.
"""

from apps.service_tables import (
    AGAIN,
    BACK,
    CHOOSE,
    CLOSE,
    COMMIT,
    ESTABLISHED,
    ICMP,
    INVALID,
    MARKED,
    NEW,
    PROTOCOLS,
    RELATED,
    REPLY,
    RETURN,
    SCHEDULE,
    SEND,
    STICKY,
    ZONES,
    Answering,
    Reached,
    Serving,
    ethertype,
    family,
    ip,
    is_state,
    mark_of,
    port,
)
from controller.app import App, derives, rules
from controller.model import Network, Served, Service, ServicePort, Virtual, Zone
from controller.pipeline import DROP, EGRESS, IPV4, IPV6, LEARN, SERVICE, UNSERVICE, ct, load, move, nat, resubmit, set_field

MARK = (MARKED, MARKED)  # in a match: it has some backend
TO_SAME_PORT = move("to_bridge", "in_port")  # 0, no port: Open vSwitch sends nothing to the one that a frame came in by


class Connections(App, stages=(SERVICE, UNSERVICE, ZONES, CHOOSE, COMMIT, SEND, BACK, AGAIN, RETURN, SCHEDULE, STICKY, CLOSE)):
    """Tracks connections to virtual services, and translates addresses."""

    @rules(each=Zone)
    def zones(self, zone, rows):
        number = rows.value(Network, zone.network, field="number")
        numbers = load("zone", zone.zone), load("zone_back", zone.back)
        yield ZONES.flow(*numbers, network=number, why=f"connections of {zone.network} on {zone.bridge}")

    @rules(each=Serving)
    def known(self, serving):
        """What becomes of a frame by the state of its connection."""
        there, tracked = resubmit(SEND.table), [ct(zone="zone", nat=nat(), table=at.table) for at in (RETURN, CHOOSE)]
        for flow in (
            CHOOSE.flow(there, ct_state=is_state(ESTABLISHED), priority=130, why="a connection that is known"),
            CHOOSE.flow(there, ct_state=is_state(RELATED), priority=130, why="an error about a connection"),
            CHOOSE.flow(there, ct_state=is_state(INVALID), ct_mark=MARK, priority=150, why="its ends know what to make of it"),
            CHOOSE.flow(DROP, ct_state=is_state(INVALID), priority=140, why="it fits no connection"),
            CHOOSE.flow(there, ct_state=is_state(NEW), ct_mark=MARK, priority=120, why="not answered yet: the same backend"),
            BACK.flow(resubmit(EGRESS.table), priority=1, why="of no connection to a service"),
            SEND.flow(DROP, priority=1, why="no port is left for its translation"),
            *(AGAIN.flow(tracked[0], ct_state=is_state(REPLY), eth_type=t, why="a backend answers itself") for t in (IPV4, IPV6)),
            *(AGAIN.flow(tracked[1], priority=90, eth_type=t, why="not from itself") for t in (IPV4, IPV6)),
        ):
            yield flow.on(serving)

    # ------------------------------------------------------------------ to the virtual address

    @rules(each=Virtual)
    def receive(self, virtual, rows):
        service, vip, name = rows.need(Service, virtual.service), virtual.vip, virtual.service
        to_us = {"network": rows.value(Network, virtual.network, field="number"), **ip("dst", vip)}
        ports, everywhere = rows.where(ServicePort, service=name), Served(virtual.network)
        track = resubmit(ZONES.table), ct(zone="zone", nat=nat(), table=CHOOSE.table)
        for number in sorted({ICMP[family(vip)], *(PROTOCOLS[p.protocol] for p in ports)}):
            yield SERVICE.flow(*track, **to_us, ip_proto=number, vlan_vid=0, why=f"to {name}").on(everywhere)
        yield SERVICE.flow(DROP, **to_us, vlan_vid=0, priority=90, why=f"{name} has no such protocol").on(everywhere)
        yield CHOOSE.flow(DROP, **to_us, priority=90, why=f"{name} has no such port").on(everywhere)
        again = move("ct_mark", "backend"), resubmit(COMMIT.table)
        why = "not answered yet, and not translated (the kernel does that later than userspace)"
        yield CHOOSE.flow(*again, ct_state=is_state(NEW), **to_us, ct_mark=MARK, priority=125, why=why).on(everywhere)
        choose = [resubmit(STICKY.table)] if service.affinity else []
        for p in ports:
            to_port = to_us | port(p.protocol, "dst", p.port, vip)
            new = CHOOSE.flow(*choose, resubmit(SCHEDULE.table), ct_state=is_state(NEW), **to_port, why=f"a new one to {name}")
            yield new.on(everywhere)

    @rules(each=Reached)
    def send(self, backend, rows):
        """The frames of a connection that has a backend."""
        name, address, mac = backend.service, backend.address, backend.mac
        service, virtual = rows.need(Service, name), rows.need(Virtual, name)
        mark, everywhere = mark_of(rows, name, address), Served(service.network)
        there = set_field(eth_dst=mac), resubmit(CLOSE.table), resubmit(LEARN.table)
        yield SEND.flow(*there, ct_mark=mark, why=f"{name} by {address}").on(everywhere)
        sender = set_field(eth_src=virtual.mac), resubmit(CLOSE.table), TO_SAME_PORT
        yield BACK.flow(*sender, resubmit(EGRESS.table), ct_mark=mark, why=f"{name} by {address}").on(everywhere)
        number = rows.value(Network, service.network, field="number")
        ours = {"network": number, "ct_mark": mark, "ct_state": is_state(0, REPLY)}
        out = TO_SAME_PORT, resubmit(EGRESS.table)
        yield UNSERVICE.flow(*out, **ours, priority=110, why=f"to {name} by {address}").on(everywhere)
        for p in rows.where(ServicePort, service=name):
            target = nat(dst=address, port=p.target * (p.target != p.port)) if service.mode == "nat" else None
            keep = ct(zone="zone", commit=True, nat=target, mark=mark, table=SEND.table)
            match = port(p.protocol, "dst", p.port, service.vip)
            yield COMMIT.flow(keep, backend=mark, **match, why=f"a new one to {address}, for {name}").on(everywhere)
        if service.mode == "nat":
            for flow in self.send_back(backend, service, virtual, mark, rows):
                yield flow.on(everywhere)

    def send_back(self, backend, service, virtual, mark, rows):
        """A backend that is its own client."""
        address, vip, why = backend.address, service.vip, f"{backend.address} calls {service.name}, and is it"
        number = rows.value(Network, service.network, field="number")
        half = ct(zone="zone_back", commit=True, nat=nat(src=vip), mark=mark, table=RETURN.table)
        yield SEND.flow(half, ct_mark=mark, **ip("src", address), priority=110, why=why)
        there = set_field(eth_dst=backend.mac), set_field(eth_src=virtual.mac)
        out = move("in_port", "out_port"), TO_SAME_PORT, load("isolated", 0), resubmit(EGRESS.table)
        yield RETURN.flow(*there, *out, ct_mark=mark, why=why)
        track = resubmit(ZONES.table), ct(zone="zone_back", nat=nat(), table=AGAIN.table)
        between = {"network": number, **ip("src", address), **ip("dst", vip), "vlan_vid": 0}
        for protocol, target in dict.fromkeys((p.protocol, p.target) for p in rows.where(ServicePort, service=service.name)):
            yield SERVICE.flow(*track, **between, **port(protocol, "src", target, vip), priority=105, why=why)

    # ------------------------------------------------------------------ from a backend

    @derives(each=Reached)
    def answers(self, backend, rows):
        """What frames of a backend may be replies. Those of UDP may be in pieces, of which only the first one has ports."""
        service = rows.need(Service, backend.service)
        address = backend.address if service.mode == "nat" else service.vip
        for p in rows.where(ServicePort, service=backend.service):
            yield Answering(service.network, address, PROTOCOLS[p.protocol], 0 if p.protocol == "udp" else p.target)
        yield Answering(service.network, address, ICMP[family(address)], 0)

    @rules(each=Answering)
    def reply(self, at, rows):
        match = {"network": rows.value(Network, at.network, field="number"), **ip("src", at.address), "ip_proto": at.protocol}
        name = next((name for name, number in PROTOCOLS.items() if number == at.protocol), "")
        if at.port:
            match |= {f"{name}_src": at.port}
        track = resubmit(ZONES.table), ct(zone="zone", nat=nat(), table=BACK.table)
        yield UNSERVICE.flow(*track, **match, eth_type=ethertype(at.address), why="may be a reply").on(Served(at.network))
