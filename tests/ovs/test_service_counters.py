"""What readers see of a service on real bridges: connections that begin and end, what they carry, a backend that is drained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from scapy.layers.inet import TCP

from tests.ovs.balancing import Balanced, answer, balanced, tcp
from tests.ovs.running import eventually
from topologies.openvswitch import PrivateOvs

pytestmark = pytest.mark.ovs

CLIENT, FIRST, SECOND = 1, 2, 3
VIP = "10.0.0.100"
FILE = """
services:
  web:
    network: default
    vip: 10.0.0.100
    ports: [{protocol: tcp, port: 80, target: 8080}]
    backends: [{address: 10.0.0.2, weight: 1}, {address: 10.0.0.3, weight: 3}]
"""


@pytest.fixture(scope="module")
def lab(ovs: PrivateOvs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balanced]:
    """For the module; the first test counts from nothing."""
    with balanced(tmp_path_factory.mktemp("counted"), ovs, FILE, {"s1": [CLIENT, FIRST], "s2": [SECOND]}) as lab:
        lab.speak(CLIENT, FIRST, SECOND)
        yield lab


def backends(lab: Balanced) -> dict[str, dict[str, Any]]:
    return {item["address"]: item for item in lab.weft.client.items("/services/web/backends")}


def sums(lab: Balanced) -> dict[str, Any]:
    web = lab.weft.client.get("/services/web")
    return {name: web[name] for name in ("connections", "active")}


def connect(lab: Balanced, port: int) -> int:
    """Open a connection from this port, and say whose it became."""
    mac = lab.weft.client.get("/services/web")["mac"]
    ends, ports = ("10.0.0.1", VIP), (port, 80)
    heard = lab.exchange(CLIENT, tcp(CLIENT, mac, ends, ports))
    (host,) = (host for host in (FIRST, SECOND) if heard[host])
    lab.exchange(host, answer(heard[host][0], host))
    lab.exchange(CLIENT, tcp(CLIENT, mac, ends, ports, "A", seq=1, ack=1001))
    return host


def test_connections_are_counted_from_their_first_segment_to_their_last(lab: Balanced) -> None:
    lab.settle()
    eventually(lambda: lab.weft.client.get("/services/web")["state"] == "up")
    chosen = [connect(lab, 20_000 + number) for number in range(4)]
    eventually(lambda: sums(lab) == {"connections": 4, "active": 4})
    found = backends(lab)
    assert {n: chosen.count(n) for n in (FIRST, SECOND)} == {n: found[f"10.0.0.{n}"]["connections"] or 0 for n in (FIRST, SECOND)}
    assert [found[f"10.0.0.{n}"]["expected"] for n in (FIRST, SECOND)] == [0.25, 0.75]
    assert [found[f"10.0.0.{n}"]["port_name"] for n in (FIRST, SECOND)] == ["s1h2", "s2h3"]
    carried = [each for each in found.values() if each["connections"]]
    assert all(each["packets"] >= 3 * each["connections"] and each["bytes"] >= 54 * each["packets"] for each in carried)
    mac = lab.weft.client.get("/services/web")["mac"]
    lab.exchange(CLIENT, tcp(CLIENT, mac, ("10.0.0.1", VIP), (20_000, 80), "FA", seq=1, ack=1001))
    lab.exchange(CLIENT, tcp(CLIENT, mac, ("10.0.0.1", VIP), (20_001, 80), "R", seq=1))
    eventually(lambda: sums(lab) == {"connections": 4, "active": 2})


def test_a_drained_backend_gets_nothing_new(lab: Balanced) -> None:
    done = lab.weft.client.post("/services/web/backends/10.0.0.3/drain")
    assert (done["changed"], done["backend"]["state"], done["backend"]["expected"]) == (True, "draining", 0.0)
    lab.settle()
    assert {connect(lab, 21_000 + number) for number in range(6)} == {FIRST}
    assert lab.weft.client.post("/services/web/backends/10.0.0.3/undrain")["changed"] is True
    assert backends(lab)["10.0.0.3"]["state"] == "up"


def test_frames_pass_the_counting_unchanged(lab: Balanced) -> None:
    host = connect(lab, 22_000)
    mac = lab.weft.client.get("/services/web")["mac"]
    closing = lab.exchange(CLIENT, tcp(CLIENT, mac, ("10.0.0.1", VIP), (22_000, 80), "FA", seq=1, ack=1001))[host]
    assert [str(frame[TCP].flags) for frame in closing] == ["FA"]
    (back,) = lab.exchange(host, answer(closing[0], host, "RA"))[CLIENT]
    assert (back.src, str(back[TCP].flags), back[TCP].sport) == (mac, "RA", 80)
