"""Links and hosts that come and go are told: few of them one by one, many as one event, and nothing where nothing changed."""

from __future__ import annotations

import pytest

from controller.model import Host, IPv4, Link, Mac, Port, Row
from controller.runtime.chronicle import FEW, Chronicle
from controller.runtime.journal import Journal
from controller.state.engine import Engine
from controller.state.tables import Tx

pytestmark = pytest.mark.unit


class Lab:
    """Rows, a journal, and a chronicle that looks when a test says so."""

    def __init__(self, *rows: Row) -> None:
        self.engine, self.journal = Engine(), Journal()
        self.put(*rows)
        self.chronicle = Chronicle(self.engine, self.journal)

    def put(self, *rows: Row) -> None:
        tx = Tx(self.engine.tables)
        for row in rows:
            tx.put(row)
        self.engine.commit(tx)

    def drop(self, *rows: Row) -> None:
        tx = Tx(self.engine.tables)
        for row in rows:
            tx.drop(row)
        self.engine.commit(tx)

    def told(self) -> list[tuple[str, str, str, str]]:
        """What one look tells."""
        last = self.journal.seq
        self.chronicle.look()
        return [(event.severity, event.kind, event.subject, event.text) for event in self.journal.events(after=last)]


def link(bridge: str, port: int, peer: str, peer_port: int) -> tuple[Link, Link]:
    return Link(bridge, port, peer, peer_port), Link(peer, peer_port, bridge, port)


def test_a_link_is_told_once_by_the_names_of_its_ports() -> None:
    lab = Lab(Port("s1", 2, "s1-eth2"), Port("s2", 1, "s2-eth1"))
    rows = link("s2", 1, "s1", 2)
    lab.put(*rows)
    assert lab.told() == [("info", "link.up", "s1/s1-eth2", "the link s1/s1-eth2 - s2/s2-eth1 is up")]
    assert lab.told() == []
    lab.put(*(Link(row.bridge, row.port, row.peer, row.peer_port, cost=7) for row in rows))
    assert lab.told() == [], "another cost is no news"
    lab.drop(*rows)
    assert lab.told() == [("warning", "link.down", "s1/s1-eth2", "the link s1/s1-eth2 - s2/s2-eth1 is down")]


def test_a_port_that_leads_elsewhere_is_two_events() -> None:
    first, second = link("s1", 1, "s2", 1), link("s1", 1, "s3", 1)
    lab = Lab(*first)
    lab.drop(*first)
    lab.put(*second)
    assert [event[1:3] for event in lab.told()] == [("link.down", "s1/1"), ("link.up", "s1/1")]


def test_many_links_at_once_are_one_event() -> None:
    lab = Lab()
    rows = [row for n in range(FEW + 1) for row in link("s1", n, f"t{n}", 1)]
    lab.put(*rows)
    assert lab.told() == [("info", "link.up", "links", f"{FEW + 1} links are up, s1/0 - t0/1 among them")]
    lab.drop(*rows)
    assert lab.told() == [("warning", "link.down", "links", f"{FEW + 1} links are down, s1/0 - t0/1 among them")]


def host(number: int, bridge: str = "s1", *ips: str) -> Host:
    return Host("blue", Mac(number), bridge, 3, tuple(map(IPv4, ips)))


def test_a_host_is_told_when_it_is_learned_and_not_when_it_says_more_of_itself() -> None:
    lab = Lab(host(1), Port("s1", 3, "eth3"))
    assert lab.told() == [], "it was known before"
    lab.put(host(2, "s1", "10.0.0.2"), host(1, "s2", "10.0.0.1"))
    mac = "00:00:00:00:00:02"
    assert lab.told() == [("info", "host.learned", mac, f"{mac} (10.0.0.2) was learned on s1/eth3, in network blue")]
    lab.drop(host(2))
    assert lab.told() == []
    lab.put(host(2))
    assert lab.told() == [("info", "host.learned", mac, f"{mac} was learned on s1/eth3, in network blue")]


def test_ten_thousand_hosts_are_one_event() -> None:
    lab = Lab()
    lab.put(*(host(n, f"s{n % 100}") for n in range(10_000)))
    assert lab.told() == [("info", "host.learned", "hosts", "10000 hosts were learned on 100 bridges")]
    lab.put(*(host(n, "s7") for n in range(20_000, 20_000 + FEW + 1)))
    assert lab.told() == [("info", "host.learned", "hosts", f"{FEW + 1} hosts were learned on s7")]


def test_a_host_that_comes_and_goes_between_two_looks_is_no_news() -> None:
    lab = Lab(host(1))
    lab.put(host(2))
    lab.drop(host(1), host(2))
    lab.put(host(1))
    assert lab.told() == [], "the one is there as before, the other is not"
    lab.put(host(2))
    assert len(lab.told()) == 1
