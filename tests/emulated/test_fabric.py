"""Fabrics with loops: everybody reaches everybody, and while links go and come nobody gets a frame twice.

The outage when a link goes down is printed (`pytest -s`): it depends on the machine.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from statistics import median

import pytest

from controller.cli.supervised import PAUSE
from tests.emulated.conftest import Lab
from topologies.reachability import probe_all

pytestmark = pytest.mark.emulated

RATE = 0.001  # seconds between two frames
LINKS = 20  # that go down and come back, a topology
OUTAGES = 3  # measured a topology
LONGEST = 0.5  # seconds that traffic may stop when a link goes down

SENDER = """
import socket, sys, time
interface, target, count = sys.argv[1], bytes.fromhex(sys.argv[2].replace(":", "")), int(sys.argv[3])
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((interface, 0))
head = target + s.getsockname()[4] + b"\\x88\\xb5"
due = time.monotonic()
for n in range(count):
    s.send(head + n.to_bytes(4, "big") + bytes(46))
    due += {rate}
    time.sleep(max(0, due - time.monotonic()))
"""
# Says how many frames came, how many of them twice, and the longest time in milliseconds that none came after the first one.
RECEIVER = """
import select, socket, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88b5))
s.bind((sys.argv[1], 0x88b5))
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
print("ready", flush=True)
seen, twice, last, longest = set(), 0, 0.0, 0.0
while True:
    readable, _, _ = select.select([s, sys.stdin], [], [])
    if s in readable:
        number, now = s.recv(100)[14:18], time.monotonic()
        twice += number in seen
        seen.add(number)
        longest = max(longest, now - last if last else 0.0)
        last = now
    elif sys.stdin in readable:
        break
longest = max(longest, time.monotonic() - last)
print(len(seen), twice, round(1000 * longest, 1), flush=True)
"""


class Listener:
    """A host that counts what it receives."""

    def __init__(self, lab: Lab, host: str) -> None:
        interface = lab.network.hosts[host].interface
        command = lab.network.command(host, "python3", "-c", RECEIVER, interface)
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def end(self) -> tuple[int, int, float]:
        """Frames, how many came twice, and the longest silence in milliseconds."""
        said, _ = self._process.communicate(timeout=20)
        frames, twice, longest = said.split()
        return int(frames), int(twice), float(longest)


def sender(lab: Lab, host: str, target: str, seconds: float) -> subprocess.Popen[bytes]:
    """Sends frames with a number from a host, a thousand a second."""
    place = lab.network.hosts[host]
    count = str(round(seconds / RATE))
    return subprocess.Popen(lab.network.command(host, "python3", "-c", SENDER.format(rate=RATE), place.interface, target, count))


def switch(lab: Lab, interface: str, state: str) -> None:
    """Set an interface of a bridge `up` or `down`."""
    subprocess.run(beside(lab, "ip", "link", "set", interface, state), check=True, timeout=10)


def beside(lab: Lab, *command: str) -> list[str]:
    """The command line that runs COMMAND where the interfaces of the bridges are."""
    process = next(iter(lab.network.hosts.values())).namespace.partition("/root/")[0]  # the first one of the network
    return ["nsenter", f"--net={process}/ns/net", "--", *command]


def linked(lab: Lab, number: int) -> bool:
    """Whether the controller knows so many links."""
    return int(lab.controller.client.get("/links")["total"]) == 2 * number


@pytest.fixture(scope="module", params=[("ring", {}), ("ring", {"parallel": 2}), ("mesh", {}), ("leaf_spine", {})], ids=str)
def lab(request: pytest.FixtureRequest, build: Callable[..., Lab]) -> Iterator[Lab]:
    topology, parameters = request.param
    lab: Lab = build(topology, **parameters)
    lab.wait_for("all links are found", lambda: linked(lab, len(lab.network.links)))
    yield lab
    lab.controller.stop()
    lab.network.close()


def test_everybody_reaches_everybody_from_the_first_frame_on(lab: Lab) -> None:
    wrong = [str(each) for each in probe_all(lab.network) if not each.right]
    assert wrong == []


def test_nobody_gets_a_broadcast_twice_while_links_go_and_come(lab: Lab) -> None:
    one, *others = lab.network.hosts
    listeners = [Listener(lab, host) for host in others]
    flood = sender(lab, one, "ff:ff:ff:ff:ff:ff", 60)
    try:
        for number in range(LINKS):
            link = lab.network.links[number % len(lab.network.links)]
            switch(lab, link[number % 2], "down")
            lab.controller.pause(3 * PAUSE)
            switch(lab, link[number % 2], "up")
            lab.controller.pause(3 * PAUSE)
        lab.wait_for("all links are found again", lambda: linked(lab, len(lab.network.links)))
        lab.controller.pause(0.3)
        counted = [listener.end() for listener in listeners]
    finally:
        flood.kill()
        flood.wait()
    print(f"\n{LINKS} links down and up: frames, duplicates, longest silence in ms: {counted}")
    assert [twice for _frames, twice, _longest in counted] == [0] * len(others)
    assert min(frames for frames, _twice, _longest in counted) > 0


def test_traffic_goes_on_when_a_link_goes_down(lab: Lab) -> None:
    """Between the first host and the last, each time by the link that carries it."""
    one, *_, last = lab.network.hosts
    silences = []
    for _ in range(OUTAGES):
        listener = Listener(lab, last)
        stream = sender(lab, one, lab.network.hosts[last].mac, 60)
        try:
            lab.controller.pause(0.4)
            used = busiest(lab, lab.network.hosts[one].bridge)
            switch(lab, used, "down")
            lab.controller.pause(LONGEST + 0.2)
            frames, twice, longest = listener.end()
        finally:
            stream.kill()
            stream.wait()
        silences.append(longest)
        assert twice == 0
        assert frames > 0
        switch(lab, used, "up")
        lab.wait_for("the link is found again", lambda: linked(lab, len(lab.network.links)))
    print(f"\nlongest silence when a link goes down: median {median(silences)} ms of {silences}")
    assert max(silences) < 1000 * LONGEST


def busiest(lab: Lab, bridge: str) -> str:
    """The interface by which a bridge sends most to other bridges at present."""
    ends = [end for link in lab.network.links for end in link if end.startswith(f"{bridge}-")]
    before = sent(lab)
    lab.controller.pause(0.1)
    after = sent(lab)
    return max(ends, key=lambda end: after[end] - before[end])


def sent(lab: Lab) -> dict[str, int]:
    """Frames that left, by the interface of a bridge."""
    shown = subprocess.run(beside(lab, "ip", "-j", "-s", "link"), check=True, capture_output=True, text=True, timeout=10)
    return {link["ifname"]: int(link["stats64"]["tx"]["packets"]) for link in json.loads(shown.stdout)}
