"""The shape of the network file: which keys there are, of what type, with which default.

Types and ranges stand here, with what editors show for them; what one entry says about another is in `checks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    PrivateAttr,
    WithJsonSchema,
)

from controller.config import names
from controller.config.entry import Dpid, EmptyIfNothing, Entry, Model
from controller.config.overlay import HypervisorEntry, MeshEntry, MeshRef, Vni
from controller.config.problems import Keys, Problem
from controller.config.services import ServiceEntry
from controller.config.source import Source


class PortName(NamedTuple):
    """A port by the bridge that it is on and the name of its interface; in the file `BRIDGE/INTERFACE`."""

    bridge: str
    interface: str

    def __str__(self) -> str:
        return f"{self.bridge}/{self.interface}"


def _with_default(value: Any) -> Any:
    """The network `default` is always there, and has the VLAN id 1 where the file does not say otherwise."""
    if not isinstance(value, dict):
        return value
    given = value.get("default")
    given = {} if given is None else given
    return {**value, "default": {"vlan": 1, **given} if isinstance(given, dict) else given}


BridgeName = Annotated[str, AfterValidator(names.bridge), Field(json_schema_extra={"pattern": names.BRIDGE})]
MeshName = Annotated[str, AfterValidator(names.mesh), Field(json_schema_extra={"pattern": names.NETWORK})]
NetworkName = Annotated[str, AfterValidator(names.network), Field(json_schema_extra={"pattern": names.NETWORK})]
ServiceName = Annotated[str, AfterValidator(names.service), Field(json_schema_extra={"pattern": names.NETWORK})]
PortKey = Annotated[
    PortName,
    PlainValidator(lambda text: PortName(*names.port(text))),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": names.PORT}),
]
# The name of a network elsewhere in the file: `refers` is what `checks` goes by.
NetworkRef = Annotated[str, BeforeValidator(names.no_number), WithJsonSchema({"type": "string", "refers": "networks"})]


class BridgeEntry(Entry):
    """A bridge by its name, or by its datapath id."""

    dpid: Dpid = Field(default=0, examples=["0x1", "0000ba67b05cb041"])
    """The bridge with this datapath id has this name in the file, whatever its own is. Left out: the name is its own."""


class NetworkEntry(Entry):
    """A network: ports of one network talk to each other, and to no other."""

    vlan: int = Field(ge=1, le=4094, examples=[10])
    """The VLAN id of the network: on trunk ports, and between bridges. No two networks have the same."""

    vni: Vni = Field(default=0, examples=[5010])
    """The number of the network in the tunnels of its mesh, 1..16777215. No two networks of a mesh have the same."""

    mesh: MeshRef = Field(default="", examples=["core"])
    """The mesh of tunnels that joins the network's ports on different hypervisors. Goes with `vni`."""

    subnets: tuple[Annotated[str, AfterValidator(names.subnet)], ...] = Field(
        default=(), strict=False, examples=[["10.0.10.0/24"]], json_schema_extra={"uniqueItems": True}
    )
    """The addresses of its hosts: virtual addresses and backends of services lie in one of these. Left out: in any."""

    description: str = ""
    """What it is for, in your words."""


