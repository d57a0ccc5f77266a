"""The tunnel mesh: which flows follow from a network file, and how few of them change."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from apps.fabric import Fabric
from apps.l2_learning import L2Learning
from apps.tunnel_mesh import TunnelMesh
from controller.app import Tx
from controller.config import parse
from controller.model import (
    Attachment,
    Bridge,
    FloodPorts,
    Host,
    Mac,
    Member,
    Mesh,
    MeshMember,
    Network,
    Pipeline,
    Port,
    PortRole,
    Replica,
    Row,
    TunnelPort,
    scope_of,
)
from controller.runtime.networks import rows_of
from controller.runtime.overlay import data_port, dpid_of, peer_port
from controller.topology.tunnels import Apart, Tunnels
from tests.apps.engine import Lab

pytestmark = pytest.mark.apps

NETWORKS = "networks: {blue: {vlan: 10, vni: 5010, mesh: core}, red: {vlan: 20, vni: 5020, mesh: core}}\n"
T = 9  # the number of the data port
VM = Mac("02:00:00:00:99:01")


def network_file(count: int, mesh: str = "", address: str = "192.0.2.{}") -> str:
    """So many hypervisors in one mesh."""
    vteps = [f"  hv{n}: {{vtep: '{address.format(n)}'}}\n" for n in range(1, count + 1)]
    return f"hypervisors:\n{''.join(vteps)}meshes: {{core: {{{mesh}}}}}\n{NETWORKS}"


class MeshLab(Lab):
    """Hypervisors with ports 1 and 2 in `blue`, and a data port."""

    def __init__(self, count: int, mesh: str = "", address: str = "192.0.2.{}", vms: int = 1, checked: bool = True) -> None:
        self.checked = checked  # after each step a recompute must agree: with 512 hypervisors that takes long
        super().__init__(Tunnels(), TunnelMesh(), Fabric(), L2Learning())
        self.put(*rows_of(parse(network_file(count, mesh, address), "n")))
        self.names = [f"hv{n}" for n in range(1, count + 1)]
        self.put(*(row for name in self.names for row in connected(name)))
        self.put(*(row for number, name in enumerate(self.names) for row in vm_rows(name, number, vms)))

    def _commit(self, tx: Tx) -> None:
        if self.checked:
            super()._commit(tx)
        else:
            self.engine.commit(tx)
            self.engine.run()
            assert not self.engine.failed

    def changes(self, *rows: Row, drop: bool = False) -> dict[str, int]:
        """How many flows, groups and meters differ on each hypervisor after rows came or went."""
        before = {name: self.view(name) for name in self.names}
        (self.drop if drop else self.put)(*rows)
        return {name: len(before[name] ^ self.view(name)) for name in self.names}

    def view(self, name: str) -> set[tuple[bytes, bytes]]:
        return {(slot, flow.body) for slot, (_, flow) in self.engine.desired.view(name).items()}

    def find(self, name: str, stage: str, *words: str) -> list[str]:
        """Flows of the app on a bridge in which all words are."""
        return [text for text in self.flows(name, stage, "tunnel_mesh") if all(word in text for word in words)]

    def copies(self, name: str, network: str = "blue") -> list[str]:
        """Where what is for all of a network goes."""
        (group,) = [text for text in self.flows(name) if text.startswith(f"group=replicate/{name}/{network}")]
        return re.findall(r"set_field:([0-9a-f.:]+)->tun_\w*dst,output:9", group)


def connected(name: str, port: int = T) -> Iterable[Row]:
    """A hypervisor's bridge that has connected, with its data port."""
    return (
        Bridge(name, dpid_of(name)),
        Member(scope_of(Pipeline()), name),
        Port(name, port, data_port("core")),
    )


def vm_rows(name: str, number: int, vms: int = 1, network: str = "blue") -> Iterable[Row]:
    """Ports of a network, and a host on each."""
    yield FloodPorts(name, network)
    for port in range(1, vms + 1):
        yield Attachment(name, port, network)
        yield Host(network, Mac(0x020000000000 | number << 16 | port), name, port)


def test_a_port_named_as_a_mesh_says_is_a_tunnel() -> None:
    lab = MeshLab(2)
    assert lab.engine.tables.get(PortRole, "hv1", T) == PortRole("hv1", T, "tunnel", "carries the mesh core")
    lab.put(Port("hv1", T, data_port("core"), up=False))
    assert lab.engine.tables.get(PortRole, "hv1", T) is None
    assert lab.find("hv1", "CLASSIFY") == []


