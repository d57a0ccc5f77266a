"""Who is where on a mesh of tunnels, as rows that follow from the network file and from what is connected.

Ports are known by their names: no discovery frames go out by tunnels, and no hosts are behind them. What a hypervisor needs to
know of the others follows from rows that outlive a restart, so that one that is away is not forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from controller.app import App, Reader, Tx, derives, every, on
from controller.model import (
    Attachment,
    Bridge,
    FloodMember,
    FloodPorts,
    Host,
    Hypervisor,
    Introduced,
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
LOOK = 5.0  # seconds between two looks for bridges that are not on a mesh


class Apart(Row):
    """A bridge has ports of a network whose mesh it is not on, which has been told."""

    bridge: str = key()
    network: str = key()


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

    @every(LOOK, each=FloodPorts)
    def warn(self, here: FloodPorts, tx: Tx) -> None:
        """A bridge with ports of a network that goes by a mesh, but which is not on it: over links such a network does not go."""
        network, known = tx.get(Network, here.network), tx.get(Apart, here.bridge, here.network)
        on_mesh = network is None or not network.mesh or tx.get(Replica, here.network, here.bridge) is not None
        apart = not on_mesh and bool(tx.where(Attachment, bridge=here.bridge, network=here.network))
        if network and apart and known is None:
            text = f"{here.network} goes by the mesh {network.mesh}, and {here.bridge} is not on it: its ports reach nobody else"
            tx.tell("warning", "mesh.apart", f"{here.bridge}/{here.network}", text)
            tx.put(Apart(here.bridge, here.network))
        elif known is not None and not apart:
            tx.drop(known)
