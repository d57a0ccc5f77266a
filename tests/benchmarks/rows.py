"""100,000 flows from 50,000 rows: from the rows until Open vSwitch has committed them."""

from __future__ import annotations

import asyncio
import gc
import time

from tests.benchmarks import baseline
from tests.benchmarks.product import Product, TwoFlows, hosts, quiet_collector
from tests.benchmarks.report import CPU, Table, in_turns
from topologies.openvswitch import PrivateOvs

HOSTS = 50_000
BRIDGE = "br0"
WEFT, OFCTL = "weft: rows -> committed", "ovs-ofctl --bundle add-flows"
BASE, BASE_BEST = "baseline, as its own benchmark runs it", "baseline, no gc, packed while sent"


class Rows:
    """The contenders."""

    def __init__(self, ovs: PrivateOvs) -> None:
        self.ovs = ovs
        self.table = Table(f"rows -> committed, {2 * HOSTS} flows from {HOSTS} rows")
        self.module = baseline.load(ovs)
        self.file = ovs.directory / "flows.txt"

    def weft(self) -> None:
        """The engine, ledger, plan, session and channel of the controller."""
        self._clear()
        self.table.add(WEFT, asyncio.run(self._weft()))
        count = len(self.ovs.flows(BRIDGE))
        assert count > 2 * HOSTS, f"{count} flows arrived"

    async def _weft(self) -> float:
        product = Product(TwoFlows())
        await product.connect(self.ovs, BRIDGE)
        rows = hosts(HOSTS)
        with quiet_collector():
            began = time.perf_counter()
            with self.table.cpu(WEFT):
                product.change(rows)
                took = await product.control.settled() - began
        await product.disconnect()
        return took

    def ofctl(self) -> None:
        """The same flows from a text file by ovs-ofctl."""
        if not self.file.exists():
            self._clear()
            self.weft()
            self.file.write_text("\n".join(self.ovs.flows(BRIDGE)) + "\n")
        self._clear()
        with self.table.time(OFCTL):
            self.ovs.ofctl("--bundle", "add-flows", BRIDGE, str(self.file))

    def base(self) -> None:
        """The baseline as it is."""
        self._base(BASE, whole=True)

    def base_best(self) -> None:
        """The baseline at its best."""
        gc.disable()
        try:
            self._base(BASE_BEST, whole=False)
        finally:
            gc.enable()

    def _base(self, name: str, *, whole: bool) -> None:
        self._clear()
        rows = baseline.rows(self.module, HOSTS, BRIDGE)
        contender = baseline.Baseline(self.module, BRIDGE)
        gc.collect()
        with self.table.cpu(name):
            self.table.add(name, contender.commit(rows, whole=whole))

    def _clear(self) -> None:
        self.ovs.ofctl("del-flows", BRIDGE)


def run(ovs: PrivateOvs, repeats: int) -> None:
    """Print the table."""
    ovs.add_bridge(BRIDGE, dpid=1)
    rows = Rows(ovs)
    contenders = [rows.weft, rows.ofctl]
    if rows.module is not None:
        contenders += [rows.base, rows.base_best]
    in_turns(repeats, contenders)
    ovs.vsctl("del-br", BRIDGE)
    rows.table.show()
    rows.table.compare("100,000 flows installed", WEFT, OFCTL)
    for other in (BASE, BASE_BEST) if rows.module is not None else ():
        print(rows.table.ratio(WEFT, other))
        print(rows.table.ratio(WEFT + CPU, other + CPU))
