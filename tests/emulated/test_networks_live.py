"""A port gets another network by `weft apply` while a host of a third one is sent a datagram each millisecond: none is lost."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.emulated.conftest import Lab, undisturbed
from topologies.reachability import probe, probe_all
from topologies.traffic import Heard, Stream

BLUE = re.compile(r"reg0=0xa\b|0xa->reg0\b")  # the number of a network is its VLAN id


@pytest.fixture(scope="module")
def lab(build: Callable[..., Lab]) -> Lab:
    lab = build("two_vlans", switches=2)
    lab.wait_for("the link is found", lab.converged_links)
    assert [str(each) for each in probe_all(lab.network) if not each.right] == []
    lab.wait_for("all hosts are known", lambda: all(map(lab.learned, lab.network.hosts)))
    return lab


def counters(lab: Lab) -> dict[tuple[str, str], tuple[float, int]]:
    """Age and packets of each flow that speaks of blue, by bridge and by what it matches and does."""
    found = {}
    for bridge in lab.network.bridges:
        for line in lab.network.ovs.ofctl("dump-flows", "--no-names", bridge).splitlines():
            about = re.search(r"duration=([\d.]+)s, table=(\d+), n_packets=(\d+).*? (priority=.*|actions=.*)", line)
            if about is not None and BLUE.search(about[4]):
                found[bridge, f"{about[2]} {about[4]}"] = (float(about[1]), int(about[3]))
    return found


def apply(lab: Lab, text: str, folder: Path) -> str:
    file = folder / "network.yaml"
    file.write_text(text)
    command = [sys.executable, "-m", "controller", "apply", "-f", str(file), "--state-dir", str(lab.controller.state_dir)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout


def test_flows_and_traffic_of_other_networks_go_on(lab: Lab, tmp_path: Path) -> None:
    hosts, file = lab.network.hosts, lab.network_file
    assert file is not None
    before = file.read_text()
    changed = before.replace("  red: {vlan: 20}", "  red: {vlan: 20}\n  green: {vlan: 30}").replace(
        f"{hosts['r2'].bridge}/{hosts['r2'].port_name}: {{access: red}}", f"s2/{hosts['r2'].port_name}: {{access: green}}"
    )
    assert changed.count("green") == 2
    first = counters(lab)
    assert len(first) > 10

    def change() -> Heard:
        with Stream(hosts["b1"], hosts["b2"]) as stream:
            lab.controller.pause(0.3)
            heard = stream.heard()
            for text, answered in ((changed, False), (before, True), (changed, False)):
                assert "networks" in apply(lab, text, tmp_path)
                lab.converge()
                assert probe(lab.network, hosts["r1"], hosts["r2"]).answered is answered
            heard += stream.heard()
        assert "networks" in apply(lab, before, tmp_path)
        lab.converge()
        return heard

    heard = undisturbed(change)
    last = counters(lab)
    print(f"\n{heard.frames} datagrams, longest silence {heard.silence} ms")
    assert first.keys() <= last.keys()
    young = [key for key, (age, packets) in first.items() if last[key][0] < age or last[key][1] < packets]
    assert young == [], "these were made anew"
    assert sum(last[key][1] - first[key][1] > heard.frames / 2 for key in first) >= 4, "the traffic is counted by these flows"
