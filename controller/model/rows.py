"""Rows: the only state there is. Typed, keyed, frozen.

    class Host(Row):
        network: str = key()
        mac: Mac = key()
        port: int = 0

Configuration, discovery and learning put rows; rules read them and say which flows follow. What changes
all the time (counters, last seen) is not in rows, because every change of a row reruns the rules that read it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from operator import attrgetter
from typing import Any, ClassVar, dataclass_transform

from controller.model.address import IPv4, IPv6, Mac

Key = tuple[Any, ...]


def key(*, default: Any = ...) -> Any:
    """Mark a field as part of the row's key: two rows of a type with equal keys are the same row."""
    if default is ...:
        return field(metadata={"key": True})
    return field(default=default, metadata={"key": True})


@dataclass_transform(frozen_default=True, field_specifiers=(key, field))
class Row:
    """Base of all rows. `key_of(row)` is its key, `kept` rows survive a restart in the state directory."""

    key_of: ClassVar[Callable[[Any], Key]]
    key_fields: ClassVar[tuple[str, ...]]
    kept: ClassVar[bool] = False

    def __init_subclass__(cls, *, kept: bool = False) -> None:
        super().__init_subclass__()
        dataclass(frozen=True)(cls)
        _quicken(cls)
        names = tuple(f.name for f in fields(cls) if f.metadata.get("key"))  # type: ignore[arg-type]
        if not names:
            raise TypeError(f"{cls.__name__} has no key: mark at least one field with `= key()`")
        cls.key_fields, cls.kept = names, kept
        cls.key_of = staticmethod(tuple_getter(names))

    def __str__(self) -> str:
        return f"{type(self).__name__} {' '.join(map(str, type(self).key_of(self)))}"


def _quicken(cls: type[Row]) -> None:
    """Let a row be made and compared in half the time that a frozen dataclass takes: each frame that comes up makes some."""
    own = fields(cls)  # type: ignore[arg-type]
    if hasattr(cls, "__post_init__") or any(not f.init or f.kw_only or f.default_factory is not MISSING for f in own):
        return
    given = {f"default_{f.name}": f.default for f in own if f.default is not MISSING}
    parameters = ", ".join(f.name if f.default is MISSING else f"{f.name}=default_{f.name}" for f in own)
    stores = "".join(f"\n    values[{f.name!r}] = {f.name}" for f in own)
    made: dict[str, Any] = {}
    exec(f"def __init__(self, {parameters}):\n    values = self.__dict__{stores}", given, made)  # as dataclass does it
    made["__init__"].__annotations__ = {f.name: f.type for f in own}
    made["__init__"].__qualname__ = f"{cls.__qualname__}.__init__"
    cls.__init__ = made["__init__"]  # type: ignore[method-assign]
    cls.__eq__ = _same_values  # type: ignore[method-assign]


def _same_values(self: Any, other: object) -> bool:
    """Rows are equal where they are of one type and all their values are."""
    return self.__dict__ == other.__dict__ if other.__class__ is self.__class__ else NotImplemented


def tuple_getter(names: tuple[str, ...]) -> Callable[[Any], Key]:
    """A function that gives the named attributes as a tuple, also where there is one or none."""
    if not names:
        return lambda row: ()
    get = attrgetter(*names)
    if len(names) > 1:
        return get
    return lambda row: (get(row),)


class Bridge(Row, kept=True):
    """An Open vSwitch bridge, by the name of its LOCAL port. Kept, so that a datapath id (`dpid`) keeps its name ever after."""

    bridge: str = key()
    dpid: int = 0


class Port(Row):
    """A port of a bridge that is connected, by its OpenFlow port number. `up`: link and administrative state are both up.

    `name` is that of its interface; `speed` is in bit/s, 0 where the bridge does not know it.
    """

    bridge: str = key()
    port: int = key()
    name: str = ""
    mac: Mac = Mac(0)
    up: bool = True
    speed: int = 0


class PortRole(Row, kept=True):
    """What a port is there for; a port without this row is down. `why` says it in words.

    `role` is `edge`, `link`, `held`, `oneway`, `shared`, `self`, `tunnel` or `bfd`: see `controller.topology.discovery`.
    """

    bridge: str = key()
    port: int = key()
    role: str = "held"
    why: str = ""


