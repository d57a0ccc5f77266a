"""IPv6 neighbours on real bridges: an advertisement made by flows is, byte for byte, the one that the host would have sent."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from tests.ovs.running import Running, eventually, running
from tests.ovs.test_hosts import MACS, Wires, settled_with
from topologies.openvswitch import PrivateOvs

pytestmark = pytest.mark.ovs


def ip(number: int) -> str:
    return f"2001:db8::{number}"


def ask(source: int, target: int, **fields: Any) -> Packet:
    """A solicitation to the group of the target; `dst`, `src` and `option` to say otherwise."""
    ether = Ether(src=MACS[source], dst=fields.get("dst", f"33:33:ff:00:00:{target:02x}"))
    group = ip(target) if "dst" in fields else f"ff02::1:ff00:{target}"
    packet = (
        ether / IPv6(src=fields.get("src", ip(source)), dst=group, hlim=fields.get("hlim", 255)) / ICMPv6ND_NS(tgt=ip(target))
    )
    return packet / ICMPv6NDOptSrcLLAddr(lladdr=MACS[source]) if fields.get("option", True) else packet


def tell(source: int, to: int, router: int = 0) -> Packet:
    """The advertisement with which a host answers."""
    header = Ether(src=MACS[source], dst=MACS[to]) / IPv6(src=ip(source), dst=ip(to), hlim=255)
    return header / ICMPv6ND_NA(R=router, S=1, O=1, tgt=ip(source)) / ICMPv6NDOptDstLLAddr(lladdr=MACS[source])


def advertised(wires: Wires, port: str) -> list[Packet]:
    """The advertisements that left by a port."""
    return [frame for frame in wires.out(port) if ICMPv6ND_NA in frame]


def answered(weft: Running, router: int = 0, bridge: str = "b1") -> bool:
    """The bridge answers for host 2."""
    flows = [f for f in weft.flows(bridge, app="nd_responder", search="2001:db8::2") if "136->icmpv6_type" in f["actions"]]
    weft.settled("b1", "b2")
    weft.ovs.appctl("revalidator/wait")  # what the datapath remembers of frames like those that come now
    return bool(flows) and (str(0xE0000000) in flows[0]["actions"]) == bool(router)


def learned(weft: Running, wires: Wires, router: int = 0) -> None:
    """Host 2 is asked by host 1, and answers."""
    before = len(wires.out("p2", 1))
    wires.send("p1", ask(1, 2))
    eventually(lambda: len(wires.out("p2", 1)) == before + 1)
    wires.send("p2", tell(2, 1, router))
    eventually(partial(answered, weft, router))


def test_neighbours_are_answered_where_they_are_asked(tmp_path: Path, empty_ovs: PrivateOvs) -> None:
    empty_ovs.add_bridge("b1", dpid=1, ports=("p1", "p2", "p3"))
    empty_ovs.add_bridge("b2", dpid=2, ports=("q1", "q2"))
    with running(tmp_path, empty_ovs) as weft:
        weft.connect("b1", "b2")
        wires = Wires(weft, tmp_path, "p1", "p2", "p3", "q1", "q2")
        wires.send("p2", ask(2, 7))
        settled_with(weft, 1, "b1", "b2")
        learned(weft, wires)

        def told_more(port: str, before: int) -> bool:
            return len(advertised(wires, port)) > before

        for port, other, asking in (("p1", "p3", 1), ("q1", "q2", 3)):
            before, told = len(wires.out(other, asking)), len(advertised(wires, port))
            wires.send(port, ask(asking, 2))
            eventually(partial(told_more, port, told))
            assert bytes(advertised(wires, port)[-1]) == bytes(tell(2, asking))  # its checksum too: scapy computes the right one
            assert len(wires.out(other, asking)) == before
        weft.settled("b1", "b2")  # who asked has just been learned
        assert {flow["status"] for flow in weft.flows("b1")} == {"installed"}
        heard = len(wires.out("p2", 1))
        wires.send("p1", ask(1, 2, dst=MACS[2]), ask(1, 2, src="::", option=False), ask(1, 2, option=False), ask(1, 2, hlim=64))
        eventually(lambda: len(wires.out("p2", 1)) == heard + 4)
        before = len(wires.out("p3", 2))
        wires.send("p2", ask(2, 2), ask(2, 2, src="::", option=False))  # the owner about itself
        eventually(lambda: len(wires.out("p3", 2)) == before + 2)
        assert len(advertised(wires, "p1")) == 2  # its own, and that of the bridge
        weft.client.put("/apps/nd_responder", {"enabled": False})
        weft.settled("b1")
        wires.send("p1", ask(1, 2))
        eventually(lambda: len(wires.out("p2", 1)) == heard + 5)


def test_a_router_stays_one(tmp_path: Path, empty_ovs: PrivateOvs) -> None:
    """Who is told that it is none takes it from the list of default routers."""
    empty_ovs.add_bridge("b1", dpid=1, ports=("p1", "p2", "p3"))
    empty_ovs.add_bridge("b2", dpid=2, ports=("q1",))
    with running(tmp_path, empty_ovs) as weft:
        weft.connect("b1", "b2")
        wires = Wires(weft, tmp_path, "p1", "p2", "p3", "q1")
        wires.send("p2", ask(2, 7))
        settled_with(weft, 1, "b1")
        learned(weft, wires)
        wires.send(
            "p2", Ether(src=MACS[2], dst="33:33:00:00:00:01") / IPv6(src="fe80::2", dst="ff02::1", hlim=255) / ICMPv6ND_RA()
        )
        eventually(lambda: not answered(weft))
        learned(weft, wires, router=1)
        wires.send("q1", ask(3, 2))
        (reply,) = eventually(lambda: advertised(wires, "q1"))
        assert bytes(reply) == bytes(tell(2, 3, router=1))
