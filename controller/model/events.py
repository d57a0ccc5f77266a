"""What happens, as apps are told of it. `@on(PortDown)` subscribes a handler.

Everything but `PacketIn` goes to every app that asks for it. A packet-in goes to one app: the one whose flow
sent the frame up, found by the flow's cookie.
"""

from __future__ import annotations

from dataclasses import dataclass

from controller.model.address import Mac
from controller.model.rows import Host, Row

IN_PORT_TLV = 0x80000004
NETWORK_TLV = 0x00010004
_NETWORK = NETWORK_TLV.to_bytes(4, "big")


class PacketIn:
    """A frame that a flow of this app copied to the controller.

    `data` is the frame (perhaps only its first bytes), `in_port` the port it came in by, `table` the table and
    `cookie` the cookie of the flow that sent it. Headers are read when asked for, never before.
    """

    __slots__ = ("_data", "bridge", "cookie", "in_port", "match", "reason", "table")

    def __init__(
        self, bridge: str, in_port: int, data: bytes, cookie: int = 0, table: int = 0, reason: int = 0, match: bytes = b""
    ) -> None:
        self.bridge = bridge
        self.in_port = in_port
        self._data = data
        self.cookie = cookie
        self.table = table
        self.reason = reason
        self.match = match

    @property
    def data(self) -> bytes:
        """The frame, perhaps only its first bytes."""
        return self._data

    @property
    def eth_dst(self) -> Mac:
        """Destination address of the frame."""
        return bytes.__new__(Mac, self._data[:6])

    @property
    def eth_src(self) -> Mac:
        """Source address of the frame."""
        return bytes.__new__(Mac, self._data[6:12])

    @property
    def eth_type(self) -> int:
        """EtherType, 16 bits; 0x8100 where the frame carries a VLAN tag."""
        return int.from_bytes(self._data[12:14], "big")

    @property
    def network(self) -> int:
        """The number in the network register when the frame was sent up, 0 where it was not set."""
        pos, tlvs = 0, self.match
        if tlvs[8:12] == _NETWORK and tlvs[3] == 4:  # behind the port, where it nearly always is
            return int.from_bytes(tlvs[12:16], "big")
        while pos + 4 <= len(tlvs):
            header = int.from_bytes(tlvs[pos : pos + 4], "big")
            if header == NETWORK_TLV:
                return int.from_bytes(tlvs[pos + 4 : pos + 8], "big")
            pos += 4 + (header & 0xFF)
        return 0

    def __repr__(self) -> str:
        return f"PacketIn({self.bridge} port {self.in_port}, {self.eth_src} > {self.eth_dst}, {len(self._data)} bytes)"


def frame_of(packet: PacketIn) -> bytes:
    """The frame of a packet-in, for who does not look into it: it is sent on as it is."""
    return packet._data


@dataclass(frozen=True, slots=True)
class BridgeUp:
    """A bridge connected, and its ports are known."""

    bridge: str


@dataclass(frozen=True, slots=True)
class Greeted:
    """A bridge that connected has been sent the flows of rules that are `first`: frames that are sent now arrive after them."""

    bridge: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """A bridge that connected holds the flows of the rules that are `first`, and nothing that is in their way."""

    bridge: str


@dataclass(frozen=True, slots=True)
class Installed:
    """A bridge that connected holds everything that it should, for the first time since."""

    bridge: str


@dataclass(frozen=True, slots=True)
class BridgeDown:
    """A bridge went away; its flows go on working without us."""

    bridge: str
    reason: str


@dataclass(frozen=True, slots=True)
class PortUp:
    """A port appeared or its link came up."""

    bridge: str
    port: int


@dataclass(frozen=True, slots=True)
class PortDown:
    """A port lost its link or was removed."""

    bridge: str
    port: int


@dataclass(frozen=True, slots=True)
class FlowExpired:
    """A flow with `idle=` or `hard=` timed out on `bridge`. `row` is the row that the flow was made for."""

    bridge: str
    row: Row


@dataclass(frozen=True, slots=True)
class Metered:
    """A meter that was made for `row` dropped `frames` in the last `seconds`; 0 once, when it has stopped.

    For the app alone whose meter it is.
    """

    bridge: str
    row: Row
    frames: int
    seconds: float


@dataclass(frozen=True, slots=True)
class MovedLongAgo:
    """A move of a host is so long ago that it does not count any more."""

    network: str
    mac: Mac


@dataclass(frozen=True, slots=True)
class Introduced:
    """All hypervisors know a host by now, at the place where it was learned."""

    host: Host


@dataclass(frozen=True, slots=True)
class Thawed:
    """A host that moved too often was kept on its port for long enough."""

    network: str
    mac: Mac
