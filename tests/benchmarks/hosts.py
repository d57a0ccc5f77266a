"""Hosts learned on many bridges: whether the last one costs what the first one did, and whether the number of bridges matters."""

from __future__ import annotations

import time
from struct import pack

from apps.l2_learning import L2Learning
from apps.vlan_isolation import VlanIsolation
from controller.app import Tx
from controller.model import Bridge, Mac, Member, Network, PacketIn, Pipeline, Port, PortRole, Row, scope_of
from controller.openflow.bundle import encode
from controller.openflow.osken import V14
from controller.state import reconcile
from controller.state.engine import Engine
from tests.benchmarks.product import quiet_collector
from tests.benchmarks.report import Table, in_turns
from topologies.openvswitch import PrivateOvs

HOSTS, PART = 10_000, 1000
BRIDGES = (10, 100)
IN_DEFAULT = pack("!II", 0x00010004, 1)  # the network register, as the pipeline sets it
TOGETHER = 10  # hosts that are learned before a bridge has confirmed


class Learned:
    """An engine with bridges that have two edge ports each, all in one network."""

    def __init__(self, bridges: int) -> None:
        self.engine, self.learning = Engine(), L2Learning()
        self.names = [f"s{n}" for n in range(1, bridges + 1)]
        for app in (VlanIsolation(), self.learning):
            self.engine.enable(app)
        rows: list[Row] = [Pipeline(), Network("default", 1)]
        for number, name in enumerate(self.names, 1):
            rows += [Bridge(name, number), Member(scope_of(Pipeline()), name)]
            for port in (1, 2):
                rows += [Port(name, port, f"{name}-eth{port}"), PortRole(name, port, "edge")]
            self.engine.desired.open(name)
        tx = Tx(self.engine.tables)
        for row in rows:
            tx.put(row)
        self._commit(tx)
        self.send()

    def learn(self, number: int) -> None:
        """A first frame of a host came up."""
        bridge = self.names[number % len(self.names)]
        source = Mac(0x020000000000 + number)
        frame = bytes.fromhex("ffffffffffff") + bytes(source) + b"\x08\0" + bytes(46)
        packet = PacketIn(bridge, 1 + number // len(self.names) % 2, frame, match=IN_DEFAULT)
        tx = Tx(self.engine.tables)
        self.learning.learn(packet, tx)
        assert tx.changes
        self._commit(tx)

    def _commit(self, tx: Tx) -> None:
        self.engine.commit(tx)
        self.engine.run()

    def send(self) -> None:
        """Plan and pack the bundles of all bridges."""
        desired = self.engine.desired
        while desired.dirty:
            ledger = desired.ledgers[desired.dirty.pop()]
            for _ in encode(V14, 1, 1, reconcile.plan(ledger, desired)):
                pass
            ledger.confirm()


class Hosts:
    """The numbers of bridges take turns."""

    def __init__(self) -> None:
        self.rules = Table("a host learned: rules and ledgers, processor time", "us", 1)
        self.bundles = Table("a host learned: plans and bundles for each bridge that is told, processor time", "us", 2)

    def run(self, bridges: int) -> None:
        """Learn all, and time the first and the last."""
        learned = Learned(bridges)
        for start in range(0, HOSTS, PART):
            rules = bundles = 0.0
            for first in range(start, start + PART, TOGETHER):
                began = time.process_time()
                for number in range(first, first + TOGETHER):
                    learned.learn(number)
                between = time.process_time()
                learned.send()
                rules, bundles = rules + between - began, bundles + time.process_time() - between
            if start in (0, HOSTS - PART):
                which = name(bridges, "first" if not start else "last")
                self.rules.add(which, rules / PART * 1e6)
                self.bundles.add(which, bundles / PART / bridges * 1e6)


def name(bridges: int, which: str) -> str:
    """A line of the tables."""
    return f"{bridges} bridges, the {which} {PART} of {HOSTS}"


def run(_ovs: PrivateOvs, repeats: int) -> None:
    """Print the tables."""
    hosts = Hosts()
    with quiet_collector():
        in_turns(repeats, [lambda bridges=bridges: hosts.run(bridges) for bridges in BRIDGES])  # type: ignore[misc]
    few, many = BRIDGES
    for table in (hosts.rules, hosts.bundles):
        table.show()
        for bridges in BRIDGES:
            print(table.ratio(name(bridges, "last"), name(bridges, "first")))
        print(table.ratio(name(many, "last"), name(few, "last")))