class Link(Row, kept=True):
    """One direction of a link: what leaves `bridge` by `port` arrives at `peer` on `peer_port`. There are both or none.

    `cost` (1..2**32-1) is the same in both; `controller.topology.costs` says which.
    """

    bridge: str = key()
    port: int = key()
    peer: str = ""
    peer_port: int = 0
    cost: int = 1


class Network(Row):
    """A virtual network. `number` (1..4094) is what the network register holds and the VLAN id between bridges.

    `vni` (1..16777215) is its number in the tunnels of its `mesh`, where it has one.
    """

    name: str = key()
    number: int = 0
    description: str = ""
    vni: int = 0
    mesh: str = ""


class BridgeName(Row):
    """What the network file calls the bridge with this datapath id."""

    dpid: int = key()
    name: str = ""


class PortConfig(Row):
    """What the network file says of a port, by the name of its interface; one of `access`, `trunk` and `qinq`."""

    bridge: str = key()
    name: str = key()
    access: str = ""
    trunk: tuple[str, ...] = ()
    native: str = ""
    qinq: str = ""
    isolated: bool = False


class LinkConfig(Row):
    """What the network file says of a link, by the name of the interface at one of its ends."""

    bridge: str = key()
    name: str = key()
    cost: int = 1


class UnlistedPorts(Row):
    """The network of ports without a PortConfig, untagged; empty: nothing passes through them. No row: `default`."""

    name: str = key(default="weft")
    network: str = "default"


class Attachment(Row):
    """An edge port belongs to a network: with its VLAN tag (`tagged`), without (`plain`), or both (a trunk's native one).

    `inner`: tags that frames come with stay on them (802.1ad). `isolated`: it does not talk to other isolated ports.
    """

    bridge: str = key()
    port: int = key()
    network: str = key()
    tagged: bool = False
    plain: bool = True
    inner: bool = False
    isolated: bool = False


class Host(Row, kept=True):
    """An address learned on an edge port, and the IP addresses that it says it has. The same one in two networks is two hosts.

    `told`: all hypervisors know it, where it lives on one.
    """

    network: str = key()
    mac: Mac = key()
    bridge: str = ""
    port: int = 0
    ips: tuple[IPv4 | IPv6, ...] = ()
    told: bool = True


class Address(Row, kept=True):
    """Which host of a network has an IP address: the one that said so last."""

    network: str = key()
    ip: IPv4 | IPv6 = key()
    mac: Mac = Mac(0)


class Moves(Row):
    """How often a host moved of late (`count`); `frozen`: so often that it stays where it is for a while."""

    network: str = key()
    mac: Mac = key()
    count: int = 0
    frozen: bool = False


class Tree(Row):
    """Shortest paths towards the bridge `dest`: `hops` are other bridges, each with its ports that lead one step nearer.

    In parts, so that what changes at a few bridges costs little; `controller.topology.paths` says which bridge is in which.
    """

    dest: str = key()
    hops: tuple[tuple[str, tuple[int, ...]], ...] = ()
    part: int = key(default=0)


class HopSet(Row):
    """Several ports of a bridge that lead equally near to some destination: frames are spread over them."""

    bridge: str = key()
    ports: tuple[int, ...] = key()


EVERY_BRIDGE = ""  # in place of a network's name: the tree that spans all bridges with links, whatever networks they have


class FloodPorts(Row, kept=True):
    """The link ports of a bridge over which a network's broadcast, multicast and unknown frames go."""

    bridge: str = key()
    network: str = key()
    ports: tuple[int, ...] = ()


class Number(Row, kept=True):
    """An id given once to a name and kept, so that it is the same after a restart (group ids, meter ids, tables)."""

    space: str = key()
    name: Key = key()
    number: int = 0


class StageRow(Row):
    """A plugin's stage in the pipeline: its table, and the table of the stage that it follows."""

    table: int = key()
    name: str = ""
    after: int = 0


class Member(Row):
    """A bridge that belongs to a scope: it gets every flow said `.on(row)` of the row that the scope stands for."""

    scope: Key = key()
    bridge: str = key()


class Pipeline(Row):
    """The one pipeline: the scope of the flows that every bridge has."""

    name: str = key(default="weft")


EVERYWHERE = Pipeline()


def scope_of(row: Row) -> Key:
    """The key of the scope that a row stands for: its type and its own key, so that a changed field changes no scope."""
    return (type(row).__name__, *type(row).key_of(row))
