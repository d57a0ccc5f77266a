"""The churn, in rounds: everything comes, moves and goes, then the network is as it was, and the controller is looked at."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.ovs.running import eventually, kept_running
from tests.soak.network import BRIDGES, CABLES, CHANGES, FILE, POPULATION, PORTS, RINGS, Soaked
from tests.soak.verdict import Sample, faults, of_process
from tests.soak.visitors import Visitors
from topologies.openvswitch import private_ovs

APPS = ("arp_responder", "nd_responder", "storm_guard", "l2_learning", "load_balancer")
NEVER = ("flow.rejected", "flow.foreign", "flow.drift")  # events: nobody but the controller changes flows here
HOSTS = 24  # that come at once
SETTLED = 40.0  # seconds


class Churn:
    """Rounds of it, on one controller."""

    def __init__(self, weft: Soaked, seed: int) -> None:
        self.weft, self.random, self.samples = weft, Random(seed), list[Sample]()
        self._began = time.monotonic()
        self.problems: list[str] = []
        self.settled()
        weft.hosts(POPULATION)  # all have spoken once: where backends are is remembered
        eventually(lambda: weft.client.get("/hosts")["total"] > POPULATION // 2)  # some ports refuse them
        self._before, self._seen = self.settled(), 0

    def settled(self) -> list[str]:
        """Wait until all is done and forgotten; what the bridges hold then."""
        eventually(lambda: self.weft.nobody() and self.weft.at_rest() and not self.weft.unwanted(), SETTLED)
        return self.weft.held()

    def round(self) -> None:
        """Everything once in some order, while visitors look; then all is as it was."""
        visitors = Visitors(self.weft.address, self.random.randrange(1 << 30))
        visitors.start()
        for cable in RINGS:
            self.weft.plug(cable)
        try:
            steps: list[Callable[[], None]] = [
                self.move,
                self.links,
                self.ports,
                self.apps,
                self.networks,
                self.cables,
                self.away,
            ]
            self.random.shuffle(steps)
            for step in steps:
                self.weft.hosts(HOSTS // 2)
                step()
            for cable in RINGS:
                self.weft.unplug(cable)
        finally:
            visitors.stop()
        self.compare(self.settled())
        self.samples.append(self.sample())

    def compare(self, now: list[str]) -> None:
        """Nothing is left of the round, and nothing is missing."""
        number = len(self.samples) + 1
        self.problems += [f"round {number} left: {line}" for line in sorted({*now} - {*self._before})]
        self.problems += [f"round {number} lost: {line}" for line in sorted({*self._before} - {*now})]
        for event in self.weft.client.get("/events/history", after=self._seen, limit=10_000)["items"]:
            if event["severity"] == "error" or event["kind"] in NEVER:
                self.problems.append(f"round {number}: {event['kind']}: {event['text']}")
            self._seen = event["seq"]

    def sample(self) -> Sample:
        """What the controller has now; connections of clients that left are closed first."""
        status = self.weft.client.get("/status")
        looks = []
        for _ in range(8):  # the API's threads notice within two seconds that a client is gone
            time.sleep(0.3)
            looks.append(of_process(self.weft.pid))
        memory, threads, files = map(min, zip(*looks, strict=True))
        return Sample(time.monotonic() - self._began, memory, threads, files, status["flows"], status["seq"])

    def move(self) -> None:
        """Hosts come, and each of them moves to another port and back."""
        hosts = self.weft.hosts(HOSTS)
        self.weft.speak(hosts, moved=1)
        self.weft.speak(hosts)

    def links(self) -> None:
        """Two links go down at one end, and come up in the other order."""
        down = self.random.sample(range(len(CABLES)), 2)
        for up in (False, True):
            for cable in down:
                bridge = CABLES[cable][0]
                self.weft.switch(bridge, f"c{cable + 1}-{bridge}", up)
                time.sleep(0.2)

    def ports(self) -> None:
        """Ports of hosts go down, and with them the hosts."""
        down = self.random.sample(PORTS, 4)
        for up in (False, True):
            for port in down:
                self.weft.switch(port.partition("-")[0], port, up)

    def apps(self) -> None:
        """Apps are disabled and enabled."""
        for name in self.random.sample(APPS, 2):
            for enabled in (False, True):
                self.weft.client.put(f"/apps/{name}", {"enabled": enabled, "force": True})

    def networks(self) -> None:
        """Other network files, and the first one again."""
        for old, new in self.random.sample(CHANGES, 3):
            self.weft.apply(FILE.replace(old, new))
        self.weft.apply(FILE)

    def cables(self) -> None:
        """A cable is pulled out and plugged in again."""
        cable = self.random.randrange(len(CABLES))
        self.weft.unplug(cable)
        self.weft.hosts(HOSTS // 4)
        self.weft.plug(cable)

    def away(self) -> None:
        """A bridge loses its controller, and its flows, and gets both back."""
        bridge = self.random.choice(BRIDGES)
        self.weft.ovs.vsctl("del-controller", bridge)
        self.weft.hosts(HOSTS // 4)
        self.weft.ovs.connect([bridge], self.weft.target)


def soak(seconds: float, *apps: str, seed: int = 1, tell: Callable[[Sample], None] = lambda sample: None) -> list[str]:
    """Churn for so long, what is wrong, as sentences. Ctrl-C ends it with the round it is in."""
    with (
        tempfile.TemporaryDirectory(prefix="weft-soak-") as folder,
        private_ovs("dummy", "soak") as ovs,
        kept_running(Soaked(Path(folder), ovs, *apps)) as weft,
    ):
        weft.build()
        churn = Churn(weft, seed)
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                churn.round()
                tell(churn.samples[-1])
        except KeyboardInterrupt:
            print("stopped; so far:", flush=True)
        print(f"{len(churn.samples)} rounds", flush=True)
        return churn.problems + faults(churn.samples)
