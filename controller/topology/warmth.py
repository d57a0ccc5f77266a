"""Keeps the ways between hypervisors warm where no BFD does.

Open vSwitch drops the first frame to a VTEP whose Ethernet address it does not know, or has not used for 900 seconds. So each
hypervisor sends every other one a small frame when it comes up and then now and then, with VNI 0, which no network has. Who
gets one knows the address of its sender from it, and counts it: that the sender is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from controller.app import App, Reader, Tx, every, on, rules
from controller.model import (
    IPv4,
    IPv6,
    Mesh,
    MeshMember,
    Port,
    PortUp,
    Row,
    TunnelAt,
    TunnelPort,
    Vtep,
    key,
)
from controller.pipeline import CLASSIFY, Flow, load, output, set_field
from controller.pipeline.actions import Action

TICK, TURNS = 1.0, 30  # seconds from one share of the hypervisors to the next, and so many shares
AT_FIRST = (0.2, 0.7, 2.0)  # seconds after it came up: the first one only makes Open vSwitch ask for the address
FRAME = bytes.fromhex("020000000001 020000000002 88b5") + b"weft keeps this way warm".ljust(46, b"\0")  # 88b5: local experiments


class Share(Row):
    """Whose turn it is in a mesh."""

    mesh: str = key()
    turn: int = 0


@dataclass(frozen=True, slots=True)
class Cold:
    """A hypervisor that has just come up shall warm the ways to all others."""

    bridge: str


class Warmth(App, stages=(CLASSIFY,)):
    """Sends small frames by tunnels, so that Open vSwitch does not forget where hypervisors are."""

    @rules(each=TunnelAt)
    def take(self, tunnel: TunnelAt, rows: Reader) -> Iterator[Flow]:
        """They end here. An action that does nothing, for DROP is for frames that somebody misses."""
        if not rows.need(Mesh, tunnel.mesh).bfd:
            nothing = load("out_port", 0)
            yield CLASSIFY.flow(nothing, in_port=tunnel.port, tunnel_id=0, priority=100, why="keeps the way to its sender warm")

    @on(PortUp)
    def begin(self, event: PortUp, tx: Tx) -> None:
        """A tunnel is here, or its bridge has connected again."""
        port = tx.get(Port, event.bridge, event.port)
        ours = tx.get(TunnelPort, port.name) if port is not None else None
        if ours is not None and ours.role == "tunnel":
            for seconds in AT_FIRST:
                tx.after(seconds, Cold(event.bridge))

    @on(Cold)
    def warm_all(self, event: Cold, tx: Tx) -> None:
        """The first frames of one that has just come up."""
        for tunnel in tx.where(TunnelAt, bridge=event.bridge):
            mesh = tx.get(Mesh, tunnel.mesh)
            if mesh is not None and not mesh.bfd:
                self._warm(tunnel, mesh, tx)

    @every(TICK, each=Mesh)
    def keep(self, mesh: Mesh, tx: Tx) -> None:
        """A share of the hypervisors has its turn."""
        if mesh.bfd:
            return
        share = tx.get(Share, mesh.name) or Share(mesh.name)
        tx.put(Share(mesh.name, (share.turn + 1) % TURNS))
        for tunnel in tx.where(TunnelAt, mesh=mesh.name)[share.turn :: TURNS]:
            self._warm(tunnel, mesh, tx)

    def _warm(self, tunnel: TunnelAt, mesh: Mesh, tx: Tx) -> None:
        ways = [vtep.address for vtep in _others(tunnel, mesh, tx)]
        if ways:
            tx.packet_out(tunnel.bridge, FRAME, set_field(tunnel_id=0), *[a for way in ways for a in _by(way, tunnel.port)])


def _others(tunnel: TunnelAt, mesh: Mesh, tx: Tx) -> Iterable[Vtep]:
    """Those to whom a hypervisor sends frames: all, or the hub."""
    at_hub = any(vtep.bridge == tunnel.bridge for vtep in tx.where(Vtep, hypervisor=mesh.hub)) if mesh.hub else True
    names = [member.hypervisor for member in tx.where(MeshMember, mesh=mesh.name)] if at_hub else [mesh.hub]
    return [vtep for name in names for vtep in tx.where(Vtep, hypervisor=name) if vtep.bridge != tunnel.bridge]


@lru_cache(maxsize=4096)
def _by(address: IPv4 | IPv6, port: int) -> tuple[Action, Action]:
    way = set_field(tun_dst=address) if isinstance(address, IPv4) else set_field(tun_ipv6_dst=address)
    return way, output(port)
