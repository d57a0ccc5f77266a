"""A whole controller against real bridges: connect, reconnect, drift, refusals, three bridges at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.ovs.running import Running, eventually, running
from topologies.openvswitch import PrivateOvs

pytestmark = pytest.mark.ovs

BAD_APP = '''"""Wants a flow that the switch refuses, beside one that is right."""
from controller.app import App, rules
from controller.model import Bridge
from controller.pipeline import POLICY, Action, DROP
from controller.pipeline.actions import group

class Refused(App, stages=(POLICY,)):
    @rules(each=Bridge)
    def bad(self, bridge):
        yield POLICY.flow(group(7777), in_port=77, why="a group that does not exist")
        yield POLICY.flow(DROP, in_port=78, why="beside the bad one")

    @rules(each=Bridge)
    def good(self, bridge):
        yield POLICY.flow(DROP, in_port=79, why="nothing wrong with this")
'''


@pytest.fixture
def weft(tmp_path: Path, empty_ovs: PrivateOvs) -> Iterator[Running]:
    with running(tmp_path, empty_ovs) as controller:
        yield controller


def installed(weft: Running, bridge: str) -> list[str]:
    """Flows of the bridge itself, without cookies."""
    return sorted(line.partition(" ")[2] if line.startswith("cookie") else line for line in weft.ovs.flows(bridge))


def test_connect_installs_what_should_be_there(weft: Running) -> None:
    weft.ovs.add_bridge("br0", dpid=1, ports=("p1", "p2"))
    weft.connect("br0")
    wanted = [f for f in weft.flows("br0") if f["kind"] == "flow"]
    assert len(weft.ovs.flows("br0")) == len(wanted) > 20
    assert {f["status"] for f in wanted} == {"installed"}
    meters = [f for f in weft.flows("br0") if f["kind"] == "meter"]
    assert len([m for m in meters if m["app"] == "l2_learning"]) == 3  # p1, p2 and br0 itself
    assert weft.ovs.ofctl("dump-meters", "br0").count("meter=") == len(meters)
    assert weft.ovs.ofctl("dump-groups", "br0").count("group_id=") == 1


def test_learned_hosts_survive_a_restart_that_sends_nothing(weft: Running) -> None:
    weft.ovs.add_bridge("br0", dpid=1, ports=("p1", "p2"))
    weft.connect("br0")
    weft.frame("p1", 1)
    weft.frame("p2", 2, number=2)
    eventually(lambda: weft.client.get("/hosts")["total"] == 2)
    weft.settled("br0")
    before = weft.ovs.flows("br0")
    weft.restart("br0")
    assert weft.client.get("/hosts")["total"] == 2
    assert weft.ovs.flows("br0") == before
    assert weft.bridge("br0")["flow_mods"] == 0
    assert weft.events("flow.") == []


def test_after_a_kill_it_is_the_same(weft: Running) -> None:
    weft.ovs.add_bridge("br0", dpid=1, ports=("p1", "p2"))
    weft.connect("br0")
    before = weft.ovs.flows("br0")
    time.sleep(0.5)  # what was learned a moment ago may be lost
    weft.kill()
    weft.start()
    weft.wait_ready()
    weft.settled("br0")
    assert weft.ovs.flows("br0") == before
    assert weft.bridge("br0")["flow_mods"] == 0


@pytest.mark.parametrize(
    "damage",
    [
        ("del-flows", "br0", "table=70"),
        ("del-flows", "br0"),
        ("del-groups", "br0"),
        ("mod-flows", "br0", "table=10,actions=drop"),
        ("del-meters", "br0"),
    ],
    ids=" ".join,
)
def test_what_is_changed_by_hand_is_repaired_within_5_seconds(weft: Running, damage: tuple[str, ...]) -> None:
    weft.ovs.add_bridge("br0", dpid=1, ports=("p1", "p2"))
    weft.connect("br0")
    flows, groups, meters = (
        (lambda: weft.ovs.flows("br0")),
        *((lambda what=what: sorted(weft.ovs.ofctl(f"dump-{what}", "br0").splitlines()[1:])) for what in ("groups", "meters")),
    )
    before = flows(), groups(), meters()
    weft.ovs.ofctl(*damage)
    assert (flows(), groups(), meters()) != before or weft.events("flow.drift")
    eventually(lambda: (flows(), groups(), meters()) == before, 5.0)
    drift = eventually(lambda: weft.events("flow.drift"))
    assert drift[0]["subject"] == "br0"
    assert "repaired" in drift[0]["text"]
    weft.settled("br0")
    assert not [f for f in weft.flows("br0") if f["status"] != "installed"]


def test_a_quiet_bridge_is_not_touched(weft: Running) -> None:
    weft.ovs.add_bridge("br0", dpid=1, ports=("p1",))
    weft.connect("br0")
    sent = weft.bridge("br0")["flow_mods"]
    audits = eventually(lambda: weft.flows("br0", table=0)[0]["packets"] is not None)
    assert audits
    eventually(lambda: weft.client.get("/status")["revision"] > 5)
    assert weft.bridge("br0")["flow_mods"] == sent
    assert weft.events("flow.") == []


def foreign_flows(weft: Running) -> list[str]:
    return [line for line in weft.ovs.flows("br0") if "table=3," in line]


def test_foreign_flows_are_removed(weft: Running) -> None:
    weft.ovs.add_bridge("br0", dpid=1, ports=("p1",))
    weft.connect("br0")
    weft.ovs.ofctl("add-flow", "br0", "table=3,priority=9,actions=drop")
    eventually(lambda: not foreign_flows(weft), 5.0)
    assert "removed" in eventually(lambda: weft.events("flow.foreign"))[0]["text"]
    weft.stop()
    weft.ovs.ofctl("add-flow", "br0", "table=3,priority=9,actions=drop")
    weft.start()
    weft.wait_ready()
    weft.settled("br0")
    assert not foreign_flows(weft)


def test_foreign_flows_are_kept_where_it_is_said(tmp_path: Path, empty_ovs: PrivateOvs) -> None:
    empty_ovs.add_bridge("br0", dpid=1, ports=("p1",))
    with running(tmp_path, empty_ovs, "--foreign-flows", "keep") as weft:
        weft.connect("br0")
        weft.ovs.ofctl("add-flow", "br0", "table=3,priority=9,actions=drop")
        (foreign,) = eventually(lambda: [f for f in weft.flows("br0") if f["status"] == "foreign"])
        assert (foreign["table"], foreign["priority"], foreign["actions"]) == (3, 9, "drop")
        eventually(lambda: next(f for f in weft.flows("br0") if f["status"] == "foreign")["packets"] is not None)
        assert foreign_flows(weft)
        assert len(weft.events("flow.foreign")) == 1


def test_a_refused_flow_is_rolled_back_and_the_rest_is_installed(tmp_path: Path, empty_ovs: PrivateOvs) -> None:
    app = tmp_path / "refused.py"
    app.write_text(BAD_APP)
    empty_ovs.add_bridge("br0", dpid=1, ports=("p1",))
    with running(tmp_path, empty_ovs, "--app", "l2_learning", "--app", str(app)) as weft:
        weft.connect("br0")
        policy = [line for line in weft.ovs.flows("br0") if "table=20," in line]
        assert [line for line in policy if "in_port=79" in line]
        assert not [line for line in policy if "in_port=77" in line or "in_port=78" in line]
        flows = {f["match"]: f for f in weft.flows("br0", app="refused")}
        assert flows["in_port=79"]["status"] == "installed"
        assert flows["in_port=77"]["status"].startswith("rejected: ")
        assert "GROUP" in flows["in_port=77"]["status"].upper()
        assert weft.bridge("br0")["rejected"] == 1
        (event,) = weft.events("flow.rejected")
        assert "refused.bad" in event["text"]
        assert "Bridge br0" in event["text"]


def has_flows(weft: Running, bridge: str, count: int) -> bool:
    return len(weft.ovs.flows(bridge)) == count


def test_three_bridges_at_once(weft: Running) -> None:
    names = ["b1", "b2", "b3"]
    for dpid, name in enumerate(names, 1):
        weft.ovs.add_bridge(name, dpid=dpid, ports=tuple(f"{name}p{n}" for n in (1, 2)))
    weft.connect(*names)
    weft.frame("b2p1", 5)
    host = eventually(lambda: weft.client.get("/hosts")["items"])[0]
    assert (host["bridge"], host["port_name"], host["mac"]) == ("b2", "b2p1", "02:00:00:00:00:05")
    for name in names:
        wanted = len([f for f in weft.flows(name) if f["kind"] == "flow"])
        eventually(partial(has_flows, weft, name, wanted))


def test_known_hosts_cause_no_packet_in(weft: Running) -> None:
    weft.ovs.add_bridge("br0", dpid=1, ports=("p1", "p2"))
    weft.connect("br0")
    weft.frame("p1", 1)
    weft.frame("p2", 2, number=2)
    eventually(lambda: weft.client.get("/hosts")["total"] == 2)
    weft.settled("br0")

    def heard() -> int:
        return next(a["packet_ins"] for a in weft.client.items("/apps") if a["name"] == "l2_learning")

    before = heard()
    for _ in range(20):
        weft.frame("p1", 1, "02:00:00:00:00:02")
        weft.frame("p2", 2, "02:00:00:00:00:01", number=2)
    trace = weft.ovs.appctl("ofproto/trace", "br0", "in_port=1,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02")
    assert "Datapath actions: 2" in trace
    weft.frame("p1", 3)
    eventually(lambda: weft.client.get("/hosts")["total"] == 3)
    assert heard() == before + 1


def test_hosts_age_when_their_flow_was_idle(tmp_path: Path, empty_ovs: PrivateOvs) -> None:
    empty_ovs.add_bridge("br0", dpid=1, ports=("p1",))
    with running(tmp_path, empty_ovs, "--set", "l2_learning.idle_timeout=2") as weft:
        weft.connect("br0")

        def speaks_and_is_known() -> bool:  # again and again: on a busy machine it may be forgotten before it is looked at
            weft.frame("p1", 1)
            return bool(weft.client.get("/hosts")["total"] == 1)

        eventually(speaks_and_is_known)
        eventually(lambda: weft.client.get("/hosts")["total"] == 0)
        weft.settled("br0")
        assert not [f for f in weft.ovs.flows("br0") if "02:00:00:00:00:01" in f]
        assert weft.events("flow.") == []


def test_port_down_forgets_its_hosts(weft: Running) -> None:
    weft.ovs.add_bridge("br0", dpid=1, ports=("p1", "p2"))
    weft.connect("br0")
    weft.frame("p1", 1)
    weft.frame("p2", 2, number=2)
    eventually(lambda: weft.client.get("/hosts")["total"] == 2)
    weft.ovs.ofctl("mod-port", "br0", "p1", "down")
    eventually(lambda: [h["port_name"] for h in weft.client.items("/hosts")] == ["p2"])
    weft.ovs.vsctl("del-port", "br0", "p2")
    eventually(lambda: weft.client.get("/hosts")["total"] == 0)
    eventually(lambda: not [f for f in weft.ovs.flows("br0") if "dl_src=02:00:00:00:00:0" in f])


def test_apps_are_switched_while_it_runs(weft: Running) -> None:
    weft.ovs.add_bridge("br0", dpid=1, ports=("p1", "p2"))
    weft.connect("br0")
    before = weft.ovs.flows("br0")
    weft.client.put("/apps/l2_learning", {"enabled": False})
    eventually(lambda: not [f for f in weft.ovs.flows("br0") if "table=40, priority=1" in f or "table=40,priority=1" in f])
    assert weft.ovs.ofctl("dump-meters", "br0").count("meter=") == len([f for f in weft.flows("br0") if f["kind"] == "meter"])
    weft.client.put("/apps/l2_learning", {"enabled": True})
    weft.settled("br0")
    assert weft.ovs.flows("br0") == before


def test_openflow_1_3_is_enough(weft: Running) -> None:
    weft.ovs.add_bridge("br0", dpid=1, ports=("p1", "p2"))
    weft.ovs.vsctl("set", "Bridge", "br0", "protocols=OpenFlow13")
    weft.connect("br0")
    assert weft.bridge("br0")["protocol"] == "1.3"
    weft.frame("p1", 1)
    eventually(lambda: weft.client.get("/hosts")["total"] == 1)
    weft.settled("br0")
    weft.ovs.ofctl("del-flows", "br0", "table=70", protocol="OpenFlow13")
    drift = eventually(lambda: weft.events("flow.drift"), 5.0)
    assert "missing" in drift[0]["text"]
