"""Fabrics with loops: everybody reaches everybody, and while links go and come nobody gets a frame twice.

The outage when a link goes down is printed (`pytest -s`): it depends on the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from statistics import median

import pytest

from controller.cli.supervised import PAUSE
from tests.emulated.conftest import Lab
from topologies.outage import Link
from topologies.reachability import probe_all
from topologies.traffic import Receiver, Sender, Stream

pytestmark = pytest.mark.emulated

LINKS = 20  # that go down and come back, a topology
OUTAGES = 3  # measured a topology
LONGEST = 0.5  # seconds that traffic may stop when a link goes down
TRIES = 10  # to see a stream on a link
EVERYBODY = "10.255.255.255"


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
    one, *others = lab.network.hosts.values()
    with ExitStack() as stack:
        receivers = [stack.enter_context(Receiver(host, "")) for host in others]
        stack.enter_context(Sender(one, EVERYBODY))
        for number in range(LINKS):
            ends = lab.network.links[number % len(lab.network.links)]
            link = Link(lab.network, (ends[number % 2], ends[1 - number % 2]))
            link.set("down")
            lab.controller.pause(3 * PAUSE)
            link.set("up")
            lab.controller.pause(3 * PAUSE)
        lab.wait_for("all links are found again", lambda: linked(lab, len(lab.network.links)))
        lab.controller.pause(0.3)
        counted = [receiver.heard() for receiver in receivers]
    print(f"\n{LINKS} links down and up: {counted}")
    assert [heard.twice for heard in counted] == [0] * len(others)
    assert min(heard.frames for heard in counted) > 0


def test_traffic_goes_on_when_a_link_goes_down(lab: Lab) -> None:
    """Between the first host and the last, each time by the link that carries it."""
    one, *_, last = lab.network.hosts.values()
    silences = []
    for _ in range(OUTAGES):
        with ExitStack() as stack:
            stream = stack.enter_context(Stream(one, last))
            lab.controller.pause(0.4)
            link = used(lab, stream, stack)
            stream.forget()
            link.set("down")
            heard, back = stream.until_even(lab.controller.pause, LONGEST + 2)
        silences.append(heard.silence)
        assert back, "traffic came back"
        assert heard.twice == 0
        link.set("up")
        lab.wait_for("the link is found again", lambda: linked(lab, len(lab.network.links)))
    print(f"\nlongest silence when a link goes down: median {median(silences)} ms of {silences}")
    assert max(silences) < 1000 * LONGEST


def used(lab: Lab, stream: Stream, stack: ExitStack) -> Link:
    """The link that a stream takes from the bridge of its source."""
    near = [ends for ends in lab.network.links if any(end.startswith(f"{stream.source.bridge}-") for end in ends)]
    links = [stack.enter_context(Link(lab.network, ends)) for ends in near]
    for _ in range(TRIES):
        for link in links:
            if link.carries(stream):
                return link
    raise AssertionError(f"no link of {stream.source.bridge} carries the stream\n{lab.controller.last_words()}")
