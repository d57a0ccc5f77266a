"""Hypervisors and meshes of the network file as rows, and the names and numbers that are made from theirs."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

from controller.config import NetworkFile, PortName
from controller.config.mtu import carried
from controller.config.overlay import MeshEntry
from controller.model import BridgeName, Hypervisor, IPv4, IPv6, Mesh, MeshMember, Row, TunnelPort, Underlay

TYPES = (Hypervisor, Mesh, MeshMember, TunnelPort, Underlay)
OURS = 0x5745 << 48  # "WE", in front of datapath ids that are made from names
LONGEST = 15  # characters of a port's name that OpenFlow tells


def rows_of(file: NetworkFile) -> Iterator[Row]:
    """What the file says of tunnels; nothing where it has no hypervisors."""
    if file.hypervisors:
        yield Underlay()
    for name, entry in file.hypervisors.items():
        dpid = entry.dpid or dpid_of(name)
        yield Hypervisor(name, dpid, _address(entry.vtep), entry.bridge, entry.ovsdb, entry.adopt)
        yield BridgeName(dpid, name)
    for name, mesh in file.meshes.items():
        members = mesh.members or tuple(file.hypervisors)
        port, bfd = data_port(name), (mesh.bfd.min_tx, mesh.bfd.min_rx) if mesh.bfd else ()
        yield Mesh(name, mesh.type, port, mesh.hub, tuple(_options(mesh)), tuple(_security(mesh)), bfd, mesh.underlay_mtu)
        yield TunnelPort(port, "tunnel", name)
        for member in members:
            yield MeshMember(name, member)
            if mesh.bfd or mesh.ipsec:
                yield TunnelPort(peer_port(name, member), "bfd", name, member)


def mtu_of(file: NetworkFile, port: PortName) -> int | None:
    """Octets that an IP packet of a hypervisor's port may have to fit the meshes of its networks; None where these have none."""
    entry, hypervisor = file.ports.get(port), file.hypervisors[port.bridge]
    meshes = [file.meshes[by] for network in (entry.networks if entry else ()) if (by := file.networks[network].mesh)]
    version = 6 if ":" in hypervisor.vtep else 4
    room = [carried(x.type, x.underlay_mtu, version, csum=x.csum, ipsec=x.ipsec is not None) for x in meshes]
    return min(room, default=None)


def dpid_of(hypervisor: str) -> int:
    """A datapath id that only this name gives: 16 bits that say it is ours, and 48 of a hash."""
    return OURS | int.from_bytes(_hash(hypervisor, 6), "big")


def data_port(mesh: str) -> str:
    """The name of the port by which all data of a mesh goes."""
    name = f"weft-{mesh}"
    return name if len(name) <= LONGEST else f"weft-{_hash(mesh, 5).hex()}"


def peer_port(mesh: str, peer: str) -> str:
    """The name of the port that watches one peer."""
    return f"bfd-{_hash(f'{mesh}/{peer}', 5).hex()}"


def _hash(text: str, size: int) -> bytes:
    return blake2b(text.encode(), digest_size=size).digest()


def _address(text: str) -> IPv4 | IPv6:
    return IPv6(text) if ":" in text else IPv4(text or 0)


def _options(mesh: MeshEntry) -> Iterator[tuple[str, str]]:
    """What differs from the defaults of Open vSwitch, as options of the interface."""
    if mesh.dst_port:
        yield "dst_port", str(mesh.dst_port)
    if mesh.csum:
        yield "csum", "true"
    if mesh.tos:
        yield "tos", str(mesh.tos)
    if not mesh.df_default:
        yield "df_default", "false"


def _security(mesh: MeshEntry) -> Iterator[tuple[str, str]]:
    if mesh.ipsec and mesh.ipsec.psk:
        yield "psk", mesh.ipsec.psk
    elif mesh.ipsec:
        yield "remote_name", ""  # that of each peer
