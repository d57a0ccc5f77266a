"""What links cost, on a real Open vSwitch: frames take the cheap way, and another one when `weft apply` changes the costs."""

from __future__ import annotations

import re
from itertools import permutations
from pathlib import Path

import pytest

from controller.cli.errors import Failure
from tests.ovs.running import Running, eventually, running
from topologies.openvswitch import PrivateOvs

pytestmark = pytest.mark.ovs

DIRECT, ROUND = ["s1", "s3"], ["s1", "s2", "s3"]


def triangle(ovs: PrivateOvs) -> None:
    """Three bridges with a link between any two: port s1-s2 of s1 leads to s2. A host each on s1 and s3."""
    for number, hosts in ((1, ("h1",)), (2, ()), (3, ("h3",))):
        ovs.add_bridge(f"s{number}", dpid=number, ports=hosts)
    for here, there in permutations(("s1", "s2", "s3"), 2):
        name, peer = f"{here}-{there}", f"{there}-{here}"
        ovs.vsctl("add-port", here, name, "--", "set", "Interface", name, "type=patch", f"options:peer={peer}")


def costs(weft: Running) -> dict[str, int]:
    """What each direction of a link costs, by the name of its port."""
    return {link["port_name"]: link["cost"] for link in weft.client.items("/links")}


def way(weft: Running) -> list[str]:
    """The bridges that a frame from h1 to h3 passes."""
    frame = "in_port=h1,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:03,dl_type=0x0800"
    return re.findall(r'^ *bridge\("(\w+)"\)', weft.ovs.appctl("ofproto/trace", "s1", frame), re.MULTILINE)


def passed(weft: Running, bridge: str) -> int:
    """Frames that a bridge has received on its links."""
    lines = weft.ovs.ofctl("dump-ports-desc", bridge, "-O", "OpenFlow14")
    numbers = [found[1] for found in re.finditer(rf" (\d+)\({bridge}-", lines)]
    text = "".join(weft.ovs.ofctl("dump-ports", bridge, number, "-O", "OpenFlow14") for number in numbers)
    return sum(map(int, re.findall(r"rx pkts=(\d+)", text)))


def test_frames_move_to_the_way_that_costs_less(tmp_path: Path, empty_ovs: PrivateOvs) -> None:
    triangle(empty_ovs)
    with running(tmp_path, empty_ovs) as weft:
        weft.connect("s1", "s2", "s3")
        eventually(lambda: weft.client.get("/links")["total"] == 6)
        weft.settled("s1", "s2", "s3")
        assert set(costs(weft).values()) == {20_000}  # patch ports have no speed
        for name, number in (("h1", 1), ("h3", 3)):
            weft.frame(name, number)
        eventually(lambda: weft.client.get("/hosts")["total"] == 2)
        eventually(lambda: way(weft) == DIRECT)

        weft.client.put("/config", {"text": "links: {s3/s3-s1: {cost: 50000}}\nnetworks: {}", "name": "n"})
        assert costs(weft)["s1-s3"] == costs(weft)["s3-s1"] == 50_000
        eventually(lambda: way(weft) == ROUND)
        before = passed(weft, "s2")
        for _ in range(5):
            weft.frame("h1", 1, "02:00:00:00:00:03")
        eventually(lambda: passed(weft, "s2") >= before + 5)

        weft.client.put("/config", {"text": "links: {s1/s1-s3: {cost: 1}}\nnetworks: {}", "name": "n"})
        eventually(lambda: way(weft) == DIRECT)
        with pytest.raises(Failure, match="Nothing was changed"):
            weft.client.put("/config", {"text": "links: {s1/s1-s3: {cost: 0}}\nnetworks: {}", "name": "n"})
        assert costs(weft)["s1-s3"] == 1
