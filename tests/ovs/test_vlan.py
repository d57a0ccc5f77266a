"""Networks on real bridges: who reaches whom and how frames look there, what is refused and counted, live changes of the file."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from controller.cli.errors import Failure
from controller.cli.get import dropped
from tests.ovs.running import Running, eventually, kept_running
from topologies.openvswitch import PrivateOvs

pytestmark = pytest.mark.ovs

NETWORKS = "networks: {blue: {vlan: 10}, red: {vlan: 20}}\n"
PORTS = """ports:
  br0/blue1: {access: blue}
  br0/blue2: {access: blue}
  br0/red1: {access: red}
  br0/trunk: {trunk: [blue, red]}
  br0/native: {trunk: [blue, red], native: blue}
  br0/later: {access: red}
"""
NAMES = ("blue1", "blue2", "red1", "trunk", "native")


BROADCAST = "dl_dst=ff:ff:ff:ff:ff:ff,dl_src=02:00:00:00:00:01"


class Vlans(Running):
    """A controller with a network file."""

    file: Path

    def apply(self, text: str) -> dict[str, Any]:
        return self.client.put("/config", {"text": text, "name": "new.yaml"})

    def heard(self, port: str, fields: str = "", bridge: str = "br0") -> set[str]:
        """Where a broadcast that comes in by a port goes, as `blue2`, or `trunk/10` where it has that tag."""
        number = self.ovs.vsctl("get", "Interface", port, "ofport").strip()
        trace = self.ovs.appctl("ofproto/trace", bridge, f"in_port={number},{BROADCAST},{fields}".rstrip(","))
        names = dict(re.findall(r"port (\d+): (\S+)", self.ovs.appctl("dpctl/show")))
        actions = trace.rpartition("Datapath actions: ")[2].partition("\n")[0]
        found = re.findall(r"dl_vlan=(\d+)", fields)
        return {names[number] + tags for number, tags in sent(actions, found)} - {"br0"}

    def dropped(self) -> dict[str, int]:
        """Frames that were refused, by reason."""
        return {drop["why"]: drop["packets"] for drop in dropped(self.client, {})}

    def tagged(self, port: str, tag: int) -> None:
        """A frame with a tag comes in."""
        self.ovs.appctl(
            "netdev-dummy/receive",
            port,
            f"in_port(1),eth(src=02:00:00:00:00:09,dst=ff:ff:ff:ff:ff:ff),eth_type(0x8100),vlan(vid={tag},pcp=0),"
            "encap(eth_type(0x0800),ipv4(src=10.0.0.9,dst=10.0.0.99,proto=17,tos=0,ttl=64,frag=no),udp(src=1,dst=2))",
        )


def sent(actions: str, tags: list[str]) -> Iterator[tuple[str, str]]:
    """Datapath ports that actions send to, each with the tags that a frame has then."""
    tags = list(tags)
    for action in re.sub(r"(sample|userspace)\(.*?\)\)\)\),?", "", actions).replace("),", ");").replace(",", ";").split(";"):
        if action.startswith("push_vlan(vid="):
            tags.insert(0, action.removeprefix("push_vlan(vid="))
        elif action == "pop_vlan":
            tags.pop(0)
        elif action.isdigit():
            yield action, "".join(f"/{tag}" for tag in tags)


@pytest.fixture
def weft(tmp_path: Path, empty_ovs: PrivateOvs) -> Iterator[Vlans]:
    file = tmp_path / "network.yaml"
    file.write_text(NETWORKS + PORTS)
    empty_ovs.add_bridge("br0", dpid=1, ports=NAMES)
    with started(tmp_path, empty_ovs, file) as controller:
        controller.connect("br0")
        yield controller


@contextmanager
def started(folder: Path, ovs: PrivateOvs, file: Path, kind: type[Vlans] = Vlans) -> Iterator[Vlans]:
    """A controller with a network file, which ends with the block."""
    controller = kind(folder, ovs, "--network-file", str(file))
    controller.file = file
    with kept_running(controller):
        yield controller


def test_networks_are_apart_and_tags_are_as_each_port_wants_them(weft: Vlans) -> None:
    assert weft.heard("blue1") == {"blue2", "trunk/10", "native"}
    assert weft.heard("red1") == {"trunk/20", "native/20"}
    assert weft.heard("trunk", "dl_vlan=10") == {"blue1", "blue2", "native"}
    assert weft.heard("trunk", "dl_vlan=20") == {"red1", "native/20"}
    assert weft.heard("native") == weft.heard("native", "dl_vlan=10") == {"blue1", "blue2", "trunk/10"}


def test_what_is_refused_is_dropped_and_counted_with_its_reason(weft: Vlans) -> None:
    assert weft.heard("blue1", "dl_vlan=10") == weft.heard("trunk") == weft.heard("trunk", "dl_vlan=30") == set()
    assert weft.heard("trunk", "dl_vlan=10,dl_type=0x8100") == set()
    weft.tagged("blue1", 10)
    weft.tagged("trunk", 30)
    weft.frame("trunk", 3)
    reasons = {
        "a tag on br0/blue1, an access port of blue": 1,
        "the trunk br0/trunk has no network with this tag": 1,
        "no tag on the trunk br0/trunk, which has no native network": 1,
    }
    eventually(lambda: reasons.items() <= weft.dropped().items())
    assert {drop["port_name"] for drop in dropped(weft.client, {}) if drop["why"] in reasons} == {"blue1", "trunk"}


def test_unlisted_ports_are_in_the_default_network_or_closed(weft: Vlans) -> None:
    weft.ovs.vsctl("add-port", "br0", "one", "--", "add-port", "br0", "other")
    eventually(lambda: weft.heard("one") == {"other"})
    weft.apply(NETWORKS + PORTS + "unlisted_ports: closed\n")
    weft.settled("br0")
    assert weft.heard("one") == set()
    assert weft.heard("blue1") == {"blue2", "trunk/10", "native"}


def test_a_port_that_comes_later_is_where_the_file_has_it(weft: Vlans) -> None:
    assert weft.apply(NETWORKS + PORTS)["pending"] == ["br0/later"]
    weft.ovs.vsctl("add-port", "br0", "later")
    eventually(lambda: weft.heard("later") == {"red1", "trunk/20", "native/20"})
    assert weft.apply(NETWORKS + PORTS)["pending"] == []


def test_a_file_with_mistakes_changes_nothing_and_tells_all_of_them(weft: Vlans) -> None:
    flows = weft.ovs.flows("br0")
    apps = "apps: {l2_learning: {idle: 5, max_moves: -1}, no_app: {}}\n"
    wrong = PORTS.replace("blue2: {access: blue}", "blue2: {access: bleu}") + apps
    with pytest.raises(Failure) as caught:
        weft.apply(NETWORKS + wrong)
    assert "ports.br0/blue2.access: there is no network bleu; did you mean blue?" in caught.value.hint
    assert [line.partition(": ")[0] for line in caught.value.hint.splitlines()] == [
        "new.yaml:4:23 ports.br0/blue2.access",
        "new.yaml:9:22 apps.l2_learning.idle",
        "new.yaml:9:42 apps.l2_learning.max_moves",
        "new.yaml:9:47 apps.no_app",
    ]
    weft.settled("br0")
    assert weft.ovs.flows("br0") == flows


def test_the_file_is_read_again_on_sighup(weft: Vlans) -> None:
    weft.file.write_text(NETWORKS + PORTS.replace("red1: {access: red}", "red1: {access: blue}"))
    os.kill(weft.pid, signal.SIGHUP)
    eventually(lambda: weft.heard("blue1") == {"blue2", "red1", "trunk/10", "native"})
    weft.file.write_text("networks: [")
    os.kill(weft.pid, signal.SIGHUP)
    eventually(lambda: weft.events("config.refused"))
    assert "network.yaml:1:" in weft.last_words(40)
    assert weft.heard("blue1") == {"blue2", "red1", "trunk/10", "native"}


def test_a_restart_with_the_same_file_sends_nothing(weft: Vlans) -> None:
    weft.frame("red1", 7, number=3)
    eventually(lambda: [h["network"] for h in weft.client.items("/hosts")] == ["red"])
    weft.settled("br0")
    before = weft.ovs.flows("br0")
    weft.restart("br0")
    assert weft.ovs.flows("br0") == before
    assert weft.bridge("br0")["flow_mods"] == 0
    assert [h["network"] for h in weft.client.items("/hosts")] == ["red"]


def test_a_port_that_changes_its_network_leaves_the_flows_of_others_alone(weft: Vlans) -> None:
    weft.frame("red1", 7, number=3)
    weft.frame("blue2", 8, number=2)
    eventually(lambda: weft.client.get("/hosts")["total"] == 2)
    weft.settled("br0")
    weft.frame("red1", 7, number=3)
    counted = [f for f in weft.ovs.flows("br0") if "in_port=3" in f or "reg2=0x3" in f or "dl_src=02:00:00:00:00:07" in f]
    before, sent_before = ages(weft), weft.bridge("br0")["flow_mods"]
    weft.apply(NETWORKS + PORTS.replace("blue2: {access: blue}", "blue2: {access: red}"))
    weft.settled("br0")
    eventually(lambda: weft.heard("red1") == {"blue2", "trunk/20", "native/20"})
    assert [h["mac"] for h in weft.client.items("/hosts")] == ["02:00:00:00:00:07"]  # the other is learned anew where it is now
    assert set(counted) <= set(weft.ovs.flows("br0"))
    assert all(ages(weft)[flow] >= packets for flow, packets in before.items() if flow in counted)
    assert weft.bridge("br0")["flow_mods"] - sent_before < 25


def ages(weft: Vlans) -> dict[str, int]:
    """Frames that each flow has counted since it was put there."""
    lines = weft.ovs.ofctl("dump-flows", "br0", "--no-names").splitlines()
    found = [
        re.match(r" (cookie=\S+) duration=\S+ (table=\d+), n_packets=(\d+), n_bytes=\d+,(?: \w+_age=\d+,)* (.*)", x)
        for x in lines
    ]
    return {f"{m[1]} {m[2]}, {m[4]}": int(m[3]) for m in found if m}


def test_isolated_ports_talk_only_to_those_that_are_not(tmp_path: Path, empty_ovs: PrivateOvs) -> None:
    """Two bridges with a link between them: it carries the mark."""
    file = tmp_path / "network.yaml"
    text = "networks: {guests: {vlan: 30}}\nports:\n  b1/router: {access: guests}\n"
    text += "".join(f"  {port}: {{access: guests, isolated: true}}\n" for port in ("b1/guest1", "b1/guest2", "b2/guest3"))
    file.write_text(text + "  b2/printer: {access: guests}\n")
    patched(empty_ovs, ("router", "guest1", "guest2"), ("guest3", "printer"))
    with started(tmp_path, empty_ovs, file) as weft:
        weft.connect("b1", "b2")
        eventually(lambda: weft.client.get("/links")["total"] == 2)
        weft.settled("b1", "b2")
        heard = weft.heard
        eventually(lambda: heard("router", bridge="b1") == {"guest1", "guest2", "guest3", "printer"})
        assert heard("guest1", bridge="b1") == {"router", "printer"}
        assert heard("guest3", bridge="b2") == {"router", "printer"}
        assert heard("printer", bridge="b2") == {"router", "guest1", "guest2", "guest3"}


def test_tags_of_a_customer_go_through_as_they_are(tmp_path: Path, empty_ovs: PrivateOvs) -> None:
    file = tmp_path / "network.yaml"
    text = "networks: {blue: {vlan: 10}}\nports:\n  b1/in: {qinq: blue}\n  b2/out: {qinq: blue}\n  b2/plain: {access: blue}\n"
    file.write_text(text)
    patched(empty_ovs, ("in",), ("out", "plain"))
    with started(tmp_path, empty_ovs, file) as weft:
        weft.connect("b1", "b2")
        eventually(lambda: weft.client.get("/links")["total"] == 2)
        weft.settled("b1", "b2")
        heard = partial(weft.heard, bridge="b1")
        eventually(lambda: heard("in") == {"out", "plain"})
        assert heard("in", "dl_vlan=77") == {"out/77"}
        assert heard("in", "dl_vlan=77,dl_type=0x8100") == {"out/77"}
        # What has crossed a wire has two tags, of which Open vSwitch looks at the first: the second is the frame's type.
        assert weft.heard("p2", "dl_vlan=10,dl_vlan_pcp=2,dl_type=0x8100", "b2") == {"out"}


def patched(ovs: PrivateOvs, ports1: tuple[str, ...], ports2: tuple[str, ...]) -> None:
    """Bridges b1 and b2 with these ports and a link between them."""
    for dpid, ports in enumerate((ports1, ports2), 1):
        ovs.add_bridge(f"b{dpid}", dpid=dpid, ports=ports)
    for here, there in ((1, 2), (2, 1)):
        name = f"p{here}"
        ovs.vsctl("add-port", f"b{here}", name, "--", "set", "Interface", name, "type=patch", f"options:peer=p{there}")
