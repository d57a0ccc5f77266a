"""Addresses learned by the app l2_learning: from a frame with a new source until its flows are on the wire, beside Faucet."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tests.benchmarks.controllers import Controller, weft
from tests.benchmarks.generator import HOSTS
from tests.benchmarks.peers import FAUCET, FAUCET_VLAN, faucet, faucet_program, version
from tests.benchmarks.report import Table, in_turns
from topologies.openvswitch import PrivateOvs

WEFT = "weft, l2_learning"
BRIDGES = (1, 8)
PLAIN = ("--plain", "--vlan", str(FAUCET_VLAN), "--window", "8")  # it loses packet-ins where more of them wait


class Learning:
    """The contenders and their tables."""

    def __init__(self, program: Path | None) -> None:
        self.program = program
        self.rates = {n: Table(f"addresses learned, {n} bridge{'s' * (n > 1)}", "1/s", 0) for n in BRIDGES}
        self.flows = {n: Table(f"flows that follow, {n} bridge{'s' * (n > 1)}", "1/s", 0) for n in BRIDGES}
        self.costs = {
            n: Table(f"processor time of the controller for one of them, {n} bridge{'s' * (n > 1)}", "us", 1) for n in BRIDGES
        }
        self.memory = {n: Table(f"memory of the controller after them, {n} bridge{'s' * (n > 1)}", "MiB", 0) for n in BRIDGES}

    def weft(self, bridges: int) -> None:
        """Two flows for each address, and one to each other bridge, in bundles: all bridges have the network."""
        with weft("l2_learning") as controller:
            self._measure(WEFT, controller, bridges)

    def faucet(self, bridges: int) -> None:
        """Two flows for each address, on its bridge alone: it learns on each bridge for itself."""
        assert self.program is not None
        with faucet(self.program, bridges, HOSTS) as controller:
            self._measure(FAUCET, controller, bridges, *PLAIN)

    def _measure(self, name: str, controller: Controller, bridges: int, *options: str) -> None:
        numbers = controller.load("--learn", "--switches", str(bridges), *options)
        self.rates[bridges].add(name, numbers["rate"])
        self.flows[bridges].add(name, numbers["flows"])
        self.costs[bridges].add(name, numbers["cpu"])
        self.memory[bridges].add(name, controller.memory())


def run(_ovs: PrivateOvs, repeats: int) -> None:
    """Print the tables. (Fake switches: Open vSwitch itself is not loaded.)"""
    program = faucet_program()
    learning = Learning(program)
    contenders = [partial(learning.weft, bridges) for bridges in BRIDGES]
    if program is None:
        print("Faucet cannot be installed here: it is not measured")
    else:
        print(f"Faucet {version(program)}")
        contenders += [partial(learning.faucet, bridges) for bridges in BRIDGES]
    in_turns(repeats, contenders)
    for table in (*learning.rates.values(), *learning.flows.values(), *learning.costs.values()):
        table.show()
        table.compare(table.title, WEFT, FAUCET)
    for table in learning.memory.values():
        table.show()
