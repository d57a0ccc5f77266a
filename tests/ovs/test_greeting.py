"""A real bridge that connects: by which flows it hears before it has its pipeline, and that they are the pipeline's own."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.runtime.control import SWEEP
from tests.ovs.running import Running, running
from topologies.openvswitch import PrivateOvs

pytestmark = pytest.mark.ovs
HEARS = "priority=300,in_port={port},dl_dst=01:80:c2:00:00:0e,dl_type=0x88cc"


@pytest.fixture
def weft(tmp_path: Path, empty_ovs: PrivateOvs) -> Iterator[Running]:
    with running(tmp_path, empty_ovs) as controller:
        yield controller


def hearing(weft: Running, bridge: str) -> list[str]:
    """The flows for discovery frames, as the bridge has them, with their cookies."""
    protocol = "OpenFlow" + weft.bridge(bridge)["protocol"].replace(".", "")
    text = weft.ovs.ofctl("--no-stats", "--no-names", "dump-flows", bridge, protocol=protocol)
    return sorted(line.strip() for line in text.splitlines() if "dl_type=0x88cc" in line)


def is_right(weft: Running, bridge: str, ports: int = 2) -> None:
    """One flow for each port, with the cookie that it should have, and nothing that a read-back finds."""
    found = hearing(weft, bridge)
    wanted = [flow for flow in weft.flows(bridge) if flow["app"] == "discovery" and flow["kind"] == "flow"]
    assert len(found) == len(wanted) == ports
    assert {flow["status"] for flow in wanted} == {"installed"}
    assert {re.search(r"cookie=(0x[0-9a-f]+)", line)[1] for line in found} == {flow["cookie"] for flow in wanted}  # type: ignore[index]
    sent = weft.bridge(bridge)["flow_mods"]
    time.sleep(2 * SWEEP)  # it is read back twice
    assert weft.events("flow.drift") == []
    assert weft.bridge(bridge)["flow_mods"] == sent
    assert hearing(weft, bridge) == found


@pytest.mark.parametrize("protocol", ["OpenFlow14", "OpenFlow13"])
def test_a_fresh_bridge_has_each_flow_once(weft: Running, protocol: str) -> None:
    weft.ovs.add_bridge("br0", dpid=1, ports=("p1", "p2"))
    weft.ovs.vsctl("set", "bridge", "br0", f"protocols={protocol}")
    weft.connect("br0")
    is_right(weft, "br0")


def test_flows_of_somebody_else_that_take_its_frames_are_gone_before_it_is_asked(weft: Running) -> None:
    weft.ovs.add_bridge("br0", dpid=1, ports=("p1", "p2"))
    weft.ovs.ofctl("add-flow", "br0", "priority=400,dl_type=0x88cc,actions=flood")
    weft.ovs.ofctl("add-flow", "br0", HEARS.format(port=1) + ",actions=drop")
    weft.connect("br0")
    is_right(weft, "br0")
    assert {port["role"] for port in weft.client.items("/ports", bridge="br0")} == {"edge"}


def test_a_bridge_that_comes_back_is_sent_only_what_it_lacks(weft: Running) -> None:
    weft.ovs.add_bridge("br0", dpid=1, ports=("p1", "p2"))
    weft.connect("br0")
    weft.stop()
    weft.ovs.ofctl("--strict", "del-flows", "br0", HEARS.format(port=1))
    weft.start()
    weft.wait_ready()
    weft.settled("br0")
    assert weft.bridge("br0")["flow_mods"] == 1
    is_right(weft, "br0")
