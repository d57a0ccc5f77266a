"""OpenFlow connections on asyncio: a Session moved over TCP or TLS, whole windows in and whole windows out.

Nothing waits here. What a switch does not read is kept up to SEND_LIMIT bytes, then that connection is closed; a push is packed
only as fast as the switch takes it. So one stuck switch costs bounded memory and none of the others' time.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from controller.openflow.errors import ProtocolError
from controller.openflow.events import Event, Ready
from controller.openflow.liveness import TICK
from controller.openflow.session import HANDSHAKE_LIMIT, Session
from controller.runtime.beats import next_beat

SEND_LIMIT = 64 << 20  # bytes that may wait for a switch
SMALL = 1 << 14  # bytes of a push that are not worth a write of their own
SEND_AHEAD = 1 << 20  # bytes of a push that may wait for it
_BACKLOG = 1024  # a thousand bridges may reconnect in the same moment
_FAREWELL = 0.5  # seconds that a last word may take to leave


class Handler(Protocol):
    """Who is told what the switches say. Called in the event loop; must not block."""

    def agreed(self, channel: Channel) -> None:
        """The version is agreed on: what is asked for now goes out with the questions of the handshake."""

    def ready(self, channel: Channel, ready: Ready) -> None:
        """The handshake is over; set `channel.session.bridge` to be told of packet-ins."""

    def received(self, channel: Channel, events: list[Event]) -> None:
        """What one read brought, in order; never empty. What is sent meanwhile leaves in one write afterwards."""

    def closed(self, channel: Channel, reason: str) -> None:
        """The connection is gone, once, also where it never was ready (`channel.session.ready`)."""


@dataclass(frozen=True, slots=True)
class Tls:
    """Our key and certificate, and the authority that signed those of the switches (`switchca/cacert.pem` of ovs-pki)."""

    private_key: Path
    certificate: Path
    ca: Path

    def context(self, side: int = ssl.PROTOCOL_TLS_SERVER) -> ssl.SSLContext:
        """For either side; both show a certificate, for no host by name. Raises ValueError that says which file is not right."""
        context = ssl.SSLContext(side)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        for path in (self.private_key, self.certificate, self.ca):
            if not path.is_file():
                raise ValueError(f"{path} is not there; ovs-pki makes keys and certificates")
        try:
            context.load_cert_chain(self.certificate, self.private_key)
        except ssl.SSLError as error:
            raise ValueError(f"{self.certificate} and {self.private_key} are no certificate and its key: {error}") from error
        try:
            context.load_verify_locations(self.ca)
        except ssl.SSLError as error:
            raise ValueError(f"{self.ca} holds no certificate of an authority: {error}") from error
        return context


class Channel(asyncio.Protocol):
    """One connection of one switch."""

    def __init__(self, server: Server) -> None:
        self.session = Session()
        self.address = ""
        self._server = server
        self._handler = server.handler
        self._transport: asyncio.Transport | None = None
        self._reason = ""
        self._agreed = self._announced = False  # the handler knows that the version is agreed on, that it is ready
        self._early: list[Event] = []  # what it said before it was ready
        self._paused = False
        self._scheduled = False  # the next part of a push is on the loop's list

    # ------------------------------------------------------------ for the handler

    def flush(self) -> None:
        """Send what the session has to send: all of `out` and the next part of a push, in one write."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        out, more = self.session.out, False
        if not (self._paused or self._scheduled):
            more = self._add_part(out)
        if out:
            transport.write(b"".join(out))
            out.clear()
            if transport.get_write_buffer_size() > SEND_LIMIT:
                self._abort(f"not reading: {SEND_LIMIT >> 20} MiB wait to be sent")
                return
        if more:
            self._scheduled = True  # the others get their turn between two parts
            self._server.loop.call_soon(self._continue)

    def _add_part(self, out: list[bytes]) -> bool:
        """Add the next part of a push; pieces that are small go together. True where more of it may follow."""
        size = 0
        while size < SMALL:
            chunk = self.session.more()
            if chunk is None:
                return False
            out.append(chunk)
            size += len(chunk)
        return True

    def close(self, reason: str) -> None:
        """End the connection; `reason` is what the handler is told."""
        self.flush()
        if self._transport is not None and not self._transport.is_closing():
            self._reason = self._reason or reason
            self._transport.close()
            self._server.loop.call_later(_FAREWELL, self._transport.abort)

    # ------------------------------------------------------------ for asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A switch connected: say hello."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=SEND_AHEAD)
        peer = transport.get_extra_info("peername")
        if isinstance(peer, tuple):
            self.address = f"{peer[0]}:{peer[1]}"
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            self.address = "unix"
        self._server.channels.add(self)
        self.session.start(time.monotonic())
        self.flush()

    def data_received(self, data: bytes) -> None:
        """A window of bytes."""
        self._give(self.session.receive, data, time.monotonic())

    def tick(self, now: float) -> None:
        """A second has passed."""
        self._give(self.session.tick, now)

    def pause_writing(self) -> None:
        """The switch reads slower than we write: pack no more of a push for now."""
        self._paused = True

    def resume_writing(self) -> None:
        """The switch has caught up."""
        self._paused = False
        self.flush()

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone."""
        self._transport = None
        self._server.channels.discard(self)
        self._handler.closed(self, self._reason or (_in_words(error) if error else "closed by the switch"))

    # ------------------------------------------------------------

    def _give(self, source: Callable[..., list[Event]], *arguments: object) -> None:
        """Hand the handler what happened, then send what it wants sent."""
        if self._reason:
            return  # being closed: what still comes does not matter
        try:
            events = source(*arguments)
        except ProtocolError as error:
            self.close(str(error))
            return
        if not self._announced:
            events = self._announce(events)
        if events:
            self._handler.received(self, events)
        self.flush()

    def _announce(self, events: list[Event]) -> list[Event]:
        """Tell how far the handshake is; what is said before its end comes after it."""
        if self.session.version and not self._agreed:
            self._agreed = True
            self._handler.agreed(self)
        self._early += events
        ready = next((event for event in events if isinstance(event, Ready)), None)
        if ready is None:
            return []
        self._announced = True
        self._handler.ready(self, ready)
        events, self._early = self._early, []
        return [event for event in events if event is not ready]

    def _continue(self) -> None:
        self._scheduled = False
        self.flush()

    def _abort(self, reason: str) -> None:
        """End the connection without waiting for what is unsent."""
        if self._transport is not None:
            self._reason = self._reason or reason
            self._transport.abort()


class ListenError(Exception):
    """We cannot listen where we were told to. The text says why, and what to do."""


class Server:
    """A listener and the connections that came by it."""

    def __init__(self, target: str, handler: Handler, loop: asyncio.AbstractEventLoop) -> None:
        self.target = target  # with the port that was really taken, where 0 was asked for
        self.handler = handler
        self.loop = loop
        self.channels: set[Channel] = set()
        self._listener: asyncio.Server | None = None
        self._ticking: asyncio.TimerHandle | None = None

    async def open(self, scheme: str, host: str, port: int, context: ssl.SSLContext | None) -> None:
        """Listen, and give every connection its sense of time. For `unix` the host is a path."""
        if scheme == "unix":
            self._listener = await self.loop.create_unix_server(lambda: Channel(self), host, backlog=_BACKLOG)
            self._tick()
            return
        timeout = HANDSHAKE_LIMIT if context else None
        if context:
            context.sslobject_class = _telling(self._not_let_in)
        self._listener = await self.loop.create_server(
            lambda: Channel(self), host, port, ssl=context, ssl_handshake_timeout=timeout, backlog=_BACKLOG
        )
        port = self._listener.sockets[0].getsockname()[1]
        self.target = f"{scheme}:[{host}]:{port}" if ":" in host else f"{scheme}:{host}:{port}"
        self._tick()

    @property
    def port(self) -> int:
        """The port listened on."""
        return int(self.target.rpartition(":")[2])

    def _not_let_in(self, error: ssl.SSLError) -> None:
        """A TLS handshake failed. asyncio drops such a connection without a word, and no longer knows from where it came."""
        channel = Channel(self)
        channel.address = "a TLS client"
        reason = error.reason or ""
        hint = next((text for name, text in _TLS_HINTS.items() if name in reason), str(error))
        self.loop.call_soon(self.handler.closed, channel, f"TLS: {hint}")

    def _tick(self) -> None:
        now = time.monotonic()
        for channel in list(self.channels):
            channel.tick(now)
        self._ticking = self.loop.call_at(next_beat(self.loop.time(), TICK), self._tick)

    async def close(self, reason: str = "weft stops") -> None:
        """Listen no more and end every connection."""
        if self._ticking is not None:
            self._ticking.cancel()
        if self._listener is not None:
            self._listener.close()
        for channel in list(self.channels):
            channel.close(reason)
        deadline = self.loop.time() + 2 * _FAREWELL
        while self.channels and self.loop.time() < deadline:
            await asyncio.sleep(0.005)


_TLS_HINTS = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "it shows no certificate; on the switch: ovs-vsctl set-ssl KEY CERTIFICATE CA",
    "CERTIFICATE_VERIFY_FAILED": "its certificate is not signed by the authority that we trust (--ca-cert)",
    "UNKNOWN_CA": "it does not trust the authority that signed our certificate; the switch needs controllerca/cacert.pem",
    "WRONG_VERSION_NUMBER": "it does not speak TLS; on the switch: ovs-vsctl set-controller BRIDGE ssl:HOST:PORT",
    "HTTP_REQUEST": "it speaks HTTP",
}


def _telling(tell: Callable[[ssl.SSLError], None]) -> type[ssl.SSLObject]:
    """A TLS connection that tells why its handshake failed."""

    class Telling(ssl.SSLObject):
        def do_handshake(self) -> None:
            try:
                super().do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                raise
            except ssl.SSLError as error:
                tell(error)
                raise

    return Telling


async def listen(target: str, handler: Handler, tls: Tls | None = None) -> Server:
    """Listen on "tcp:HOST:PORT", "ssl:HOST:PORT" (port 0: any free one) or "unix:PATH". Raises ListenError."""
    scheme, host, port = _parse(target)
    context = None
    if scheme == "ssl":
        if tls is None:
            raise ListenError(f"{target} needs --private-key, --certificate and --ca-cert; ovs-pki makes them")
        try:
            context = tls.context()
        except (OSError, ValueError) as error:
            raise ListenError(f"{target}: {error}") from error
    server = Server(target, handler, asyncio.get_running_loop())
    try:
        await server.open(scheme, host, port, context)
    except OSError as error:
        hint = "; is another controller running? (ss -ltnp tells)" if error.errno == errno.EADDRINUSE else ""
        raise ListenError(f"cannot listen on {target}: {_in_words(error)}{hint}") from error
    return server


def _parse(target: str) -> tuple[str, str, int]:
    scheme, _, rest = target.partition(":")
    if scheme == "unix" and rest:
        return scheme, rest, 0
    host, _, port = rest.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if scheme not in ("tcp", "ssl") or not host or not port.isdigit() or int(port) > 0xFFFF:
        raise ListenError(f"{target!r} is no address to listen on; write tcp:127.0.0.1:6653, ssl:0.0.0.0:6653 or unix:PATH")
    return scheme, host, int(port)


def _in_words(error: Exception) -> str:
    text = os.strerror(error.errno) if isinstance(error, OSError) and error.errno and error.errno > 0 else str(error)
    return text[:1].lower() + text[1:] or type(error).__name__
