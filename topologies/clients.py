"""Clients of an emulated network: real TCP connections to a virtual address, each asks who answers."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from topologies.namespaces import inside
from topologies.network import Host

REQUEST = b"GET / HTTP/1.0\r\n\r\n"
KEPT = b"GET / HTTP/1.1\r\nHost: weft\r\n\r\n"
PATIENCE = 15.0  # seconds until an answer must be there: a lost SYN is sent again after 1, 3 and 7
REVALIDATED = 0.6  # seconds until the datapath of Open vSwitch follows its flows
THREADS = 4  # of a client

Address = tuple[str, int]


class NoAnswerError(OSError):
    """A connection that ended without an answer."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A connection that was tried: from where, when (`time.monotonic`), and who answered or what went wrong."""

    source: str
    begun: float
    ended: float
    name: str = ""
    error: str = ""


class Held:
    """A connection that stays open, and the server that it goes to."""

    def __init__(self, host: Host, to: Address) -> None:
        with inside(host.namespace):
            self._socket = _connected(to, "", PATIENCE)
        try:
            self.name = self._ask()
        except OSError:
            self._socket.close()
            raise

    def alive(self) -> bool:
        """Whether the server still answers, and still is the same."""
        try:
            return self._ask() == self.name
        except OSError:
            return False

    def close(self) -> None:
        """End it."""
        self._socket.close()

    def _ask(self) -> str:
        self._socket.sendall(KEPT)
        answer = b""
        while not answer.endswith(b"\n") or b"\r\n\r\n" not in answer or answer.endswith(b"\r\n\r\n"):
            if not (data := self._socket.recv(4096)):
                raise NoAnswerError("closed")
            answer += data
        return _name(answer)


class Load:
    """New connections from several clients at once, one after the other in each thread, from entering this until leaving it.

    At most `number` of all clients together, if that is given: `finish` waits for them.
    """

    def __init__(self, hosts: Sequence[Host], to: Address, number: int = 0, threads: int = THREADS, pause: float = 0.0) -> None:
        workers = [host for host in hosts for _ in range(threads)]
        self._shares = [number // len(workers) + (at < number % len(workers)) for at in range(len(workers))]
        self._to, self._pause, self._endless = to, pause, number == 0
        self._done: list[list[Attempt]] = [[] for _ in workers]
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(at, host), daemon=True) for at, host in enumerate(workers)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        self.finish()

    def finish(self) -> list[Attempt]:
        """Wait until all connections are made, or, without a number, until those that are under way are; all attempts so far."""
        for thread in self._threads:
            thread.join()
        return self.attempts

    @property
    def attempts(self) -> list[Attempt]:
        """What was tried so far, in the order of the beginnings."""
        return sorted((attempt for each in self._done for attempt in list(each)), key=lambda attempt: attempt.begun)

    def _work(self, at: int, host: Host) -> None:
        done, left = self._done[at], self._shares[at]
        with inside(host.namespace):
            while (self._endless or len(done) < left) and not self._ended.is_set():
                done.append(attempt(self._to))
                if self._pause:
                    self._ended.wait(self._pause)


def connections(hosts: Sequence[Host], to: Address, number: int, threads: int = THREADS) -> list[Attempt]:
    """So many connections, spread over these clients."""
    with Load(hosts, to, number, threads) as load:
        return load.finish()


def from_each(sources: Mapping[str, Host], to: Address, times: int) -> list[Attempt]:
    """From each of these addresses one connection; half a second later, so many more from each.

    Then what a bridge has learned from the first counts: its datapath is looked at again twice a second at the least.
    """
    first = [_from(host, source, to) for source, host in sources.items()]
    time.sleep(REVALIDATED)
    return first + [_from(host, source, to) for source, host in sources.items() for _ in range(times)]


def stay(attempts: Iterable[Attempt]) -> dict[str, set[str]]:
    """Who answered each address."""
    found: dict[str, set[str]] = {}
    for each in attempts:
        found.setdefault(each.source, set()).add(each.name or each.error)
    return found


def _from(host: Host, source: str, to: Address) -> Attempt:
    with inside(host.namespace):
        return attempt(to, source)


def attempt(to: Address, source: str = "") -> Attempt:
    """One connection from where this thread is."""
    begun, name, error = time.monotonic(), "", ""
    try:
        with _connected(to, source, PATIENCE) as connection:
            connection.sendall(REQUEST)
            answer = b""
            while data := connection.recv(4096):
                answer += data
        name = _name(answer)
    except OSError as failed:
        error = failed.strerror or str(failed) or type(failed).__name__
    return Attempt(source, begun, time.monotonic(), name, error)


def ask_by_udp(host: Host, to: Address, times: int) -> Counter[str]:
    """Who answers datagrams, each from a port of its own; some may stay without an answer."""
    names: Counter[str] = Counter()
    family = socket.AF_INET6 if ":" in to[0] else socket.AF_INET
    for _ in range(times):
        with inside(host.namespace):
            opened = socket.socket(family, socket.SOCK_DGRAM)
        with opened:
            opened.settimeout(PATIENCE)
            opened.connect(to)
            with suppress(OSError):
                opened.send(b"who?")
                names[opened.recv(100).decode().strip()] += 1
    return names


def names(attempts: Iterable[Attempt]) -> Counter[str]:
    """How many connections each server got."""
    return Counter(attempt.name for attempt in attempts if attempt.name)


def failures(attempts: Iterable[Attempt]) -> list[str]:
    """What went wrong."""
    return [attempt.error for attempt in attempts if attempt.error]


def _connected(to: Address, source: str, seconds: float) -> socket.socket:
    opened = socket.socket(socket.AF_INET6 if ":" in to[0] else socket.AF_INET, socket.SOCK_STREAM)
    try:
        opened.settimeout(seconds)
        if source:
            opened.bind((source, 0))
        opened.connect(to)
    except BaseException:
        opened.close()
        raise
    return opened


def _name(answer: bytes) -> str:
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 ") or not body.endswith(b"\n"):
        raise NoAnswerError("no answer" if not answer else "half an answer")
    return body.decode().strip()
