"""One check of a backend, of each kind: what is sent, what is heard, and what it says.

    exchange = make(question, ends, number, random)
    frames = exchange.start(now); frames = exchange.hear(said, now); frames = exchange.tick(now)
    exchange.result         once it is known
    exchange.silence()      the result where the time is over
    exchange.end()          frames that end what is still open

`exchange.keys` name the frames that are for it (`key_of`). What is not answered is sent again after a third of the time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

from controller.health import frames
from controller.health.frames import Address, Ends, Said
from controller.health.tcp import MSS, NEVER, WINDOW, Client, Segment
from controller.model.address import IPv4

HEAD = 8192  # bytes in which the head of an answer must end
BODY = 65536  # bytes of an answer in which its text is looked for


class Question(NamedTuple):
    """What a backend is asked. `kind`: tcp, http, udp, icmp or neighbour; the last three fields are of http."""

    kind: str
    timeout: float
    port: int = 0
    path: str = "/"
    status: tuple[int, int] = (200, 399)
    body: str = ""


class Result(NamedTuple):
    """Whether a backend is well, and how that is known. `silent`: because nobody said otherwise."""

    well: bool
    text: str
    silent: bool = False


Key = tuple[object, ...]


def key_of(said: Said) -> Key:
    """The exchange that a frame is for: what this gives is in its `keys`."""
    if said.kind == "neighbour":
        return "neighbour", said.to_mac, said.peer
    if said.kind == "echo":
        return "echo", said.peer, said.ip, said.local
    kind = "udp" if said.kind == "unreachable" else said.kind
    return kind, said.peer, said.ip, said.port, said.local


def place(address: Address, port: int) -> str:
    """An address and port, as people write them."""
    return f"{address}:{port}" if isinstance(address, IPv4) else f"[{address}]:{port}"


def protocol_of_neighbours(address: Address) -> str:
    """By what the host of an address is found."""
    return "ARP" if isinstance(address, IPv4) else "neighbour discovery"


class Exchange(ABC):
    """One check under way."""

    keys: tuple[Key, ...] = ()

    def __init__(self, question: Question, ends: Ends, number: int) -> None:
        self.question, self.ends, self.number = question, ends, number
        self.result: Result | None = None
        self.due = NEVER
        self._retry = question.timeout / 3

    @abstractmethod
    def start(self, now: float) -> list[bytes]:
        """Send the question."""

    @abstractmethod
    def tick(self, now: float) -> list[bytes]:
        """Send it again, where it is time."""

    @abstractmethod
    def hear(self, said: Said, now: float) -> list[bytes]:
        """A frame that is for this exchange."""

    @abstractmethod
    def silence(self) -> Result:
        """The time is over and there is no result."""

    def end(self) -> list[bytes]:
        """Frames that end what is still open."""
        return []


class Asked(Exchange):
    """One whose question is all that we send, again after a third of the time and once more after twice that."""

    def start(self, now: float) -> list[bytes]:
        self.due = now + self._retry
        return self.ask()

    def tick(self, now: float) -> list[bytes]:
        if now < self.due or self.result is not None:
            return []
        self._retry *= 2
        self.due = now + self._retry
        return self.ask()

    @abstractmethod
    def ask(self) -> list[bytes]:
        """The frames of the question."""


class Neighbour(Asked):
    """The host of the address answers ARP, or neighbour discovery."""

    def __init__(self, question: Question, ends: Ends, number: int) -> None:
        super().__init__(question, ends, number)
        self.keys = (("neighbour", ends.mac, ends.peer),)

    def hear(self, said: Said, now: float) -> list[bytes]:
        self.result = Result(True, f"{self.ends.peer} answers {protocol_of_neighbours(self.ends.peer)}")
        return []

    def silence(self) -> Result:
        return Result(False, f"{self.ends.peer} does not answer {protocol_of_neighbours(self.ends.peer)}")

    def ask(self) -> list[bytes]:
        return [frames.ask(self.ends.mac, self.ends.peer, self.ends.peer_mac)]


class Echo(Asked):
    """The host answers pings (RFC 792, RFC 4443)."""

    def __init__(self, question: Question, ends: Ends, number: int) -> None:
        super().__init__(question, ends, number)
        self.keys = (("echo", ends.peer, ends.ip, number),)
        self._sent = 0

    def hear(self, said: Said, now: float) -> list[bytes]:
        self.result = Result(True, f"{self.ends.peer} answers pings")
        return []

    def silence(self) -> Result:
        return Result(False, f"{self.ends.peer} does not answer pings")

    def ask(self) -> list[bytes]:
        self._sent += 1
        return [frames.echo(self.ends, self.number, self._sent)]


class Datagram(Asked):
    """A UDP port that nobody says is unreachable.

    Silence is well where the host answers ARP: most servers ignore an empty datagram.
    """

    def __init__(self, question: Question, ends: Ends, number: int) -> None:
        super().__init__(question, ends, number)
        self.keys = (("udp", ends.peer, ends.ip, question.port, number), ("neighbour", ends.mac, ends.peer))
        self._is_there = False

    def hear(self, said: Said, now: float) -> list[bytes]:
        where = place(self.ends.peer, self.question.port)
        if said.kind == "udp":
            self.result = Result(True, f"UDP port {where} answers")
        elif said.kind == "unreachable":
            self.result = Result(False, f"UDP port {where} is unreachable")
        else:
            self._is_there = True
        return []

    def silence(self) -> Result:
        where, protocol = place(self.ends.peer, self.question.port), protocol_of_neighbours(self.ends.peer)
        if self._is_there:
            return Result(True, f"UDP port {where} is not said to be unreachable, and its host answers {protocol}", silent=True)
        return Result(False, f"UDP port {where} does not answer, nor its host {protocol}")

    def ask(self) -> list[bytes]:
        asked = [] if self._is_there else [frames.ask(self.ends.mac, self.ends.peer, self.ends.peer_mac)]
        return [frames.udp(self.ends, self.number, self.question.port), *asked]


class Connect(Exchange):
    """A TCP connection is accepted. It is reset at once: the server's program does not even see it."""

    def __init__(self, question: Question, ends: Ends, number: int, isn: int, request: bytes = b"") -> None:
        super().__init__(question, ends, number)
        self.keys = (("tcp", ends.peer, ends.ip, question.port, number),)
        self.where = place(ends.peer, question.port)
        self.client = Client(isn, request, retry=self._retry, room=HEAD + BODY)

    def start(self, now: float) -> list[bytes]:
        return self._send(self.client.open(now))

    def tick(self, now: float) -> list[bytes]:
        return self._send(self.client.tick(now)) if self.result is None else []

    def hear(self, said: Said, now: float) -> list[bytes]:
        out = self.client.take(Segment(said.seq, said.ack, said.flags, said.data), now)
        if self.result is None:
            self.result = self.judge()
        return [] if self.result is not None else self._send(out)  # else the end says it all

    def judge(self) -> Result | None:
        """What is known by now."""
        if self.client.failed:
            return Result(False, f"connect to {self.where} {self.client.failed}")
        return Result(True, f"connect to {self.where} succeeded") if self.client.established else None

    def silence(self) -> Result:
        return Result(False, f"connect to {self.where} timed out")

    def end(self) -> list[bytes]:
        return self._send(self.client.close())

    def _send(self, segments: list[Segment]) -> list[bytes]:
        self.due = self.client.due
        return [frame_of(segment, self.ends, self.number, self.question.port) for segment in segments]


