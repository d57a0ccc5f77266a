"""One host of 10,000 moves in a network that 10, 100 or 1000 bridges are members of: what that costs. And a flow's memory."""

from __future__ import annotations

import gc
import statistics
import time
import tracemalloc
from collections.abc import Iterable

from controller.app import App, Reader, Tx, rules
from controller.model import Bridge, Host, Mac, Member, Network, Row, scope_of
from controller.openflow.bundle import encode
from controller.openflow.osken import V14
from controller.pipeline import FORWARD, NEXTHOP, load, to, to_port
from controller.state import reconcile
from controller.state.engine import Engine
from tests.benchmarks import baseline
from tests.benchmarks.product import TwoFlows, hosts
from tests.benchmarks.report import Table
from topologies.openvswitch import PrivateOvs

MEMBERS = (10, 100, 1000)
MOVES = 40
STAY = 10_000  # hosts that do not move
HOSTS = 20_000  # for the memory
NETWORK = "blue"


class Fabric(App, stages=(FORWARD,)):
    """A host's bridge is known on all bridges of its network, its port on its own."""

    @rules(each=Host)
    def known(self, host: Host, rows: Reader) -> Iterable[object]:
        """One flow for all members, one for the host's own bridge."""
        network, home = rows.need(Network, host.network), rows.need(Bridge, host.bridge)
        yield FORWARD.flow(load("to_bridge", home.dpid), to(NEXTHOP), network=network.number, eth_dst=host.mac).on(network)
        yield FORWARD.flow(*to_port(host.port), network=network.number, eth_dst=host.mac, priority=101)


class Members:
    """An engine with so many connected bridges in one network."""

    def __init__(self, count: int) -> None:
        self.engine = Engine()
        self.engine.enable(Fabric())
        self.network = Network(NETWORK, 1)
        self.names = [f"s{n}" for n in range(1, count + 1)]
        rows: list[Row] = [self.network]
        for number, name in enumerate(self.names, 1):
            rows += [Bridge(name, number), Member(scope_of(self.network), name)]
        rows += [Host(network=NETWORK, mac=Mac(2 + n), bridge=self.names[n % count], port=3) for n in range(STAY)]
        self.commit(rows)
        for name in self.names:
            self.engine.desired.open(name)  # all that is there by now it holds
        self.move(0)
        self.send()

    def commit(self, rows: list[Row]) -> None:
        """One transaction, and the rules that follow."""
        tx = Tx(self.engine.tables)
        for row in rows:
            tx.put(row)
        self.engine.commit(tx)
        self.engine.run()

    def move(self, turn: int) -> None:
        """The host appears on the next bridge."""
        self.commit([Host(network=NETWORK, mac=Mac(1), bridge=self.names[turn % len(self.names)], port=3)])

    def send(self) -> int:
        """Plan and pack the bundles of all bridges; how many changes are in them."""
        desired = self.engine.desired
        sent = 0
        while desired.dirty:
            ledger = desired.ledgers[desired.dirty.pop()]
            changes = reconcile.plan(ledger, desired)
            sent += len(changes)
            for _ in encode(V14, 1, 1, changes):
                pass
            ledger.confirm()
        return sent


def moves(table: Table, repeats: int) -> dict[int, float]:
    """Median microseconds a move, for each number of members; the engines take turns. Gives changes a move."""
    engines = {count: Members(count) for count in MEMBERS}
    changes: dict[int, float] = {}
    for _ in range(repeats):
        for count, members in engines.items():
            rules_us, bundles_us, sent = [], [], []
            for turn in range(1, MOVES + 1):
                began = time.perf_counter()
                members.move(turn)
                between = time.perf_counter()
                sent.append(members.send())
                bundles_us.append((time.perf_counter() - between) * 1e6)
                rules_us.append((between - began) * 1e6)
            changes[count] = statistics.mean(sent)
            table.add(f"{count} members: rules and ledgers", statistics.median(rules_us))
            table.add(f"{count} members: plans and bundles", statistics.median(bundles_us))
    return changes


def memory(ovs: PrivateOvs) -> dict[str, float]:
    """Bytes a flow: store, owners and tables; the rows themselves are not counted."""
    gc.collect()
    rows = hosts(HOSTS)
    engine = Engine()
    engine.enable(TwoFlows())
    tx = Tx(engine.tables)
    for row in rows:
        tx.put(row)
    tracemalloc.start()
    engine.commit(tx)
    engine.unsaved.clear()
    engine.run()
    del tx
    gc.collect()
    found = {"weft": tracemalloc.get_traced_memory()[0] / (2 * HOSTS)}
    tracemalloc.stop()
    module = baseline.load(ovs)
    if module is not None:
        other_rows = baseline.rows(module, HOSTS, "br0")
        tracemalloc.start()
        other = module.Engine(module.L2())
        other_tx = module.Tx(other)
        for row in other_rows:
            other_tx.put(row)
        other.commit(other_tx)
        other.before.clear()
        del other_tx
        gc.collect()
        found["baseline"] = tracemalloc.get_traced_memory()[0] / (2 * HOSTS)
        tracemalloc.stop()
    return found


def run(ovs: PrivateOvs, repeats: int) -> None:
    """Print the tables."""
    table, each, flow = (
        Table("one host moves", "us", 1),
        Table("of it each change", "us", 2),
        Table("memory of a flow", "bytes", 0),
    )
    changes = moves(table, repeats)
    table.show()
    for count in MEMBERS[1:]:
        names = [f"{number} members: rules and ledgers" for number in (count, MEMBERS[0])]
        table.compare(f"the engine's part when one host of {STAY:,} moves, {count} bridges", *names)
    for count in MEMBERS:
        parts = (table.numbers[f"{count} members: {part}"] for part in ("rules and ledgers", "plans and bundles"))
        for took in map(sum, zip(*parts, strict=True)):
            each.add(f"{count} members", took / changes[count])
        print(f"  {count} members: {changes[count]:.0f} changes a move")
    each.show()
    for count in MEMBERS[1:]:
        each.compare(f"a change when one host moves, {count} bridges", f"{count} members", f"{MEMBERS[0]} members")
    for name, size in memory(ovs).items():
        flow.add(name, size)
    flow.show()
    flow.compare("memory of a flow", "weft", "baseline")
