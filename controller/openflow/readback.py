"""What a switch holds, from its replies: flows, groups and meters as the same bytes that were sent.

An entry is cut at its fixed offsets and never decoded, so 100,000 flows are read in a fraction of a second and are
compared with what should be there by `==`.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from struct import Struct, pack, unpack_from

from controller.openflow import codec
from controller.openflow.errors import OfError, ProtocolError
from controller.openflow.events import Counters, Event, Installed, MeterStats, PortCounters, PortStats, ReadBack
from controller.openflow.osken import V13
from controller.openflow.request import Request

GROUP, METER = 255, 254  # first byte of the slot of a group, of a meter; else the table
NO_OPTS = bytes(8)
NOTHING = (0, 0)  # counters of all flows that nothing has passed: one value for all of them
_FLOW = Struct("!HB45xHH").unpack_from  # length, table, ..., length of the match
_FLOW_FIXED = 48  # bytes in front of the match
_COOKIE_AND_COUNTS = Struct("!QQQ").unpack_from
_COUNTS = Struct("!QQ")
_PORT_13 = Struct("!I4x8Q").unpack_from
_PORT_14 = Struct("!HxxI8x8Q").unpack_from
_METER = Struct("!IH").unpack_from  # id, length
_METER_FIXED = 40  # bytes in front of the counters of the bands
_ONE_BAND = _METER_FIXED + _COUNTS.size
_BURST, _BAND = 4, 16  # meter flag: burst size is meant; bytes of a band
_UNKNOWN = (1 << 64) - 1


def read_flows(reply: bytes, installed: Installed, counters: Counters) -> None:
    """The flows of one part of a flow statistics reply."""
    pos, end = 16, len(reply)
    entry, numbers, whole = _FLOW, _COOKIE_AND_COUNTS, end - _FLOW_FIXED - 8
    while pos < end:
        if pos > whole:
            raise ValueError(f"{end - pos} bytes left over after the last flow")
        length, _, _, matched = entry(reply, pos)
        body = pos + 48 + (matched + 7 & ~7)
        after = pos + length
        if body > after or after > end or matched < 4:
            raise ValueError(f"a flow of {length} bytes with a match of {matched} where {end - pos} are left")
        slot = reply[pos + 2 : pos + 3] + reply[pos + 12 : pos + 14] + reply[pos + 48 : body]
        cookie, packets, count = numbers(reply, pos + 24)
        installed[slot] = cookie, reply[pos + 14 : pos + 22], reply[body:after]
        counters[slot] = (packets, count) if packets or count else NOTHING
        pos = after


def read_groups(reply: bytes, installed: Installed) -> None:
    """The groups of one part of a group description reply. A group has no cookie: 0."""
    for pos, after in _entries(reply):
        installed[b"\xff" + reply[pos + 4 : pos + 8]] = 0, NO_OPTS, reply[pos + 2 : pos + 3] + reply[pos + 8 : after]


def read_meters(reply: bytes, installed: Installed) -> None:
    """The meters of one part of a meter configuration reply."""
    for pos, after in _entries(reply):
        bands = reply[pos + 8 : after]
        if not reply[pos + 3] & _BURST:
            bands = _without_burst(bands)
        installed[b"\xfe" + reply[pos + 4 : pos + 8]] = 0, NO_OPTS, reply[pos + 2 : pos + 4] + bands


def _without_burst(bands: bytes) -> bytes:
    """The bands with the burst size that was sent, 0: some datapaths fill in the rate where no burst was asked for."""
    if len(bands) % _BAND:
        raise ValueError(f"{len(bands)} bytes of meter bands")
    return b"".join(bands[pos : pos + 8] + bytes(4) + bands[pos + 12 : pos + _BAND] for pos in range(0, len(bands), _BAND))


def _entries(reply: bytes) -> list[tuple[int, int]]:
    """(start, end) of each entry that begins with its own length."""
    pos, end, found = 16, len(reply), []
    while pos < end:
        length = int.from_bytes(reply[pos : pos + 2], "big")
        if length < 8 or pos + length > end:
            raise ValueError(f"an entry of {length} bytes where {end - pos} are left")
        found.append((pos, pos + length))
        pos += length
    return found


def read_port_stats(version: int, reply: bytes, ports: dict[int, PortCounters]) -> None:
    """Counters of the ports in one part of a port statistics reply."""
    pos, end = 16, len(reply)
    while pos < end:
        if version == V13:
            number, *counts = _PORT_13(reply, pos)
            size = 112
        else:
            size, number, *counts = _PORT_14(reply, pos)
        if size < 80 or pos + size > end:
            raise ValueError(f"a port of {size} bytes where {end - pos} are left")
        known = [None if count == _UNKNOWN else count for count in counts] if _UNKNOWN in counts else counts
        ports[number] = PortCounters._make(known)
        pos += size


def read_meter_stats(reply: bytes, dropped: Counters) -> None:
    """What the bands of each meter dropped, in one part of a meter statistics reply."""
    pos, end = 16, len(reply)
    while pos < end:
        number, size = _METER(reply, pos)
        if size == _ONE_BAND and pos + size <= end:  # as ours have
            dropped[b"\xfe" + reply[pos : pos + 4]] = _COUNTS.unpack_from(reply, pos + _METER_FIXED)
            pos += size
            continue
        if size < _METER_FIXED or (size - _METER_FIXED) % _COUNTS.size or pos + size > end:
            raise ValueError(f"a meter of {size} bytes where {end - pos} are left")
        bands = list(_COUNTS.iter_unpack(reply[pos + _METER_FIXED : pos + size]))
        dropped[pack("!BI", METER, number)] = sum(frames for frames, _ in bands), sum(count for _, count in bands)
        pos += size


@lru_cache(maxsize=64)
def _cut(lengths: tuple[int, ...]) -> Struct:
    """Cuts a reply with flows of these lengths: what stays as it is, without the age of each flow, and its counters apart."""
    rests = [f"{length - 48 + 4}s" for length in lengths[:-1]] + [f"{length - 48}s" for length in lengths[-1:]]
    return Struct("!16x" + ("4s" if lengths else "") + "".join(f"8x20s16s{rest}" for rest in rests))


class Seen:
    """What a switch held when it was last read, as digests: enough to see in a few calls that nothing but counters is new.

    Only where each kind came in one message: what takes more is read anew each time.
    """

    __slots__ = ("_counters", "_counts", "_cut", "_digests")

    def __init__(self, messages: dict[str, bytes], counters: Counters) -> None:
        """`messages` by kind, flows among them; `counters` of the flows in their order."""
        flows = messages["flow"]
        pos, lengths = 16, []
        while pos < len(flows):
            lengths.append(int.from_bytes(flows[pos : pos + 2], "big"))
            pos += lengths[-1]
        self._cut, self._counters = _cut(tuple(lengths)), counters
        self._digests = {kind: _digest(message[8:]) for kind, message in messages.items()}
        pieces = self._cut.unpack(flows)
        self._digests["flow"] = self._of_flows(pieces)
        self._counts = b"".join(pieces[2::3])

    @staticmethod
    def _of_flows(pieces: tuple[bytes, ...]) -> bytes:
        return _digest(b"".join((*pieces[0::3], *pieces[1::3])))

    def same(self, kind: str, message: bytes, counters: Counters) -> bool:
        """True where a message tells what is known; then the counters in it are put to the others."""
        if kind != "flow":
            return self._digests.get(kind) == _digest(message[8:])
        if len(message) != self._cut.size:
            return False
        pieces = self._cut.unpack(message)
        if self._of_flows(pieces) != self._digests[kind]:
            return False
        counters.update(self._counters)
        counts = b"".join(pieces[2::3])
        if counts != self._counts:
            self._count(counts, counters)
        self._counts, self._counters = counts, counters
        return True

    def _count(self, counts: bytes, counters: Counters) -> None:
        """Note the counters that are not as they were: of most flows they are."""
        before = self._counts
        for slot, pos in zip(self._counters, range(0, len(counts), _COUNTS.size), strict=True):
            if counts[pos : pos + 16] != before[pos : pos + 16]:
                counters[slot] = _COUNTS.unpack_from(counts, pos)

    def share(self, counters: Counters) -> None:
        """Keep these counters in place of those that were read: equal, in the same order, with slots that are kept anyway."""
        self._counters = counters


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()


class Reading(Request):
    """A read-back under way: one request for each kind, and what came so far. `seen`: what need not be told again."""

    what = "read-back"

    def __init__(self, version: int, kinds: tuple[str, ...], seen: Seen | None = None) -> None:
        self._version = version
        self._kinds = kinds
        self._seen = seen  # as long as all that came was seen before
        self._single: dict[str, bytes] | None = {}  # messages, as long as each kind came in one
        self._waits: dict[int, str] = {}
        self._installed: Installed = {}
        self._counters: Counters = {}
        self._meters: Installed = {}

    def requests(self, first_xid: int) -> list[bytes]:
        """A request for each kind, with consecutive transaction ids."""
        out = []
        for xid, kind in enumerate(self._kinds, first_xid):
            self._waits[xid] = kind
            number, body = _REQUESTS[kind]
            out.append(codec.multipart(self._version, number, xid, body))
        return out

    def reply(self, message: bytes, events: list[Event]) -> bool:
        """Take one part of a reply. True when that request has its last."""
        xid = int.from_bytes(message[4:8], "big")
        kind = self._waits[xid]
        if unpack_from("!H", message, 8)[0] != _REQUESTS[kind][0]:
            raise ProtocolError(f"the switch answered the read-back of its {kind}s with something else")
        last = not message[11] & codec.MORE
        if not (last and self._seen is not None and self._seen.same(kind, message, self._counters)):
            self._tell_all()
            self._read(kind, message)
        if self._single is not None:
            self._single[kind] = message
        if not last:
            self._single = None
            return False
        self._done(xid, events)
        return True

    def _tell_all(self) -> None:
        """Something is new: read what was passed over."""
        if self._seen is not None:
            self._seen = None
            for kind, message in (self._single or {}).items():
                self._read(kind, message)

    def _read(self, kind: str, message: bytes) -> None:
        if kind == "flow":
            read_flows(message, self._installed, self._counters)
        elif kind == "group":
            read_groups(message, self._installed)
        else:
            read_meters(message, self._meters)

    def refused(self, xid: int, error: OfError, events: list[Event]) -> None:
        """A switch without groups or meters holds none; without a flow table it is no switch."""
        if self._waits[xid] == "flow":
            raise ProtocolError(f"the switch does not tell its flows: {error}")
        self._done(xid, events)

    def _done(self, xid: int, events: list[Event]) -> None:
        del self._waits[xid]
        if self._waits:
            return
        same, seen = self._seen is not None, self._seen
        if not same and self._single and "flow" in self._single:
            seen = Seen(self._single, self._counters)
        self._installed |= self._meters
        events.append(ReadBack(self._kinds, self._installed, self._counters, self._meters, same, seen))


_REQUESTS = {
    "flow": (codec.MP_FLOW, pack("!B3xII4xQQ", 255, codec.ANY, codec.ANY, 0, 0) + codec.EMPTY_MATCH),
    "group": (codec.MP_GROUP_DESC, b""),
    "meter": (codec.MP_METER_CONFIG, pack("!I4x", codec.ANY)),
}


class PortCounting(Request):
    """A request for the counters of all ports under way."""

    what = "port counters"

    def __init__(self, version: int) -> None:
        self._version = version
        self._ports: dict[int, PortCounters] = {}

    def request(self, xid: int) -> bytes:
        """Ask for every port."""
        return codec.multipart(self._version, codec.MP_PORT_STATS, xid, pack("!I4x", codec.ANY))

    def reply(self, message: bytes, events: list[Event]) -> bool:
        """Take one part of the reply. True when it was the last."""
        if unpack_from("!H", message, 8)[0] != codec.MP_PORT_STATS:
            raise ProtocolError("the switch answered the question for port counters with something else")
        read_port_stats(self._version, message, self._ports)
        if message[11] & codec.MORE:
            return False
        events.append(PortStats(self._ports))
        return True


class MeterCounting(Request):
    """A request for what all meters have dropped under way."""

    what = "meter counters"

    def __init__(self, version: int) -> None:
        self._version = version
        self._dropped: Counters = {}

    def request(self, xid: int) -> bytes:
        """Ask for every meter."""
        return codec.multipart(self._version, codec.MP_METER, xid, pack("!I4x", codec.ANY))

    def reply(self, message: bytes, events: list[Event]) -> bool:
        """Take one part of the reply. True when it was the last."""
        if unpack_from("!H", message, 8)[0] != codec.MP_METER:
            raise ProtocolError("the switch answered the question for meter counters with something else")
        read_meter_stats(message, self._dropped)
        if message[11] & codec.MORE:
            return False
        events.append(MeterStats(self._dropped))
        return True
