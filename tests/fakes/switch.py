"""A small OpenFlow 1.3/1.4 switch that keeps its flows, groups and meters as the bytes it was sent.

It knows what a session asks for: handshake, echo, flow, group and meter changes alone or in a bundle, read-back, port counters,
the flow monitor, roles. It forwards nothing. For scale (a thousand of them fit into a process) and for faults: `faults` says
what it does wrong. Real Open vSwitch is the judge of everything else.

    switch = FakeSwitch(dpid=7, ports=4)
    link = await connect(switch, port=server.port)       # asyncio; or, without I/O: out = switch.receive(data)
    link.send(switch.packet_in(1, frame, cookie))
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from struct import pack, unpack_from

from controller.openflow import codec
from controller.openflow.osken import V13, V14

Refusal = Callable[[bytes], tuple[int, int] | None]  # a message that changes something -> (type, code), or None = fine


@dataclass
class Faults:
    """What the switch does wrong."""

    silent: bool = False  # takes everything, says nothing any more
    ignored: set[int] = field(default_factory=set)  # message types that it never answers
    early: Refusal = lambda message: None  # refuses a message when it comes (in a bundle: when it is added)
    late: Refusal = lambda message: None  # refuses a message of a bundle when that is committed


class FakeSwitch:
    """Bytes in, bytes out."""

    def __init__(self, dpid: int = 1, ports: int = 2, name: str = "", versions: tuple[int, ...] = (V14, V13)) -> None:
        self.dpid, self.name, self.versions = dpid, name or f"s{dpid}", versions
        self.ports = {n: f"{self.name}-eth{n}" for n in range(1, ports + 1)} | {0xFFFFFFFE: self.name}
        self.down: set[int] = set()
        self.things: dict[bytes, tuple[int, bytes, bytes]] = {}  # slot -> (cookie, opts, body): flows, groups, meters
        self.counters: dict[bytes, tuple[int, int]] = {}
        self.faults = Faults()
        self.version = 0
        self.changes = 0  # messages that changed (or tried to change) something
        self.commits = 0
        self.packet_outs: list[bytes] = []
        self.role, self.generation = 1, 0
        self._bundles: dict[int, list[bytes]] = {}
        self._monitor: int | None = None
        self._buffer = b""
        self._out: list[bytes] = []

    def reconnect(self) -> None:
        """A new connection: what it holds stays, what was said on the old one is forgotten."""
        self.version, self._buffer, self._monitor = 0, b"", None
        self._bundles.clear()
        self._out.clear()

    @property
    def flows(self) -> dict[bytes, tuple[int, bytes, bytes]]:
        """The flows alone."""
        return {slot: thing for slot, thing in self.things.items() if slot[0] < 254}

    # ------------------------------------------------------------ what it says of itself

    def hello(self) -> bytes:
        """Its first message."""
        bitmap = sum(1 << version for version in self.versions)
        return pack("!BBHIHHI", max(self.versions), 0, 16, 1, 1, 8, bitmap)

    def packet_in(self, in_port: int, frame: bytes, cookie: int = 0, table: int = 0, reason: int = 1) -> bytes:
        """A frame that a flow sent to the controller."""
        match = pack("!HHII4x", 1, 12, 0x80000004, in_port)
        body = pack("!IHBBQ", codec.NO_BUFFER, len(frame), reason, table, cookie) + match + bytes(2) + frame
        return codec.message(self.version, codec.PACKET_IN, 0, body)

    def port_status(self, port: int, up: bool, reason: int = 2) -> bytes:
        """A port's link went up or down."""
        (self.down.discard if up else self.down.add)(port)
        return codec.message(self.version, codec.PORT_STATUS, 0, pack("!B7x", reason) + self._port(port))

    def flow_removed(self, slot: bytes, reason: int = 0) -> bytes:
        """A flow has gone, by itself where `reason` is 0 (idle) or 1 (hard)."""
        cookie, opts, _ = self.things.pop(slot)
        packets, count = self.counters.get(slot, (0, 0))
        body = pack("!Q2sBBII4sQQ", cookie, slot[1:3], reason, slot[0], 1, 0, opts[:4], packets, count) + slot[3:]
        return codec.message(self.version, codec.FLOW_REMOVED, 0, body)

    def delete_by_hand(self, slot: bytes) -> bytes:
        """Somebody else deletes a flow; what the flow monitor says of it ("" where there is none)."""
        cookie, opts, _ = self.things.pop(slot)
        if self._monitor is None:
            return b""
        body = pack("!HBB4s2s4xQ", 2, slot[0], 2, opts[:4], slot[1:3], cookie) + slot[3:]
        return self._multipart(0, codec.MP_FLOW_MONITOR, pack("!H", 2 + len(body)) + body)

    # ------------------------------------------------------------ bytes

    def receive(self, data: bytes) -> bytes:
        """Take bytes; the answer."""
        if self.faults.silent:
            return b""
        data = self._buffer + data
        pos = 0
        while len(data) - pos >= 8:
            end = pos + (data[pos + 2] << 8 | data[pos + 3])
            if end > len(data):
                break
            self._take(data[pos:end])
            pos = end
        self._buffer = data[pos:]
        out = b"".join(self._out)
        self._out.clear()
        return out

    def _take(self, message: bytes) -> None:
        kind, xid = message[1], int.from_bytes(message[4:8], "big")
        if kind == codec.HELLO:
            bitmap = int.from_bytes(message[12:16], "big")
            self.version = max(v for v in self.versions if bitmap >> v & 1)
        if kind in self.faults.ignored or kind == codec.HELLO:
            return
        answer = _ANSWERS.get(kind)
        if answer is not None:
            answer(self, message, xid)

    def _say(self, kind: int, xid: int, body: bytes = b"") -> None:
        self._out.append(codec.message(self.version, kind, xid, body))

    def _error(self, message: bytes, error: tuple[int, int]) -> None:
        self._say(codec.ERROR, int.from_bytes(message[4:8], "big"), pack("!HH", *error) + message[:64])

    def _multipart(self, xid: int, kind: int, body: bytes, more: bool = False) -> bytes:
        return codec.message(self.version, codec.MULTIPART_REPLY, xid, pack("!HH4x", kind, more) + body)

    # ------------------------------------------------------------ answers

    def _on_features(self, message: bytes, xid: int) -> None:
        self._say(codec.FEATURES_REPLY, xid, pack("!QIBB2xII", self.dpid, 0, 254, 0, 0x4F, 0))

    def _on_echo(self, message: bytes, xid: int) -> None:
        self._say(codec.ECHO_REPLY, xid, message[8:])

    def _on_barrier(self, message: bytes, xid: int) -> None:
        self._say(codec.BARRIER_REPLY, xid)

    def _on_role(self, message: bytes, xid: int) -> None:
        role, generation = unpack_from("!I4xQ", message, 8)
        if role > 1:
            if generation < self.generation:
                self._error(message, (11, 0))
                return
            self.generation = generation
        self.role = role or self.role
        self._say(codec.ROLE_REPLY, xid, pack("!I4xQ", self.role, self.generation))

    def _on_packet_out(self, message: bytes, xid: int) -> None:
        self.packet_outs.append(message)

    def _on_multipart(self, message: bytes, xid: int) -> None:
        (kind,) = unpack_from("!H", message, 8)
        if kind == codec.MP_FLOW_MONITOR:
            self._monitor = xid
            return
        entries = _TELLS[kind](self)
        part: list[bytes] = []
        size = 0
        for entry in entries:
            if size + len(entry) > 65000:
                self._out.append(self._multipart(xid, kind, b"".join(part), more=True))
                part, size = [], 0
            part.append(entry)
            size += len(entry)
        self._out.append(self._multipart(xid, kind, b"".join(part)))

    def _description(self) -> list[bytes]:
        return [pack("!256s256s256s32s256s", b"weft", b"none", b"fake switch", b"None", self.name.encode())]

    def _meter_features(self) -> list[bytes]:
        return [pack("!IIIBB2x", 1000, 2, 15, 1, 0)]

    def _port_descriptions(self) -> list[bytes]:
        return [self._port(port) for port in self.ports]

    def _port(self, port: int) -> bytes:
        mac = pack("!HI", self.dpid & 0xFFFF, port)
        name, state = self.ports[port].encode()[:15], int(port in self.down)
        if self.version == V13:
            return pack("!I4x6s2x16sIIIIIIII", port, mac, name, 0, state, 0, 0, 0, 0, 10_000_000, 0)
        return pack("!IH2x6s2x16sII", port, 72, mac, name, 0, state) + pack("!HH4xIIIIII", 0, 32, 0, 0, 0, 0, 10_000_000, 0)

    def _port_counters(self) -> list[bytes]:
        numbers = (1, 2, 3, 4, 5, 6, 7, (1 << 64) - 1)
        if self.version == V13:
            return [pack("!I4x8Q4QII", port, *numbers, 0, 0, 0, 0, 0, 0) for port in self.ports]
        return [pack("!HxxIII8Q", 80, port, 0, 0, *numbers) for port in self.ports]

    def _tell_flows(self) -> list[bytes]:
        return [
            pack(
                "!HBxII2s8s2xQQQ",
                48 + len(slot) - 3 + len(body),
                slot[0],
                1,
                0,
                slot[1:3],
                opts,
                cookie,
                *self.counters.get(slot, (0, 0)),
            )
            + slot[3:]
            + body
            for slot, (cookie, opts, body) in self.flows.items()
        ]

    def _tell_groups(self) -> list[bytes]:
        return [
            pack("!HBx", 7 + len(body), body[0]) + slot[1:] + body[1:]
            for slot, (_, _, body) in self.things.items()
            if slot[0] == 255
        ]

    def _tell_meters(self) -> list[bytes]:
        return [
            pack("!H", 6 + len(body)) + body[:2] + slot[1:] + body[2:]
            for slot, (_, _, body) in self.things.items()
            if slot[0] == 254
        ]

    def _meter_counters(self) -> list[bytes]:
        """What each meter dropped: its counters."""
        meters = [slot for slot in self.things if slot[0] == 254]
        return [
            slot[1:] + pack("!H6x4xQQII", 56, 9, 900, 1, 0) + pack("!QQ", *self.counters.get(slot, (0, 0))) for slot in meters
        ]

    # ------------------------------------------------------------ changes

    def _on_change(self, message: bytes, xid: int) -> None:
        error = self.faults.early(message) or self.faults.late(message) or self._apply(message)
        if error:
            self._error(message, error)

    def _apply(self, message: bytes) -> tuple[int, int] | None:
        """Do it, or say why not."""
        self.changes += 1
        if message[1] == codec.FLOW_MOD:
            return self._apply_flow(message)
        (command,) = unpack_from("!H", message, 8)
        if message[1] == codec.GROUP_MOD:
            slot, body = _slot(message), message[10:11] + message[16:]
            delete, exists = command == 2, (6, 0)
        else:
            slot, body = _slot(message), message[10:12] + message[16:]
            delete, exists = command == 2, (12, 1)
        if delete:
            self.things.pop(slot, None)
        elif command == 0 and slot in self.things:
            return exists
        elif command == 1 and slot not in self.things:
            return exists[0], 3 if exists[0] == 12 else 8  # unknown meter, unknown group
        else:
            self.things[slot] = 0, bytes(8), body
        return None

    def _apply_flow(self, message: bytes) -> tuple[int, int] | None:
        cookie, _, _, command, timeouts = unpack_from("!QQBB4s", message, 8)
        slot = _slot(message)
        if command == 0:
            self.things[slot] = cookie, timeouts + message[44:48], message[45 + len(slot) :]
        elif command == 4:
            self.things.pop(slot, None)
        else:
            return 5, 6
        return None

    def _on_experimenter(self, message: bytes, xid: int) -> None:
        """The bundles of 1.3."""
        (kind,) = unpack_from("!I", message, 12)
        if kind == 2300:
            self._on_bundle(message, xid, 16)
        else:
            self._on_bundle_add(message, xid, 16)

    def _on_bundle(self, message: bytes, xid: int, pos: int = 8) -> None:
        bundle, kind = unpack_from("!IH", message, pos)
        if kind == 0:
            self._bundles[bundle] = []
        elif kind in (4, 6):
            staged = self._bundles.pop(bundle)
            if kind == 4 and not self._commit(staged):
                self._error(message, (17, 13))
                return
        body = message[8:pos] + pack("!IHH", bundle, kind + 1, 3)
        self._say(message[1], xid, body)

    def _commit(self, staged: list[bytes]) -> bool:
        things, before = self.things, []  # not a copy of all: what a bundle costs goes by its size
        for inner in staged:
            slot = _slot(inner)
            before.append((slot, things.get(slot)))
            error = self.faults.late(inner) or self._apply(inner)
            if error:
                for slot, thing in reversed(before):
                    if thing is None:
                        things.pop(slot, None)
                    else:
                        things[slot] = thing
                self._error(inner, error)
                return False
        self.commits += 1
        return True

    def _on_bundle_add(self, message: bytes, xid: int, pos: int = 8) -> None:
        inner = message[pos + 8 :]
        error = (17, 10) if inner[1] == codec.METER_MOD else self.faults.early(inner)
        if error:
            self._error(inner, error)
        else:
            self._bundles.setdefault(unpack_from("!I", message, pos)[0], []).append(inner)