class PortEntry(Entry):
    """What a port belongs to: one of access, trunk and qinq."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["access"]}, {"required": ["trunk"]}, {"required": ["qinq"]}],
            "dependencies": {"native": ["trunk"]},
        }
    )

    access: NetworkRef = Field(default="", examples=["blue"])
    """The one network of this port. Frames are untagged; tagged ones are dropped."""

    trunk: Annotated[tuple[NetworkRef, ...], AfterValidator(names.not_empty)] = Field(
        default=(), strict=False, examples=[["blue", "red"]], json_schema_extra={"minItems": 1, "uniqueItems": True}
    )
    """The networks of this port. Frames have the tag of their network; other tags are dropped."""

    native: NetworkRef = Field(default="", examples=["blue"])
    """The network of untagged frames on a trunk; one of those in `trunk`. Left out: untagged frames are dropped."""

    qinq: NetworkRef = Field(default="", examples=["blue"])
    """The one network of this port, in which frames keep the tags that they come with (802.1ad)."""

    isolated: bool = False
    """Private VLAN: the port does not talk to other isolated ports of its network."""

    description: str = ""
    """What is connected here, in your words."""

    @property
    def networks(self) -> tuple[str, ...]:
        """The names of the networks that the port belongs to."""
        return self.trunk or tuple(filter(None, (self.access, self.qinq)))


class LinkEntry(Entry):
    """A link between bridges, named by the port at one of its ends."""

    cost: int = Field(ge=1, le=200_000_000, examples=[100])
    """What the link costs, in both directions: frames take the way that costs least. Where both ends say, the higher holds."""

    description: str = ""
    """What it is, in your words."""


class NetworkFile(Model):
    """A network file: the networks you want, and which ports belong to them."""

    bridges: Annotated[dict[BridgeName, BridgeEntry], EmptyIfNothing] = Field(
        default_factory=dict, examples=[{"s1": {}, "s2": {"dpid": "0x2"}}]
    )
    """Bridges by name. A bridge need not be listed, but to be named by its datapath id."""

    hypervisors: Annotated[dict[BridgeName, HypervisorEntry], EmptyIfNothing] = Field(
        default_factory=dict, examples=[{"hv1": {"vtep": "192.0.2.1"}, "hv2": {"vtep": "192.0.2.2"}}]
    )
    """Hypervisors by name. Each has one bridge, which has that name too: `hv1/vm1` is a port."""

    meshes: Annotated[dict[MeshName, MeshEntry], EmptyIfNothing] = Field(
        default_factory=dict, examples=[{"core": {"type": "vxlan", "members": "all", "underlay_mtu": 1600}}]
    )
    """Meshes of tunnels by name."""

    networks: Annotated[dict[NetworkName, NetworkEntry], BeforeValidator(_with_default), EmptyIfNothing] = Field(
        default={}, validate_default=True, examples=[{"blue": {"vlan": 10, "description": "cameras"}, "red": {"vlan": 20}}]
    )
    """Networks by name. The network `default` is always there, with VLAN id 1 if it is not listed."""

    ports: Annotated[dict[PortKey, PortEntry], EmptyIfNothing] = Field(
        default_factory=dict,
        examples=[{"s1/s1-eth1": {"access": "blue"}, "s1/s1-eth2": {"trunk": ["blue", "red"], "native": "blue"}}],
    )
    """Ports as BRIDGE/INTERFACE. One that does not exist yet is waited for."""

    unlisted_ports: Literal["default", "closed"] = "default"
    """Ports that are not listed: `default` puts them in the network `default`, untagged; `closed` lets nothing through."""

    links: Annotated[dict[PortKey, LinkEntry], EmptyIfNothing] = Field(
        default_factory=dict, examples=[{"s1/s1-eth3": {"cost": 100, "description": "the long way round"}}]
    )
    """Links between bridges, by the port at one end as BRIDGE/INTERFACE. One that is not listed costs by its speed."""

    services: Annotated[dict[ServiceName, ServiceEntry], EmptyIfNothing] = Field(
        default_factory=dict,
        examples=[
            {"web": {"network": "blue", "vip": "10.0.10.100", "ports": [{"port": 80}], "backends": [{"address": "10.0.10.11"}]}}
        ],
    )
    """Virtual services by name: an address that stands for several backends."""

    apps: Annotated[dict[str, Annotated[dict[str, Any], EmptyIfNothing]], EmptyIfNothing] = Field(
        default_factory=dict, examples=[{"l2_learning": {"idle_timeout": 300}}]
    )
    """Fields of apps, by the name of the app."""

    _source: Source = PrivateAttr(default_factory=Source)

    def line_of(self, path: str | Keys) -> int:
        """The line of `ports.s1/s1-eth2.trunk[1]`, or of what is nearest above it; 0 where the file has nothing of it."""
        return self._source.line_of(path)

    def problem(self, path: str | Keys, text: str, about_key: bool = False) -> Problem:
        """A problem at a place of this file, for what only the caller can know: an app that does not exist, for instance."""
        return self._source.problem(path, text, about_key)

    @classmethod
    def of(cls, data: Mapping[str, Any], source: Source) -> NetworkFile:
        """The file with these values. Raises pydantic's ValidationError."""
        file = cls.model_validate(data)
        file._source = source
        return file
