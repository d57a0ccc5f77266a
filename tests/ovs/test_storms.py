"""Storms on a real bridge: what a port sent too much of is counted by its meter, told of while it lasts, and shown as dropped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from controller.cli.get import dropped
from tests.ovs.running import Running, eventually, running
from tests.ovs.test_hosts import MACS, Wires, data, settled_with
from topologies.openvswitch import PrivateOvs

pytestmark = pytest.mark.ovs


def storms(weft: Running) -> list[dict[str, Any]]:
    return weft.events("port.storm")


def test_a_storm_is_told_of_while_it_lasts_and_when_it_is_over(tmp_path: Path, empty_ovs: PrivateOvs) -> None:
    empty_ovs.add_bridge("b1", dpid=1, ports=("p1", "p2", "p3"))
    settings = ("storm_guard.broadcast_per_second=50", "l2_learning.copies_per_second=1")
    with running(tmp_path, empty_ovs, *[word for setting in settings for word in ("--set", setting)]) as weft:
        weft.connect("b1")
        wires = Wires(weft, tmp_path, "p1", "p2", "p3")
        wires.send("p2", data(2))
        wires.send("p3", *[data(3)] * 20)  # copies of these are above their limit, the frames are not
        settled_with(weft, 2, "b1")

        def flood(count: int) -> bool:
            wires.send("p1", *[data(1)] * 100)
            return bool(storms(weft)) and storms(weft)[0]["count"] >= count

        eventually(lambda: flood(2), 25)
        (event,) = storms(weft)
        assert (event["severity"], event["subject"]) == ("warning", "b1/p1")
        assert event["text"].startswith("b1/p1 sends more than 50 frames/s to everybody; ")
        wires.send("p3", *[data(3, MACS[2])] * 200)  # to a known host: no storm
        eventually(lambda: len(storms(weft)) == 2)
        assert [(e["severity"], e["kind"], e["subject"]) for e in storms(weft)] == [
            ("warning", "port.storm", "b1/p1"),
            ("info", "port.storm.over", "b1/p1"),
        ]
        said = [drop for drop in dropped(weft.client, {}) if drop["port_name"] == "p1"]
        assert [drop["why"] for drop in said] == ["above the limit: for all, 50 frames/s at most"]
        meter = next(f["match"] for f in weft.flows("b1", app="storm_guard", search="rate=50") if f["packets"])
        line = next(x for x in weft.ovs.ofctl("meter-stats", "b1").split("meter:") if x.startswith(meter.partition("=")[2] + " "))
        assert f"packet_count:{said[0]['packets']} " in line.partition("bands:")[2]
        assert len(wires.out("p2", 1)) + said[0]["packets"] == sent_by_p1(weft)
        assert not [drop for drop in dropped(weft.client, {"bridge": "b1"}) if drop["port_name"] == "p3"]


def sent_by_p1(weft: Running) -> int:
    """Frames that came in by p1, as the bridge counts them."""
    ports = weft.ovs.ofctl("dump-ports", "b1", "p1")
    return int(ports.partition("rx pkts=")[2].partition(",")[0])
