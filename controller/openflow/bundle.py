"""A set of changes as one OpenFlow bundle: all of it comes into force, or nothing.

Open vSwitch goes on with a bundle after it refused one of its messages, and would commit the rest. So the bundle is closed
first: the answer to that is a barrier, and the errors that came before it decide between commit and discard. Each message has
a transaction id of its own, by which an error leads back to its change.

Meters may not stand in a bundle: they are made before it is opened and deleted after it is committed, and a discarded bundle
puts them back as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from struct import Struct, pack, unpack_from
from struct import error as struct_error

from controller.openflow import codec
from controller.openflow.errors import ONF, OUR_OWN, OfError, ProtocolError
from controller.openflow.events import Change, ErrorMessage, Event, Pushed
from controller.openflow.osken import V13, V14
from controller.openflow.readback import GROUP, METER, NO_OPTS

CHUNK = 2000  # messages; the switch works on one chunk while the next is packed
OPEN, CLOSE, COMMIT, DISCARD = 0, 2, 4, 6  # control messages; the answer is one higher
_BARRIER = 7  # the step after them, which clears meters away
CONTROLS = 8  # transaction ids for all of these
BUNDLE = 1  # the id of every bundle: a switch has one at a time
_OF_BLOCKS = 1 << 31  # transaction ids from here on are those of blocks
_FLAGS = 3  # atomic, ordered
_ADD, _DELETE_STRICT, _ADD_OR_MODIFY, _DELETE, _MODIFY = 0, 4, 0x8000, 2, 1
_ENVELOPE_14 = Struct("!BBHII2xH").pack
_ENVELOPE_13 = Struct("!BBHIIII2xH").pack
_FLOW_MOD = Struct("!BBHIQ8xBB4s2s12s4s").pack
_MEMBER_14 = Struct("!2sHII2xH2sHIQ8xBx4s2s12s4s").pack  # envelope and flow-mod of an addition, up to its match
_ADD_14, _MOD_14 = bytes((V14, codec.BUNDLE_ADD)), bytes((V14, codec.FLOW_MOD))
_ANY = pack("!III", codec.NO_BUFFER, codec.ANY, codec.ANY)
TOO_LONG = OfError(OUR_OWN, 0, "too long", "it does not fit into one OpenFlow message (64 KiB)")
Failed = Callable[[int, OfError], None]


def control(version: int, xid: int, bundle: int, kind: int) -> bytes:
    """Open, close, commit or discard a bundle."""
    body = pack("!IHH", bundle, kind, _FLAGS)
    if version == V13:
        return codec.message(version, codec.EXPERIMENTER, xid, pack("!II", ONF, 2300) + body)
    return codec.message(version, codec.BUNDLE_CONTROL, xid, body)


def encode(version: int, bundle: int, first_xid: int, changes: Sequence[Change], failed: Failed | None = None) -> Iterator[bytes]:
    """The messages that put flow and group changes into a bundle, in chunks; the transaction ids count from `first_xid`.

    A change that does not fit into a message is left out and reported to `failed(index, error)`. Meters are skipped.
    """
    for start in range(0, len(changes), CHUNK):
        chunk: list[bytes] = []
        for xid, change in enumerate(changes[start : start + CHUNK], first_xid + start):
            slot, cookie, thing = change
            try:
                if thing is not None and version == V14 and slot[0] < METER:  # the usual case: packed at once
                    body, opts = thing[1], thing[2]
                    size = 45 + len(slot) + len(body)
                    place = slot[0], opts[:4], slot[1:3], _ANY, opts[4:]
                    head = _MEMBER_14(_ADD_14, 16 + size, xid, bundle, _FLAGS, _MOD_14, size, xid, cookie, *place)
                    chunk += head, slot[3:], body
                else:
                    chunk.append(_member(version, bundle, xid, change))
            except struct_error:
                if failed is None:
                    raise
                failed(xid - first_xid, TOO_LONG)
        yield b"".join(chunk)


def _member(version: int, bundle: int, xid: int, change: Change) -> bytes:
    """The message that puts one change into a bundle; nothing for a meter."""
    slot = change[0]
    if slot[0] == METER:
        return b""
    mod = (group_mod if slot[0] == GROUP else flow_mod)(version, xid, change)
    return envelope(version, bundle, xid, len(mod)) + mod


def envelope(version: int, bundle: int, xid: int, size: int) -> bytes:
    """What goes in front of a message of `size` bytes that is put into a bundle."""
    if version == V13:
        return _ENVELOPE_13(version, codec.EXPERIMENTER, 24 + size, xid, ONF, 2301, bundle, _FLAGS)
    return _ENVELOPE_14(version, codec.BUNDLE_ADD, 16 + size, xid, bundle, _FLAGS)


def flow_mod(version: int, xid: int, change: Change) -> bytes:
    """Add or replace a flow, or delete exactly that one. (Adding what is there keeps its counters.)"""
    slot, cookie, thing = change
    match = slot[3:]
    body, opts, command = (thing[1], thing[2], _ADD) if thing is not None else (b"", NO_OPTS, _DELETE_STRICT)
    size = 48 + len(match) + len(body)
    head = _FLOW_MOD(version, codec.FLOW_MOD, size, xid, cookie, slot[0], command, opts[:4], slot[1:3], _ANY, opts[4:])
    return head + match + body


def group_mod(version: int, xid: int, change: Change) -> bytes:
    """Make, replace or delete a group."""
    slot, _, thing = change
    if thing is None:
        return codec.message(version, codec.GROUP_MOD, xid, pack("!HBx", _DELETE, 0) + slot[1:])
    body = thing[1]
    return codec.message(version, codec.GROUP_MOD, xid, pack("!HBx", _ADD_OR_MODIFY, body[0]) + slot[1:] + body[1:])


def meter_mod(version: int, xid: int, slot: bytes, body: bytes | None, known: bool) -> bytes:
    """Make a meter, change one that is `known` to the switch, or delete it (no body)."""
    if body is None:
        return codec.message(version, codec.METER_MOD, xid, pack("!HH", _DELETE, 0) + slot[1:])
    return codec.message(version, codec.METER_MOD, xid, pack("!H", _MODIFY if known else _ADD) + body[:2] + slot[1:] + body[2:])


class Block:
    """New flows that many switches are sent: packed once for all of them."""

    def __init__(self, number: int, changes: list[Change]) -> None:
        """`number`: how many such changes there were before it. Each fits into a message."""
        self.first_xid = _OF_BLOCKS | number % (_OF_BLOCKS >> 1)
        self.changes = changes
        self._packed: dict[int, bytes] = {}

    def packed(self, version: int) -> bytes:
        """The messages that put them into a bundle."""
        found = self._packed.get(version)
        if found is None:
            found = self._packed[version] = b"".join(encode(version, BUNDLE, self.first_xid, self.changes))
        return found


class Push:
    """A set of changes on its way, from the first meter to the answer of the last barrier."""

    what = "bundle"

    def __init__(
        self, version: int, first_xid: int, changes: list[Change], meters: dict[bytes, bytes], blocks: Sequence[Block] = ()
    ) -> None:
        """The last of the changes are those of the blocks."""
        self._version, self._first, self._changes, self._blocks = version, first_xid, changes, blocks
        self._own = len(changes) - sum(len(block.changes) for block in blocks)  # how many are packed for this switch
        own = changes[: self._own] if blocks else changes
        self.meters = {change[0]: index for index, change in enumerate(own) if change[0][0] == METER}  # with their index
        self._meters = meters  # what the switch holds; brought up to date by `_finish`
        self._errors: list[tuple[int, OfError]] = []
        self._phase = CLOSE  # the control message whose answer is awaited

    def has(self, xid: int) -> bool:
        """Whether this is one of its transaction ids."""
        return 0 <= xid - self._first < self._own + CONTROLS or self._index(xid) is not None

    def _index(self, xid: int) -> int | None:
        """The change with this transaction id."""
        if 0 <= xid - self._first < self._own:
            return xid - self._first
        start = self._own
        for block in self._blocks:
            if 0 <= xid - block.first_xid < len(block.changes):
                return start + xid - block.first_xid
            start += len(block.changes)
        return None

    def messages(self) -> Iterator[bytes]:
        """Everything up to the question whether it can be committed."""
        opening = self._meter_mods()
        opening.append(control(self._version, self._control_xid(OPEN), BUNDLE, OPEN))
        yield b"".join(opening)
        own = self._changes[: self._own] if self._blocks else self._changes
        yield from encode(self._version, BUNDLE, self._first, own, self._fail)
        for block in self._blocks:
            yield block.packed(self._version)
        yield control(self._version, self._control_xid(CLOSE), BUNDLE, CLOSE)

    def reply(self, message: bytes, events: list[Event]) -> list[bytes]:
        """Take an answer; what is to be sent next."""
        if message[1] == codec.BARRIER_REPLY:
            answered = _BARRIER
        else:
            answered = unpack_from("!H", message, 20 if self._version == V13 else 12)[0] - 1
        if answered == OPEN:
            return []
        if answered != self._phase:
            raise ProtocolError("the switch answers about a bundle what it was not asked")
        return self._next(events)

    def refused(self, xid: int, error: OfError, events: list[Event]) -> list[bytes]:
        """Take an error; what is to be sent next."""
        index = self._index(xid)
        if self._phase == _BARRIER:  # all is decided: this is about a meter that is being cleared away
            events.append(ErrorMessage(error, "meter-mod"))
            return []
        if index is not None:
            self._fail(index, error)
            return []
        if not self._errors:
            self._fail(-1, error)
        if xid == self._control_xid(OPEN):
            return []
        if self._phase == COMMIT:
            self._phase = DISCARD  # a commit that fails has discarded everything
        return self._next(events)

    def _fail(self, index: int, error: OfError) -> None:
        self._errors.append((index, error))

    def _next(self, events: list[Event]) -> list[bytes]:
        """The step after the awaited one."""
        if self._phase == CLOSE:
            self._phase = DISCARD if self._errors else COMMIT
            return [control(self._version, self._control_xid(self._phase), BUNDLE, self._phase)]
        if self._phase == _BARRIER:
            events.append(Pushed(self._changes, self._errors))
            return []
        if self._phase == COMMIT and self._errors:
            raise ProtocolError(f"the switch committed a bundle after it refused a part of it: {self._errors[0][1]}")
        rest = self._undo_meters() if self._phase == DISCARD else self._keep_meters()
        if not rest:
            events.append(Pushed(self._changes, self._errors))
            return []
        self._phase = _BARRIER
        return [*rest, codec.message(self._version, codec.BARRIER_REQUEST, self._control_xid(_BARRIER))]

    def _control_xid(self, kind: int) -> int:
        return self._first + self._own + kind

    def _meter_mods(self) -> list[bytes]:
        out = []
        for slot, index in self.meters.items():
            if (thing := self._changes[index][2]) is not None:
                try:
                    out.append(meter_mod(self._version, self._first + index, slot, thing[1], slot in self._meters))
                except struct_error:
                    self._fail(index, TOO_LONG)
        return out

    def _undo_meters(self) -> list[bytes]:
        """Meters as they were before."""
        failed = {index for index, _ in self._errors}
        xid = self._control_xid(_BARRIER)
        return [
            meter_mod(self._version, xid, slot, self._meters.get(slot), True)
            for slot, index in self.meters.items()
            if self._changes[index][2] is not None and index not in failed
        ]

    def _keep_meters(self) -> list[bytes]:
        """The changes are in force: remember the meters, and delete those that are no longer wanted."""
        out = []
        for slot, index in self.meters.items():
            if (thing := self._changes[index][2]) is not None:
                self._meters[slot] = thing[1]
            else:
                self._meters.pop(slot, None)
                out.append(meter_mod(self._version, self._control_xid(_BARRIER), slot, None, True))
        return out
