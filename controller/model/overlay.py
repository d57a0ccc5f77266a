"""Rows of networks that go by tunnels: hypervisors, the meshes that join them, and who is where.

The first four come from the network file; the others follow from them and from what is connected (`controller.topology.tunnels`).
"""

from __future__ import annotations

from controller.model.address import IPv4, IPv6
from controller.model.rows import Row, key

BY_MESH = 1 << 12  # in register to_bridge, beside the number of a hypervisor's bridge: by tunnel, and not over links


class Hypervisor(Row):
    """A machine with one bridge for virtual machines. `vtep` is the address at which its tunnels begin, 0 where it has none.

    `bridge` is what Open vSwitch there calls the bridge; here it goes by the name of the hypervisor, found by `dpid`.
    """

    name: str = key()
    dpid: int = 0
    vtep: IPv4 | IPv6 = IPv4(0)
    bridge: str = ""
    ovsdb: str = ""
    adopt: bool = False


class Mesh(Row):
    """Tunnels between hypervisors: of which type, by a port of which name. `hub`: the hypervisor that all frames go by, if any.

    `options` are those of the interface in Open vSwitch, `security` those of its IPsec; `bfd` is min_tx and min_rx in
    milliseconds, or empty; `underlay_mtu` is in bytes.
    """

    name: str = key()
    type: str = "vxlan"
    port: str = ""
    hub: str = ""
    options: tuple[tuple[str, str], ...] = ()
    security: tuple[tuple[str, str], ...] = ()
    bfd: tuple[int, ...] = ()
    underlay_mtu: int = 1500


class MeshMember(Row):
    """A hypervisor belongs to a mesh."""

    mesh: str = key()
    hypervisor: str = key()


class TunnelPort(Row):
    """What a port of this name is for, on whatever hypervisor: "tunnel", all data of a mesh; "bfd", to watch one `peer`."""

    name: str = key()
    role: str = "tunnel"
    mesh: str = ""
    peer: str = ""


class Underlay(Row):
    """What carries the tunnels: the scope of the flows that every hypervisor has."""

    name: str = key(default="weft")


class Vtep(Row):
    """The bridge of a hypervisor, and the address at which its tunnels begin."""

    bridge: str = key()
    hypervisor: str = ""
    address: IPv4 | IPv6 = IPv4(0)


class TunnelAt(Row):
    """The port of a bridge by which the frames of a mesh come and go."""

    bridge: str = key()
    mesh: str = key()
    port: int = 0


class Watched(Row):
    """The port of a bridge on which BFD watches another hypervisor."""

    bridge: str = key()
    peer: str = key()
    port: int = 0


class Replica(Row):
    """A hypervisor's bridge gets what is for all of a network by tunnel: it has ports of it, or it is the mesh's hub."""

    network: str = key()
    bridge: str = key()
    mesh: str = ""


class FloodMember(Row):
    """A port of a bridge that gets what is for all of a network, beside its edge ports and the links of its tree."""

    bridge: str = key()
    network: str = key()
    port: int = key()
