"""`weft start -f` with hypervisors: their bridges are made, connect, and are kept; `weft get hypervisors` says how they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ovs.hypervisor import HypervisorOvs, hypervisor
from tests.ovs.running import Running, eventually, running

pytestmark = pytest.mark.ovs
FILE = """
hypervisors:
  hv1:
    {{ovsdb: "{database}", vtep: 192.0.2.1, bridge: br-int, dpid: 0x11,
     ports: {{tap0: {{type: internal, mtu: 1400, max_rate: 10000000}}, to-ex: {{type: patch, peer: to-int}}}},
     bridges: {{br-ex: {{ports: {{to-int: {{type: patch, peer: to-ex}}, ex0: {{type: internal, bfd: {{min_tx: 50}}}}}}}}}},
     netflow: {{targets: ["127.0.0.1:2055"]}},
     sflow: {{targets: ["127.0.0.1:6343"], agent: lo}}, ipfix: {{targets: ["127.0.0.1:4739"]}},
     mirrors: {{watch: {{output: tap0, everything: true}}}}}}
  hv2: {{ovsdb: "unix:{away}", vtep: 192.0.2.2}}
meshes:
  core: {{type: vxlan, bfd: {{min_tx: 100, min_rx: 100}}}}
networks:
  blue: {{vlan: 10, vni: 5010, mesh: core}}
ports:
  hv1/vm1: {{access: blue}}
"""


@pytest.fixture
def ovs() -> Iterator[HypervisorOvs]:
    with hypervisor() as started:
        yield started


def state(weft: Running, name: str) -> dict[str, Any]:
    return next((item for item in weft.client.items("/hypervisors") if item["name"] == name), {})


def test_from_the_network_file_to_a_bridge_with_tunnels_and_back(ovs: HypervisorOvs, tmp_path: Path) -> None:
    file = tmp_path / "network.yaml"
    file.write_text(FILE.format(database=ovs.unix, away=tmp_path / "none"))
    with running(tmp_path, ovs, "-f", str(file)) as weft:
        eventually(lambda: state(weft, "hv1").get("state") == "applied")
        weft.settled("hv1")  # the bridge goes by the name of the hypervisor
        assert ovs.vsctl("get", "Open_vSwitch", ".", "ovs_version") == "[]\n"  # nobody wrote it there, so the bridge is asked
        assert state(weft, "hv1")["version"] == ovs.vsctl("--version").split()[3]
        assert weft.bridge("hv1")["dpid"] == f"{0x11:016x}"
        ports = ovs.vsctl("list-ports", "br-int").split()
        assert {"weft-core", "tap0", "to-ex"} <= set(ports)
        assert ovs.vsctl("get", "Interface", "tap0", "mtu").strip() == "1400"
        assert ovs.vsctl("get", "Mirror", "watch", "select_all").strip() == "true"
        assert len([port for port in ports if port.startswith("bfd-")]) == 1
        assert ovs.vsctl("list-ports", "br-ex").split() == ["ex0", "to-int"]
        assert (ovs.vsctl("get-fail-mode", "br-ex").strip(), ovs.vsctl("get-controller", "br-ex")) == ("standalone", "")
        assert ovs.vsctl("get", "Interface", "to-int", "options:peer").strip() == "to-ex"
        assert ovs.vsctl("get", "Interface", "ex0", "bfd:min_tx", "bfd_status:state").split() == ['"50"', "down"]
        assert ovs.vsctl("--bare", "--columns=other_config", "list", "QoS").strip() == "max-rate=10000000"
        targets = [ovs.vsctl("--bare", "--columns=targets", "list", table).strip() for table in ("NetFlow", "sFlow", "IPFIX")]
        assert targets == ["127.0.0.1:2055", "127.0.0.1:6343", "127.0.0.1:4739"]
        assert state(weft, "hv1")["bfd"] == ["core/hv2 down", "ex0 down"]
        eventually(lambda: state(weft, "hv2")["reason"] == "no such file or directory")
        ovs.vsctl("add-port", "br-int", "vm1")  # by whoever runs the machines
        eventually(lambda: any(p["network"] == "blue" for p in weft.client.items("/ports", bridge="hv1")))
        eventually(lambda: [event["subject"] for event in weft.events("port.mtu")] == ["hv1/vm1"])
        eventually(lambda: [event["subject"] for event in weft.events("hypervisor.unreachable")] == ["hv2"])
        tunnels = {tunnel["hypervisor"]: tunnel for tunnel in weft.client.items("/tunnels")}
        assert {name: (one["state"], one["cause"]) for name, one in tunnels.items()} == {
            "hv1": ("down", "BFD: hv2 has not answered yet"),
            "hv2": ("unknown", "hv2 is unreachable: no such file or directory"),
        }
        assert tunnels["hv1"]["problems"] == ["vm1: its MTU is 1500, and network blue takes packets of 1450 by the mesh core"]
        ovs.vsctl("set", "Interface", "vm1", "mtu_request=1450")
        eventually(lambda: [event["subject"] for event in weft.events("port.mtu.over")] == ["hv1/vm1"])
        ovs.kill("ovs-vswitchd")
        eventually(lambda: not weft.is_settled("hv1"))
        ovs.start_again("ovs-vswitchd")
        weft.settled("hv1")
        assert [event["subject"] for event in weft.events("hypervisor.unreachable")] == ["hv2"]

    with running(tmp_path, ovs, "-f", str(file)) as weft:  # started anew it knows what is its own
        eventually(lambda: state(weft, "hv1").get("state") == "applied")
        file.write_text(FILE.format(database=ovs.unix, away=tmp_path / "none").replace(", bfd: {min_tx: 100, min_rx: 100}", ""))
        weft.client.put("/config", {"text": file.read_text()})
        eventually(lambda: ovs.vsctl("list-ports", "br-int").split() == ["tap0", "to-ex", "vm1", "weft-core"])
        assert "bridge.foreign" not in {event["kind"] for event in weft.client.items("/events/history", limit=1000)}
        weft.client.put("/config", {"text": "networks: {}"})
        eventually(lambda: [event["subject"] for event in weft.events("hypervisor.left")] == ["hv2", "hv1"])
        assert (ovs.vsctl("list-br").split(), ovs.vsctl("list-ports", "br-int").split()) == (["br-int"], ["vm1"])
