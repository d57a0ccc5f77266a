"""What is wanted of one hypervisor: its bridges with their ports, and what they mirror and export.

Frozen and plain: names and ranges are checked where a person writes them down. What is left out is Open vSwitch's default.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Bfd:
    """Bidirectional forwarding detection on a tunnel or a link; intervals in milliseconds."""

    min_tx: int = 100
    min_rx: int = 100
    options: Mapping[str, str] = field(default_factory=dict)
    """More keys of the Interface column `bfd`, such as check_tnl_key."""


@dataclass(frozen=True, slots=True)
class Port:
    """A port with its one interface. The name is that of the network device; for a tunnel or a patch it is free.

    `type` is that of Open vSwitch: "" for a device that is there, internal, patch (options: peer), vxlan, geneve, gre, ...
    """

    name: str
    type: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    bfd: Bfd | None = None
    mtu: int | None = None
    """Octets; honoured for internal ports and devices, not for tunnels."""
    number: int | None = None
    """The OpenFlow port number that is asked for, 1..65279."""
    max_rate: int | None = None
    """Bit/s that leave by this port (linux-htb)."""


@dataclass(frozen=True, slots=True)
class Controller:
    """Where a bridge finds its OpenFlow controller; times in milliseconds."""

    target: str
    max_backoff: int = 1000
    inactivity_probe: int = 5000


@dataclass(frozen=True, slots=True)
class Mirror:
    """Frames of a bridge copied to one of its ports: of all ports, or of those named."""

    name: str
    output: str
    sources: tuple[str, ...] = ()
    """Ports of which the received frames are copied."""
    destinations: tuple[str, ...] = ()
    """Ports of which the sent frames are copied."""
    everything: bool = False


@dataclass(frozen=True, slots=True)
class NetFlow:
    """NetFlow v5 to collectors, "HOST:PORT"; seconds, 0 for the default of 600 and -1 for never while a flow lives."""

    targets: tuple[str, ...]
    active_timeout: int = 0


@dataclass(frozen=True, slots=True)
class SFlow:
    """sFlow v5 to collectors, "HOST:PORT"; one packet in `sampling`, counters every `polling` seconds."""

    targets: tuple[str, ...]
    agent: str = ""
    """The network device whose address says who sends; empty: the one of the route to the collector."""
    sampling: int = 400
    polling: int = 30
    header: int = 128


@dataclass(frozen=True, slots=True)
class Ipfix:
    """IPFIX to collectors, "HOST:PORT"; one packet in `sampling`."""

    targets: tuple[str, ...]
    sampling: int = 400
    domain: int = 0
    point: int = 0


@dataclass(frozen=True, slots=True)
class Bridge:
    """A bridge. It has its local port without being told; a port of the bridge's name describes that one."""

    name: str
    ports: tuple[Port, ...] = ()
    controllers: tuple[Controller, ...] = ()
    datapath_type: str = ""
    """"" for the kernel's datapath (`system`), netdev, dummy."""
    datapath_id: int | None = None
    fail_mode: str = "secure"
    protocols: tuple[str, ...] = ("OpenFlow13", "OpenFlow14")
    other_config: Mapping[str, str] = field(default_factory=dict)
    mirrors: tuple[Mirror, ...] = ()
    netflow: NetFlow | None = None
    sflow: SFlow | None = None
    ipfix: Ipfix | None = None
    adopt: bool = False
    """Take over a bridge that is there and nobody's: what it has stays, ours comes on top, and it outlives our interest in it."""

    def all_ports(self) -> tuple[Port, ...]:
        """The ports with the local one, which is first."""
        local = next((port for port in self.ports if port.name == self.name), Port(self.name, "internal"))
        return (local, *(port for port in self.ports if port.name != self.name))


@dataclass(frozen=True, slots=True)
class Intent:
    """All that is wanted of one hypervisor. Raises ValueError where a name is wanted twice: a port is on one bridge."""

    bridges: tuple[Bridge, ...] = ()

    def __post_init__(self) -> None:
        names = Counter(port.name for bridge in self.bridges for port in bridge.all_ports())
        twice = sorted(name for name, count in names.items() if count > 1)
        if twice:
            raise ValueError(f"{twice[0]} is wanted twice; a name of a bridge or port is there once on a hypervisor")
        for local in (bridge.all_ports()[0] for bridge in self.bridges):
            if local.type not in ("", "internal"):
                raise ValueError(f"{local.name} is the name of a bridge, and its local port cannot be {local.type}")
