"""One connection to one switch as a state machine: bytes and time in, events and bytes out, no I/O.

    session = Session()
    session.start(now)
    ...                                   # whenever there is something in session.out or session.more(): send it
    events = session.receive(data, now)   # raises ProtocolError: close the connection, its text is the reason
    events = session.tick(now)            # about once a second

A peer that vanished without a word is gone in 10 s, also when its end of the connection is still half open (see `liveness`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from struct import Struct, pack
from struct import error as struct_error

from controller.openflow import codec, notices
from controller.openflow.answers import Known, answer
from controller.openflow.bundle import CONTROLS, Block, Push
from controller.openflow.ctflush import Tuple, ct_flush
from controller.openflow.errors import ONF, OfError, ProtocolError, read_error, said_text
from controller.openflow.events import Change, ErrorMessage, Event, FlowChanged, Malformed, Pushed, ReadBack, Ready, RoleChanged
from controller.openflow.framing import Framer
from controller.openflow.handshake import Handshake, negotiate
from controller.openflow.liveness import Liveness
from controller.openflow.loose import Loose
from controller.openflow.meters import Meters
from controller.openflow.osken import V14
from controller.openflow.readback import METER, MeterCounting, PortCounting, Reading, Seen
from controller.openflow.request import Request

HANDSHAKE_LIMIT = 10.0  # seconds for the whole handshake
ANSWER_LIMIT = 30.0  # seconds without progress of an answer
MAX_REPLY = 512 << 20  # bytes of one answer, all its parts together
_LAST_XID = 0x7FFFFFFF

_PACKET_OUT = Struct("!BBHIIIH6x").pack
_UNREADABLE = (ValueError, IndexError, struct_error)
_FLOW_MONITOR = pack("!H", codec.MP_FLOW_MONITOR)
_WATCHED = 2 | 4 | 8  # flow monitor: added, removed, modified


class _Wait:
    """A request and how its answer comes on."""

    __slots__ = ("request", "since", "size")

    def __init__(self, request: Request, since: float) -> None:
        self.request, self.since, self.size = request, since, 0


class _Role(Request):
    what = "role"

    def reply(self, message: bytes, events: list[Event]) -> bool:
        events.append(codec.read_role(message))
        return True


class Session:
    """A switch's connection, from its hello to its last word."""

    def __init__(self) -> None:
        self.out: list[bytes] = []  # to be sent, in order; whoever sends it empties it
        self.bridge = ""  # packet-ins are told from when this is set
        self.known: Known = {}  # packet-ins that are answered here
        self.version = 0
        self.ready = False
        self.dpid = 0
        self.role, self.generation = "equal", 0
        self.malformed = 0  # asynchronous messages that could not be read
        self._framer = Framer()
        self._xid = 0
        self._life = Liveness()
        self._started = 0.0
        self._waits: dict[int, _Wait] = {}
        self._handshake: Handshake | None = None
        self._push: Push | Loose | None = None
        self._pushed_at = 0.0
        self._chunks: Iterator[bytes] | None = None
        self._meters = Meters()
        self._seen: Seen | None = None  # what was last read
        self._monitor = -1  # transaction id of the request for the flow monitor

    # ------------------------------------------------------------ the connection

    @property
    def protocol(self) -> str:
        """The version in use, "1.4" or "1.3"; "" before it is agreed on."""
        return codec.PROTOCOL.get(self.version, "")

    def start(self, now: float) -> None:
        """The connection is open: say hello."""
        self._life.start(now)
        self._started = now
        self.out.append(codec.hello(self._next_xid()))

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Take bytes. Raises ProtocolError where the connection cannot go on; `out` may hold a last word then."""
        self._life.heard(now)
        events: list[Event] = []
        known, bridge = self.known, self.bridge
        for message in self._framer.feed(data):
            if message[1] == codec.PACKET_IN and bridge:
                try:
                    said = answer(known, message) if known and not events else None  # what was told before may change it
                    if said is None:
                        events.append(notices.read_packet_in(message, bridge))
                    elif said:
                        self.out.append(said)
                except _UNREADABLE as error:
                    self._unreadable(message, error, events)
            else:
                self._take(message, events)
        return events

    def tick(self, now: float) -> list[Event]:
        """Time goes on. Raises ProtocolError where the peer is silent, or does not answer, for too long."""
        ask = self._life.tick(now)
        now = self._life.now
        if not self.ready and now - self._started > HANDSHAKE_LIMIT:
            missing = self._handshake.missing if self._handshake else "hello"
            raise ProtocolError(f"the handshake is not over after {HANDSHAKE_LIMIT:.0f} s: the switch has not told {missing}")
        for wait in self._waits.values():
            if now - wait.since > ANSWER_LIMIT:
                raise ProtocolError(f"no answer to a {wait.request.what} for {ANSWER_LIMIT:.0f} s")
        if self._push is not None and now - self._pushed_at > ANSWER_LIMIT:
            raise ProtocolError(f"no answer to a {self._push.what} for {ANSWER_LIMIT:.0f} s")
        if ask and self.version:
            self.out.append(codec.message(self.version, codec.ECHO_REQUEST, self._next_xid()))
        return []

    # ------------------------------------------------------------ what the owner asks for

    def read_back(self, kinds: tuple[str, ...] = ("flow", "group", "meter"), *, news: bool = False) -> None:
        """Ask what the switch holds; a ReadBack comes later. `news`: it need not tell again what the last one told."""
        if not any(isinstance(wait.request, Reading) for wait in self._waits.values()):
            self._meters.asked(self._push.meters if self._push is not None else ())
        reading = Reading(self.version, kinds, self._seen if news else None)
        first = self._next_xid(len(kinds))
        self.out += reading.requests(first)
        for xid in range(first, first + len(kinds)):
            self._waits[xid] = _Wait(reading, self._life.now)

    @property
    def pushing(self) -> bool:
        """A push is under way: the next has to wait for its Pushed."""
        return self._push is not None

    def push(self, changes: list[Change], *, loose: bool = False, blocks: Sequence[Block] = ()) -> None:
        """Send changes as one, in this order; a Pushed comes later. One push at a time.

        `loose`: each for itself, which takes less time. `blocks`: the last of the changes, packed for other switches too. Meters
        are told apart into new and changed ones by what was read back and pushed before on this connection.
        """
        if self._push is not None:
            raise RuntimeError("a push is under way")
        first = self._next_xid(len(changes) + CONTROLS)
        if loose or (len(changes) == 1 and changes[0][0][0] != METER):
            self._push = Loose(self.version, first, changes, self._meters)
        else:
            self._push = Push(self.version, first, changes, self._meters, blocks)
        self._meters.pushed(self._push.meters)
        self._pushed_at = self._life.now
        self._chunks = self._push.messages()

    def more(self) -> bytes | None:
        """The next part of the push under way, packed when it is asked for; None where there is none (now)."""
        if self._chunks is None:
            return None
        self._pushed_at = self._life.now
        chunk = next(self._chunks, None)
        if chunk is None:
            self._chunks = None
        return chunk

    def packet_out(self, in_port: int, actions: bytes, frame: bytes) -> None:
        """Send a frame through the switch, as if it came in by `in_port` (0xfffffffd: from the controller)."""
        size = len(actions)
        self.out.append(
            _PACKET_OUT(self.version, codec.PACKET_OUT, 24 + size + len(frame), 0, codec.NO_BUFFER, in_port, size)
            + actions
            + frame
        )

    def flush_connections(self, zone: int, protocol: int, original: Tuple, reply: Tuple) -> None:
        """Let the switch forget tracked connections (see `ctflush`); one that cannot answers with an ErrorMessage."""
        self.out.append(ct_flush(self.version, self._next_xid(), zone, protocol, original, reply))

    def request_port_stats(self) -> None:
        """Ask for the counters of all ports; a PortStats comes later."""
        counting = PortCounting(self.version)
        xid = self._ask(counting)
        self.out.append(counting.request(xid))

    def request_meter_stats(self) -> None:
        """Ask what meters have dropped; a MeterStats comes later. A switch that has no meter is not asked."""
        if self._meters:
            counting = MeterCounting(self.version)
            self.out.append(counting.request(self._ask(counting)))

    def watch_flows(self) -> bool:
        """Be told (FlowChanged) of every change that is not from this connection.

        False where 1.3 is spoken, which has no such thing: read back from time to time instead.
        """
        if self.version < V14:
            return False
        self._monitor = xid = self._next_xid()
        body = pack("!IIIHBB", xid, codec.ANY, codec.ANY, _WATCHED, 255, 0) + codec.EMPTY_MATCH
        self.out.append(codec.multipart(self.version, codec.MP_FLOW_MONITOR, xid, body))
        return True

    def set_role(self, role: str, generation: int = 0) -> None:
        """Ask to be equal, master or slave; a RoleChanged comes later, or an ErrorMessage where the generation is too old."""
        self.out.append(codec.role_request(self.version, self._ask(_Role()), role, generation))

    def _ask(self, request: Request) -> int:
        xid = self._next_xid()
        self._waits[xid] = _Wait(request, self._life.now)
        return xid

    def _next_xid(self, count: int = 1) -> int:
        """The first of `count` transaction ids in a row."""
        if self._xid + count > _LAST_XID:
            self._xid = 0
        first = self._xid + 1
        self._xid += count
        return first

    # ------------------------------------------------------------ what the switch says

    def _take(self, message: bytes, events: list[Event]) -> None:
        kind = message[1]
        if not self.version:
            self._on_first(message)
            return
        notice = _NOTICES.get(kind)
        try:
            if notice is not None:
                notice(self, message, events)
                return
            handler = _HANDLERS.get(kind)
            if handler is None:
                raise ProtocolError(f"a switch does not send messages of type {kind}")
            handler(self, message, events)
        except _UNREADABLE as error:
            if notice is None:
                raise ProtocolError(f"a message of type {kind} cannot be read: {error}") from error
            self._unreadable(message, error, events)

    def _unreadable(self, message: bytes, error: Exception, events: list[Event]) -> None:
        self.malformed += 1
        name = {
            codec.PACKET_IN: "packet-in",
            codec.FLOW_REMOVED: "flow-removed",
            codec.PORT_STATUS: "port-status",
            codec.MULTIPART_REPLY: "flow update",
            codec.ROLE_STATUS: "role-status",
        }.get(message[1], f"type {message[1]}")
        events.append(Malformed(f"{name} of {len(message)} bytes: {error}"))

    def _on_first(self, message: bytes) -> None:
        """The hello of the switch: agree on a version, and ask everything else at once."""
        if message[1] == codec.ERROR:
            raise ProtocolError(f"the switch refused our hello: {said_text(message) or self._error_of(message)}")
        if message[1] != codec.HELLO:
            raise ProtocolError(f"the switch began with a message of type {message[1]} instead of a hello")
        try:
            self.version = self._framer.version = negotiate(message)
        except ProtocolError:
            self.out.append(codec.hello_failed(message[0], int.from_bytes(message[4:8], "big")))
            raise
        except _UNREADABLE as error:
            raise ProtocolError(f"its hello cannot be read: {error}") from error
        self._handshake = Handshake(self.version)
        self.out += self._handshake.requests(self._next_xid(8))
        for xid in self._handshake.xids:
            self._waits[xid] = _Wait(self._handshake, self._life.now)

    def _error_of(self, message: bytes) -> OfError:
        try:
            return read_error(message)
        except _UNREADABLE as error:
            raise ProtocolError(f"an error message of {len(message)} bytes") from error

    def _on_nothing(self, message: bytes, events: list[Event]) -> None:
        """Being heard is all that matters about this message."""

    def _on_echo(self, message: bytes, events: list[Event]) -> None:
        self.out.append(message[:1] + bytes((codec.ECHO_REPLY,)) + message[2:])

    def _on_error(self, message: bytes, events: list[Event]) -> None:
        error, xid, before = self._error_of(message), int.from_bytes(message[4:8], "big"), len(events)
        wait = self._waits.get(xid)
        if wait is not None:
            del self._waits[xid]
            wait.request.refused(xid, error, events)
            self._after(events[before:])
        elif self._push is not None and self._push.has(xid):
            self.out += self._push.refused(xid, error, events)
            self._after(events[before:])
        else:
            kind = message[13] if len(message) > 13 else -1
            request = "flow monitor" if xid == self._monitor else codec.SENT.get(kind, "")
            events.append(ErrorMessage(error, request))

    def _on_reply(self, message: bytes, events: list[Event]) -> None:
        """An answer: to a request that waits for it, to the push under way, or news from the flow monitor."""
        xid, before = int.from_bytes(message[4:8], "big"), len(events)
        wait = self._waits.get(xid)
        if wait is not None:
            wait.since = self._life.now
            wait.size += len(message)
            if wait.size > MAX_REPLY:
                raise ProtocolError(f"the answer to a {wait.request.what} does not end: more than {MAX_REPLY >> 20} MiB")
            if wait.request.reply(message, events):
                del self._waits[xid]
                self._after(events[before:])
        elif self._push is not None and self._push.has(xid):
            self._pushed_at = self._life.now
            self.out += self._push.reply(message, events)
            self._after(events[before:])
        elif self._monitor >= 0 and message[1] == codec.MULTIPART_REPLY and message[8:10] == _FLOW_MONITOR:
            self._on_flow_updates(message, events)  # Open vSwitch sends the later ones with the transaction id 0
        else:
            self._unreadable(message, ValueError("nobody asked for this answer"), events)

    def _after(self, events: list[Event]) -> None:
        """An answer is complete: what it means for the session itself."""
        for event in events:
            if isinstance(event, Ready) and self._handshake is not None:
                self.ready, self.dpid = True, event.dpid
                self.role, self.generation = self._handshake.role, self._handshake.generation
                self._handshake = None
            elif isinstance(event, Pushed):
                self._push = None
            elif isinstance(event, ReadBack):
                self._seen = event.seen
                if "meter" in event.kinds and not event.same:
                    self._meters.read({slot: thing[2] for slot, thing in event.meters.items()})
            elif isinstance(event, RoleChanged):
                self.role, self.generation = event.role, event.generation

    def _on_experimenter(self, message: bytes, events: list[Event]) -> None:
        if message[8:12] == pack("!I", ONF):
            self._on_reply(message, events)
        else:
            self._unreadable(message, ValueError("an experimenter message that nobody asked for"), events)

    def _on_flow_updates(self, message: bytes, events: list[Event]) -> None:
        try:
            changes = notices.read_flow_updates(message)
        except _UNREADABLE as error:
            self._unreadable(message, error, events)
            events.append(FlowChanged("resumed"))  # something was missed: the owner reads back
        else:
            events.extend(changes)

    def _on_packet_in(self, message: bytes, events: list[Event]) -> None:
        """Before the bridge has its name nobody can be told of a frame."""

    def _on_flow_removed(self, message: bytes, events: list[Event]) -> None:
        events.append(notices.read_flow_removed(message))

    def _on_port_status(self, message: bytes, events: list[Event]) -> None:
        status = codec.read_port_status(message)
        if self._handshake is not None:
            self._handshake.port_changed(status)
        else:
            events.append(status)

    def _on_role_status(self, message: bytes, events: list[Event]) -> None:
        events.append(codec.read_role_status(message))
        self._after(events[-1:])


_Handler = Callable[[Session, bytes, list[Event]], None]
_HANDLERS: dict[int, _Handler] = {
    codec.ERROR: Session._on_error,
    codec.ECHO_REQUEST: Session._on_echo,
    codec.ECHO_REPLY: Session._on_nothing,
    codec.HELLO: Session._on_nothing,
    codec.FEATURES_REPLY: Session._on_reply,
    codec.MULTIPART_REPLY: Session._on_reply,
    codec.BARRIER_REPLY: Session._on_reply,
    codec.ROLE_REPLY: Session._on_reply,
    codec.BUNDLE_CONTROL: Session._on_reply,
    codec.EXPERIMENTER: Session._on_experimenter,
}
_NOTICES: dict[int, _Handler] = {
    codec.PACKET_IN: Session._on_packet_in,
    codec.FLOW_REMOVED: Session._on_flow_removed,
    codec.PORT_STATUS: Session._on_port_status,
    codec.ROLE_STATUS: Session._on_role_status,
    codec.TABLE_STATUS: Session._on_nothing,
    codec.REQUEST_FORWARD: Session._on_nothing,
}
