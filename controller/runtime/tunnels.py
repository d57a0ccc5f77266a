"""Which hypervisor hears which by tunnel: judged from rows, from what BFD says, and from the frames that bridges counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Literal, NamedTuple

from controller.config.mtu import carried
from controller.model import Hypervisor, IPv6, Mesh, MeshMember, TunnelPort, Vtep
from controller.ovsdb.provision import HypervisorState, PortState
from controller.runtime.peers import Peer
from controller.state.engine import Engine

LATELY = 30.0  # seconds after which a tunnel without frames is idle
FIRST = "first frame heard"
COUNTING = "tunnel_mesh.received"  # the rule whose flows count what comes from each hypervisor

State = Literal["up", "down", "idle", "unknown"]


class Pair(NamedTuple):
    """A tunnel as `hypervisor` sees it."""

    mesh: str
    hypervisor: str
    peer: str

    def __str__(self) -> str:
        return f"{self.mesh}/{self.hypervisor}>{self.peer}"


class Verdict(NamedTuple):
    """How a tunnel is, and how that is known."""

    state: State
    cause: str


class Evidence:
    """All that is known at one moment; `now` is seconds since the epoch. First of all the databases are heard."""

    def __init__(self, engine: Engine, bridges: Mapping[str, Peer], now: float) -> None:
        self._engine, self._bridges, self._now = engine, bridges, now
        self._states: dict[str, HypervisorState] = {}
        self.bfd: dict[Pair, PortState] = {}  # the ports that watch a peer, where they can be believed
        self.hypervisors = {row.name: row for row in engine.tables.all(Hypervisor)}
        self.meshes = {row.name: row for row in engine.tables.all(Mesh)}
        self.vteps = {row.hypervisor: row for row in engine.tables.all(Vtep)}
        rules = (rule for app in engine.apps.values() for rule in app.rules if rule.name == COUNTING)
        flows = {key[0]: owner.flows[0] for rule in rules for key, owner in rule.owners.items() if owner.flows}
        # of each hypervisor the flow that counts what comes from it, which is the same on all bridges
        self._slots = {name: flows[row.bridge].slot for name, row in self.vteps.items() if row.bridge in flows}

    def hear(self, state: HypervisorState) -> None:
        """What a database says."""
        self._states[state.name] = state
        for port in state.ports if self._connected(state.name) else ():
            watched = self._engine.tables.get(TunnelPort, port.name)
            if watched is not None and watched.peer and watched.mesh in self.meshes:
                self.bfd[Pair(watched.mesh, state.name, watched.peer)] = port

    # ------------------------------------------------------------------ what there is

    def __contains__(self, pair: Pair) -> bool:
        return pair.mesh in self.meshes and pair.hypervisor in self.hypervisors and pair.peer in self.hypervisors

    def pairs(self, hypervisor: str) -> Iterator[Pair]:
        """The tunnels that a hypervisor has: to all members of its meshes, or to the hub where there is one."""
        for member in self._engine.tables.where(MeshMember, hypervisor=hypervisor):
            mesh = self.meshes.get(member.mesh)
            for other in self._members.get(member.mesh, ()) if mesh else ():
                if other != hypervisor and mesh and mesh.hub in ("", hypervisor, other):
                    yield Pair(mesh.name, hypervisor, other)

    @cached_property
    def _members(self) -> dict[str, list[str]]:
        """The hypervisors of each mesh. Rows of a file come one after the other, so one may not be there yet."""
        found: dict[str, list[str]] = {}
        for row in self._engine.tables.all(MeshMember):
            if row.hypervisor in self.hypervisors:
                found.setdefault(row.mesh, []).append(row.hypervisor)
        return found

    def received(self, hypervisor: str, peer: str) -> tuple[int | None, int | None]:
        """Frames and octets that came from a peer; None where its bridge has not said."""
        bridge, slot = self._bridge(hypervisor), self._slots.get(peer)
        return bridge.counters.get(slot, (None, None)) if bridge and slot else (None, None)

    def _heard(self, pair: Pair) -> float:
        """When a frame came from the peer, 0 where none did since its bridge connected."""
        bridge, slot = self._bridge(pair.hypervisor), self._slots.get(pair.peer)
        return bridge.active.get(slot, 0.0) if bridge and slot else 0.0

    def _bridge(self, hypervisor: str) -> Peer | None:
        vtep = self.vteps.get(hypervisor)
        return self._bridges.get(vtep.bridge) if vtep else None

    def _connected(self, hypervisor: str) -> bool:
        bridge = self._bridge(hypervisor)
        return bridge is not None and bridge.channel is not None

    # ------------------------------------------------------------------ judgement

    def verdict(self, pair: Pair) -> Verdict:
        """How a tunnel is."""
        if not self._connected(pair.hypervisor):
            return Verdict("unknown", self._away(pair.hypervisor))
        fault = self._fault(pair)
        if fault:
            return Verdict("down", fault)
        watched = self.bfd.get(pair)
        if watched is not None and watched.bfd:
            return _by_bfd(watched, pair.peer)
        heard = self._heard(pair)
        if heard and self._now - heard < LATELY:
            return Verdict("up", FIRST)
        why = self._gone(pair.peer)
        if why:
            return Verdict("down", why)
        if pair.peer not in self.vteps:
            return Verdict("unknown", f"{pair.peer} has not connected yet")
        return Verdict("idle", f"no frame for {LATELY:.0f} s" if heard else "no frame heard yet")

    def _fault(self, pair: Pair) -> str:
        """Why the hypervisor does not have the ports of this tunnel."""
        state, name = self._states.get(pair.hypervisor), self.meshes[pair.mesh].port
        data = next((port for port in state.ports if port.name == name), None) if state else None
        watched = self.bfd.get(pair)
        return next((f"{port.name}: {port.error}" for port in (data, watched) if port and port.error), "")

    def _away(self, hypervisor: str) -> str:
        """Why a hypervisor whose bridge is not connected cannot be asked."""
        state, bridge = self._states.get(hypervisor), self._bridge(hypervisor)
        if state is not None and state.state == "unreachable":
            return f"{hypervisor} is unreachable: {state.reason}"
        return f"{hypervisor} is not connected: {bridge.reason}" if bridge else f"{hypervisor} has not connected yet"

    def _gone(self, hypervisor: str) -> str:
        """Why nothing is left of a hypervisor: neither its bridge nor its database; empty where something is."""
        state = self._states.get(hypervisor)
        lost = state is not None and state.state == "unreachable" and not self._connected(hypervisor)
        return self._away(hypervisor) if lost else ""

    def dead(self) -> dict[str, str]:
        """Hypervisors that nobody reaches, and why: weft has lost bridge and database, or BFD has lost it wherever it watches.

        One that BFD has not found yet is new, and not dead.
        """
        watchers: dict[str, list[tuple[str, PortState]]] = {}
        for pair, port in self.bfd.items():
            if port.bfd:
                watchers.setdefault(pair.peer, []).append((pair.hypervisor, port))
        found = {}
        for name in self.vteps.keys() & self.hypervisors.keys():
            by = watchers.get(name, [])
            why = self._gone(name)
            if not why and all(port.bfd != "up" for _, port in by):
                told = [(port, watcher) for watcher, port in by if port.diagnostic]
                why = f"{_by_bfd(told[0][0], name).cause}, on {listed([watcher for _, watcher in told])}" if told else ""
            if why:
                found[name] = why
        return found


def mtu_of(mesh: Mesh, hypervisor: Hypervisor) -> int:
    """Octets that an IP packet may have which goes by a mesh from this hypervisor."""
    version = 6 if isinstance(hypervisor.vtep, IPv6) else 4
    checked = dict(mesh.options).get("csum") == "true"
    return carried(mesh.type, mesh.underlay_mtu, version, csum=checked, ipsec=bool(mesh.security))


def listed(names: list[str], most: int = 3) -> str:
    """Names in a sentence; of many the first."""
    shown = list(dict.fromkeys(names))
    return ", ".join(shown) if len(shown) <= most else f"{', '.join(shown[:most])} and {len(shown) - most} more"


def _by_bfd(port: PortState, peer: str) -> Verdict:
    if port.bfd == "up":
        return Verdict("up", "BFD is up")
    return Verdict("down", f"BFD: {port.diagnostic.lower() or f'{peer} has not answered yet'}")
