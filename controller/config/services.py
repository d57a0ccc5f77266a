"""The shape of virtual services in the network file."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from controller.config import names
from controller.config.entry import EmptyIfNothing, Entry

STATUS = r"^[1-5][0-9]{2}(-[1-5][0-9]{2})?$"
PATH = r"^/[!-~]*$"


def _status(value: Any) -> Any:
    """`200` or `200-399` -> (from, to)."""
    text = str(value) if type(value) is int else value
    if not isinstance(text, str) or not re.fullmatch(STATUS, text):
        raise ValueError(f"{value!s} is no status of HTTP; write one, 200, or a range, 200-399")
    first, _, last = text.partition("-")
    if int(last or first) < int(first):
        raise ValueError(f"{text} ends before it begins; write it as {last}-{first}")
    return int(first), int(last or first)


def _path(text: str) -> str:
    if not re.fullmatch(PATH, text):
        raise ValueError(f"{text or 'nothing'} is no path; it begins with / and has no spaces, like /health")
    return text


def _no_backends(value: tuple[Any, ...]) -> tuple[Any, ...]:
    if not value:
        raise ValueError("the list is empty; name at least one backend, like {address: 10.0.10.11}")
    return value


def _no_ports(value: tuple[Any, ...]) -> tuple[Any, ...]:
    if not value:
        raise ValueError("the list is empty; name at least one port, like {port: 80}")
    return value


Address = Annotated[str, AfterValidator(names.host)]
NetworkRef = Annotated[str, BeforeValidator(names.no_number), WithJsonSchema({"type": "string", "refers": "networks"})]
Status = Annotated[
    tuple[int, int],
    BeforeValidator(_status),
    PlainSerializer(lambda pair: "-".join(map(str, dict.fromkeys(pair))), return_type=str),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 100, "maximum": 599}, {"type": "string", "pattern": STATUS}]}),
]


class ServicePortEntry(Entry):
    """A port of a service."""

    port: int = Field(ge=1, le=65535, examples=[80])
    """The port of the virtual address. No two of a service are the same."""

    target: int = Field(default=0, ge=1, le=65535, examples=[8080])
    """The port of the backends. Left out: the same one."""

    protocol: Literal["tcp", "udp", "sctp"] = "tcp"
    """What goes there."""


class BackendEntry(Entry):
    """A host that answers for a service."""

    address: Address = Field(examples=["10.0.10.11"])
    """Its address, in the network of the service and of the family of `vip`."""

    weight: int = Field(default=1, ge=0, le=65535, examples=[3])
    """Its share of new connections, beside the weights of the others. 0: none, and those that it has go on."""

    description: str = ""
    """What it is, in your words."""


class AffinityEntry(Entry):
    """Sticky clients."""

    seconds: int = Field(ge=1, le=65535, examples=[300])
    """As long as a client opens a connection at least this often, all of them go to the same backend."""


class DrainEntry(Entry):
    """What happens to the connections of a backend that is drained."""

    deadline: int = Field(ge=0, le=86_400, examples=[300])
    """Seconds after which they are ended. 0: they last as long as they like."""


class HealthEntry(Entry):
    """How backends are asked whether they are well. One that fails gets no new connections, and those that it has are ended."""

    type: Literal["tcp", "http", "udp", "icmp", "neighbour"] = "tcp"
    """A connection is accepted (`tcp`), a page is there (`http`), something answers or nothing refuses (`udp`), it answers pings
    (`icmp`), or ARP and neighbour discovery (`neighbour`)."""

    interval: float = Field(default=2.0, ge=0.1, le=3600, examples=[2])
    """Seconds from one check of a backend to the next."""

    timeout: float | None = Field(default=None, ge=0.05, le=3600, examples=[1])
    """Seconds until an answer that has not come is a failure; no more than `interval`. Left out: 1, or less with `interval`."""

    rise: int = Field(default=2, ge=1, le=100, examples=[2])
    """So many answers in a row, and a backend is up."""

    fall: int = Field(default=3, ge=1, le=100, examples=[3])
    """So many failures in a row, and it is down."""

    port: int = Field(default=0, ge=1, le=65535, examples=[8080])
    """The port of the backend that is asked. Left out: the target of the service's first port of that protocol."""

    path: Annotated[str, AfterValidator(_path)] = Field(default="/", examples=["/health"])
    """The page that is asked for. Goes with http."""

    status: Status = Field(default=(200, 399), examples=["200-299"])
    """The status that it has, or a range of them. Goes with http."""

    body: str = Field(default="", max_length=1024, examples=["ok"])
    """Text that the page holds. Goes with http."""

    source: Annotated[str, AfterValidator(names.host_or_nothing)] = Field(default="", examples=["10.0.10.250"])
    """The address that asks, one that nobody has. Left out: `vip`. Needed with `mode: dsr`, where backends have that."""


class ServiceEntry(Entry):
    """A virtual address that stands for several backends."""

    network: NetworkRef = Field(examples=["blue"])
    """The network of its clients and its backends."""

    vip: Address = Field(examples=["10.0.10.100"])
    """The virtual address, IPv4 or IPv6, which nobody else has. The bridges answer for it."""

    ports: Annotated[tuple[ServicePortEntry, ...], AfterValidator(_no_ports)] = Field(
        strict=False, examples=[[{"port": 80, "target": 8080}]], json_schema_extra={"minItems": 1}
    )
    """The ports at which it is."""

    scheduler: Literal["wrr", "least", "source", "maglev"] = "wrr"
    """Who gets a new connection: by weights (`wrr`), by weights and how many connections there are (`least`), always the same one
    for a client (`source`), or for a connection (`maglev`)."""

    affinity: Annotated[AffinityEntry | None, EmptyIfNothing] = Field(default=None, examples=[{"seconds": 300}])
    """Clients come back to the backend that they had. Left out: each connection goes where the scheduler says."""

    mode: Literal["nat", "dsr"] = "nat"
    """`nat` writes the backend's address into frames, and the virtual one into its replies; `dsr` leaves both as they are, and
    backends have the virtual address themselves."""

    backends: Annotated[tuple[BackendEntry, ...], AfterValidator(_no_backends)] = Field(
        strict=False,
        examples=[[{"address": "10.0.10.11", "weight": 3}, {"address": "10.0.10.12"}]],
        json_schema_extra={"minItems": 1},
    )
    """Who answers. One whose host is not known yet is waited for."""

    health: Annotated[HealthEntry | None, EmptyIfNothing] = Field(
        default=None, examples=[{"type": "tcp", "interval": 2, "rise": 2, "fall": 3}]
    )
    """How the backends are checked. Left out: they are not, and count as well."""

    drain: Annotated[DrainEntry | None, EmptyIfNothing] = Field(default=None, examples=[{"deadline": 300}])
    """Draining a backend (`weft service drain`). Left out: its connections last as long as they like."""

    description: str = ""
    """What it is for, in your words."""