def test_what_was_said_of_the_port_before_is_hidden() -> None:
    lab = MeshLab(1)
    lab.put(PortRole("hv1", T, "edge", "as it was"))
    assert [str(row) for row in lab.rows(PortRole)] == [f"PortRole hv1 {T}"]
    assert lab.find("hv1", "CLASSIFY", f"in_port={T}")


def test_frames_come_in_by_their_vni_and_only_from_where_their_source_lives() -> None:
    lab = MeshLab(2)
    (blue,) = lab.find("hv1", "CLASSIFY", "priority=100")
    assert blue == "CLASSIFY priority=100,in_port=9,tun_id=0x1392 actions=set_field:0xa->reg0,goto_table:40"
    assert lab.find("hv1", "CLASSIFY", "priority=90") == ["CLASSIFY priority=90,in_port=9 actions=drop"]
    (accepted,) = lab.find("hv1", "LEARN", "02:00:00:01:00:01", "priority=130")
    assert "tun_src=192.0.2.2" in accepted
    assert "reg0=0xa" in accepted
    assert accepted.endswith("actions=goto_table:70")
    (own,) = lab.find("hv1", "LEARN", "02:00:00:00:00:01", "priority=140")
    assert own.endswith("actions=drop")
    assert len(lab.find("hv1", "LEARN", "priority=95", "actions=drop")) == 2  # a frame of somebody else, by hypervisor
    assert lab.find("hv1", "LEARN", "priority=90") == ["LEARN priority=90,in_port=9 actions=drop"]


def test_frames_go_to_the_hypervisor_of_their_destination_by_the_tunnel_of_their_network() -> None:
    lab = MeshLab(3)
    assert len(lab.find("hv1", "NEXTHOP", "->tun_dst")) == 3
    (towards,) = lab.find("hv1", "NEXTHOP", "set_field:192.0.2.3->tun_dst")
    assert towards.endswith("set_field:192.0.2.3->tun_dst,set_field:0x10000->reg2,goto_table:110")
    (leave,) = lab.find("hv1", "EGRESS", "reg2=0x10000")
    assert leave == "EGRESS priority=100,reg0=0xa,reg2=0x10000 actions=set_field:0x1392->tun_id,output:9"
    assert lab.find("hv1", "NEXTHOP", "in_port=9") == ["NEXTHOP priority=110,in_port=9 actions=drop"]


def test_what_is_for_all_goes_only_to_hypervisors_with_ports_of_the_network() -> None:
    lab = MeshLab(4)
    assert lab.copies("hv1") == ["192.0.2.2", "192.0.2.3", "192.0.2.4"]
    lab.drop(Attachment("hv3", 1, "blue"), FloodPorts("hv3", "blue"))
    assert lab.copies("hv1") == ["192.0.2.2", "192.0.2.4"]
    assert lab.find("hv3", "CLASSIFY", "tun_id") == []
    lab.put(Attachment("hv3", 1, "red"), FloodPorts("hv3", "red"))
    assert lab.copies("hv1") == ["192.0.2.2", "192.0.2.4"]
    assert lab.copies("hv3", "red") == []
    (group,) = [text for text in lab.flows("hv1") if text.startswith("group=flood/hv1/blue")]
    assert "set_field:0x9->reg2" in group  # the fabric's own group has the tunnel as a member
    assert [text for text in lab.flows("hv1", "FLOOD") if "in_port=9" in text]


def test_a_new_machine_changes_a_few_flows_on_each_hypervisor_however_many_there_are() -> None:
    most = {}
    for count in (2, 20):
        lab = MeshLab(count, vms=3)
        new = (Attachment("hv1", 4, "blue"), Host("blue", VM, "hv1", 4))
        for drop in (False, True):
            changed = lab.changes(*new, drop=drop)
            most[count, drop] = changed.pop("hv1"), max(changed.values())
    assert set(most.values()) == {(8, 2)}  # elsewhere: where it lives (FORWARD), and from whom it may come (LEARN)


