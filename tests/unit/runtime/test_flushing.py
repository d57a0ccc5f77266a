"""Connections of a failed backend: forgotten after the bridge has confirmed that no new ones go there, and not before."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest

from controller.app import App, Reader, rules
from controller.model import Backend, Drained, Draining, Health, IPv4, Network, Row, Service, ServicePort, Zone
from controller.openflow.ctflush import Tuple
from controller.pipeline import DROP, POLICY, SERVICE, bucket, output
from controller.runtime.control import Control
from controller.runtime.flushing import Flushing
from controller.runtime.journal import Journal
from controller.runtime.peers import Peer
from controller.state import reconcile
from controller.state.engine import Engine
from controller.state.tables import Tx

VIP, ONE, TWO = IPv4("10.0.0.100"), IPv4("10.0.0.1"), IPv4("10.0.0.2")


class Balancer(App, stages=(SERVICE, POLICY)):
    """A group of those backends that are up."""

    @rules(each=Service)
    def spread(self, service: Service, rows: Reader) -> Any:
        up = [h for h in rows.where(Health, service=service.name) if h.up]
        group = rows.group("select", service.name, buckets=[bucket(output(int(h.address) & 255)) for h in up])
        yield group.on("s1")
        yield SERVICE.flow(group.use, eth_type=0x0800, ipv4_dst=service.vip).on("s1")

    @rules(each=Network)
    def beside(self, network: Network) -> Any:
        yield POLICY.flow(DROP, in_port=network.number).on("s1")


class Lab:
    """An engine, a bridge of it that confirms what it is told to, and what is flushed there."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.engine.enable(Balancer())
        self.flushed: list[tuple[int, int, Tuple, Tuple]] = []
        channel: Any = SimpleNamespace(
            session=SimpleNamespace(flush_connections=lambda *what: self.flushed.append(what)), flush=lambda: None
        )
        self.peer = Peer("s1", 1, channel)
        self.flushing = Flushing(self.engine, {"s1": self.peer})
        self.put(Service("web", "blue", VIP), Service("other", "blue", IPv4("10.0.0.99")), Zone("s1", "blue", 7, 8))
        self.put(ServicePort("web", "tcp", 80, 8080), ServicePort("web", "udp", 53, 53), ServicePort("web", "tcp", 81, 8081))
        self.put(*[Health(name, ip, True) for name in ("web", "other") for ip in (ONE, TWO)])
        self.ledger = self.engine.desired.open("s1")

    def put(self, *rows: Row) -> None:
        tx = Tx(self.engine.tables)
        for row in rows:
            tx.put(row)
        self.engine.commit(tx)
        self.engine.run()

    def fail(self, service: str = "web") -> None:
        """The first backend of a service fails."""
        self.put(Health(service, ONE, False, "refused"))
        self.flushing.ask(service, ONE)
        self.flushing.step()


def test_the_group_goes_first() -> None:
    lab = Lab()
    lab.fail()
    assert lab.flushed == []
    assert reconcile.plan(lab.ledger, lab.engine.desired, 0)  # it is on its way
    lab.flushing.step()
    assert lab.flushed == []
    lab.ledger.confirm()
    lab.flushing.step()
    there, back = (Tuple(destination=VIP), Tuple(source=ONE)), (Tuple(source=ONE, destination=ONE), Tuple(destination=VIP))
    assert lab.flushed == [(7, 6, *there), (8, 6, *back), (7, 17, *there), (8, 17, *back)]
    lab.flushing.step()
    assert len(lab.flushed) == 4


def test_what_has_nothing_to_do_with_the_service_is_not_waited_for() -> None:
    lab = Lab()
    lab.fail()
    reconcile.plan(lab.ledger, lab.engine.desired, 0)
    lab.ledger.confirm()
    lab.put(Network("blue", 5), Health("other", TWO, False))
    assert len(lab.ledger.pending) == 2
    lab.flushing.step()
    assert lab.flushed


def test_a_change_that_the_bridge_refuses_is_not_waited_for() -> None:
    lab = Lab()
    lab.fail()
    reconcile.plan(lab.ledger, lab.engine.desired, 0)
    assert lab.ledger.roll_back([(0, "no such thing")])
    lab.flushing.step()
    assert lab.flushed


def test_a_bridge_that_is_away_is_waited_for() -> None:
    lab = Lab()
    ledger, channel, lab.peer.channel = lab.engine.desired.ledgers.pop("s1"), lab.peer.channel, None
    lab.fail()
    assert lab.flushing.waiting == [("s1", "web", ONE)]
    lab.peer.channel = channel
    lab.flushing.step()
    assert lab.flushed == []  # it was not compared yet
    lab.engine.desired.ledgers["s1"] = ledger
    lab.flushing.step()
    assert lab.flushed
    assert lab.flushing.waiting == []


def test_who_is_well_again_keeps_its_connections() -> None:
    lab = Lab()
    lab.fail()
    lab.flushing.forget("web", ONE)
    reconcile.plan(lab.ledger, lab.engine.desired, 0)
    lab.ledger.confirm()
    lab.flushing.step()
    assert lab.flushed == []


def test_a_bridge_that_connects_forgets_what_failed_meanwhile() -> None:
    lab = Lab()
    lab.put(Health("web", ONE, False, "refused", 5.0), Drained("web", TWO, 5.0), Health("other", TWO, False))
    lab.flushing.bridge("s1")
    assert lab.flushing.waiting == [("s1", "web", ONE), ("s1", "web", TWO)]


def test_a_service_that_is_gone_has_nothing_to_forget() -> None:
    lab = Lab()
    lab.flushing.ask("nothing", ONE)
    assert lab.flushing.waiting == []


def put(tx: Tx, *rows: Row) -> None:
    for row in rows:
        tx.put(row)


@pytest.mark.parametrize("later", [False, True], ids=["before", "while it is waited for"])
def test_the_time_of_a_draining_backend_is_over(later: bool) -> None:
    ended: list[tuple[str, Any]] = []

    async def play() -> None:
        journal = Journal()
        control = Control(Engine(), journal, remove_foreign=True)
        control.drains._end = lambda *who: ended.append(who)
        control.start()
        tables = control.engine.tables
        start = time.time()
        service = Service("web", "blue", VIP, drain_deadline=0 if later else 1)
        draining = Draining("web", ONE, start - 0.8), Draining("web", TWO, start + 60)
        control.dispatch.change(lambda tx: put(tx, service, Backend("web", ONE), *draining))
        await asyncio.sleep(0.1)
        assert ended == []
        if later:
            control.dispatch.change(lambda tx: tx.put(Service("web", "blue", VIP, drain_deadline=1)))
        while not ended:
            assert time.time() < start + 10
            await asyncio.sleep(0.01)
        assert ended == [("web", ONE)]
        assert time.time() >= start + 0.2
        assert tables.get(Drained, "web", ONE) == Drained("web", ONE, start - 0.8)
        (event,) = [e for e in journal._events if e.kind == "service.backend_drained"]
        assert event.text == "10.0.0.1 of web is drained: its old connections had 1 s, what is left of them ends"
        control.dispatch.change(lambda tx: tx.drop(draining[0]))
        while tables.get(Drained, "web", ONE):
            assert time.time() < start + 10
            await asyncio.sleep(0.01)
        assert ended == [("web", ONE)]

    asyncio.run(play())
