"""waitress in threads: one listener for TCP, one for the Unix socket, each with a thread for every live stream."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from flask import Flask
from waitress import wasyncore
from waitress.server import create_server

from webui.auth import LOCAL, Guard
from webui.kept import Kept
from webui.repeated import IDENT, answer_repeated
from webui.stream import MAX_STREAMS, Hub

REQUEST_THREADS = 8
MAX_BODY = 64 << 20  # bytes of a request: a network file of 32 MiB, as JSON
SOCKET_PATH_BYTES = 107  # what fits in sockaddr_un


class Listener:
    """One waitress server and the thread that runs its loop."""

    def __init__(self, app: Callable[..., Iterable[bytes]], bound: socket.socket, kept: Kept) -> None:
        self._map: dict[int, Any] = {}
        self._server: Any = create_server(
            app,
            map=self._map,
            sockets=[bound],
            threads=REQUEST_THREADS + MAX_STREAMS,
            channel_request_lookahead=1,  # lets a stream notice that its client is gone
            max_request_body_size=MAX_BODY,
            ident=IDENT,
        )
        answer_repeated(self._server, kept)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="weft-web", daemon=True)

    @property
    def port(self) -> int:
        """The TCP port that was bound."""
        return int(self._server.effective_port)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Let the requests that are being answered end, then close the listener and every connection."""
        self._stopping = True
        if self._thread.is_alive():
            self._server.pull_trigger()
            self._thread.join()
        # workers still wake the loop when they end, so its pipe is closed after them
        self._server.task_dispatcher.shutdown(timeout=5)
        wasyncore.close_all(self._map, ignore_all=True)

    def _run(self) -> None:
        while not self._stopping:
            # poll, because select ends at 1024 descriptors and every bridge has one
            wasyncore.loop(timeout=1, use_poll=True, map=self._map, count=1)


class Server:
    """What `webui.app.serve` returns."""

    def __init__(
        self, app: Flask, hub: Hub, kept: Kept, guard: Guard, *, host: str | None, port: int, socket_path: Path | str | None
    ) -> None:
        self._hub = hub
        self._guard = guard
        self._host = host
        self._path = Path(socket_path) if socket_path else None
        self._tcp = _tcp(app, host, port, kept) if host else None
        try:
            self._unix = _unix(app, self._path, kept) if self._path else None
        except OSError:
            if self._tcp:
                self._tcp.stop()
            raise

    @property
    def url(self) -> str:
        """What to open in a browser; with a token it works once. Empty without TCP."""
        if not self._tcp or not self._host:
            return ""
        everywhere = self._host in ("0.0.0.0", "::", "[::]")
        name = socket.gethostname() if everywhere else self._host
        bracketed = f"[{name.strip('[]')}]" if ":" in name else name
        return f"http://{bracketed}:{self._tcp.port}{self._guard.entry()}"

    def start(self) -> None:
        """Begin to answer on both."""
        for listener in (self._tcp, self._unix):
            if listener:
                listener.start()

    def stop(self) -> None:
        """End all streams, close both listeners, remove the socket file."""
        self._hub.close()
        for listener in (self._tcp, self._unix):
            if listener:
                listener.stop()
        if self._path:
            self._path.unlink(missing_ok=True)


def _tcp(app: Flask, host: str, port: int, kept: Kept) -> Listener:
    name = host.strip("[]")
    family = socket.AF_INET6 if ":" in name else socket.AF_INET
    try:
        bound = socket.create_server((name, port), family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = f"{host}:{port} is taken by another program. End it, or give another address for the dashboard."
        else:
            reason = f"The dashboard cannot listen on {host}:{port}: {error.strerror or error}."
        raise OSError(error.errno, reason) from error
    return Listener(app, bound, kept)


def _unix(app: Flask, path: Path, kept: Kept) -> Listener:
    if len(str(path).encode()) > SOCKET_PATH_BYTES:
        reason = f"{path} is longer than {SOCKET_PATH_BYTES} bytes, too long for a socket. Choose a shorter state directory."
        raise OSError(errno.ENAMETOOLONG, reason)
    if _answers(path):
        raise OSError(errno.EADDRINUSE, f"Another controller answers on {path}. Stop it, or choose another state directory.")
    path.unlink(missing_ok=True)  # left over: nobody answers

    def local(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ[LOCAL] = True
        return app(environ, start_response)

    bound = socket.socket(socket.AF_UNIX)
    try:
        os.fchmod(bound.fileno(), 0o600)  # before bind, so that the file never has other rights
        bound.bind(str(path))
    except OSError as error:
        bound.close()
        raise OSError(error.errno, f"The socket {path} cannot be made: {error.strerror}.") from error
    return Listener(local, bound, kept)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True
