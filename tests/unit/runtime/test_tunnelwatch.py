"""How tunnels are judged: by BFD, by the frames that were counted, by what is away; what is remembered and told of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, Literal, cast

import pytest

from apps.tunnel_mesh import TunnelMesh
from controller.config import parse
from controller.model import Attachment, Bridge, Host, Hypervisor, Mac, Port, Vtep
from controller.ovsdb.provision import HypervisorState, PortState
from controller.query import TunnelView
from controller.runtime import overlay
from controller.runtime.control import Control
from controller.runtime.journal import Journal
from controller.runtime.networks import put
from controller.runtime.peers import Peer
from controller.runtime.tunnelwatch import PATIENCE, TunnelWatch
from controller.state.engine import Engine
from controller.state.tables import Tx
from controller.topology.tunnels import Tunnels

FILE = """
hypervisors:
  hv1: {ovsdb: "unix:/1", vtep: 192.0.2.1, dpid: 1}
  hv2: {ovsdb: "unix:/2", vtep: 192.0.2.2, dpid: 2}
  hv3: {ovsdb: "unix:/3", vtep: 192.0.2.3, dpid: 3}
meshes:
  core: {MESH}
networks:
  blue: {vlan: 10, vni: 5010, mesh: core}
"""
BFD = "{type: geneve, bfd: {min_tx: 100, min_rx: 100}, underlay_mtu: 1600}"
LOST = "Control Detection Time Expired"
NAMES = ("hv1", "hv2", "hv3")


class Lab:
    """Three hypervisors, all connected; what their databases say is written down here."""

    def __init__(self, mesh: str) -> None:
        self.engine, self.journal, self.time = Engine(), Journal(), 1000.0
        for app in (Tunnels(), TunnelMesh()):
            self.engine.enable(app)
        self.control = Control(self.engine, self.journal, remove_foreign=True)
        tx = Tx(self.engine.tables)
        put(tx, parse(FILE.replace("{MESH}", mesh), "n"))
        for number, name in enumerate(NAMES, 1):
            tx.put(Bridge(name, number))
            tx.put(Port(name, 1, "tap1"))
            tx.put(Attachment(name, 1, "blue"))
            tx.put(Host("blue", Mac(f"02:00:00:00:00:0{number}"), name, 1))
        self.engine.commit(tx)
        self.engine.run()
        self.bfd = dict.fromkeys(((one, other) for one in NAMES for other in NAMES), ("up", ""))
        self.watched = "bfd" in mesh
        self.away: dict[str, str] = {}
        self.mtu: dict[str, dict[str, int]] = {}
        for name in NAMES:
            self.connect(name)
        self.watch = TunnelWatch(self.control, self, lambda: self.time)

    # what the databases of hypervisors say

    def state(self, name: str) -> HypervisorState:
        if name in self.away:
            return HypervisorState(name, "", "unreachable", self.away[name], 0.0, "", (), ())
        ports = [PortState(name, overlay.data_port("core"), 9, "", "")]
        for peer in NAMES if self.watched else ():
            if peer != name:
                state, why = self.bfd[name, peer]
                ports.append(PortState(name, overlay.peer_port("core", peer), 8, state, "", why))
        return HypervisorState(name, "", "applied", "", 0.0, "3.1.0", tuple(ports), ())

    def changes(self) -> object:
        return self.time

    def mtus(self, name: str) -> dict[str, int]:
        return {} if name in self.away else self.mtu.get(name, {"tap1": 1400})

    # what happens

    def connect(self, name: str) -> None:
        self.control.peers[name] = Peer(name, 0, cast(Any, object()))

    def disconnect(self, name: str) -> None:
        self.control.peers[name].channel, self.control.peers[name].reason = None, "it hung up"

    def frames(self, at: str, source: str, count: int) -> None:
        """A bridge has counted so many frames from a hypervisor until now."""
        vtep = self.engine.tables.where(Vtep, hypervisor=source)[0]
        rule = next(rule for app in self.engine.apps.values() for rule in app.rules if rule.name == "tunnel_mesh.received")
        slot = rule.owners[vtep.bridge,].flows[0].slot
        peer = self.control.peers[at]
        peer.counters, peer.active = {**peer.counters, slot: (count, 100 * count)}, {**peer.active, slot: self.time}

    def look(self, after: float = 0.0) -> dict[str, TunnelView]:
        self.time += after
        self.watch.look()
        return {f"{view.hypervisor}>{view.peer}": view for view in self.watch.views()()}

    def told(self, kind: str) -> list[tuple[str, str]]:
        return [(event.subject, event.text) for event in self.journal.events(kind=kind)]


def test_bfd_says_how_a_tunnel_is_and_why() -> None:
    lab = Lab(BFD)
    found = lab.look()
    assert len(found) == 6
    one = found["hv1>hv2"]
    assert (one.state, one.cause, one.since, one.type) == ("up", "BFD is up", 1000.0, "geneve")
    assert (one.mtu, one.local, one.remote) == (1600 - 50, "192.0.2.1", "192.0.2.2")
    many = ("core/hv1", "the tunnels of core from hv1 to hv2, hv3 are up: BFD is up")
    assert many in lab.told("tunnel.up")
    assert len(lab.told("tunnel.up")) == 3
    lab.bfd["hv1", "hv2"] = "down", LOST
    one = lab.look(after=10)["hv1>hv2"]
    assert (one.state, one.cause, one.since) == ("down", "BFD: control detection time expired", 1010.0)
    text = "the tunnel of core from hv1 to hv2 is down: BFD: control detection time expired"
    assert lab.told("tunnel.down") == [("core/hv1>hv2", text)]
    assert lab.look(after=10)["hv1>hv2"].since == 1010.0
    assert len(lab.told("tunnel.down")) == 1


def test_what_is_new_and_not_up_yet_is_told_after_a_while() -> None:
    lab = Lab(BFD)
    lab.bfd["hv1", "hv2"] = "down", ""
    assert lab.look()["hv1>hv2"].cause == "BFD: hv2 has not answered yet"
    assert lab.told("tunnel.down") == []
    lab.look(after=PATIENCE)
    assert [subject for subject, _ in lab.told("tunnel.down")] == ["core/hv1>hv2"]


def test_without_bfd_frames_say_it() -> None:
    lab = Lab("{}")
    idle = lab.look()["hv1>hv2"]
    assert (idle.state, idle.cause, idle.rx_packets, idle.tx_bytes) == ("idle", "no frame heard yet", None, None)
    lab.frames("hv1", "hv2", 7)
    lab.frames("hv2", "hv1", 5)
    up = lab.look(after=1)["hv1>hv2"]
    assert (up.state, up.cause) == ("up", "first frame heard")
    assert (up.rx_packets, up.rx_bytes, up.tx_packets, up.tx_bytes) == (7, 700, 5, 500)
    idle = lab.look(after=60)["hv1>hv2"]
    assert (idle.state, idle.cause, idle.since) == ("idle", "no frame for 30 s", 1061.0)
    lab.frames("hv1", "hv2", 8)
    assert lab.look(after=1)["hv1>hv2"].cause == "frames are heard again"
    assert [subject for subject, _ in lab.told("tunnel.up")] == ["core/hv1>hv2", "core/hv2>hv1"]
    assert lab.told("tunnel.down") == []


def test_a_hypervisor_that_is_away_is_unknown_to_itself_and_down_for_others() -> None:
    lab = Lab("{}")
    lab.look()
    lab.away["hv3"] = "no route to host"
    found = lab.look(after=1)
    assert found["hv1>hv3"].state == "idle"  # its bridge is there
    lab.disconnect("hv3")
    found = lab.look(after=1)
    cause = "hv3 is unreachable: no route to host"
    assert {(found[pair].state, found[pair].cause) for pair in ("hv1>hv3", "hv2>hv3")} == {("down", cause)}
    assert (found["hv3>hv1"].state, found["hv3>hv1"].cause) == ("unknown", cause)
    assert found["hv1>hv2"].state == "idle"
    del lab.away["hv3"]
    found = lab.look(after=1)
    assert (found["hv3>hv1"].cause, found["hv1>hv3"].state) == ("hv3 is not connected: it hung up", "idle")


def test_what_bfd_said_before_a_bridge_went_away_is_not_believed() -> None:
    lab = Lab(BFD)
    lab.disconnect("hv3")
    assert lab.look()["hv3>hv1"].state == "unknown"


def test_a_port_that_could_not_be_made_is_a_tunnel_that_is_down() -> None:
    lab = Lab(BFD)
    state = lab.state("hv1")
    broken = replace(state.ports[0], error="could not add network device weft-core (exists)")
    lab.state = lambda name: replace(state, name=name, ports=(broken, *state.ports[1:]))  # type: ignore[method-assign]
    one = lab.look()["hv1>hv2"]
    assert (one.state, one.cause) == ("down", "weft-core: could not add network device weft-core (exists)")


def test_with_a_hub_there_are_tunnels_to_it_alone() -> None:
    assert sorted(Lab("{hub: hv2}").look()) == ["hv1>hv2", "hv2>hv1", "hv2>hv3", "hv3>hv2"]


def test_a_hub_that_is_dead_is_told_as_such() -> None:
    lab = Lab("{hub: hv3}")
    lab.look(after=PATIENCE)
    lab.away["hv3"] = "no answer"
    lab.disconnect("hv3")
    lab.look()
    [(_, text)] = lab.told("hypervisor.dead")
    assert text.endswith("; it is the hub of core, whose members are apart until it is back, or until hub: names another one")


@pytest.mark.parametrize("how", ["bfd", "away"])
def test_hosts_of_a_dead_hypervisor_are_unreachable(how: Literal["bfd", "away"]) -> None:
    lab = Lab(BFD if how == "bfd" else "{}")
    lab.look(after=PATIENCE)
    assert lab.watch.dead == {}
    lab.disconnect("hv3")
    lab.look()
    assert lab.watch.dead == {}
    if how == "bfd":
        lab.bfd["hv1", "hv3"] = "down", LOST
        lab.look()
        assert lab.watch.dead == {}  # hv2 hears it
        lab.bfd["hv2", "hv3"] = "down", LOST
    else:
        lab.away["hv3"] = "no answer"
    lab.look()
    why = {"bfd": "BFD: control detection time expired, on hv1, hv2", "away": "hv3 is unreachable: no answer"}[how]
    assert lab.watch.dead == {"hv3": why}
    assert lab.told("hypervisor.dead") == [("hv3", f"hv3 is dead, its 1 host cannot be reached: {why}")]
    lab.connect("hv3")
    lab.away.clear()
    lab.bfd = dict.fromkeys(lab.bfd, ("up", ""))
    lab.look()
    assert lab.watch.dead == {}
    assert lab.told("hypervisor.alive") == [("hv3", "hv3 is alive again")]


def test_a_port_with_too_large_an_mtu_is_one_lasting_event() -> None:
    lab = Lab("{underlay_mtu: 1500}")
    lab.mtu["hv1"] = {"tap1": 1500, "eth0": 9000}
    found = lab.look()
    text = "tap1: its MTU is 1500, and network blue takes packets of 1450 by the mesh core"
    assert (found["hv1>hv2"].problems, found["hv2>hv1"].problems) == ((text,), ())
    assert (lab.watch.problem("hv1", 1), lab.watch.problems("hv1"), lab.watch.problem("hv2", 1)) == (text, (text,), "")
    for mtu in (1500, 9000):
        lab.mtu["hv1"] = {"tap1": mtu}
        lab.look(after=1)
        lab.look(after=1)
    (event,) = lab.journal.events(kind="port.mtu")
    assert (event.subject, event.count) == ("hv1/tap1", 2)
    lab.away["hv1"] = "no answer"
    lab.look(after=1)
    assert lab.watch.problem("hv1", 1)  # what is not known now is not mended
    lab.away.clear()
    lab.mtu["hv1"] = {"tap1": 1450}
    lab.look(after=1)
    assert lab.watch.problem("hv1", 1) == ""
    assert lab.told("port.mtu.over") == [("hv1/tap1", "hv1/tap1: its MTU fits its mesh now, or it is gone")]


def test_a_mesh_that_goes_takes_its_tunnels_along() -> None:
    lab = Lab(BFD)
    lab.look()
    tx = Tx(lab.engine.tables)
    put(tx, parse("hypervisors: {hv1: {ovsdb: 'unix:/1', vtep: 192.0.2.1, dpid: 1}}", "n"))
    lab.engine.commit(tx)
    lab.engine.run()
    assert lab.look() == {}
    assert lab.told("tunnel.down") == []


def test_one_look_at_many_is_told_in_few_events() -> None:
    lab = Lab(BFD)
    lab.look()
    for name in ("hv1", "hv2"):
        lab.bfd[name, "hv3"] = "down", LOST
    lab.look(after=1)
    text = "the tunnels of core to hv3 from hv1, hv2 are down: BFD: control detection time expired"
    assert lab.told("tunnel.down") == [("core/hv3", text)]


def test_nobody_looks_until_there_are_hypervisors() -> None:
    lab = Lab(BFD)
    rows = lab.engine.tables.all(Hypervisor)
    looks: list[int] = []
    look = lab.watch._steps
    lab.watch._steps = lambda: looks.append(1) or look()  # type: ignore[method-assign,func-returns-value]

    def change(there: bool) -> None:
        tx = Tx(lab.engine.tables)
        for row in rows:
            tx.put(row) if there else tx.drop(row)
        lab.engine.commit(tx)

    async def scenario() -> None:
        change(there=False)
        watching = asyncio.get_running_loop().create_task(lab.watch.watch())
        await asyncio.sleep(0.05)
        looks.clear()
        await asyncio.sleep(0.2)
        assert not looks
        change(there=True)
        await asyncio.sleep(0.05)
        assert looks
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    asyncio.run(scenario())
