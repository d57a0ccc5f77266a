"""Who is where on a mesh of tunnels, as rows that follow from the network file and from what is connected.

Ports are known by their names: no discovery frames go out by tunnels, and no hosts are behind them. What a hypervisor needs to
know of the others follows from rows that outlive a restart, so that one that is away is not forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from controller.app import App, Reader, Tx, derives, every, on
from controller.model import (
    Bridge,
    FloodMember,
    FloodPorts,
    Host,
    Hypervisor,
    Introduced,
    Link,
    Member,
    Mesh,
    MeshMember,
    Network,
    Port,
    PortRole,
    Replica,
    Row,
    TunnelAt,
    TunnelPort,
    Underlay,
    Vtep,
    Watched,
    key,
    scope_of,
)

PREFIXES = ("weft-", "bfd-")  # of the names of our ports
LOOK = 5.0  # seconds between two looks for links


class Wired(Row):
    """A hypervisor's bridge that has links to other bridges too, which has been told."""

    bridge: str = key()


class Tunnels(App):
    """Says which ports are tunnels, where hypervisors are, and who gets what is for all of a network."""

    @derives(each=Hypervisor)
    def place(self, hypervisor: Hypervisor, rows: Reader) -> Iterator[Row]:
        """A hypervisor is where the bridge with its datapath id is, once that has connected."""
        for bridge in rows.where(Bridge, dpid=hypervisor.dpid):
            yield Vtep(bridge.bridge, hypervisor.name, hypervisor.vtep)
            yield Member(scope_of(Underlay()), bridge.bridge)

    @derives(each=Port)
    def role(self, port: Port, rows: Reader) -> Iterator[Row]:
        """What a port is there for, where its name says that it is one of ours."""
        ours = rows.get(TunnelPort, port.name) if port.name.startswith(PREFIXES) else None
        if ours is None or not port.up:
            return
        why = f"watches {ours.peer} in the mesh {ours.mesh}" if ours.peer else f"carries the mesh {ours.mesh}"
        yield PortRole(port.bridge, port.port, ours.role, why)
        if ours.role == "tunnel":
            yield TunnelAt(port.bridge, ours.mesh, port.port)
        elif rows.need(Mesh, ours.mesh).bfd:
            yield Watched(port.bridge, ours.peer, port.port)

    @derives(each=FloodPorts)
    def replicate(self, here: FloodPorts, rows: Reader) -> Iterator[Row]:
        """Bridges that have ports of a network get what is for all of it."""
        vtep = rows.get(Vtep, here.bridge)
        network = rows.get(Network, here.network) if vtep else None
        if vtep and network and rows.get(MeshMember, network.mesh, vtep.hypervisor):
            yield from self._join(network, here.bridge, rows)

    @derives(each=Network)
    def relay(self, network: Network, rows: Reader) -> Iterator[Row]:
        """So does the hub of the network's mesh, to pass it on."""
        mesh = rows.get(Mesh, network.mesh) if network.mesh else None
        if mesh and mesh.hub:
            for vtep in rows.where(Vtep, hypervisor=mesh.hub):
                yield from self._join(network, vtep.bridge, rows)

    def _join(self, network: Network, bridge: str, rows: Reader) -> Iterator[Row]:
        yield Replica(network.name, bridge, network.mesh)
        tunnel = rows.get(TunnelAt, bridge, network.mesh)
        if tunnel is not None:
            yield FloodMember(bridge, network.name, tunnel.port)

    @on(Introduced)
    def told(self, event: Introduced, tx: Tx) -> None:
        """All hypervisors know a host: where it lives its frames need not wait for that any more."""
        host = tx.get(Host, event.host.network, event.host.mac)
        if host is not None and (host.bridge, host.port) == (event.host.bridge, event.host.port):
            tx.put(replace(host, told=True))

    @every(LOOK, each=Vtep)
    def warn(self, vtep: Vtep, tx: Tx) -> None:
        """A bridge on a mesh with links as well: frames could go in circles over both, so that is not supported."""
        wired, known = bool(tx.where(Link, bridge=vtep.bridge)), tx.get(Wired, vtep.bridge)
        if wired and known is None:
            text = f"{vtep.bridge} is on a mesh of tunnels and links to other bridges; take away the links or the mesh"
            tx.tell("error", "mesh.wired", vtep.bridge, text)
            tx.put(Wired(vtep.bridge))
        elif known is not None and not wired:
            tx.drop(known)
