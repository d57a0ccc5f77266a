"""OpenFlow errors in words: the name that Open vSwitch prints, and a sentence that says what it means.

The tables are written as `code NAME meaning`, a line each. OpenFlow 1.3 reports what 1.4 added (bundles) as experimenter
errors; these are turned into their 1.4 numbers, so that nobody else has to know.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from struct import unpack_from

EXPERIMENTER = 0xFFFF
ONF, NICIRA = 0x4F4E4600, 0x2320
OUR_OWN = -1  # type of an error that weft found before it sent anything


@dataclass(frozen=True, slots=True)
class OfError:
    """Why a message was refused."""

    type: int
    code: int
    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.name}: {self.text}"


class ProtocolError(Exception):
    """The peer does not speak OpenFlow as it must: its connection cannot go on. The text is the reason, for people."""


_TABLES = {
    0: (
        "OFPHFC",
        """
        0 INCOMPATIBLE no version of OpenFlow that both sides speak
        1 EPERM not permitted""",
    ),
    1: (
        "OFPBRC",
        """
        0 BAD_VERSION the version in the header is not supported
        1 BAD_TYPE the message type is not supported
        2 BAD_MULTIPART the multipart type is not supported
        3 BAD_EXPERIMENTER the experimenter is not supported
        4 BAD_EXP_TYPE the experimenter's message type is not supported
        5 EPERM not permitted
        6 BAD_LEN wrong length for this type of message
        7 BUFFER_EMPTY the buffer has been used already
        8 BUFFER_UNKNOWN the buffer does not exist
        9 BAD_TABLE_ID the table does not exist
        10 IS_SLAVE another controller is the master
        11 BAD_PORT the port does not exist or cannot be used here
        12 BAD_PACKET the frame in the packet-out is not valid
        13 MULTIPART_BUFFER_OVERFLOW the multipart request is too long""",
    ),
    2: (
        "OFPBAC",
        """
        0 BAD_TYPE unknown action
        1 BAD_LEN wrong length of an action
        2 BAD_EXPERIMENTER unknown experimenter in an action
        3 BAD_EXP_TYPE unknown experimenter action
        4 BAD_OUT_PORT the output port is not valid
        5 BAD_ARGUMENT bad argument of an action
        6 EPERM not permitted
        7 TOO_MANY too many actions
        8 BAD_QUEUE the output queue does not exist
        9 BAD_OUT_GROUP the group does not exist
        10 MATCH_INCONSISTENT the action needs a match on the protocol that it changes
        11 UNSUPPORTED_ORDER the actions cannot be done in this order
        12 BAD_TAG unknown tag or encapsulation
        13 BAD_SET_TYPE the field to set is unknown
        14 BAD_SET_LEN the action goes past the end of its field
        15 BAD_SET_ARGUMENT the field cannot take this value or is read-only
        16 BAD_SET_MASK a set-field action may not have a mask""",
    ),
    3: (
        "OFPBIC",
        """
        0 UNKNOWN_INST unknown instruction
        1 UNSUP_INST the table does not support the instruction
        2 BAD_TABLE_ID goto needs a later table that exists
        3 UNSUP_METADATA the metadata value is not supported
        4 UNSUP_METADATA_MASK the metadata mask is not supported
        5 BAD_EXPERIMENTER unknown experimenter in an instruction
        6 BAD_EXP_TYPE unknown experimenter instruction
        7 BAD_LEN wrong length of an instruction
        8 EPERM not permitted
        9 DUP_INST an instruction stands twice""",
    ),
    4: (
        "OFPBMC",
        """
        0 BAD_TYPE the kind of match is not supported
        1 BAD_LEN wrong length of the match
        2 BAD_TAG unknown tag or encapsulation in the match
        3 BAD_DL_ADDR_MASK this mask of an Ethernet address is not supported
        4 BAD_NW_ADDR_MASK this mask of a network address is not supported
        5 BAD_WILDCARDS this combination of wildcards is not supported
        6 BAD_FIELD unknown field in the match
        7 BAD_VALUE a field of the match cannot have this value
        8 BAD_MASK a field of the match cannot have this mask
        9 BAD_PREREQ a field needs another one in front of it (eth_type, ip_proto, vlan_vid)
        10 DUP_FIELD a field stands twice in the match
        11 EPERM not permitted""",
    ),
    5: (
        "OFPFMFC",
        """
        0 UNKNOWN the flow was refused, the switch does not say why
        1 TABLE_FULL the table is full
        2 BAD_TABLE_ID the table does not exist
        3 OVERLAP another flow of the same priority overlaps
        4 EPERM not permitted
        5 BAD_TIMEOUT the timeout is not supported
        6 BAD_COMMAND unknown flow-mod command
        7 BAD_FLAGS unknown flags""",
    ),
    6: (
        "OFPGMFC",
        """
        0 GROUP_EXISTS the group exists already
        1 INVALID_GROUP the group is not valid
        2 WEIGHT_UNSUPPORTED weights are not supported
        3 OUT_OF_GROUPS no room for another group
        4 OUT_OF_BUCKETS too many buckets
        5 CHAINING_UNSUPPORTED a group cannot lead to another group
        6 WATCH_UNSUPPORTED this port or group cannot be watched
        7 LOOP the groups would form a loop
        8 UNKNOWN_GROUP the group does not exist
        9 CHAINED_GROUP another group leads to this one
        10 BAD_TYPE unknown type of group
        11 BAD_COMMAND unknown group-mod command
        12 BAD_BUCKET a bucket is not valid
        13 BAD_WATCH the watched port or group is not valid
        14 EPERM not permitted""",
    ),
    7: (
        "OFPPMFC",
        """
        0 BAD_PORT the port does not exist
        1 BAD_HW_ADDR the address is not that of the port
        2 BAD_CONFIG the configuration is not valid
        3 BAD_ADVERTISE the advertised features are not valid
        4 EPERM not permitted""",
    ),
    8: (
        "OFPTMFC",
        """
        0 BAD_TABLE the table does not exist
        1 BAD_CONFIG the configuration is not valid
        2 EPERM not permitted""",
    ),
    9: (
        "OFPQOFC",
        """
        0 BAD_PORT the port does not exist
        1 BAD_QUEUE the queue does not exist
        2 EPERM not permitted""",
    ),
    10: (
        "OFPSCFC",
        """
        0 BAD_FLAGS the flags are not valid
        1 BAD_LEN the length is not valid
        2 EPERM not permitted""",
    ),
    11: (
        "OFPRRFC",
        """
        0 STALE another controller has claimed the role since (old generation)
        1 UNSUP changing roles is not supported
        2 BAD_ROLE unknown role""",
    ),
    12: (
        "OFPMMFC",
        """
        0 UNKNOWN the meter was refused, the switch does not say why
        1 METER_EXISTS the meter exists already
        2 INVALID_METER the meter id is not valid (is it above the highest that the switch has?)
        3 UNKNOWN_METER the meter does not exist
        4 BAD_COMMAND unknown meter-mod command
        5 BAD_FLAGS these flags are not supported
        6 BAD_RATE this rate is not supported
        7 BAD_BURST this burst is not supported
        8 BAD_BAND this kind of band is not supported
        9 BAD_BAND_VALUE this value of a band is not supported
        10 OUT_OF_METERS no room for another meter
        11 OUT_OF_BANDS too many bands""",
    ),
    13: (
        "OFPTFFC",
        """
        0 BAD_TABLE the table does not exist
        1 BAD_METADATA the metadata mask is not valid
        5 EPERM not permitted""",
    ),
    14: (
        "OFPBPC",
        """
        0 BAD_TYPE unknown property
        1 BAD_LEN wrong length of a property
        2 BAD_VALUE a property cannot have this value
        3 TOO_MANY too many properties
        4 DUP_TYPE a property stands twice
        5 BAD_EXPERIMENTER unknown experimenter in a property
        6 BAD_EXP_TYPE unknown experimenter property
        7 BAD_EXP_VALUE unknown value of an experimenter property
        8 EPERM not permitted""",
    ),
    15: (
        "OFPACFC",
        """
        0 INVALID a mask is not valid
        1 UNSUPPORTED the configuration is not supported
        2 EPERM not permitted""",
    ),
    16: (
        "OFPMOFC",
        """
        0 UNKNOWN the monitor was refused, the switch does not say why
        1 MONITOR_EXISTS the monitor exists already
        2 INVALID_MONITOR the monitor is not valid
        3 UNKNOWN_MONITOR the monitor does not exist
        4 BAD_COMMAND unknown monitor command
        5 BAD_FLAGS the flags are not supported
        6 BAD_TABLE_ID the table does not exist
        7 BAD_OUT bad output port or group""",
    ),
    17: (
        "OFPBFC",
        """
        0 UNKNOWN the bundle was refused, the switch does not say why
        1 EPERM not permitted
        2 BAD_ID the bundle does not exist
        3 BUNDLE_EXIST the bundle exists already
        4 BUNDLE_CLOSED the bundle is closed
        5 OUT_OF_BUNDLES too many bundles
        6 BAD_TYPE unknown bundle control
        7 BAD_FLAGS the flags are not supported
        8 MSG_BAD_LEN wrong length of a message in the bundle
        9 MSG_BAD_XID a message in the bundle has another transaction id than its envelope
        10 MSG_UNSUP this message may not stand in a bundle
        11 MSG_CONFLICT these messages may not stand in one bundle
        12 MSG_TOO_MANY too many messages in the bundle
        13 MSG_FAILED a message in the bundle was refused
        14 TIMEOUT the bundle takes too long
        15 BUNDLE_IN_PROGRESS another bundle is being committed""",
    ),
}

_NICIRA = {
    2: ("NXBRC_NXM_INVALID", "the match is not valid"),
    3: ("NXBRC_NXM_BAD_TYPE", "unknown field, mask or length in the match"),
    4: ("NXBRC_MUST_BE_ZERO", "a field that must be zero is not"),
    11: ("NXBAC_MUST_BE_ZERO", "an argument of an action that must be zero is not"),
    12: ("NXFMFC_HARDWARE", "the hardware refused the flow"),
    13: ("NXFMFC_BAD_TABLE_ID", "the table does not exist"),
    15: ("NXBAC_BAD_CONJUNCTION", "conjunction must stand alone, with 1 <= k <= n and 2 <= n <= 64"),
    22: ("OFPBFC_BAD_VERSION", "a message in the bundle has another version than its envelope"),
    34: ("NXR_NOT_SUPPORTED", "the datapath cannot resume a paused packet"),
    35: ("NXR_STALE", "the paused packet is no longer known"),
}


@cache
def describe(kind: int, code: int, vendor: int = 0) -> OfError:
    """The error with this type and code; `vendor` for experimenter errors, whose `code` is the experimenter's own."""
    if kind == EXPERIMENTER and vendor == ONF and 2300 <= code <= 2315:
        kind, code = 17, code - 2300
    if kind == EXPERIMENTER:
        name, text = _NICIRA.get(code, ("", "")) if vendor == NICIRA else ("", "")
        return OfError(kind, code, name or f"experimenter error {vendor:#x}/{code}", text or "the switch refused it")
    prefix, lines = _TABLES.get(kind, ("", ""))
    for line in lines.splitlines():
        number, _, rest = line.strip().partition(" ")
        if number == str(code):
            name, _, text = rest.partition(" ")
            return OfError(kind, code, f"{prefix}_{name}", text)
    return OfError(kind, code, f"error type {kind} code {code}", "the switch refused it")


def read_error(message: bytes) -> OfError:
    """The error in an OFPT_ERROR message."""
    kind, code = unpack_from("!HH", message, 8)
    vendor = unpack_from("!I", message, 12)[0] if kind == EXPERIMENTER else 0
    return describe(kind, code, vendor)


def said_text(message: bytes) -> str:
    """The text that comes with a hello-failed error, "" where there is none that can be printed."""
    text = message[12:].split(b"\0")[0].decode("ascii", "replace").strip()
    return text if text.isprintable() else ""
