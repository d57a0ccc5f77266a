"""Frames with tags on real bridges, byte by byte: a customer's tags behind a wire; what is refused, counted by its reason."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.packet import Packet

from controller.cli.get import dropped
from tests.ovs.running import eventually
from tests.ovs.test_hosts import BROADCAST, MACS, Wires, arp
from tests.ovs.test_vlan import started
from topologies.openvswitch import PrivateOvs

pytestmark = pytest.mark.ovs

NETWORKS = "networks: {blue: {vlan: 10}, red: {vlan: 20}}\n"


def wired(ovs: PrivateOvs, folder: Path, ports1: tuple[str, ...], ports2: tuple[str, ...]) -> None:
    """Bridges b1 and b2 with these ports and a wire between them: frames are bytes on it, and read anew behind it."""
    for dpid, ports in enumerate((ports1, ports2), 1):
        ovs.add_bridge(f"b{dpid}", dpid=dpid, ports=ports)
    for name, end in (("w1", f"pstream=punix:{folder / 'wire'}"), ("w2", f"stream=unix:{folder / 'wire'}")):
        ovs.vsctl("add-port", f"b{name[1]}", name, "--", "set", "Interface", name, f"options:{end}")


def payload(number: int) -> Packet:
    return IP(src="10.0.0.1", dst="10.0.0.99") / UDP(sport=number) / bytes(range(64))


def customer(source: int, number: int, destination: str = BROADCAST) -> list[Packet]:
    """Frames of a customer: without a tag, with one, with two of either kind."""
    tags: list[Packet | None] = [None, Dot1Q(vlan=77, prio=5), Dot1AD(vlan=7) / Dot1Q(vlan=77), Dot1Q(vlan=10) / Dot1Q(vlan=20)]
    start = Ether(src=MACS[source], dst=destination)
    return [(start / tag if tag else start) / payload(number + at) for at, tag in enumerate(tags)]


def test_tags_of_a_customer_cross_a_wire_both_ways_and_come_out_as_they_were(tmp_path: Path, empty_ovs: PrivateOvs) -> None:
    file = tmp_path / "network.yaml"
    file.write_text(
        NETWORKS + "ports:\n  b1/in: {qinq: blue}\n  b2/out: {qinq: blue}\n  b2/plain: {access: blue}\n  b2/red: {qinq: red}\n"
    )
    wired(empty_ovs, tmp_path, ("in",), ("out", "plain", "red"))
    with started(tmp_path, empty_ovs, file) as weft:
        weft.connect("b1", "b2")
        eventually(lambda: weft.client.get("/links")["total"] == 2)
        weft.settled("b1", "b2")
        wires = Wires(weft, tmp_path, "in", "out", "plain", "red")

        def heard(port: str, source: int, number: int) -> bool:
            return len(wires.out(port, source)) == number

        for here, there, source in (("in", "out", 1), ("out", "in", 2)):
            frames = customer(source, 100 * source)
            wires.send(here, *frames)
            eventually(partial(heard, there, source, 4))
            assert [bytes(frame) for frame in wires.out(there, source)] == [bytes(frame) for frame in frames]
        assert [bytes(frame) for frame in wires.out("plain", 1)] == [bytes(customer(1, 100)[0])]
        eventually(lambda: weft.client.get("/hosts")["total"] == 2)
        weft.settled("b1", "b2")
        known = customer(1, 500, MACS[2])  # not broadcast: by the path to a host that is known
        wires.send("in", *known)
        eventually(lambda: len(wires.out("out", 1)) == 8)
        assert [bytes(frame) for frame in wires.out("out", 1)[4:]] == [bytes(frame) for frame in known]
        assert wires.out("red") == []
        why = "a customer's tag, and this port of blue is no qinq port"

        def refused() -> int:
            """By flows for each kind of tag: what came over the wire has it behind another one."""
            return sum(
                drop["packets"] for drop in dropped(weft.client, {}) if drop["why"] == why and drop["port_name"] == "plain"
            )

        eventually(lambda: refused() == 6)  # the broadcasts with tags, three from either side


def test_everything_that_is_refused_is_counted_by_its_reason(tmp_path: Path, empty_ovs: PrivateOvs) -> None:
    file = tmp_path / "network.yaml"
    text = "ports:\n  b1/acc: {access: blue}\n  b1/tru: {trunk: [blue]}\n  b1/nat: {trunk: [red, blue], native: red}\n"
    file.write_text(
        NETWORKS
        + text
        + "  b1/iso1: {access: blue, isolated: true}\n  b1/iso2: {access: blue, isolated: true}\nunlisted_ports: closed\n"
    )
    empty_ovs.add_bridge("b1", dpid=1, ports=("acc", "tru", "nat", "iso1", "iso2", "unlisted"))
    start = Ether(src=MACS[1], dst=BROADCAST)

    def tagged(*tags: int) -> Packet:
        frame = start
        for tag in tags:
            frame = frame / Dot1Q(vlan=tag)
        return frame / payload(1)

    sent = {
        ("acc", "a tag on b1/acc, an access port of blue"): [tagged(10)] * 3 + [tagged(10, 20)] * 2 + [tagged(0)],
        ("tru", "no tag on the trunk b1/tru, which has no native network"): [tagged()] * 4,
        ("tru", "the trunk b1/tru has no network with this tag"): [tagged(20)] * 2 + [tagged(4000)],
        ("tru", "two tags on the trunk b1/tru"): [tagged(10, 20)] * 5,
        ("nat", "the trunk b1/nat has no network with this tag"): [tagged(30)] * 2,
        ("nat", "two tags on the trunk b1/nat"): [tagged(20, 10)],
        ("unlisted", "b1/unlisted is not in the network file, and such ports are closed"): [tagged()] * 2 + [tagged(10)] * 2,
    }
    with started(tmp_path, empty_ovs, file) as weft:
        weft.connect("b1")
        wires = Wires(weft, tmp_path, "acc", "tru", "nat", "iso1", "iso2", "unlisted")
        for (port, _), frames in sent.items():
            wires.send(port, *frames)
        wires.send("iso1", *[tagged()] * 3)
        expected = {why: len(frames) for (_, why), frames in sent.items()}
        expected["between isolated ports, of which b1/iso2 is one"] = 3

        def found() -> dict[str, int]:
            dropped = weft.dropped()
            assert not dropped.get("between isolated ports, of which b1/iso1 is one"), "what it sent came back to it"
            return {why: packets for why, packets in dropped.items() if why in expected}

        eventually(lambda: found() == expected or None, 12)
        assert wires.out("iso2") == wires.out("unlisted") == []
        assert [len(wires.out(port)) for port in ("acc", "tru", "nat")] == [3, 3, 3]  # what the isolated port sent


def test_an_isolated_port_is_told_of_no_host_on_another(tmp_path: Path, empty_ovs: PrivateOvs) -> None:
    file = tmp_path / "network.yaml"
    guests = "".join(f"  b1/{port}: {{access: blue, isolated: true}}\n" for port in ("guest1", "guest2"))
    file.write_text(NETWORKS + "ports:\n  b1/router: {access: blue}\n  b1/printer: {access: blue}\n" + guests)
    empty_ovs.add_bridge("b1", dpid=1, ports=("router", "printer", "guest1", "guest2"))
    with started(tmp_path, empty_ovs, file) as weft:
        weft.connect("b1")
        wires = Wires(weft, tmp_path, "router", "printer", "guest1", "guest2")
        for number, port in enumerate(wires.files, 1):
            wires.send(port, arp(number, number))
        eventually(lambda: all(host["ips"] for host in weft.client.items("/hosts")) and weft.client.get("/hosts")["total"] == 4)
        weft.settled("b1")
        weft.ovs.appctl("revalidator/wait")
        wires.send("router", arp(1, 3))  # a promiscuous port may know of isolated ones
        wires.send("guest2", arp(4, 1), arp(4, 3))  # an isolated one of promiscuous ones only
        eventually(lambda: wires.replies("router") and wires.replies("guest2"))
        eventually(lambda: [frame for frame in wires.out("printer", 4) if ARP in frame and frame[ARP].pdst == "10.0.0.3"])
        assert [frame[ARP].hwsrc for frame in wires.replies("router")] == [MACS[3]]
        assert [frame[ARP].hwsrc for frame in wires.replies("guest2")] == [MACS[1]]
        assert wires.out("guest1", 4) == []
