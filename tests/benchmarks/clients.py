"""Packet-ins while a dashboard and 20 clients of the API work, beside the same without them: how long the slowest wait.

The clients take processor time of the same machine. What that alone costs is measured too: they work at another controller.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import sys
import threading
import time
from collections.abc import Iterator

from tests.benchmarks.controllers import APPS, Controller, process, weft
from tests.benchmarks.report import Table, in_turns
from topologies.openvswitch import PrivateOvs

CLIENTS = 20
PAUSE = 0.25  # seconds between two questions of a client: a dashboard asks again as often where something changes
COUNT = 20_000  # packet-ins, one at a time: for longer than it takes each client to ask some times
PATHS = ("/bridges", "/ports", "/hosts", "/links", "/networks", "/flows?bridge=s1", "/apps", "/events/history", "/topology")
WITH, WITHOUT = f"a dashboard and {CLIENTS} clients", "nobody"
ELSEWHERE = f"{WITH}, of another controller"


class Beside:
    """One controller, asked in turns with clients, without, and with clients that ask another one."""

    def __init__(self, controller: Controller, other: Controller) -> None:
        self.controller, self.other = controller, other
        self.middle = Table("one packet-in at a time, p50, while there work", "us", 0)
        self.slowest = Table("one packet-in at a time, p99, while there work", "us", 0)
        self.busy = Table("processor time of the controller for each packet-in, with all that it does meanwhile", "us", 0)

    def alone(self) -> None:
        """Nobody else asks anything."""
        self._measure(WITHOUT)

    def beside(self) -> None:
        """A stream of events is open, and clients ask for everything."""
        with clients(self.controller.web):
            self._measure(WITH)

    def elsewhere(self) -> None:
        """The same clients take as much of the machine, and nothing of this controller."""
        with clients(self.other.web):
            self._measure(ELSEWHERE)

    def _measure(self, name: str) -> None:
        before = self.controller.cpu()
        numbers = self.controller.load("--latency", str(COUNT))
        self.busy.add(name, (self.controller.cpu() - before) / COUNT * 1e6)
        self.middle.add(name, numbers["p50"])
        self.slowest.add(name, numbers["p99"])


@contextlib.contextmanager
def clients(web: int) -> Iterator[None]:
    """In a process of their own."""
    with process(sys.executable, "-m", "tests.benchmarks.clients", str(web)) as running:
        assert running.stdout is not None
        running.stdout.readline()  # all of them have had an answer
        yield


def run(_ovs: PrivateOvs, repeats: int) -> None:
    """Print the tables."""
    app = APPS / "reactive_app.py"
    with weft(app, web=True) as controller, weft(app, web=True) as other:
        beside = Beside(controller, other)
        in_turns(repeats, [beside.alone, beside.beside, beside.elsewhere])
    for table in (beside.middle, beside.slowest, beside.busy):
        table.show()
    for there in (WITHOUT, ELSEWHERE):
        beside.slowest.compare("p99 of a packet-in beside a dashboard and 20 clients", WITH, there)


def ask(web: int, first: int, answered: threading.Barrier) -> None:
    """One client: a question, a pause, the next question."""
    connection = http.client.HTTPConnection("127.0.0.1", web, timeout=30)
    number = first
    while True:
        connection.request("GET", f"/api/v1{PATHS[number % len(PATHS)]}")
        connection.getresponse().read()
        if number == first:
            answered.wait()
        number += 1
        time.sleep(PAUSE)


def stream(web: int, answered: threading.Barrier) -> None:
    """The open stream of a dashboard."""
    connection = http.client.HTTPConnection("127.0.0.1", web, timeout=30)
    connection.request("GET", "/api/v1/events")
    answer = connection.getresponse()
    answered.wait()
    while answer.read1():
        pass


def main() -> None:
    """Until it is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("web", type=int)
    web = parser.parse_args().web
    answered = threading.Barrier(CLIENTS + 2)
    for number in range(CLIENTS):
        threading.Thread(target=ask, args=(web, number, answered), daemon=True).start()
    threading.Thread(target=stream, args=(web, answered), daemon=True).start()
    answered.wait()
    print("all", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
