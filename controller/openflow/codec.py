"""The messages of the handshake and other rare ones: os-ken makes them, and what each bridge tells of itself is read here.

Hello is ours, os-ken leaves its bitmap out. A thousand bridges may connect at once, so nothing is parsed into objects.

Readers raise ValueError or struct.error on what they cannot read: what that means for the connection is for the session to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct, pack, unpack_from

from controller.openflow import osken
from controller.openflow.events import Description, PortDesc, PortStatus, RoleChanged
from controller.openflow.osken import V13, V14

PROTOCOL = {V14: "1.4", V13: "1.3"}

HELLO, ERROR, ECHO_REQUEST, ECHO_REPLY, EXPERIMENTER, FEATURES_REQUEST, FEATURES_REPLY = range(7)
SET_CONFIG, PACKET_IN, FLOW_REMOVED, PORT_STATUS, PACKET_OUT, FLOW_MOD, GROUP_MOD = 9, 10, 11, 12, 13, 14, 15
MULTIPART_REQUEST, MULTIPART_REPLY, BARRIER_REQUEST, BARRIER_REPLY = 18, 19, 20, 21
ROLE_REQUEST, ROLE_REPLY, METER_MOD, ROLE_STATUS, TABLE_STATUS, REQUEST_FORWARD = 24, 25, 29, 30, 31, 32
BUNDLE_CONTROL, BUNDLE_ADD = 33, 34

MP_DESC, MP_FLOW, MP_PORT_STATS, MP_GROUP_DESC, MP_METER = 0, 1, 4, 7, 9
MP_METER_CONFIG, MP_METER_FEATURES, MP_PORT_DESC, MP_FLOW_MONITOR = 10, 11, 13, 16
MORE = 1  # multipart flag: another part follows

ANY = 0xFFFFFFFF
NO_BUFFER = 0xFFFFFFFF
EMPTY_MATCH = pack("!HH4x", 1, 4)
ROLES = ("nochange", "equal", "master", "slave")
_PORT_DOWN = _LINK_DOWN = 1
_ETHERNET, _ETHERNET_SIZE = 0, 32
_FEATURES = Struct("!Q4xBB2xI").unpack_from
_DESCRIPTION = Struct("!256s256s256s32s256s").unpack_from
_METER_FEATURES = Struct("!I8xB").unpack_from
_PORT_13 = Struct("!I4x6s2x16sII16xI4x").unpack_from
_PORT_14 = Struct("!I4x6s2x16sII").unpack_from
_PORT_13_SIZE, _PORT_14_SIZE = 64, 40
SENT = {  # what a controller sends, in words
    PACKET_OUT: "packet-out",
    FLOW_MOD: "flow-mod",
    GROUP_MOD: "group-mod",
    METER_MOD: "meter-mod",
    SET_CONFIG: "set-config",
    BUNDLE_CONTROL: "bundle",
    BUNDLE_ADD: "bundle",
    ROLE_REQUEST: "role",
    MULTIPART_REQUEST: "multipart request",
    EXPERIMENTER: "conntrack flush",
}


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


def question(version: int, kind: str, xid: int) -> bytes:
    """A question of the handshake: "features", "description", "ports" or "meters"."""
    switch = osken.peer(version)
    p = switch.ofproto_parser
    requests = {
        "features": lambda: p.OFPFeaturesRequest(switch),
        "description": lambda: p.OFPDescStatsRequest(switch, 0),
        "ports": lambda: p.OFPPortDescStatsRequest(switch, 0),
        "meters": lambda: p.OFPMeterFeaturesStatsRequest(switch, 0),
    }
    return osken.build(requests[kind](), xid)


def set_config(version: int, xid: int, miss_send_len: int) -> bytes:
    """How much of a frame a table miss sends to us."""
    switch = osken.peer(version)
    return osken.build(switch.ofproto_parser.OFPSetConfig(switch, switch.ofproto.OFPC_FRAG_NORMAL, miss_send_len), xid)


def read_features(reply: bytes) -> tuple[int, int, int, int]:
    """(dpid, tables, auxiliary id, capabilities) of a features reply."""
    dpid, tables, auxiliary, capabilities = _FEATURES(_checked(reply, FEATURES_REPLY), 8)
    return dpid, tables, auxiliary, capabilities


def read_description(reply: bytes) -> Description:
    """Who made the switch."""
    return Description(*map(_text, _DESCRIPTION(_checked(reply, MULTIPART_REPLY, MP_DESC), 16)))


def read_meter_features(reply: bytes) -> tuple[int, int]:
    """(highest meter id, most bands of a meter)."""
    highest, bands = _METER_FEATURES(_checked(reply, MULTIPART_REPLY, MP_METER_FEATURES), 16)
    return highest, bands


def _checked(message: bytes, kind: int, multipart: int | None = None) -> bytes:
    """The message, which has to be of this type."""
    if message[1] != kind or (multipart is not None and message[8:10] != multipart.to_bytes(2, "big")):
        raise ValueError("it is of another type than was asked for")
    return message


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "replace")


# ---------------------------------------------------------------- ports


def read_ports(reply: bytes) -> list[PortDesc]:
    """The ports of one part of a port description reply."""
    pos, end, ports = 16, len(_checked(reply, MULTIPART_REPLY, MP_PORT_DESC)), []
    while pos < end:
        size = int.from_bytes(reply[pos + 4 : pos + 6], "big") if reply[0] == V14 else _PORT_13_SIZE
        ports.append(_port(reply, pos, size))
        pos += size
    return ports


def _port(message: bytes, pos: int, size: int) -> PortDesc:
    """The port of `size` bytes that begins there."""
    if size < _PORT_14_SIZE or pos + size > len(message):
        raise ValueError(f"a port of {size} bytes where {len(message) - pos} are left")
    if message[0] == V14:
        number, mac, name, config, state = _PORT_14(message, pos)
        speed = _speed(message, pos + _PORT_14_SIZE, pos + size)
    else:
        number, mac, name, config, state, speed = _PORT_13(message, pos)
    return PortDesc(number, _text(name), mac, not (config & _PORT_DOWN or state & _LINK_DOWN), speed * 1000 or None)


def _speed(message: bytes, pos: int, end: int) -> int:
    """In kbit/s, which 1.4 has in a property of the port; 0 where it has none."""
    while pos + 4 <= end:
        kind, length = unpack_from("!HH", message, pos)
        if length < (_ETHERNET_SIZE if kind == _ETHERNET else 4) or pos + length > end:
            raise ValueError(f"a property of {length} bytes where {end - pos} are left")
        if kind == _ETHERNET:
            return int.from_bytes(message[pos + 24 : pos + 28], "big")
        pos += length + 7 & ~7
    return 0


def read_port_status(update: bytes) -> PortStatus:
    """A port came, went or changed."""
    size = len(_checked(update, PORT_STATUS)) - 16
    return PortStatus(("add", "delete", "modify")[min(update[8], 2)], _port(update, 16, size))


# ---------------------------------------------------------------- role


def role_request(version: int, xid: int, role: str, generation: int) -> bytes:
    """Ask for a role; "nochange" only asks which one it is."""
    switch = osken.peer(version)
    return osken.build(switch.ofproto_parser.OFPRoleRequest(switch, ROLES.index(role), generation), xid)


def read_role(reply: bytes) -> RoleChanged:
    """The answer to a role request."""
    role, generation = unpack_from("!I4xQ", _checked(reply, ROLE_REPLY), 8)
    return RoleChanged(_role(role), generation)


def read_role_status(update: bytes) -> RoleChanged:
    """Another controller's claim (or the switch's owner) changed our role."""
    status = osken.parse(update, ROLE_STATUS)
    return RoleChanged(_role(status.role), status.generation_id, ("claimed", "configured", "expired")[min(status.reason, 2)])


def _role(number: int) -> str:
    if number >= len(ROLES):
        raise ValueError(f"{number} is not a role")
    return ROLES[number]
