"""Ends of connections: how many of each backend's TCP connections were closed, which a bridge counts by the way.

Frames of connections visit CLOSE and go on as if they had not. Those of a server are told apart by RST alone: a FIN that differs
from data would be carried before it, where both are in one batch. What a bridge saw opened less what it saw closed are the
connections that a backend has: nearly, for an end may come twice (sent again, or FIN and then RST), or never (lost power).
"""

from apps.service_tables import CLOSE, REPLY, Reached, ethertype, is_state, mark_of
from controller.app import App, rules
from controller.model import Served, Service, ServicePort
from controller.pipeline import load

FIN, RST = 1, 4  # bits of the flags of TCP (RFC 9293, section 3.1)


class ConnectionEnds(App, stages=(CLOSE,)):
    """Counts TCP connections that clients close, and those that either side resets."""

    @rules(each=Reached)
    def ends(self, backend, rows):
        name = backend.service
        service = rows.need(Service, name)
        if not any(p.protocol == "tcp" for p in rows.where(ServicePort, service=name)):
            return
        mark = mark_of(rows, name, backend.address)
        carried = {"eth_type": ethertype(service.vip), "ct_mark": mark}
        nothing = load("backend", mark)  # which it was: no frame is dropped here
        closed = CLOSE.flow(nothing, **carried, ct_state=is_state(0, REPLY), tcp_flags=(FIN, FIN), why="a client closes")
        reset = CLOSE.flow(nothing, **carried, tcp_flags=(RST, RST), why="a connection is reset")
        for flow in (closed, reset):
            yield flow.on(Served(service.network))
