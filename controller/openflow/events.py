"""What a session tells its owner: one frozen value for each thing that a switch said.

Numbers are turned into words here (a reason is "delete", not 2), but a flow stays the bytes that it is on the wire:
`slot` is the table, priority and match, for a group or meter its kind and number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from controller.model.events import PacketIn
from controller.openflow.errors import OfError

if TYPE_CHECKING:
    from controller.openflow.readback import Seen

Slot = bytes
Installed = dict[Slot, tuple[int, bytes, bytes]]  # slot -> (cookie, opts, body)
Counters = dict[Slot, tuple[int, int]]  # slot of a flow -> (packets, bytes)
Thing = tuple[bytes, bytes, bytes, *tuple[Any, ...]]  # what shall be: slot, body, opts; what follows is the caller's
Change = tuple[Slot, int, Thing | None]  # slot, cookie, what shall stand there (None = nothing)


@dataclass(frozen=True, slots=True)
class PortDesc:
    """A port as the switch describes it. `up` needs both the administrator's wish and a carrier."""

    port: int
    name: str
    mac: bytes
    up: bool
    speed: int | None  # bit/s; None where the switch does not know it


@dataclass(frozen=True, slots=True)
class Features:
    """What the switch can do."""

    tables: int
    capabilities: int
    max_meter: int  # highest meter id; 0 = no meters
    max_bands: int


@dataclass(frozen=True, slots=True)
class Description:
    """Who made the switch, in its own words."""

    manufacturer: str = ""
    hardware: str = ""
    software: str = ""
    serial: str = ""
    datapath: str = ""

    def __str__(self) -> str:
        return ", ".join(part for part in (self.manufacturer, self.hardware, self.software) if part and part != "None")


@dataclass(frozen=True, slots=True)
class Ready:
    """The handshake is over: the switch may be read and written."""

    dpid: int
    features: Features
    ports: tuple[PortDesc, ...]
    description: Description


@dataclass(frozen=True, slots=True)
class PortStatus:
    """A port came, went or changed."""

    reason: str  # add | delete | modify
    port: PortDesc


@dataclass(frozen=True, slots=True)
class FlowRemoved:
    """A flow that asked for it (flag SEND_FLOW_REM) is gone."""

    slot: Slot
    cookie: int
    reason: str  # idle | hard | delete | group | meter | eviction
    packets: int
    bytes: int


@dataclass(frozen=True, slots=True)
class FlowChanged:
    """The flow monitor saw a change that is not from this connection.

    "resumed" comes after "paused": the switch had left out details while its buffer was full, so read back.
    """

    kind: str  # added | removed | modified | paused | resumed
    slot: Slot | None = None
    cookie: int = 0
    reason: str = ""  # of "removed": as FlowRemoved.reason


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What the switch holds, of the kinds that were asked for; where it is the `same` as the last time, only its counters."""

    kinds: tuple[str, ...]
    installed: Installed
    counters: Counters
    meters: Installed  # those of `installed` that are meters
    same: bool = False
    seen: Seen | None = None  # by which the next reading may see that it is the same


@dataclass(frozen=True, slots=True)
class Pushed:
    """The changes are in force (no errors), or none of them is. Where they went loose, those without an error are.

    An error's index is that of the change that caused it; -1 where the switch blamed the bundle as a whole.
    """

    changes: list[Change]
    errors: list[tuple[int, OfError]]


class PortCounters(NamedTuple):
    """Counters of a port; None = the switch does not count this."""

    rx_packets: int | None
    tx_packets: int | None
    rx_bytes: int | None
    tx_bytes: int | None
    rx_dropped: int | None
    tx_dropped: int | None
    rx_errors: int | None
    tx_errors: int | None


@dataclass(frozen=True, slots=True)
class PortStats:
    """Counters of every port, by port number."""

    ports: dict[int, PortCounters]


@dataclass(frozen=True, slots=True)
class MeterStats:
    """What each meter has dropped since it was put there, by its slot: (frames, bytes)."""

    dropped: Counters


@dataclass(frozen=True, slots=True)
class RoleChanged:
    """This connection's role: an answer to `set_role`, or what another controller's claim made of it."""

    role: str  # equal | master | slave
    generation: int
    reason: str = ""  # "" for an answer; else claimed | configured | expired


@dataclass(frozen=True, slots=True)
class ErrorMessage:
    """The switch refused something that is not part of a push; `request` says what, as far as it is known."""

    error: OfError
    request: str = ""


@dataclass(frozen=True, slots=True)
class Malformed:
    """An asynchronous message could not be read. It was left out; the connection goes on."""

    what: str


Event = (
    PacketIn
    | PortStatus
    | FlowRemoved
    | FlowChanged
    | ReadBack
    | Pushed
    | PortStats
    | MeterStats
    | RoleChanged
    | ErrorMessage
    | Malformed
    | Ready
)
