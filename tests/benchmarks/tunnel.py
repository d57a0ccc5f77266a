"""TCP through a VXLAN tunnel between two emulated hypervisors: weft's pipeline, and one hand-written flow each way beside it.

Real frames on Open vSwitch in userspace on one machine, so that this is for comparing, not for planning. Needs root and iperf3.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from statistics import median

from controller.cli.emulation import converge, network_file
from controller.cli.supervised import SupervisedController
from tests.benchmarks.report import Table, in_turns
from tests.emulated.byhand import HandMade
from topologies import runs
from topologies.network import EmulatedNetwork
from topologies.openvswitch import OvsError, PrivateOvs
from topologies.reachability import probe_all

LEAST = 9  # runs of each contender
SECONDS, UNTIMED = "2", "0.5"
PARAMETERS = {"n": "2", "vms": "1", "networks": "1"}
WEFT, HAND = "weft", "one hand-written flow each way"


@contextmanager
def weft() -> Iterator[EmulatedNetwork]:
    """Two hypervisors that weft has joined, and both machines known."""
    with ExitStack() as stack:
        run = runs.new_run("tunnel")
        stack.callback(run.close)
        network = stack.enter_context(EmulatedNetwork(run, "hypervisors", PARAMETERS))
        file = network_file(run, "hypervisors", PARAMETERS, network)
        controller = SupervisedController(run.path, f"unix:{network.controller_socket}", "", network_file=file)
        stack.callback(controller.stop)
        controller.start()
        controller.wait_ready()
        network.start()
        converge(controller, network)
        if not all(probe.right for probe in probe_all(network)):
            raise OvsError("the machines do not reach each other")
        yield network


def throughput(network: EmulatedNetwork) -> float:
    """Mbit/s of one TCP connection from the first machine to the second."""
    command = ["iperf3", "-c", network.hosts["b2"].ip, "-t", SECONDS, "-O", UNTIMED, "-J"]
    with subprocess.Popen(network.command("b2", "iperf3", "-s", "-1"), stdout=subprocess.DEVNULL) as server:
        try:
            time.sleep(0.3)
            done = network.run("b1", *command)
            server.wait(10.0)  # it serves one client
        finally:
            server.kill()
    if done.returncode != 0:
        raise OvsError(f"iperf3 failed: {done.stdout}{done.stderr}")
    return float(json.loads(done.stdout)["end"]["sum_received"]["bits_per_second"]) / 1e6


def _measure(table: Table, name: str, network: EmulatedNetwork) -> None:
    table.add(name, throughput(network))


def run(_ovs: PrivateOvs, repeats: int) -> None:
    """Print the table."""
    if os.geteuid() != 0:
        raise OvsError("the benchmark tunnel makes network namespaces, which needs root: use sudo")
    table = Table("TCP through a VXLAN tunnel", "Mbit/s", 0)
    with weft() as network, ExitStack() as stack:
        hand = HandMade(stack, PARAMETERS)
        hand.warm()
        contenders = {WEFT: network, HAND: hand.network}
        turns: list[Callable[[], None]] = [partial(_measure, table, name, at) for name, at in contenders.items()]
        in_turns(max(LEAST, repeats), turns)
    table.show()
    print(table.ratio(WEFT, HAND))
    turn = median(one / other for one, other in zip(table.numbers[WEFT], table.numbers[HAND], strict=True))
    print(f"  {WEFT} / {HAND}, median of the ratios of each turn: {turn:.2f}")