def test_the_first_port_of_a_network_changes_one_group_elsewhere() -> None:
    lab = MeshLab(6)
    changed = lab.changes(FloodPorts("hv1", "red"), Attachment("hv1", 1, "red"))
    assert changed.pop("hv1") <= 8
    assert set(changed.values()) == {0}
    changed = lab.changes(FloodPorts("hv2", "red"), Attachment("hv2", 1, "red"))
    assert changed["hv1"] == 2  # its group, before and after
    assert set(list(changed.values())[2:]) == {0}


@pytest.mark.parametrize("vms", [1, 4])
def test_flows_grow_with_hypervisors_and_with_machines_never_with_their_product(vms: int) -> None:
    def size(count: int) -> int:
        return max(len(lab.view(name)) for lab in [MeshLab(count, vms=vms)] for name in ("hv1", f"hv{count}"))

    four, eight, sixteen = size(4), size(8), size(16)
    assert sixteen - eight == 2 * (eight - four)
    a_hypervisor = (eight - four) / 4
    assert a_hypervisor == 3 + 2 * vms  # ADMIT, NEXTHOP, LEARN; of each of its machines LEARN and FORWARD


def test_512_hypervisors_cost_no_more_each_than_8_and_a_new_machine_no_more_work() -> None:
    sizes, work = {}, {}
    for count in (8, 64, 512):
        lab = MeshLab(count, "", "2001:db8::{}", checked=False)
        sizes[count] = len(lab.view("hv1"))
        before = lab.engine.runs
        lab.put(Attachment("hv1", 2, "blue"), Host("blue", VM, "hv1", 2))
        work[count] = lab.engine.runs - before
    assert (sizes[64] - sizes[8], sizes[512] - sizes[64]) == (5 * 56, 5 * 448)
    assert len(set(work.values())) == 1


def test_a_machine_that_moves_is_expected_from_its_new_place_alone() -> None:
    lab = MeshLab(3)
    host = Host("blue", Mac(0x020000000001), "hv1", 1)
    changed = lab.changes(Host("blue", host.mac, "hv3", 1))
    (accepted,) = lab.find("hv2", "LEARN", "02:00:00:00:00:01")
    assert "tun_src=192.0.2.3" in accepted
    assert max(changed.values()) <= 12
    assert lab.find("hv1", "LEARN", "02:00:00:00:00:01", "priority=140") == []


def test_over_ipv6() -> None:
    lab = MeshLab(2, "type: geneve", "2001:db8::{}")
    assert lab.copies("hv1") == ["2001:db8::2"]
    assert lab.find("hv1", "NEXTHOP", "set_field:2001:db8::2->tun_ipv6_dst")
    assert lab.find("hv1", "LEARN", "02:00:00:01:00:01", "tun_ipv6_src=2001:db8::2")


def test_at_a_hub_frames_pass_from_tunnel_to_tunnel_and_nowhere_else() -> None:
    lab = MeshLab(4, "hub: hv1")
    assert lab.copies("hv2") == ["192.0.2.1"]
    assert lab.copies("hv1") == ["192.0.2.2", "192.0.2.3", "192.0.2.4"]
    (by_hub,) = lab.find("hv2", "EGRESS", "reg0=0xa", "reg2=0x10000")
    assert "set_field:192.0.2.1->tun_dst" in by_hub
    (at_hub,) = lab.find("hv1", "EGRESS", "reg0=0xa", "reg2=0x10000")
    assert "move:NXM_NX_REG4" in at_hub
    assert lab.find("hv1", "NEXTHOP", "in_port=9") == []
    assert lab.find("hv2", "NEXTHOP", "in_port=9")
    sources = lab.find("hv2", "LEARN", "02:00:00:02:00:01", "priority=130")
    assert [re.findall(r"tun_src=([0-9.]+)", text) for text in sources] == [["192.0.2.1"], ["192.0.2.3"]]
    assert len(lab.find("hv3", "LEARN", "02:00:00:02:00:01", "priority=140", "actions=drop")) == 2


def test_another_hub_takes_over_when_the_file_says_so() -> None:
    lab = MeshLab(4, "hub: hv1")
    lab.put(*(row for row in rows_of(parse(network_file(4, "hub: hv2"), "n")) if isinstance(row, Mesh)))
    assert lab.copies("hv1") == lab.copies("hv3") == ["192.0.2.2"]
    assert lab.copies("hv2") == ["192.0.2.1", "192.0.2.3", "192.0.2.4"]
    assert lab.find("hv2", "NEXTHOP", "in_port=9") == []
    assert lab.find("hv1", "NEXTHOP", "in_port=9")
    fresh = MeshLab(4, "hub: hv2")
    assert all(lab.flows(name, app="tunnel_mesh") == fresh.flows(name, app="tunnel_mesh") for name in lab.names)


