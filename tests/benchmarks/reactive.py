"""Packet-ins answered by an app on the public interface, beside ovs-testcontroller (C) and the same app on os-ken."""

from __future__ import annotations

from functools import partial

from tests.benchmarks.controllers import APPS, Controller, weft
from tests.benchmarks.peers import EVENTLET, NATIVE, TESTCONTROLLER, osken, testcontroller
from tests.benchmarks.report import Table, in_turns
from topologies.openvswitch import PrivateOvs

APP, ASKED_APP = APPS / "reactive_app.py", APPS / "reactive_asked_app.py"
WEFT = "weft, a reactive app"
ASKED = "weft, the same app asked each time"
COUNT = 10_000  # of packet-ins one at a time: p99 of fewer is what the machine did in that tenth of a second
SLOW_COUNT = 3000  # of os-ken, which takes ten times as long


class Reactive:
    """The contenders and their tables."""

    def __init__(self) -> None:
        self.rates = Table("packet-ins answered, 4 switches with 64 open each", "1/s", 0)
        self.costs = Table("processor time of the controller for one of them", "us", 1)
        self.busy = Table("share of a processor that the generator took meanwhile (near 1: it was the limit)", "1", 2)
        self.memory = Table("memory of the controller after them", "MiB", 0)
        self.middle = Table("one packet-in at a time, p50", "us", 0)
        self.slowest = Table("one packet-in at a time, p99", "us", 0)

    @property
    def tables(self) -> tuple[Table, ...]:
        """All of them, in the order in which they are printed."""
        return self.rates, self.costs, self.busy, self.memory, self.middle, self.slowest

    def weft(self) -> None:
        """An app that puts rows and sends a frame for each packet-in."""
        with weft(APP) as controller:
            self._measure(WEFT, controller)

    def asked(self) -> None:
        """The same app, of which no answer is given again without a call."""
        with weft(ASKED_APP) as controller:
            self._measure(ASKED, controller)

    def other(self) -> None:
        """The same in C, which sends a flow for each packet-in as well."""
        with testcontroller() as controller:
            self._measure(TESTCONTROLLER, controller)

    def osken(self, name: str) -> None:
        """The same on os-ken, which sends a flow for each packet-in as well."""
        with osken(name, "osken_reactive") as controller:
            self._measure(name, controller, "--plain", count=SLOW_COUNT)

    def _measure(self, name: str, controller: Controller, *options: str, count: int = COUNT) -> None:
        numbers = controller.load(*options)
        self.rates.add(name, numbers["rate"])
        self.costs.add(name, numbers["cpu"])
        self.busy.add(name, numbers["generator"])
        self.memory.add(name, controller.memory())
        numbers = controller.load("--latency", str(count), *options)
        self.middle.add(name, numbers["p50"])
        self.slowest.add(name, numbers["p99"])


def run(_ovs: PrivateOvs, repeats: int) -> None:
    """Print the tables. (Fake switches: Open vSwitch itself is not loaded.)"""
    reactive = Reactive()
    others = [partial(reactive.osken, name) for name in (NATIVE, EVENTLET)]
    in_turns(repeats, [reactive.weft, reactive.asked, reactive.other, *others])
    for table in reactive.tables:
        table.show()
    for other in (TESTCONTROLLER, NATIVE, EVENTLET):
        reactive.rates.compare("packet-ins answered", WEFT, other)
    for other in (TESTCONTROLLER, NATIVE, EVENTLET):
        reactive.costs.compare("processor time of a packet-in", WEFT, other)
    reactive.rates.compare("packet-ins answered, asked each time", ASKED, TESTCONTROLLER)
    for table, what in ((reactive.middle, "p50"), (reactive.slowest, "p99")):
        table.compare(f"one packet-in at a time, {what}", WEFT, TESTCONTROLLER)
        table.compare(f"one packet-in at a time, asked each time, {what}", ASKED, TESTCONTROLLER)
