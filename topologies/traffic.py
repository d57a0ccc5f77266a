"""UDP datagrams from one host of an emulated network to another or to all, a thousand a second, and what arrives of them."""

import contextlib
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

from topologies import sender
from topologies.namespaces import inside
from topologies.network import Host

RATE = 1000  # datagrams a second
PORT = 7000
WINDOW = 0.1  # seconds of traffic that are looked at together
ROOM = 1 << 26  # bytes that may wait in the kernel: most of a minute of a stream
SO_RCVBUFFORCE, SO_TIMESTAMPNS = 33, 35  # Python has no names for them


@dataclass(frozen=True, slots=True)
class Heard:
    """What arrived: how many datagrams, how many again, how many not, and the longest time without one, in milliseconds."""

    frames: int = 0
    twice: int = 0
    lost: int = 0
    silence: float = 0.0

    def __add__(self, later: "Heard") -> "Heard":
        counts = (self.frames + later.frames, self.twice + later.twice, self.lost + later.lost)
        return Heard(*counts, max(self.silence, later.silence))


class Receiver:
    """Numbered datagrams that arrive at a host, from entering this until leaving it. The kernel notes when each arrives.

    Datagrams to an address that is not the host's own, as to all, arrive where `address` is "".
    """

    def __init__(self, host: Host, address: str | None = None) -> None:
        self._socket = udp(host, PORT, address)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.setblocking(False)
        self._last: tuple[float, int] | None = None  # when the last one arrived, and its number

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Forget what arrived."""
        self._socket.close()

    def forget(self) -> None:
        """Forget what arrived so far: a silence begins anew."""
        self.heard()
        self._last = None

    def heard(self) -> Heard:
        """What arrived since this was asked last. A silence between two answers belongs to the later one."""
        arrived = list(self._arrived())
        if not arrived:
            return Heard()
        known = [self._last] if self._last else []
        self._last = arrived[-1]
        numbers = {number for _, number in arrived}
        before = known[0][1] if known else arrived[0][1] - 1
        silences = (later - earlier for (earlier, _), (later, _) in pairwise([*known, *arrived]))
        lost = max(0, max(numbers) - before - len(numbers))
        return Heard(len(arrived), len(arrived) - len(numbers), lost, round(1000 * max(silences, default=0.0), 1))

    def _arrived(self) -> Iterator[tuple[float, int]]:
        """When each datagram came, in seconds since 1970, and its number."""
        with contextlib.suppress(BlockingIOError):
            while True:
                data, extra, _, _ = self._socket.recvmsg(200, 100)
                seconds, nanoseconds = next(struct.unpack("qq", value) for _, kind, value in extra if kind == SO_TIMESTAMPNS)
                yield seconds + nanoseconds / 1e9, int(data.split()[-1])


class Sender:
    """Numbered datagrams from a host to an IP address, a thousand a second, from now until `stop` or leaving it."""

    def __init__(self, source: Host, target: str, said: str = "weft", source_port: int = 0) -> None:
        with udp(source, source_port) as outgoing:
            number = outgoing.fileno()
            outgoing.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            words = [str(number), target, str(PORT), str(RATE), said]
            command = ["setpriv", "--pdeathsig", "KILL", sys.executable, "-I", "-S", str(Path(sender.__file__)), *words]
            self._process = subprocess.Popen(command, pass_fds=[number], start_new_session=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Send no more. What is on its way still arrives."""
        self._process.kill()
        self._process.wait()


class Stream:
    """Datagrams from SOURCE to TARGET from entering this until leaving it.

    The UDP port of the source decides which of several equal paths they take; 0 is any.
    """

    def __init__(self, source: Host, target: Host, source_port: int = 0) -> None:
        self.source, self.target = source, target
        self.text = text(source, target, source_port)
        self._source_port = source_port
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.start()
        return self

    def start(self) -> None:
        """Begin to send and to note what arrives."""
        self._receiver = self._stack.enter_context(Receiver(self.target))
        self._sender = self._stack.enter_context(Sender(self.source, self.target.ip, self.text, self._source_port))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Send no more, and forget what arrived."""
        self._stack.close()

    def until_even(self, pause: Callable[[float], None], seconds: float) -> tuple[Heard, bool]:
        """Listen until datagrams come evenly again, as PAUSE passes the time; what was heard, and whether they do."""
        heard, even = Heard(), 0
        for window in range(round(seconds / WINDOW)):
            pause(WINDOW)
            now = self.heard()
            heard += now
            even = even + 1 if now.frames > RATE * WINDOW / 2 else 0
            if even >= 3 and window >= 5:
                return heard, True
        return heard, False

    def forget(self) -> None:
        """Forget what arrived so far: a silence begins anew."""
        self._receiver.forget()

    def stop(self) -> None:
        """Send no more. What is on its way may still be heard."""
        self._sender.stop()

    def heard(self) -> Heard:
        """What arrived since this was asked last."""
        return self._receiver.heard()


def udp(host: Host, port: int, address: str | None = None) -> socket.socket:
    """A UDP socket in a host, at its own address where none is given."""
    with inside(host.namespace):
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.bind((host.ip if address is None else address, port))
    return opened


def text(source: Host, target: Host, source_port: int) -> str:
    """What datagrams say before their number."""
    return f"weft {source.name} {target.name} {source_port}"
