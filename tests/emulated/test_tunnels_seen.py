"""What is said of tunnels and hosts while a hypervisor dies and comes back: their state, and its cause."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.emulated.conftest import Lab
from topologies.reachability import probe_all

LOST = "BFD: control detection time expired"


def tunnels(lab: Lab) -> dict[str, dict[str, Any]]:
    return {f"{tunnel['hypervisor']}>{tunnel['peer']}": tunnel for tunnel in lab.controller.client.items("/tunnels")}


def states(lab: Lab) -> dict[str, str]:
    return {pair: tunnel["state"] for pair, tunnel in tunnels(lab).items()}


def unreachable(lab: Lab) -> dict[str, str]:
    """The hypervisors of hosts that are unreachable, and why."""
    return {host["bridge"]: host["why"] for host in lab.controller.client.items("/hosts") if host["state"] == "unreachable"}


def bfd_frames(lab: Lab) -> int:
    """Those that a bridge did not count as traffic."""
    (flow,) = lab.controller.client.items("/flows", bridge="hv1", search="BFD is not counted")
    return int(flow["packets"] or 0)


def told(lab: Lab, kind: str) -> list[str]:
    return [event["text"] for event in lab.controller.client.items("/events/history", kind=kind)]


def test_a_hypervisor_that_dies_is_seen_by_all(build: Callable[..., Lab]) -> None:
    lab = build("hypervisors", n=3, vms=1, networks=1)
    list(probe_all(lab.network))
    lab.wait_for("all tunnels are up", lambda: set(states(lab).values()) == {"up"} and len(states(lab)) == 6)
    lab.wait_for("frames were counted", lambda: all(tunnel["rx_packets"] for tunnel in tunnels(lab).values()))
    one = tunnels(lab)["hv1>hv2"]
    assert (one["type"], one["mtu"], one["local"], one["remote"]) == ("vxlan", 1550, "192.0.2.1", "192.0.2.2")
    assert one["tx_packets"]
    lab.wait_for("BFD is counted apart", lambda: bfd_frames(lab) > 0)
    assert unreachable(lab) == {}

    lab.network.fail("hv3")
    lab.wait_for("its hosts are unreachable", lambda: unreachable(lab) == {"hv3": f"{LOST}, on hv1, hv2"})
    lab.wait_for("it is gone", lambda: states(lab)["hv3>hv1"] == "unknown")
    found = tunnels(lab)
    assert {pair: found[pair]["cause"] for pair in found if found[pair]["state"] == "down"} == {"hv1>hv3": LOST, "hv2>hv3": LOST}
    assert {found[pair]["state"] for pair in ("hv1>hv2", "hv2>hv1")} == {"up"}
    # It may be told a little later: just after a start not all have connected that will.
    dead = f"hv3 is dead, its 1 host cannot be reached: {LOST}, on hv1, hv2"
    lab.wait_for("it is told", lambda: told(lab, "hypervisor.dead") == [dead], tries=400)
    assert all(LOST in text for text in told(lab, "tunnel.down"))

    lab.network.repair("hv3")
    lab.wait_for("all tunnels are up again", lambda: set(states(lab).values()) == {"up"}, tries=400)
    lab.wait_for("its hosts are reachable", lambda: unreachable(lab) == {})
    lab.wait_for("that is told", lambda: told(lab, "hypervisor.alive") == ["hv3 is alive again"])
