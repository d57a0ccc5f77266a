"""A program that says its name to whoever asks, by HTTP over TCP, and by UDP: `webserver NAME PORT...`.

One loop for all connections, and no more of HTTP than clients of a test need: the server is not what is to be measured.
"""

import contextlib
import select
import socket
import sys
from collections.abc import Callable
from functools import partial

END = b"\r\n\r\n"
MOST = 65536  # octets of a request
BACKLOG = 4096


class Server:
    """HTTP/1.1: a connection stays until the client closes it or says `Connection: close`; HTTP/1.0 closes after each answer."""

    def __init__(self, name: str) -> None:
        self._body = f"{name}\n".encode()
        self._answers = {last: _answer(self._body, last) for last in (False, True)}
        self._poll = select.epoll()
        self._ready: dict[int, Callable[[], None]] = {}
        self._received: dict[socket.socket, bytes] = {}

    def listen(self, port: int) -> None:
        """Take connections to a port of all addresses of IPv4 and IPv6."""
        listening = socket.create_server(
            ("", port), family=socket.AF_INET6, backlog=BACKLOG, dualstack_ipv6=True, reuse_port=False
        )
        self._watch(listening, partial(self._accept, listening))

    def answer_datagrams(self, port: int, address: str) -> None:
        """Take datagrams: they are answered from the address that they were for, which takes a socket for each."""
        opened = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        opened.bind((address, port))
        self._watch(opened, partial(self._reply, opened))

    def run(self) -> None:
        """Answer until killed."""
        while True:
            for number, _ in self._poll.poll():
                with contextlib.suppress(OSError):
                    self._ready[number]()

    def _watch(self, opened: socket.socket, ready: Callable[[], None]) -> None:
        opened.setblocking(False)
        self._ready[opened.fileno()] = ready
        self._poll.register(opened.fileno(), select.EPOLLIN)

    def _accept(self, listening: socket.socket) -> None:
        while True:  # until it would block
            connection, _ = listening.accept()
            self._received[connection] = b""
            self._watch(connection, partial(self._read, connection))

    def _reply(self, opened: socket.socket) -> None:
        _, sender = opened.recvfrom(MOST)
        opened.sendto(self._body, sender)

    def _read(self, connection: socket.socket) -> None:
        try:
            data = connection.recv(MOST)
            *requests, rest = (self._received[connection] + data).split(END)
            last = any(map(_last, requests))
            connection.sendall(self._answers[last] * len(requests))
        except OSError:
            self._close(connection)
            return
        self._received[connection] = rest
        if not data or len(rest) > MOST or last:
            self._close(connection)

    def _close(self, connection: socket.socket) -> None:
        del self._ready[connection.fileno()], self._received[connection]
        connection.close()


def _answer(body: bytes, last: bool) -> bytes:
    lines = [b"HTTP/1.1 200 OK", b"Content-Type: text/plain", b"Content-Length: %d" % len(body)]
    return b"\r\n".join([*lines, *([b"Connection: close"] if last else []), b"", body])


def _last(request: bytes) -> bool:
    """Whether the connection is to be closed after the answer."""
    return b"HTTP/1.0" in request or b"connection: close" in request.lower()


def main() -> None:
    """`webserver NAME PORT...`: a port, or PORT@ADDRESS for datagrams."""
    name, *places = sys.argv[1:]
    server = Server(name)
    for place in places:
        port, _, address = place.partition("@")
        if address:
            server.answer_datagrams(int(port), address)
        else:
            server.listen(int(port))
    server.run()


if __name__ == "__main__":
    main()
