"""Failover without translation: connections of a backend that failed go to another one, or would go nowhere for ever.

Where addresses are translated a bridge is told to forget them. With `dsr` all connections to a virtual address look alike to it,
except for their mark. So their next frame is scheduled as if it were the first, and whoever gets it resets what it does not know.
"""

from apps.service_tables import SCHEDULE, SEND, mark_of
from controller.app import App, rules
from controller.model import Backend, Drained, Draining, Health, HealthCheck, Served, Service
from controller.pipeline import resubmit


class Failover(App, stages=(SEND, SCHEDULE)):
    """Takes connections of services with `dsr` from backends that failed, or whose time to drain is over."""

    @rules(each=Backend)
    def take(self, backend, rows):
        name, address = backend.service, backend.address
        service = rows.need(Service, name)
        if service.mode != "dsr" or not (self.failed(backend, rows) or self.drained(backend, rows)):
            return
        why, again = f"{address} of {name} does not take it any more", resubmit(SCHEDULE.table)
        yield SEND.flow(again, ct_mark=mark_of(rows, name, address), priority=120, why=why).on(Served(service.network))

    def failed(self, backend, rows):
        """It is checked, and the checks say no."""
        if rows.get(HealthCheck, backend.service) is None:
            return False
        health = rows.get(Health, backend.service, backend.address)
        return health is not None and health.since > 0 and not health.up

    def drained(self, backend, rows):
        """It drains, and the time for that is over."""
        at = backend.service, backend.address
        return rows.get(Draining, *at) is not None and rows.get(Drained, *at) is not None
