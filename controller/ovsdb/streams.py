"""Connections of the `ovs` library with what it lacks: a bound on what one turn reads, and TLS that waits and says why.

Importing this registers them with the library for `unix:`, `tcp:` and `ssl:`.
"""

from __future__ import annotations

import errno
import ssl
from socket import socket as Socket  # noqa: N812 - the attribute `socket` of a stream would hide the module
from typing import Any

import ovs.poller
import ovs.stream

TURN = 16 << 10  # bytes that are read and parsed before others get their turn: a few milliseconds


class Bounded(ovs.stream.Stream):  # type: ignore[misc]
    """A stream that reads at most `budget` bytes until it is given more."""

    budget = TURN
    why = ""  # what went wrong, where an errno does not say it
    socket: Any

    def recv(self, n: int) -> tuple[int, bytes | str]:
        """At most n bytes, and EAGAIN where the turn is over."""
        if self.budget <= 0:
            return errno.EAGAIN, ""
        error, data = super().recv(n)
        self.budget -= len(data)
        return error, data


class Unix(Bounded, ovs.stream.UnixStream):  # type: ignore[misc]
    """unix:PATH"""


class Tcp(Bounded, ovs.stream.TCPStream):  # type: ignore[misc]
    """tcp:ADDRESS:PORT"""


class Tls(Bounded):
    """ssl:ADDRESS:PORT, or a TLS socket that was accepted. The handshake begins when TCP is there, and never blocks."""

    contexts: dict[str, ssl.SSLContext] = {}
    """By "ADDRESS:PORT": the library gives nothing more to open a stream with."""

    _waits_to_write = False

    def __init__(self, sock: Socket, name: str, status: int) -> None:
        super().__init__(sock, name, status)
        self._shaken = False

    @staticmethod
    def needs_probes() -> bool:
        """A peer that is silent is asked whether it is there."""
        return True

    @staticmethod
    def _open(suffix: str, dscp: int) -> Any:
        return ovs.stream.TCPStream._open(suffix, dscp)

    def connect(self) -> int:
        """0 when TLS stands, EAGAIN before, or why it failed."""
        error: int = super().connect()
        if error or self._shaken:
            return error
        try:
            if not isinstance(self.socket, ssl.SSLSocket):
                context = self.contexts[self.name.partition(":")[2]]
                self.socket = context.wrap_socket(self.socket, do_handshake_on_connect=False)
            self.socket.do_handshake()
        except OSError as problem:
            return self._errno(problem)
        self._shaken = True
        return 0

    def recv(self, n: int) -> tuple[int, bytes | str]:
        """At most n bytes."""
        try:
            return super().recv(n)
        except ssl.SSLZeroReturnError:
            return 0, ""

    def _recv(self, n: int) -> tuple[int, bytes | str]:
        error = self.connect()
        if error:
            return error, ""
        try:
            return 0, self.socket.recv(n)
        except ssl.SSLZeroReturnError:
            return 0, ""
        except OSError as problem:
            return self._errno(problem), ""

    def _send(self, buf: str | bytes) -> int:
        error = self.connect()
        if error:
            return -error
        try:
            return int(self.socket.send(buf.encode() if isinstance(buf, str) else buf))
        except OSError as problem:
            return -self._errno(problem)

    def _errno(self, problem: OSError) -> int:
        self._waits_to_write = isinstance(problem, ssl.SSLWantWriteError)
        if isinstance(problem, ssl.SSLWantReadError | ssl.SSLWantWriteError):
            return errno.EAGAIN
        if isinstance(problem, ssl.SSLError):
            self.why = f"TLS: {problem.reason or problem}"
            return errno.EPROTO
        return problem.errno or errno.EPROTO

    def wait(self, poller: Any, wait: int) -> None:
        """Ask to be woken: in a handshake for what TLS waits for, else also for what it has decrypted already."""
        if not isinstance(self.socket, ssl.SSLSocket):
            super().wait(poller, wait)
        elif not self._shaken:
            poller.fd_wait(self.socket, ovs.poller.POLLOUT if self._waits_to_write else ovs.poller.POLLIN)
        elif wait == self.W_RECV and self.socket.pending():
            poller.immediate_wake()
        else:
            super().wait(poller, wait)


for _scheme, _stream in (("unix", Unix), ("tcp", Tcp), ("ssl", Tls)):
    ovs.stream.Stream.register_method(_scheme, _stream)


def accepted(sock: Socket, name: str) -> Bounded:
    """The stream of a hypervisor that dialled in; a TLS socket may still have its handshake before it."""
    sock.setblocking(False)
    return Tls(sock, name, 0) if isinstance(sock, ssl.SSLSocket) else Bounded(sock, name, 0)
