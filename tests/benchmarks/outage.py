"""How long 1 kHz traffic stops when the link goes down that it uses: weft, weft stopped, and rapid spanning tree beside it.

Real frames on Open vSwitch in userspace, all bridges in one process, so that this is for comparing, not for planning. Needs root.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from controller.cli.emulation import converge
from controller.cli.supervised import SupervisedController
from tests.benchmarks.report import Table
from topologies import runs
from topologies.network import EmulatedNetwork
from topologies.openvswitch import OvsError, PrivateOvs
from topologies.outage import Ends, Link
from topologies.reachability import probe_all
from topologies.traffic import RATE, Stream

LEAST = 9  # outages of each contender
RETURN = 30.0  # seconds in which traffic must come back
PATIENCE = 60.0
REST = 1.5  # seconds after a link came up again
TOPOLOGIES = ("leaf_spine", "ring")
ALONE = ("leaf_spine",)  # where bridges have another way that is equally near
RSTP = "Open vSwitch's RSTP"


@contextmanager
def weft(topology: str) -> Iterator[tuple[EmulatedNetwork, SupervisedController]]:
    """A network with its controller, all links found and all hosts known."""
    with ExitStack() as stack:
        run = runs.new_run(f"outage-{topology}")
        stack.callback(run.close)
        network = stack.enter_context(EmulatedNetwork(run, topology, {}))
        controller = SupervisedController(run.path, f"unix:{network.controller_socket}", "")
        stack.callback(controller.stop)
        controller.start()
        controller.wait_ready()
        network.start()
        converge(controller, network)
        _until(lambda: len(list(controller.client.items("/links"))) == 2 * len(network.links), "all links are found")
        _until(lambda: _all_reach(network), "everybody reaches everybody")
        yield network, controller


@contextmanager
def rstp(topology: str) -> Iterator[EmulatedNetwork]:
    """The same network as learning switches with a rapid spanning tree, and no controller."""
    with ExitStack() as stack:
        run = runs.new_run(f"outage-{topology}")
        stack.callback(run.close)
        network = stack.enter_context(EmulatedNetwork(run, topology, {}))
        network.start()
        for bridge in network.bridges:
            network.ovs.vsctl("set", "Bridge", bridge, "stp_enable=false", "rstp_enable=true")
        for bridge in network.bridges:
            network.ovs.vsctl("del-controller", bridge, "--", "set-fail-mode", bridge, "standalone")
        _until(lambda: _all_reach(network), "everybody reaches everybody")
        yield network


def outage(network: EmulatedNetwork) -> float:
    """Take down the link by which the first host's bridge sends to the last host, and up again; milliseconds of silence."""
    one, *_, last = network.hosts.values()
    with Stream(one, last) as stream:
        stream.until_even(time.sleep, RETURN)
        with Link(network, _used(network, stream)) as link:
            stream.heard()
            link.set("down")
            heard, back = stream.until_even(time.sleep, RETURN)
            link.set("up")
            stream.until_even(time.sleep, RETURN)
        if not back:
            raise OvsError(f"traffic did not come back in {RETURN:g} s")
    time.sleep(REST)
    return heard.silence


def _used(network: EmulatedNetwork, stream: Stream) -> Ends:
    """The link of the source's bridge that a stream uses, its end there first."""
    ends = [ends for link in network.links for ends in (link, link[::-1]) if ends[0].startswith(f"{stream.source.bridge}-")]
    for each in ends:
        with Link(network, each) as link:
            if link.carries(stream):
                return each
    raise OvsError(f"no link of {stream.source.bridge} carries the traffic")


def _all_reach(network: EmulatedNetwork) -> bool:
    return all(probe.right for probe in probe_all(network))


def _until(happened: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > deadline:
            raise OvsError(f"not within {PATIENCE:g} s: {what}")
        time.sleep(0.1)


def run(_ovs: PrivateOvs, repeats: int) -> None:
    """Print the table."""
    if os.geteuid() != 0:
        raise OvsError("the benchmark outage makes network namespaces, which needs root: use sudo")
    table, times = Table(f"longest silence of {RATE} datagrams/s when their link goes down", "ms", 1), max(LEAST, repeats)
    for topology in TOPOLOGIES:
        with weft(topology) as (network, controller), rstp(topology) as other:
            for _ in range(times):
                table.add(f"{topology}: weft", outage(network))
                table.add(f"{topology}: {RSTP}", outage(other))
            if topology in ALONE:
                controller.stop()
                for _ in range(times):
                    table.add(f"{topology}: weft, stopped", outage(network))
    table.show()
    for name in list(table.numbers):
        if "weft" in name:
            print(table.ratio(name, f"{name.partition(':')[0]}: {RSTP}"))
