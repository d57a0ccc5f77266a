"""A bridge with 100,000 flows connects again: from its connection until it is known to be as it should be."""

from __future__ import annotations

import asyncio

from tests.benchmarks import baseline
from tests.benchmarks.product import Product, TwoFlows, hosts, quiet_collector
from tests.benchmarks.report import CPU, Table, in_turns
from topologies.openvswitch import PrivateOvs

HOSTS = 50_000
BRIDGE, OTHER = "br0", "br1"
WAIT = "Open vSwitch: connected -> answers our hello"
WEFT, DUMP, BASE = "weft: its answer -> consistent", "ovs-ofctl dump-flows", "baseline, read back and compare"


class Reconnect:
    """The contenders; the baseline has a bridge of its own."""

    def __init__(self, ovs: PrivateOvs, loop: asyncio.AbstractEventLoop) -> None:
        self.ovs, self.loop = ovs, loop
        self.table = Table(f"reconnect with {2 * HOSTS} flows in place")
        self.sent = 0
        self.product = Product(TwoFlows())
        loop.run_until_complete(self._fill())
        module = baseline.load(ovs)
        self.baseline = baseline.Baseline(module, OTHER) if module else None
        if self.baseline:
            self.baseline.commit(baseline.rows(module, HOSTS, OTHER), whole=True)

    async def _fill(self) -> None:
        self.product.change(hosts(HOSTS))
        await self.product.connect(self.ovs, BRIDGE)

    def weft(self) -> None:
        """Handshake, read-back, comparison; nothing should be sent."""
        peer = self.product.control.peers[BRIDGE]
        before = peer.flow_mods
        with quiet_collector(), self.table.cpu(WEFT):
            waited, took = self.loop.run_until_complete(self.product.reconnect(BRIDGE))
        self.table.add(WAIT, waited)
        self.table.add(WEFT, took)
        self.sent += peer.flow_mods - before

    def dump(self) -> None:
        """The same flows as text."""
        with self.table.time(DUMP):
            self.ovs.ofctl("dump-flows", BRIDGE)

    def base(self) -> None:
        """The baseline, over a socket that is connected already."""
        assert self.baseline is not None
        with self.table.cpu(BASE):
            took, wrong = self.baseline.read_back()
        assert wrong == 0, f"{wrong} flows of the baseline differ"
        self.table.add(BASE, took)


def run(ovs: PrivateOvs, repeats: int) -> None:
    """Print the table."""
    for number, bridge in enumerate((BRIDGE, OTHER), 1):
        ovs.add_bridge(bridge, dpid=number)
    with asyncio.Runner() as runner:
        reconnect = Reconnect(ovs, runner.get_loop())
        contenders = [reconnect.weft, reconnect.dump]
        if reconnect.baseline is not None:
            contenders.append(reconnect.base)
        in_turns(repeats, contenders)
    for bridge in (BRIDGE, OTHER):
        ovs.vsctl("del-br", bridge)
    reconnect.table.show()
    print(f"  flow-mods sent: {reconnect.sent}")
    reconnect.table.compare("100,000 flows read back and compared", WEFT, DUMP)
    if reconnect.baseline is not None:
        print(reconnect.table.ratio(WEFT, BASE))
        print(reconnect.table.ratio(WEFT + CPU, BASE + CPU))
