"""A change of one network is felt by no other: flows and groups of the others stay, and go on counting."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import cast

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Dot1Q, Ether

from tests.ovs.running import eventually
from tests.ovs.test_vlan import Vlans, patched, started
from topologies.openvswitch import PrivateOvs

pytestmark = pytest.mark.ovs

FILE = """networks: {blue: {vlan: 10}, red: {vlan: 20}, green: {vlan: 30}}
ports:
  b1/a1: {access: blue}
  b1/a2: {access: red}
  b1/a3: {trunk: [blue, red]}
  b1/a4: {access: green}
  b1/a5: {access: blue}
  b2/c1: {access: blue}
  b2/c2: {access: red}
  b2/c3: {trunk: [red, green], native: green}
unlisted_ports: closed
"""
HOSTS = {"a1": (1, 0), "a2": (2, 0), "a3": (3, 10), "a4": (4, 0), "a5": (5, 0), "c1": (6, 0), "c2": (7, 0), "c3": (8, 0)}
NUMBERS = {"blue": 10, "red": 20, "green": 30, "new": 11}
CHANGES = {
    "a port's network": ("b1/a5: {access: blue}", "b1/a5: {access: red}", {"blue", "red"}),
    "a VLAN id": ("blue: {vlan: 10}", "blue: {vlan: 11}", {"blue", "new"}),
    "a trunk list, shorter": ("trunk: [blue, red]", "trunk: [blue]", {"red"}),
    "a trunk list, longer": ("trunk: [red, green]", "trunk: [red, green, blue]", {"blue"}),
    "a network that comes": ("green: {vlan: 30}", "green: {vlan: 30}, new: {vlan: 11}", {"new"}),
}
FLOW = re.compile(r" cookie=\S+ duration=(\S+)s, (table=\d+), n_packets=(\d+), n_bytes=\d+,(?: \w+_age=\d+,)* (.*)")
GROUP = re.compile(r"group_id=(\d+),duration=([\d.]+)s")


class Networks(Vlans):
    """Two bridges with hosts in three networks."""

    def talk(self) -> None:
        """Every host sends a broadcast."""
        for port, (number, tag) in HOSTS.items():
            frame = Ether(src=f"02:00:00:00:00:{number:02x}", dst="ff:ff:ff:ff:ff:ff")
            frame = frame / Dot1Q(vlan=tag) if tag else frame
            frame = frame / IP(src=f"10.0.0.{number}", dst="10.0.0.99") / UDP() / bytes(20)
            self.ovs.appctl("netdev-dummy/receive", port, bytes(frame).hex())

    def flows_of(self, bridge: str) -> dict[str, tuple[float, int]]:
        """What each flow has: how long it has been there (seconds), and what it has counted."""
        found = map(FLOW.match, self.ovs.ofctl("dump-flows", bridge, "--no-names").splitlines())
        return {f"{m[2]} {m[4]}": (float(m[1]), int(m[3])) for m in found if m}

    def go_on(self, bridge: str, counted: dict[str, int]) -> bool:
        """Flows that have counted so much count more."""
        now = self.flows_of(bridge)
        return any(now[line][1] > packets for line, packets in counted.items())

    def groups_of(self, bridge: str) -> tuple[dict[str, str], dict[str, float]]:
        """The groups by their number, and how long they have been there."""
        lines = [line.strip() for line in self.ovs.ofctl("dump-groups", bridge).splitlines()[1:]]
        ages = GROUP.findall(self.ovs.ofctl("dump-group-stats", bridge))
        return {line.partition(",")[0]: line for line in lines}, {f"group_id={number}": float(age) for number, age in ages}


@pytest.fixture
def weft(tmp_path: Path, empty_ovs: PrivateOvs) -> Iterator[Networks]:
    file = tmp_path / "network.yaml"
    file.write_text(FILE)
    patched(empty_ovs, ("a1", "a2", "a3", "a4", "a5"), ("c1", "c2", "c3"))
    with started(tmp_path, empty_ovs, file, Networks) as controller:
        controller.connect("b1", "b2")
        eventually(lambda: controller.client.get("/links")["total"] == 2)
        controller.settled("b1", "b2")
        yield cast(Networks, controller)


def about(line: str, networks: set[str], ports: tuple[str, ...] = ()) -> bool:
    """A flow speaks of one of these networks, by its number in the register or in a tag, or of a port."""
    numbers = {NUMBERS[name] for name in networks}
    said = {
        int(value, 16)
        for value in re.findall(r"reg0=(0x[0-9a-f]+)|set_field:(0x[0-9a-f]+)->reg0", line)
        for value in value
        if value
    }
    said |= {int(value) for value in re.findall(r"dl_vlan=(\d+)", line)}
    said |= {int(value) & 0xFFF for value in re.findall(r"set_field:(\d+)->vlan_vid", line)}
    return bool(said & numbers) or any(re.search(rf"in_port={port}\b|reg2={int(port):#x}\b", line) for port in ports)


@pytest.mark.parametrize("change", CHANGES)
def test_flows_of_other_networks_go_on(weft: Networks, change: str) -> None:
    old, new, touched = CHANGES[change]
    weft.talk()
    eventually(lambda: weft.client.get("/hosts")["total"] == len(HOSTS))
    weft.settled("b1", "b2")
    weft.talk()
    flows = {bridge: weft.flows_of(bridge) for bridge in ("b1", "b2")}
    groups = {bridge: weft.groups_of(bridge) for bridge in ("b1", "b2")}
    weft.apply(FILE.replace(old, new))
    weft.settled("b1", "b2")
    eventually(lambda: any(weft.flows_of(bridge).keys() != flows[bridge].keys() for bridge in flows) or change.endswith("comes"))
    weft.settled("b1", "b2")
    weft.talk()
    ports = ("5",) if change == "a port's network" else ()
    for bridge, before in flows.items():
        after = weft.flows_of(bridge)
        changed = before.keys() ^ after.keys()
        assert [line for line in changed if not about(line, touched, ports)] == []
        kept = before.keys() & after.keys()
        others = {line for line in kept if about(line, NUMBERS.keys() - touched)}
        assert len(others) >= 8
        assert all(after[line][0] > before[line][0] for line in kept), "put there anew"
        assert all(after[line][1] >= before[line][1] for line in kept), "counts anew"
        eventually(partial(weft.go_on, bridge, {line: before[line][1] for line in others}))
        texts, ages = groups[bridge]
        texts_now, ages_now = weft.groups_of(bridge)
        same = [group for group, text in texts.items() if texts_now.get(group) == text]
        assert len(same) >= len(texts) - len(touched)
        assert all(ages_now[group] > ages[group] for group in same)
    reached = {"a4": {"c3"}, "c3": {"a4"}} | ({"c2": {"a2", "a3/20", "c3/20"}} if "red" not in touched else {})
    for port, there in reached.items():
        eventually(partial(lambda port, there: weft.heard(port, bridge="b2" if port[0] == "c" else "b1") == there, port, there))
