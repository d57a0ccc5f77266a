"""Another implementation to compare with: the directory that WEFT_BASELINE names, with a module `bench1`.

That is weft's first proof: an engine, bundles and a read-back over a plain blocking socket, without the rest of a controller.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from typing import Any

from topologies.openvswitch import PrivateOvs

VARIABLE = "WEFT_BASELINE"


def load(ovs: PrivateOvs) -> Any:
    """The module, or None where the variable is not set."""
    directory = os.environ.get(VARIABLE)
    if not directory:
        return None
    if directory not in sys.path:
        sys.path.insert(0, directory)
    os.environ["OD"] = str(ovs.directory)  # where it looks for the bridge's sockets
    module: Any = importlib.import_module("bench1")
    module.D = str(ovs.directory)
    return module


def rows(module: Any, count: int, bridge: str) -> list[Any]:
    """The rows that `product.hosts` has."""
    return [module.Host(bridge, 1 + i % 50, module.Mac(0x020000000000 + i), 1 + i % 40) for i in range(count)]


class Baseline:
    """Its engine, committed to a bridge."""

    def __init__(self, module: Any, bridge: str) -> None:
        self.module, self.bridge = module, bridge
        self.engine = module.Engine(module.L2())

    def commit(self, rows: list[Any], *, whole: bool) -> float:
        """Seconds from rows to a committed bundle; `whole`: all messages are packed before the first is sent."""
        began = time.perf_counter()
        tx = self.module.Tx(self.engine)
        for row in rows:
            tx.put(row)
        self.engine.commit(tx)
        chunks = self.module.chunks(self.engine, self.bridge)
        switch = self.module.Sw(self.bridge)
        switch.bundle(list(chunks) if whole else chunks)
        took = time.perf_counter() - began
        switch.s.close()
        return took

    def read_back(self) -> tuple[float, int]:
        """Seconds to read back and compare; how many flows differ."""
        switch = self.module.Sw(self.bridge)
        began = time.perf_counter()
        installed = switch.dump()
        desired = self.engine.desired[self.bridge]
        wrong = [s for s, (o, f) in desired.items() if installed.get(s) != (o.cookie, f[2], f[1])]
        wrong += [s for s in installed if s not in desired]
        took = time.perf_counter() - began
        switch.s.close()
        return took, len(wrong)
