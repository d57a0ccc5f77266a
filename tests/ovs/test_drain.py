"""Draining on real bridges: no new connections at once, the old ones until the deadline, and then they are forgotten."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.ovs.balancing import Balanced, balanced
from tests.ovs.running import eventually
from tests.ovs.test_load_balancer import connect, goes_on
from topologies.openvswitch import PrivateOvs

pytestmark = pytest.mark.ovs

FILE = """
networks: {default: {vlan: 1, subnets: [10.0.0.0/24]}}
services:
  web:
    {vip: 10.0.0.100, network: default, ports: [{port: 80, target: 8080}], drain: {deadline: DEADLINE},
    backends: [{address: 10.0.0.2}, {address: 10.0.0.3}]}
"""
DRAIN = "/services/web/backends/10.0.0.2/drain"
PORTS = range(2000, 2100, 2)


def drained(lab: Balanced) -> bool:
    """The deadline of a backend is over."""
    return bool(lab.weft.events("service.backend_drained"))


def forgotten(lab: Balanced, ports: list[int]) -> bool:
    """The next segments of all these connections go to the other backend."""
    return {goes_on(lab, "web", port) for port in ports} == {3}


def held(lab: Balanced) -> dict[int, list[int]]:
    """Connections by their backend; both have some."""
    found: dict[int, list[int]] = {2: [], 3: []}
    for port in PORTS:
        found[connect(lab, "web", port)].append(port)
        if all(found.values()):
            return found
    raise AssertionError(f"all of {len(PORTS)} connections to one backend")


def test_old_connections_go_on_until_the_deadline(tmp_path: Path, empty_ovs: PrivateOvs) -> None:
    with balanced(tmp_path, empty_ovs, FILE.replace("DEADLINE", "4"), {"b1": [1, 2], "b2": [3]}) as lab:
        lab.speak(1, 2, 3)
        by = held(lab)
        lab.weft.client.post(DRAIN)
        lab.settle()
        still = {goes_on(lab, "web", port) for port in by[2]}
        assert still == {2} or drained(lab)
        assert {connect(lab, "web", port) for port in (3000, 3002, 3004)} == {3}
        eventually(partial(drained, lab))
        (event,) = lab.weft.events("service.backend_drained")
        assert event["subject"] == "web/10.0.0.2"
        eventually(partial(forgotten, lab, by[2]))
        assert {goes_on(lab, "web", port) for port in by[3]} == {3}


def test_without_a_deadline_they_last(tmp_path: Path, empty_ovs: PrivateOvs) -> None:
    with balanced(tmp_path, empty_ovs, FILE.replace("DEADLINE", "0"), {"b1": [1, 2], "b2": [3]}) as lab:
        lab.speak(1, 2, 3)
        by = held(lab)
        lab.weft.client.post(DRAIN)
        lab.settle()
        assert {connect(lab, "web", port) for port in (3000, 3002, 3004)} == {3}
        lab.weft.stop()
        lab.weft.start()
        lab.weft.wait_ready()
        lab.settle()
        assert {goes_on(lab, "web", port) for port in by[2]} == {2}
        assert {connect(lab, "web", port) for port in (4000, 4002, 4004)} == {3}
        assert not drained(lab)
