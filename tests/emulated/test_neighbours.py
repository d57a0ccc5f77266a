"""Real hosts find each other by IPv6: the bridge answers for those it knows, and the kernel takes its word."""

import json
from collections.abc import Callable

import pytest

from tests.emulated.conftest import Lab


@pytest.fixture(scope="module")
def lab(build: Callable[..., Lab]) -> Lab:
    lab = build("linear", switches=2, hosts=2)
    for number, host in enumerate(lab.network.hosts, 1):
        interface = lab.network.hosts[host].interface
        lab.network.run(host, "sysctl", "-q", "-w", f"net.ipv6.conf.{interface}.disable_ipv6=0")
        lab.network.run(host, "ip", "-6", "address", "add", f"2001:db8::{number}/64", "dev", interface, "nodad")
    return lab


def pings(lab: Lab, source: str, target: int) -> bool:
    said = lab.network.run(source, "ping", "-6", "-q", "-c", "3", "-i", "0.05", "-W", "5", f"2001:db8::{target}").stdout
    return " 0% packet loss" in said


def solicitations(lab: Lab, host: str) -> int:
    """How many solicitations a host's kernel has heard."""
    table = lab.network.run(host, "cat", "/proc/net/snmp6").stdout
    return next(int(line.split()[1]) for line in table.splitlines() if line.startswith("Icmp6InNeighborSolicits"))


def answers(lab: Lab, address: str) -> bool:
    flows = lab.controller.client.items("/flows", app="nd_responder", search=address)
    return any("136->icmpv6_type" in flow["actions"] and flow["status"] == "installed" for flow in flows)


def test_who_is_known_is_not_asked_again(lab: Lab) -> None:
    first, second, third, last = lab.network.hosts
    assert pings(lab, first, 4), "the first question is the owner's to answer"
    lab.wait_for("the bridges answer for the last host", lambda: answers(lab, "2001:db8::4"))
    before = {host: solicitations(lab, host) for host in (second, third, last)}
    for source in (second, third):
        assert pings(lab, source, 4)
        interface = lab.network.hosts[source].interface
        (entry,) = json.loads(
            lab.network.run(source, "ip", "-j", "-6", "neighbour", "show", "2001:db8::4", "dev", interface).stdout
        )
        assert entry["lladdr"] == str(lab.network.hosts[last].mac)
        assert "router" not in entry
    heard = {host: solicitations(lab, host) - count for host, count in before.items()}
    assert heard[last] == 0  # the bridges answered both
    assert heard[second] == heard[third] == 1  # the last asked each for its own address
