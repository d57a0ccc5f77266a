"""The shape of what weft sets up on the bridge of a hypervisor, beside tunnels: ports, mirrors, exported flows."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from controller.config import names
from controller.config.entry import EmptyIfNothing, Entry

Collectors = Annotated[tuple[Annotated[str, AfterValidator(names.collector)], ...], AfterValidator(names.not_empty_targets)]
PortNames = Annotated[tuple[str, ...], Field(default=(), strict=False, examples=[["vm1", "vm2"]])]
Sampling = Annotated[int, Field(ge=1, le=0xFFFFFFFF)]


class BfdEntry(Entry):
    """Bidirectional forwarding detection (RFC 5880)."""

    min_tx: int = Field(default=100, ge=10, le=60_000, examples=[100])
    """Milliseconds from one of our frames to the next, at the least."""

    min_rx: int = Field(default=100, ge=10, le=60_000, examples=[100])
    """Milliseconds in which the other one may send us no more than one."""


class MadePortEntry(Entry):
    """A port that weft puts on the bridge."""

    type: Literal["system", "internal", "patch"] = "system"
    """What it is: a network device that is there, one that Open vSwitch makes, or one end of a patch to another bridge."""

    peer: str = Field(default="", examples=["patch-to-br-int"])
    """The other end of a patch."""

    mtu: int | None = Field(default=None, ge=68, le=65535, examples=[1450])
    """Octets. Left out: that of the device."""

    number: int | None = Field(default=None, ge=1, le=65279, examples=[10])
    """The OpenFlow port number. Left out: any."""

    max_rate: int | None = Field(default=None, ge=1000, examples=[100_000_000])
    """Bit/s that leave by the port, by linux-htb. Left out: all that it can."""

    bfd: Annotated[BfdEntry | None, EmptyIfNothing] = Field(default=None, examples=[{"min_tx": 100, "min_rx": 100}])
    """Watch what is at the other end of the link by BFD. Left out: it is not watched."""

    options: dict[str, str] = Field(default_factory=dict, examples=[{"n_rxq": "2"}])
    """More keys of `options` of the interface in Open vSwitch."""


Ports = Annotated[dict[Annotated[str, AfterValidator(names.bridge)], MadePortEntry], EmptyIfNothing]


class PlainBridgeEntry(Entry):
    """One more bridge, an ordinary learning switch without a controller, as for the uplink to the underlay."""

    ports: Ports = Field(default_factory=dict, examples=[{"eth0": {}}])
    """Its ports."""

    other_config: dict[str, str] = Field(default_factory=dict, examples=[{"mac-table-size": "4096"}])
    """More keys of `other_config` of the bridge in Open vSwitch."""

    adopt: bool = False
    """Take over a bridge of that name that is there already and nobody's."""


class MirrorEntry(Entry):
    """Frames copied to a port of the bridge."""

    output: str = Field(examples=["tap0"])
    """The port that gets the copies, and nothing else."""

    sources: PortNames = ()
    """Ports of which the frames that come in are copied."""

    destinations: PortNames = ()
    """Ports of which the frames that leave are copied."""

    everything: bool = False
    """Copy the frames of all ports."""


class NetflowEntry(Entry):
    """Flows told to collectors by NetFlow 5."""

    targets: Collectors = Field(strict=False, examples=[["192.0.2.9:2055"]])
    """The collectors, as ADDRESS:PORT."""

    active_timeout: int = Field(default=0, ge=-1, le=86_400, examples=[60])
    """Seconds until a flow that goes on is told again; 0 is 600, -1 is never."""


class SflowEntry(Entry):
    """Samples of packets, and counters, told to collectors by sFlow 5."""

    targets: Collectors = Field(strict=False, examples=[["192.0.2.9:6343"]])
    """The collectors, as ADDRESS:PORT."""

    agent: str = Field(default="", examples=["eth0"])
    """The network device whose address is that of the sender. Left out: that of the way to the collector."""

    sampling: Sampling = 400
    """One packet in so many."""

    polling: int = Field(default=30, ge=0, le=86_400)
    """Seconds from one set of counters to the next; 0 for none."""

    header: int = Field(default=128, ge=14, le=1024)
    """Octets of a packet that are told."""


class IpfixEntry(Entry):
    """Samples of packets told to collectors by IPFIX."""

    targets: Collectors = Field(strict=False, examples=[["192.0.2.9:4739"]])
    """The collectors, as ADDRESS:PORT."""

    sampling: Sampling = 400
    """One packet in so many."""

    domain: int = Field(default=0, ge=0, le=0xFFFFFFFF)
    """The observation domain."""

    point: int = Field(default=0, ge=0, le=0xFFFFFFFF)
    """The observation point."""


class MadeEntry(Entry):
    """What weft sets up on the bridge of a hypervisor whose database it knows."""

    ports: Ports = Field(default_factory=dict, examples=[{"tap0": {"type": "internal", "mtu": 1450}}])
    """Ports that weft makes; those of virtual machines are plugged in by whoever runs the machines."""

    bridges: Annotated[dict[Annotated[str, AfterValidator(names.bridge)], PlainBridgeEntry], EmptyIfNothing] = Field(
        default_factory=dict, examples=[{"br-ex": {"ports": {"eth0": {}}}}]
    )
    """More bridges beside that of the virtual machines, without a controller."""

    mirrors: Annotated[dict[str, MirrorEntry], EmptyIfNothing] = Field(
        default_factory=dict, examples=[{"watch": {"output": "tap0", "everything": True}}]
    )
    """Mirrors by name."""

    netflow: NetflowEntry | None = Field(default=None, examples=[{"targets": ["192.0.2.9:2055"]}])
    """Export by NetFlow 5. Left out: none."""

    sflow: SflowEntry | None = Field(default=None, examples=[{"targets": ["192.0.2.9:6343"]}])
    """Export by sFlow 5. Left out: none."""

    ipfix: IpfixEntry | None = Field(default=None, examples=[{"targets": ["192.0.2.9:4739"]}])
    """Export by IPFIX. Left out: none."""

    other_config: dict[str, str] = Field(default_factory=dict, examples=[{"mac-table-size": "4096"}])
    """More keys of `other_config` of the bridge in Open vSwitch."""
