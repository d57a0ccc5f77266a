"""A hypervisor on a mesh: what goes into the tunnels of a real bridge, what is taken from them, what is refused and counted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw
from scapy.utils import rdpcap

from controller.cli.get import dropped
from controller.runtime.overlay import dpid_of, peer_port
from tests.ovs.running import Running, eventually
from topologies import runs
from topologies.openvswitch import PrivateOvs

pytestmark = pytest.mark.ovs

FILE = """
hypervisors:
  hv1: {vtep: 192.0.2.1}
  hv2: {vtep: 192.0.2.2}
  hv3: {vtep: 192.0.2.3}
meshes: {core: {MESH}}
networks: {blue: {vlan: 10, vni: 5010, mesh: core}, red: {vlan: 20, vni: 5020, mesh: core}, green: {vlan: 30}}
ports:
  hv1/vm1: {access: blue}
  hv1/vm2: {access: blue}
  hv1/vm3: {access: red}
  hv1/vm4: {access: green}
  hv2/vm5: {access: blue}
  hv3/vm6: {access: blue}
  hv3/vm7: {access: red}
unlisted_ports: closed
"""
VMS = {"hv1": ("vm1", "vm2", "vm3", "vm4"), "hv2": ("vm5",), "hv3": ("vm6", "vm7")}
BROADCAST = "ff:ff:ff:ff:ff:ff"
UNDERLAY = "aa:aa:aa:00:00:{:02x}"


def mac(vm: int) -> str:
    return f"02:00:00:00:00:{vm:02x}"


def frame(source: int, destination: str) -> Packet:
    return Ether(src=mac(source), dst=destination) / IP(src=f"10.0.0.{source}", dst="10.0.0.99") / UDP() / Raw(bytes(40))


class NativeTunnels(PrivateOvs):
    """As usual, but tunnels are what they are: the usual override makes a dummy of every type of port."""

    def _spawn(self, program: str, *arguments: str, control: str, ready: Path) -> None:
        arguments = tuple(a.replace("--enable-dummy=override", "--enable-dummy=system") for a in arguments)
        super()._spawn(program, *arguments, control=control, ready=ready)


@pytest.fixture(scope="module")
def tunnels() -> Iterator[PrivateOvs]:
    """An Open vSwitch with tunnels, for the module."""
    runs.heal()
    run = runs.new_run("tunnels")
    try:
        with NativeTunnels(run.path) as ovs:
            for process in ovs.processes:
                run.record(process.pid)
            yield ovs
    finally:
        run.close()


class MeshOf3(Running):
    """One hypervisor whose tunnels are real, two that have only ports, and the wire of the underlay."""

    def build(self, folder: Path, kind: str) -> None:
        """Bridges, ports, the underlay, and what its neighbours are."""
        self.folder, ovs = folder, self.ovs
        for hypervisor, vms in VMS.items():
            ovs.add_bridge(hypervisor, dpid=dpid_of(hypervisor), ports=vms)
        ovs.add_bridge("br-ex", dpid=99, ports=("wire",))
        ovs.ofctl("add-flow", "br-ex", "actions=normal")
        for port in ("wire", "vm1", "vm2", "vm3", "vm4"):
            ovs.vsctl("set", "Interface", port, f"options:tx_pcap={folder / port}.pcap")
        ovs.appctl("netdev-dummy/ip4addr", "br-ex", "192.0.2.1/24")
        ovs.appctl("ovs/route/add", "192.0.2.0/24", "br-ex")
        for n in (2, 3):
            ovs.appctl("tnl/arp/set", "br-ex", f"192.0.2.{n}", UNDERLAY.format(n))
        # local_ip would need a route that the system has; without it the address follows from ours.
        options = (f"type={kind}", "options:remote_ip=flow", "options:key=flow")
        ovs.vsctl("add-port", "hv1", "weft-core", "--", "set", "Interface", "weft-core", *options)
        self.address = ovs.vsctl("get", "Interface", "br-ex", "mac_in_use").strip().strip('"')

    def arrive(self, sender: int, vni: int, inner: Packet) -> None:
        """A frame comes out of the underlay, from 192.0.2.x."""
        outer = Ether(src=UNDERLAY.format(sender), dst=self.address) / IP(src=f"192.0.2.{sender}", dst="192.0.2.1")
        self.send("wire", outer / UDP(sport=50000, dport=4789) / VXLAN(vni=vni, flags=8) / inner)

    def send(self, port: str, packet: Packet) -> None:
        self.ovs.appctl("netdev-dummy/receive", port, bytes(packet).hex())

    def out(self, port: str, source: int) -> list[Packet]:
        """Frames of a machine that left by a port; by the wire, with what is around them."""
        found = rdpcap(str(self.folder / f"{port}.pcap"))
        return [p for p in found if (p[VXLAN].payload if VXLAN in p else p).src == mac(source)]

    def sent(self, source: int, destination: str) -> list[Packet]:
        """Frames of a machine for another one that left by the wire."""
        return [p for p in self.out("wire", source) if p[VXLAN].payload.dst == destination]

    def trace(self, port: str, fields: str) -> str:
        """What becomes of a frame that comes in by a port of hv1, as actions of the datapath."""
        number = self.ovs.vsctl("get", "Interface", port, "ofport").strip()
        return self.ovs.appctl("ofproto/trace", "hv1", f"in_port={number},{fields}").rpartition("Datapath actions: ")[2]

    def dropped(self) -> dict[str, int]:
        """Frames that were refused, by reason."""
        return {drop["why"]: drop["packets"] for drop in dropped(self.client, {})}

    def known(self, *machines: tuple[str, int]) -> None:
        """Let machines be learned on their ports."""
        for port, number in machines:
            self.send(port, frame(number, BROADCAST))
        eventually(lambda: {mac(n) for _, n in machines} <= {host["mac"] for host in self.client.items("/hosts")})
        self.settled("hv1", "hv2", "hv3")


@pytest.fixture
def weft(tmp_path: Path, tunnels: PrivateOvs) -> Iterator[MeshOf3]:
    with started(tmp_path, tunnels) as controller:
        yield controller


@contextmanager
def started(folder: Path, ovs: PrivateOvs, kind: str = "vxlan", mesh: str = "underlay_mtu: 1600") -> Iterator[MeshOf3]:
    """A controller with a mesh, and what it needs, which ends with the block."""
    for bridge in ovs.vsctl("list-br").split():
        ovs.vsctl("del-br", bridge)
    file = folder / "network.yaml"
    file.write_text(FILE.replace("MESH", f"type: {kind}, {mesh}"))
    controller = MeshOf3(folder, ovs, "--network-file", str(file))
    controller.start()
    try:
        controller.wait_ready()
        controller.build(folder, kind)
        controller.connect(*VMS)
        yield controller
    finally:
        controller.stop()


def test_the_port_of_a_mesh_is_a_tunnel_and_nothing_is_discovered_there(weft: MeshOf3) -> None:
    ports = {(p["bridge"], p["name"]): p["role"] for p in weft.client.items("/ports")}
    assert ports["hv1", "weft-core"] == "tunnel"
    assert ports["hv1", "vm1"] == "edge"
    assert {flow["status"] for flow in weft.flows("hv1")} == {"installed"}
    weft.known(("vm1", 1))
    assert not [p for p in rdpcap(str(weft.folder / "wire.pcap")) if b"weft:" in bytes(p)]


def test_frames_go_to_the_hypervisor_of_their_destination(weft: MeshOf3) -> None:
    weft.known(("vm1", 1), ("vm5", 5))
    weft.send("vm1", frame(1, mac(5)))
    (sent,) = eventually(lambda: weft.sent(1, mac(5)))
    assert (sent[IP].src, sent[IP].dst, sent.dst) == ("192.0.2.1", "192.0.2.2", UNDERLAY.format(2))
    assert (sent[UDP].dport, sent[VXLAN].vni) == (4789, 5010)
    assert bytes(sent[VXLAN].payload) == bytes(frame(1, mac(5)))


def test_the_first_frame_of_a_machine_waits_until_others_know_it(weft: MeshOf3) -> None:
    weft.known(("vm5", 5))
    weft.send("vm1", frame(1, mac(5)))
    (sent,) = eventually(lambda: weft.sent(1, mac(5)))
    assert (sent[IP].dst, sent[VXLAN].vni) == ("192.0.2.2", 5010)
    assert bytes(sent[VXLAN].payload) == bytes(frame(1, mac(5)))  # whole
    known = [flow for name in ("hv2", "hv3") for flow in weft.flows(name) if mac(1) in flow["match"]]
    assert {flow["status"] for flow in known} == {"installed"}
    weft.send("vm2", frame(2, BROADCAST))
    weft.send("vm2", frame(2, mac(1)))
    eventually(lambda: len(weft.sent(2, BROADCAST)) >= 2)
    weft.settled("hv1", "hv2", "hv3")
    weft.send("vm2", frame(2, mac(5)))
    eventually(lambda: weft.sent(2, mac(5)))
    assert sorted(p[IP].dst for p in weft.sent(2, BROADCAST)) == ["192.0.2.2", "192.0.2.3"]
    assert len(weft.out("vm1", 2)) == 2  # not again, when it was sent on
    assert "until all hypervisors know its source" not in weft.dropped()


@pytest.mark.parametrize(("port", "number", "there"), [("vm1", 1, ["192.0.2.2", "192.0.2.3"]), ("vm3", 3, ["192.0.2.3"])])
def test_what_is_for_all_goes_once_to_each_with_ports_of_the_network(
    weft: MeshOf3, port: str, number: int, there: list[str]
) -> None:
    weft.send(port, frame(number, BROADCAST))
    eventually(lambda: len(weft.out("wire", number)) >= len(there))
    sent = weft.out("wire", number)
    assert sorted(p[IP].dst for p in sent) == there
    assert {p[VXLAN].vni for p in sent} == {5010 if number == 1 else 5020}
    assert len(weft.out("vm2", number)) == (1 if number == 1 else 0)


def test_a_network_without_a_mesh_stays_at_home(weft: MeshOf3) -> None:
    weft.known(("vm4", 4))
    assert weft.out("wire", 4) == []


def test_frames_are_taken_from_the_hypervisor_on_which_their_source_lives(weft: MeshOf3) -> None:
    weft.known(("vm1", 1), ("vm5", 5))
    weft.arrive(2, 5010, frame(5, mac(1)))
    eventually(lambda: len(weft.out("vm1", 5)) == 1)
    weft.arrive(2, 5010, frame(5, BROADCAST))
    eventually(lambda: len(weft.out("vm1", 5)) == len(weft.out("vm2", 5)) + 1 == 2)
    assert weft.out("vm3", 5) == weft.out("vm4", 5) == []
    assert weft.out("wire", 5) == []  # not to the third one: it has its copy from the second


def test_what_is_refused_is_counted_with_its_reason(weft: MeshOf3) -> None:
    weft.known(("vm1", 1), ("vm5", 5), ("vm6", 6))
    weft.arrive(2, 7777, frame(5, mac(1)))
    weft.arrive(77, 5010, frame(5, mac(1)))
    weft.arrive(3, 5010, frame(5, mac(1)))
    weft.arrive(2, 5010, frame(1, BROADCAST))
    weft.arrive(2, 5020, frame(5, BROADCAST))
    weft.arrive(2, 5010, frame(5, mac(6)))
    reasons = {
        "no network of core that has ports here has this VNI": 1,
        "the sender is no VTEP of core": 1,
        "its source does not live behind hv3": 1,
        "its source does not live behind hv2": 2,  # a machine of ours, and one of another network
        "from tunnel to tunnel: its host has just moved, or is not here": 1,
    }
    eventually(lambda: reasons.items() <= weft.dropped().items())
    assert [weft.out(port, n) for port in ("vm1", "vm2", "vm3", "vm4") for n in (5,)] == [[], [], [], []]
    assert weft.out("wire", 5) == []


def test_a_machine_that_moves_is_taken_from_its_new_place_alone(weft: MeshOf3) -> None:
    weft.known(("vm1", 1), ("vm5", 5))
    weft.send("vm6", frame(5, BROADCAST))
    eventually(lambda: [h["bridge"] for h in weft.client.items("/hosts") if h["mac"] == mac(5)] == ["hv3"])
    weft.settled("hv1", "hv2", "hv3")
    weft.arrive(2, 5010, frame(5, mac(1)))
    weft.arrive(3, 5010, frame(5, mac(1)))
    eventually(lambda: weft.dropped().get("its source does not live behind hv2") == 1)
    assert len(weft.out("vm1", 5)) == 1


def test_a_restart_with_the_same_file_sends_nothing(weft: MeshOf3) -> None:
    weft.known(("vm1", 1), ("vm5", 5))
    before = {name: weft.ovs.flows(name) for name in VMS}
    weft.stop()
    weft.start()
    weft.wait_ready()
    weft.settled("hv1", "hv2", "hv3")
    assert {name: weft.ovs.flows(name) for name in VMS} == before
    assert [weft.bridge(name)["flow_mods"] for name in VMS] == [0, 0, 0]


def test_a_hub_passes_frames_on_from_tunnel_to_tunnel(tmp_path: Path, tunnels: PrivateOvs) -> None:
    with started(tmp_path, tunnels, mesh="hub: hv1") as weft:
        weft.known(("vm1", 1), ("vm5", 5), ("vm6", 6))
        eventually(lambda: {flow["status"] for name in VMS for flow in weft.flows(name)} == {"installed"})
        weft.arrive(2, 5010, frame(5, mac(6)))
        (sent,) = eventually(lambda: weft.out("wire", 5))
        assert (sent[IP].dst, sent[VXLAN].vni, weft.out("vm1", 5)) == ("192.0.2.3", 5010, [])
        weft.arrive(3, 5010, frame(6, BROADCAST))
        eventually(lambda: weft.out("vm1", 6))
        assert sorted(p[IP].dst for p in weft.out("wire", 6)) == ["192.0.2.2", "192.0.2.3"]  # the third drops what is its own


@pytest.mark.parametrize(("kind", "header"), [("geneve", "geneve(vni=0x1392)"), ("gre", "key=0x1392")])
def test_other_types_of_tunnels(tmp_path: Path, tunnels: PrivateOvs, kind: str, header: str) -> None:
    with started(tmp_path, tunnels, kind) as weft:
        weft.known(("vm1", 1), ("vm5", 5))
        actions = weft.trace("vm1", f"dl_src={mac(1)},dl_dst={mac(5)}")
        assert "dst=192.0.2.2" in actions
        assert header in actions


def test_bfd_is_watched_where_frames_leave(tmp_path: Path, tunnels: PrivateOvs) -> None:
    with started(tmp_path, tunnels, mesh="bfd: {min_tx: 100}") as weft:
        name = peer_port("core", "hv2")
        options = ("type=vxlan", "options:remote_ip=192.0.2.2", "options:key=0", "bfd:enable=true", "bfd:min_tx=100")
        weft.ovs.vsctl("add-port", "hv1", name, "--", "set", "Interface", name, *options)
        weft.known(("vm1", 1), ("vm5", 5), ("vm6", 6))
        assert {p["name"]: p["role"] for p in weft.client.items("/ports")}[name] == "bfd"
        eventually(lambda: {flow["status"] for flow in weft.flows("hv1")} == {"installed"})
        eventually(lambda: "dst=192.0.2.2" not in weft.trace("vm1", f"dl_src={mac(1)},dl_dst={mac(5)}"))  # nobody answers there
        assert "dst=192.0.2.3" in weft.trace("vm1", f"dl_src={mac(1)},dl_dst={mac(6)}")  # which is not watched
