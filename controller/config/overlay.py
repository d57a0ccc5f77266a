"""The shape of hypervisors and meshes in the network file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema

from controller.config import names
from controller.config.entry import Dpid, EmptyIfNothing, Entry
from controller.config.provisioned import BfdEntry, MadeEntry

HypervisorRef = Annotated[str, WithJsonSchema({"type": "string", "refers": "hypervisors"})]
MeshRef = Annotated[str, WithJsonSchema({"type": "string", "refers": "meshes"})]
Vni = Annotated[int, AfterValidator(names.vni), Field(json_schema_extra={"minimum": 1, "maximum": 0xFFFFFF})]
Tos = Annotated[
    int | Literal["inherit"],
    PlainValidator(names.tos),
    WithJsonSchema({"type": ["integer", "string"], "minimum": 0, "maximum": 255, "pattern": "^inherit$"}),
]


def _all(value: Any) -> Any:
    """`all` is the same as leaving the list out."""
    if value == []:
        raise ValueError("the list is empty; name at least one hypervisor, or write all")
    return [] if value == "all" else value


class HypervisorEntry(MadeEntry):
    """A machine with one bridge for its virtual machines; the bridge has the name of the hypervisor in this file."""

    vtep: Annotated[str, AfterValidator(names.vtep)] = Field(default="", examples=["192.0.2.1", "2001:db8::1"])
    """The address in the underlay at which its tunnels begin. Needed to be in a mesh."""

    ovsdb: Annotated[str, AfterValidator(names.ovsdb)] = Field(default="", examples=["tcp:192.0.2.1:6640"])
    """Where its Open vSwitch database listens; weft makes bridge and tunnel ports there. Left out: they are made by others."""

    listen: Annotated[str, AfterValidator(names.dial_in)] = Field(default="", examples=["ptcp:6640:192.0.2.100"])
    """In place of `ovsdb`: where weft listens, and the database dials in (`ovs-vsctl set-manager`)."""

    system_id: str = Field(default="", examples=["chassis-1"])
    """`external_ids:system-id` of its database, by which those are told apart that dial in at one place."""

    controller: Annotated[str, AfterValidator(names.controller)] = Field(default="", examples=["tcp:192.0.2.100:6653"])
    """Where its bridge finds weft. Left out: where weft listens, at the address by which it reaches the hypervisor."""

    datapath: Literal["system", "netdev"] = "system"
    """Where its bridge forwards: in the kernel (`system`), or in userspace."""

    bridge: Annotated[str, AfterValidator(names.bridge)] = Field(default="br-int", examples=["br-int"])
    """What Open vSwitch there calls the bridge."""

    dpid: Dpid = Field(default=0, examples=["0x1"])
    """The datapath id of the bridge. Left out: one that is made from the name of the hypervisor."""

    adopt: bool = False
    """Take over a bridge of that name that is there already and nobody's."""

    description: str = ""
    """What it is, in your words."""


class IpsecEntry(Entry):
    """IPsec on the tunnels, by the daemon of Open vSwitch: one of psk and certificates."""

    psk: str = Field(default="", examples=["a long secret"])
    """The secret that all members share."""

    certificates: bool = False
    """Members know each other by certificates whose common name is that of the hypervisor."""


class MeshEntry(Entry):
    """Tunnels between hypervisors. Networks name the mesh by which they go."""

    type: Literal["vxlan", "geneve", "gre"] = "vxlan"
    """How frames are wrapped."""

    members: Annotated[
        tuple[HypervisorRef, ...],
        BeforeValidator(_all),
        WithJsonSchema(
            {
                "type": ["array", "string"],
                "items": {"type": "string", "refers": "hypervisors"},
                "minItems": 1,
                "uniqueItems": True,
                "pattern": "^all$",
            }
        ),
    ] = Field(default=(), strict=False, examples=["all", ["hv1", "hv2"]])
    """The hypervisors that it joins: a list of them, or `all`. Left out: all."""

    hub: HypervisorRef = Field(default="", examples=["hv1"])
    """The member by which all frames go (hub and spoke). Left out: each member sends to each other one."""

    bfd: Annotated[BfdEntry | None, EmptyIfNothing] = Field(default=None, examples=[{"min_tx": 100, "min_rx": 100}])
    """Watch each tunnel by BFD. Left out: they are not watched."""

    underlay_mtu: int = Field(default=1500, ge=1280, le=65535, examples=[1600])
    """Octets that an IP packet may have in the underlay. What networks can use is less by the headers of the tunnel."""

    dst_port: int = Field(default=0, ge=1, le=65535, examples=[4789])
    """The UDP port. Left out: 4789 for vxlan, 6081 for geneve; gre has none."""

    csum: bool = False
    """Checksums in the outer header."""

    tos: Tos = Field(default=0, examples=["inherit"])
    """The TOS octet of the outer header, or `inherit`: that of the frame."""

    df_default: bool = True
    """Set "don't fragment" in the outer header."""

    ipsec: Annotated[IpsecEntry | None, EmptyIfNothing] = Field(default=None, examples=[{"psk": "a long secret"}])
    """Encrypt the tunnels. Left out: they are not."""

    description: str = ""
    """What it is for, in your words."""