def _slot(message: bytes) -> bytes:
    """What a message changes: table, priority and match of a flow, or a group, or a meter."""
    if message[1] == codec.FLOW_MOD:
        match = int.from_bytes(message[50:52], "big") + 7 & ~7
        return message[24:25] + message[30:32] + message[48 : 48 + match]
    return (b"\xff" if message[1] == codec.GROUP_MOD else b"\xfe") + message[12:16]


_ANSWERS: dict[int, Callable[[FakeSwitch, bytes, int], None]] = {
    codec.ECHO_REQUEST: FakeSwitch._on_echo,
    codec.FEATURES_REQUEST: FakeSwitch._on_features,
    codec.MULTIPART_REQUEST: FakeSwitch._on_multipart,
    codec.BARRIER_REQUEST: FakeSwitch._on_barrier,
    codec.ROLE_REQUEST: FakeSwitch._on_role,
    codec.PACKET_OUT: FakeSwitch._on_packet_out,
    codec.FLOW_MOD: FakeSwitch._on_change,
    codec.GROUP_MOD: FakeSwitch._on_change,
    codec.METER_MOD: FakeSwitch._on_change,
    codec.BUNDLE_CONTROL: FakeSwitch._on_bundle,
    codec.BUNDLE_ADD: FakeSwitch._on_bundle_add,
    codec.EXPERIMENTER: FakeSwitch._on_experimenter,
}
_TELLS: dict[int, Callable[[FakeSwitch], list[bytes]]] = {
    codec.MP_DESC: FakeSwitch._description,
    codec.MP_PORT_DESC: FakeSwitch._port_descriptions,
    codec.MP_METER_FEATURES: FakeSwitch._meter_features,
    codec.MP_FLOW: FakeSwitch._tell_flows,
    codec.MP_GROUP_DESC: FakeSwitch._tell_groups,
    codec.MP_METER_CONFIG: FakeSwitch._tell_meters,
    codec.MP_PORT_STATS: FakeSwitch._port_counters,
    codec.MP_METER: FakeSwitch._meter_counters,
}


class Link(asyncio.Protocol):
    """A fake switch's connection to the controller."""

    def __init__(self, switch: FakeSwitch) -> None:
        self.switch = switch
        self.closed = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say hello, as both sides do."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.switch.reconnect()
        self.send(self.switch.hello())

    def data_received(self, data: bytes) -> None:
        """Answer."""
        self.send(self.switch.receive(data))

    def connection_lost(self, error: Exception | None) -> None:
        """The controller (or `stop`) ended it."""
        if not self.closed.done():
            self.closed.set_result(error)

    def send(self, data: bytes) -> None:
        """Send bytes, right or wrong."""
        if data:
            self.transport.write(data)

    def stuck(self) -> None:
        """Read nothing any more."""
        self.transport.pause_reading()

    def stop(self) -> None:
        """Leave without a word."""
        self.transport.abort()


async def connect(switch: FakeSwitch, port: int, host: str = "127.0.0.1") -> Link:
    """Connect a switch to a controller."""
    _, link = await asyncio.get_running_loop().create_connection(lambda: Link(switch), host, port)
    return link