class Http(Connect):
    """GET a path by HTTP/1.0 (RFC 1945), so that the answer comes in one piece: its status, and where asked for a text in it."""

    def __init__(self, question: Question, ends: Ends, number: int, isn: int) -> None:
        host = str(ends.ip) if isinstance(ends.ip, IPv4) else f"[{ends.ip}]"
        head = f"GET {question.path} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: weft\r\nAccept: */*\r\nConnection: close\r\n\r\n"
        super().__init__(question, ends, number, isn, head.encode("utf-8", "replace"))
        self.what = f"GET {question.path} at {self.where}"

    def judge(self) -> Result | None:
        client = self.client
        if client.failed == "refused" or (client.failed and not client.received):
            return Result(False, f"{self.what}: the connection was {client.failed}")
        line, whole, _ = client.received.partition(b"\n")
        over = client.ended or bool(client.failed)
        if not whole and not over and len(line) < HEAD:
            return None
        words = line.split(None, 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit() or len(words[1]) != 3:
            return Result(False, f"{self.what} was answered with {'nothing' if not line else 'something else than HTTP'}")
        return self._judge_answer(int(words[1]), over)

    def _judge_answer(self, status: int, over: bool) -> Result | None:
        first, last = self.question.status
        wanted, text = self.question.body, f"{self.what} answered {status}"
        if not first <= status <= last:
            return Result(False, text)
        if not wanted:
            return Result(True, text)
        body = _body(self.client.received)
        if wanted.encode() in body:
            return Result(True, f"{text} with {wanted!r}")
        return Result(False, f"{text} without {wanted!r}") if over or len(body) >= BODY else None

    def silence(self) -> Result:
        said = "timed out" if self.client.established else "could not connect in time"
        return Result(False, f"{self.what} {said}")


def _body(answer: bytes) -> bytes:
    """What follows the head of an answer."""
    ends = [at + len(end) for end in (b"\r\n\r\n", b"\n\n") if (at := answer.find(end)) >= 0]
    return answer[min(ends) :] if ends else b""


def frame_of(segment: Segment, ends: Ends, local: int, port: int) -> bytes:
    """The frame of a segment of ours."""
    first = segment.flags & frames.SYN
    return frames.tcp(ends, local, port, segment.seq, segment.ack, segment.flags, WINDOW, segment.data, MSS if first else 0)


def make(question: Question, ends: Ends, number: int, random: Callable[[], int]) -> Exchange:
    """An exchange of the kind that is asked for. `number` 0..65535 is our port or identifier; `random` gives 32 bits."""
    if question.kind == "tcp":
        return Connect(question, ends, number, random())
    if question.kind == "http":
        return Http(question, ends, number, random())
    kinds: dict[str, type[Exchange]] = {"udp": Datagram, "icmp": Echo, "neighbour": Neighbour}
    return kinds[question.kind](question, ends, number)
