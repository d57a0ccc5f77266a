"""Everybody reaches everybody on the tree and in a row, by ping from the first packet on and by TCP."""

import json
import subprocess
from collections.abc import Callable
from functools import partial

import pytest

from tests.emulated.conftest import Lab
from topologies.reachability import matrix, probe_all

SHAPES = {
    "tree": ({"depth": 2, "fanout": 2}, 3, 4),
    "linear": ({"switches": 4, "hosts": 1}, 4, 4),
}


@pytest.fixture(scope="module", params=SHAPES)
def lab(request: pytest.FixtureRequest, build: Callable[..., Lab]) -> Lab:
    parameters, bridges, hosts = SHAPES[request.param]
    lab = build(request.param, **parameters)
    assert (len(lab.network.bridges), len(lab.network.hosts)) == (bridges, hosts)
    return lab


def test_ping_between_all_pairs_loses_nothing(lab: Lab) -> None:
    for _ in range(
        2
    ):  # a machine without time for a switch loses frames; first ones are in test_command.py, in networks of their own
        probes = list(probe_all(lab.network))
        if all(probe.answered for probe in probes):
            return
        print(matrix(probes))
    raise AssertionError(matrix(probes))


def test_hosts_are_known_where_they_are(lab: Lab) -> None:
    for host in lab.network.hosts:
        lab.wait_for(f"{host} is known", partial(lab.learned, host))


def test_traffic_between_known_hosts_does_not_reach_the_controller(lab: Lab) -> None:
    first, *_, last = lab.network.hosts
    assert " 0% packet loss" in lab.network.run(first, "ping", "-q", "-c", "3", "-i", "0.01", lab.network.hosts[last].ip).stdout
    lab.wait_for("both are known", lambda: lab.learned(first) and lab.learned(last))
    before = packet_ins(lab)
    ping = lab.network.run(first, "ping", "-q", "-c", "200", "-i", "0.002", lab.network.hosts[last].ip)
    assert " 0% packet loss" in ping.stdout
    assert packet_ins(lab) - before < 20, "a packet-in now and then is a neighbour looking around, 200 pings must cause none"


def packet_ins(lab: Lab) -> int:
    return sum(app["packet_ins"] for app in lab.controller.client.items("/apps"))


def test_tcp_goes_through(lab: Lab) -> None:
    first, *_, last = lab.network.hosts
    command = lab.network.command(last, "iperf3", "--server", "--one-off", "--forceflush")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            next(line for line in server.stdout if "listening" in line)
            client = lab.network.run(first, "iperf3", "--json", "--time", "1", "--client", lab.network.hosts[last].ip, timeout=20)
        finally:
            server.kill()
    report = json.loads(client.stdout)
    assert report["end"]["sum_received"]["bits_per_second"] > 1e6, report.get("error")