def test_a_hub_without_ports_of_a_network_passes_it_on() -> None:
    lab = MeshLab(3, "hub: hv1")
    lab.put(*vm_rows("hv2", 7, 1, "red"), *vm_rows("hv3", 8, 1, "red"))
    assert Replica("red", "hv1", "core") in lab.rows(Replica)
    assert lab.copies("hv1", "red") == ["192.0.2.2", "192.0.2.3"]
    assert [text for text in lab.find("hv1", "FLOOD") if "reg0=0x14" in text and "in_port=9" in text]


def test_where_bfd_watches_a_peer_frames_to_it_go_while_it_is_alive() -> None:
    lab = MeshLab(2, "bfd: {min_tx: 50}")
    lab.put(Port("hv1", 30, peer_port("core", "hv2")))
    assert lab.engine.tables.get(PortRole, "hv1", 30) == PortRole("hv1", 30, "bfd", "watches hv2 in the mesh core")
    (flow,) = lab.find("hv1", "NEXTHOP", "group:")
    assert "priority=105" in flow
    (group,) = [text for text in lab.flows("hv1") if text.startswith("group=watched/hv1/hv2")]
    assert "type=ff,bucket=watch_port:30,actions=set_field:192.0.2.2->tun_dst" in group


def test_a_mesh_that_goes_takes_its_flows_with_it() -> None:
    lab = MeshLab(2)
    assert lab.find("hv1", "", "tun_id")
    lab.drop(*(row for row in rows_of(parse(network_file(2), "n")) if isinstance(row, Mesh | MeshMember | TunnelPort)))
    assert [text for name in lab.names for text in lab.flows(name) if "in_port=9" in text or "tun_id" in text] == []


def test_without_a_mesh_there_is_nothing() -> None:
    lab = Lab(Tunnels(), TunnelMesh())
    lab.bridge("s1", 1, 4)
    lab.put(Host("default", VM, "s1", 1), PortRole("s1", 1, "edge"), FloodPorts("s1", "default"))
    assert lab.flows("s1", app="tunnel_mesh") == []


def test_where_there_are_links_too_networks_with_a_mesh_go_by_its_tunnels_alone() -> None:
    lab = MeshLab(2)
    lab.put(Network("plain", 30), *(row for name in lab.names for row in vm_rows(name, 5 + lab.names.index(name), 1, "plain")))
    lab.put(PortRole("hv1", 7, "link", "to hv2"), FloodPorts("hv1", "blue", (7,)), FloodPorts("hv1", "plain", (7,)))
    groups = {text.split("=")[1].split(",")[0]: text for text in lab.flows("hv1") if text.startswith("group=flood/")}
    assert "set_field:0x7->reg2" in groups["flood/hv1/plain"]
    assert "set_field:0x7->reg2" not in groups["flood/hv1/blue"]
    flooded = [text for text in lab.flows("hv1", "FLOOD") if "in_port=7" in text]
    assert [text for text in flooded if "reg0=0xa" in text] == []
    assert [text for text in flooded if "reg0=0x1e" in text]
    home = {text.split("reg0=")[1].split()[0]: text for text in lab.flows("hv1", "FORWARD") if "02:00:00:01:00:01" in text}
    assert "set_field:0x1" in home["0xa"]  # with the mark of a mesh, for which only tunnels have next hops
    assert all("reg1=0x1" in text for text in lab.find("hv1", "NEXTHOP", "->tun_dst"))


def test_ports_of_a_network_whose_mesh_their_bridge_is_not_on_are_told_once() -> None:
    lab = MeshLab(2)
    lab.put(FloodPorts("s1", "blue"), Attachment("s1", 1, "blue"), FloodPorts("s2", "blue", (1, 2)))
    lab.tick("warn")
    lab.tick("warn")
    assert lab.rows(Apart) == [Apart("s1", "blue")]
    lab.drop(Attachment("s1", 1, "blue"))
    lab.tick("warn")
    assert lab.rows(Apart) == []
