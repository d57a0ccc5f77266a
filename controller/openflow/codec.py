"""The messages of the handshake and other rare ones, both ways.

Layouts are those of OpenFlow 1.4; where 1.3 differs (ports), the version decides. Readers raise ValueError or struct.error
on bytes that end too early or point beyond their end: what that means for the connection is for the session to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import pack, unpack_from

from controller.openflow.events import Description, PortDesc, PortStatus, RoleChanged

V13, V14 = 4, 5
PROTOCOL = {V14: "1.4", V13: "1.3"}

HELLO, ERROR, ECHO_REQUEST, ECHO_REPLY, EXPERIMENTER, FEATURES_REQUEST, FEATURES_REPLY = range(7)
SET_CONFIG, PACKET_IN, FLOW_REMOVED, PORT_STATUS, PACKET_OUT, FLOW_MOD, GROUP_MOD = 9, 10, 11, 12, 13, 14, 15
MULTIPART_REQUEST, MULTIPART_REPLY, BARRIER_REQUEST, BARRIER_REPLY = 18, 19, 20, 21
ROLE_REQUEST, ROLE_REPLY, METER_MOD, ROLE_STATUS, TABLE_STATUS, REQUEST_FORWARD = 24, 25, 29, 30, 31, 32
BUNDLE_CONTROL, BUNDLE_ADD = 33, 34

MP_DESC, MP_FLOW, MP_PORT_STATS, MP_GROUP_DESC, MP_METER_CONFIG, MP_METER_FEATURES, MP_PORT_DESC, MP_FLOW_MONITOR = (
    0,
    1,
    4,
    7,
    10,
    11,
    13,
    16,
)
MORE = 1  # multipart flag: another part follows

ANY = 0xFFFFFFFF
NO_BUFFER = 0xFFFFFFFF
EMPTY_MATCH = pack("!HH4x", 1, 4)
ROLES = ("nochange", "equal", "master", "slave")
_PORT_DOWN = _LINK_DOWN = 1
_ETHERNET = 0


def message(version: int, kind: int, xid: int, body: bytes = b"") -> bytes:
    """A whole message: header and body."""
    return pack("!BBHI", version, kind, 8 + len(body), xid) + body


def multipart(version: int, kind: int, xid: int, body: bytes = b"") -> bytes:
    """A multipart request."""
    return pack("!BBHIHH4x", version, MULTIPART_REQUEST, 16 + len(body), xid, kind, 0) + body


# ---------------------------------------------------------------- hello


def hello(xid: int) -> bytes:
    """Our hello: 1.4 in the header, 1.4 and 1.3 in the version bitmap."""
    return message(V14, HELLO, xid, pack("!HHI", 1, 8, 1 << V14 | 1 << V13))


def hello_failed(version: int, xid: int) -> bytes:
    """What a peer is told that speaks neither version, in the highest version that it does speak."""
    return message(version, ERROR, xid, pack("!HH", 0, 0) + b"weft speaks OpenFlow 1.4 and 1.3\0")


def agreed_version(theirs: bytes) -> int:
    """The version to speak with a peer that sent this hello; 0 where there is none in common."""
    for kind, element in _elements(theirs[8:]):
        if kind == 1:
            bitmap = unpack_from("!I", element)[0] if len(element) >= 4 else 0
            return next((v for v in (V14, V13) if bitmap >> v & 1), 0)
    return next((v for v in (V14, V13) if theirs[0] >= v), 0)


def _elements(body: bytes) -> Iterator[tuple[int, bytes]]:
    """The type-length-value elements of a hello or of a list of properties; padded to 8."""
    pos = 0
    while pos + 4 <= len(body):
        kind, length = unpack_from("!HH", body, pos)
        if length < 4 or pos + length > len(body):
            raise ValueError(f"an element of {length} bytes where {len(body) - pos} are left")
        yield kind, body[pos + 4 : pos + length]
        pos += length + 7 & ~7


# ---------------------------------------------------------------- what the switch is


def read_features(reply: bytes) -> tuple[int, int, int, int]:
    """(dpid, tables, auxiliary id, capabilities) of a features reply."""
    dpid, _, tables, auxiliary, capabilities, _ = unpack_from("!QIBB2xII", reply, 8)
    return dpid, tables, auxiliary, capabilities


def read_description(body: bytes) -> Description:
    """The body of a description reply."""
    parts = unpack_from("!256s256s256s32s256s", body)
    return Description(*(part.split(b"\0")[0].decode("utf-8", "replace") for part in parts))


def read_meter_features(body: bytes) -> tuple[int, int]:
    """(highest meter id, most bands of a meter)."""
    highest, _, _, bands, _ = unpack_from("!IIIBB", body)
    return highest, bands


# ---------------------------------------------------------------- ports


def read_ports(version: int, body: bytes) -> list[PortDesc]:
    """The ports of one part of a port description reply."""
    ports, pos = [], 0
    while pos < len(body):
        port, size = read_port(version, body, pos)
        ports.append(port)
        pos += size
    return ports


def read_port(version: int, body: bytes, pos: int) -> tuple[PortDesc, int]:
    """The port described at `pos`, and how many bytes that took."""
    if version == V13:
        number, mac, name, config, state, speed = unpack_from("!I4x6s2x16sII16xI4x", body, pos)
        size = 64
    else:
        number, size, mac, name, config, state = unpack_from("!IH2x6s2x16sII", body, pos)
        if size < 40 or pos + size > len(body):
            raise ValueError(f"a port of {size} bytes where {len(body) - pos} are left")
        speed = _speed(body[pos + 40 : pos + size])
    up = not (config & _PORT_DOWN or state & _LINK_DOWN)
    return PortDesc(number, name.split(b"\0")[0].decode("utf-8", "replace"), mac, up, speed * 1000 or None), size


def _speed(properties: bytes) -> int:
    """Current speed in kbit/s among the properties of a port, 0 where none tells."""
    for kind, data in _elements(properties):
        if kind == _ETHERNET and len(data) >= 24:
            return int.from_bytes(data[20:24], "big")
    return 0


def read_port_status(version: int, update: bytes) -> PortStatus:
    """A port came, went or changed."""
    reason = ("add", "delete", "modify")[min(update[8], 2)]
    port, _ = read_port(version, update, 16)
    return PortStatus(reason, port)


# ---------------------------------------------------------------- role


def role_request(version: int, xid: int, role: str, generation: int) -> bytes:
    """Ask for a role; "nochange" only asks which one it is."""
    return message(version, ROLE_REQUEST, xid, pack("!I4xQ", ROLES.index(role), generation))


def read_role(reply: bytes) -> RoleChanged:
    """The answer to a role request."""
    role, generation = unpack_from("!I4xQ", reply, 8)
    return RoleChanged(_role(role), generation)


def read_role_status(update: bytes) -> RoleChanged:
    """Another controller's claim (or the switch's owner) changed our role."""
    role, reason, generation = unpack_from("!IB3xQ", update, 8)
    return RoleChanged(_role(role), generation, ("claimed", "configured", "expired")[min(reason, 2)])


def _role(number: int) -> str:
    if number >= len(ROLES):
        raise ValueError(f"{number} is not a role")
    return ROLES[number]
