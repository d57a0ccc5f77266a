"""A TCP server of the tests' own, and a wire between it and a client that loses, doubles and delays segments."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from controller.health.frames import ACK, FIN, RST, SYN
from controller.health.tcp import Client, Segment, after

MASK = 0xFFFFFFFF


class Server:
    """Takes one connection, hears a request of known length, and answers in pieces, each sent again until it is acknowledged."""

    def __init__(self, isn: int, wanted: int, answer: bytes, piece: int = 7) -> None:
        self.isn, self.wanted, self.answer, self.piece = isn, wanted, answer, piece
        self.heard: dict[int, int] = {}  # bytes of the request, by their place
        self.client: int | None = None  # its first sequence number
        self.acked = 0  # of SYN, answer and FIN
        self.was_reset = self.was_closed = False

    @property
    def request(self) -> bytes:
        """What came of the request, in order, as far as nothing is missing."""
        return bytes(self.heard[n] for n in range(len(self.heard)) if n in self.heard)

    @property
    def expects(self) -> int:
        assert self.client is not None
        in_order = next(n for n in range(len(self.heard) + 1) if n not in self.heard)
        return self.client + 1 + in_order & MASK

    def take(self, segment: Segment) -> list[Segment]:
        if segment.flags & RST:
            self.was_reset = True
            return []
        if segment.flags & SYN:
            assert self.client in (None, segment.seq)
            self.client = segment.seq
            return self.due()
        assert self.client is not None, "data before a connection"
        assert segment.flags & ACK
        self.acked = max(self.acked, after(segment.ack, self.isn))
        assert self.acked <= len(self.answer) + 2, "acknowledged what was never sent"
        start = after(segment.seq, self.client + 1 & MASK)
        for place, byte in enumerate(segment.data, start):
            assert 0 <= place < self.wanted
            assert self.heard.setdefault(place, byte) == byte, "another byte than before"
        if segment.flags & FIN:
            self.was_closed = True
            return []
        return self.due() if segment.data else []

    def due(self) -> list[Segment]:
        """All that is not acknowledged yet, and can be sent."""
        if self.client is None or self.was_reset:
            return []
        if not self.acked:
            return [Segment(self.isn, self.client + 1 & MASK, SYN | ACK)]
        if len(self.request) < self.wanted:
            return [Segment(self.isn + 1 & MASK, self.expects, ACK)]
        pieces = range(self.acked - 1, len(self.answer), self.piece)
        out = [Segment(self.isn + 1 + at & MASK, self.expects, ACK, self.answer[at : at + self.piece]) for at in pieces]
        if self.acked <= len(self.answer) + 1:
            out.append(Segment(self.isn + 1 + len(self.answer) & MASK, self.expects, ACK | FIN))
        return out


Fate = Callable[[], list[float]]  # of one segment: after how many seconds it arrives, and how often


def run(client: Client, server: Server, fate: Fate, seconds: float = 60.0) -> float:
    """Carry segments between the two until the client has all, or the time is over. Gives the time that it took."""
    now, count = 0.0, 0
    wire: list[tuple[float, int, str, Segment]] = []

    def send(to: str, segments: list[Segment]) -> None:
        nonlocal count
        for segment in segments:
            for delay in fate():
                count += 1
                heapq.heappush(wire, (now + delay, count, to, segment))

    send("server", client.open(now))
    again = 0.5
    while now < seconds and not (client.ended or client.failed):
        now = min(again, client.due, wire[0][0] if wire else seconds)
        if now >= client.due:
            send("server", client.tick(now))
        if now >= again:
            again = now + 0.5
            send("client", server.due())
        while wire and wire[0][0] <= now:
            _, _, to, segment = heapq.heappop(wire)
            if to == "server":
                send("client", server.take(segment))
            else:
                send("server", client.take(segment, now))
    return now
