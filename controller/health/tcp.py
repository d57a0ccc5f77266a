"""A client's end of one TCP connection (RFC 9293), as much of it as a check needs: segments and time in, segments out.

    client = Client(isn, request, retry=0.3)
    out = client.open(now)
    out = client.take(segment, now)        # whatever arrives, in any order, also twice
    out = client.tick(now)                 # not before client.due
    client.received, client.ended, client.failed

What is sent and not acknowledged is sent again after `retry` seconds, then after twice that, and so on. What arrives out of order
waits for what is missing, as far as the window goes. There is no congestion control: a request is a few hundred bytes.
"""

from __future__ import annotations

from typing import NamedTuple

from controller.health.frames import ACK, FIN, PSH, RST, SYN

WINDOW = 16384  # bytes that may be under way to us
MSS = 1220  # what fits into any IPv6 packet, and so into any of a network
CHUNK = 536  # bytes of ours in a segment: what every host takes (RFC 9293, 3.7.1)
NEVER = float("inf")


class Segment(NamedTuple):
    """A segment without its ports."""

    seq: int
    ack: int
    flags: int
    data: bytes = b""


def after(one: int, other: int) -> int:
    """How far a sequence number is behind another: 0 where they are equal, negative where it is before (modulo 2**32)."""
    return (one - other + 0x80000000 & 0xFFFFFFFF) - 0x80000000


class Client:
    """One connection. `established` once the server has answered; `ended` when it has sent all that it will.

    `failed` is "refused" where the server did not want the connection, "reset" where it ended it. `room`: so many bytes are kept
    of what it sends.
    """

    def __init__(self, isn: int, request: bytes = b"", *, retry: float = 0.3, room: int = 65536) -> None:
        self.established = self.ended = False
        self.failed = ""
        self.due = NEVER
        self._received = bytearray()
        self._isn, self._request, self._retry, self._room = isn, request, retry, room
        self._acked = isn  # all before it has arrived there
        self._next = 0  # what is expected from the server
        self._waiting: dict[
            int, tuple[bytes, bool]
        ] = {}  # by sequence number: what came before its time, and whether it is the last

    @property
    def received(self) -> bytes:
        """What the server sent, as far as nothing is missing."""
        return bytes(self._received)

    def open(self, now: float) -> list[Segment]:
        """Begin."""
        self.due = now + self._retry
        return [Segment(self._isn, 0, SYN)]

    def tick(self, now: float) -> list[Segment]:
        """Time goes on: what was not acknowledged is sent again."""
        if now < self.due or self.failed:
            return []
        self._retry *= 2
        self.due = now + self._retry
        return self._unacked() if self.established else [Segment(self._isn, 0, SYN)]

    def close(self) -> list[Segment]:
        """We want no more: the segment that says so. To a server that has ended it is a farewell, to another one a reset."""
        self.due = NEVER
        if self.failed or not self.established:
            return []
        end = self._isn + 1 + len(self._request) & 0xFFFFFFFF
        if self.ended and self._acked == end:
            return [Segment(end, self._next, FIN | ACK)]
        return [Segment(self._acked, self._next, RST | ACK)]

    def take(self, segment: Segment, now: float) -> list[Segment]:
        """A segment of the server, new or old."""
        if self.failed:
            return []
        if not self.established:
            return self._answered(segment, now)
        distance = after(segment.seq, self._next)
        if segment.flags & RST:
            if 0 <= distance < WINDOW:
                self.failed, self.due = "reset", NEVER
            return []
        if segment.flags & SYN:  # its first one again: it has not heard our answer
            return [self._ack()]
        if segment.flags & ACK:
            self._take_ack(segment.ack, now)
        if segment.data or segment.flags & FIN:
            self._take_data(segment, distance)
            return [self._ack()]
        return []

    def _answered(self, segment: Segment, now: float) -> list[Segment]:
        """The first answer: a connection, a refusal, or something of an earlier connection."""
        if not segment.flags & ACK or segment.ack != self._isn + 1 & 0xFFFFFFFF:
            return reset(segment) if segment.flags & ACK else []
        if segment.flags & RST:
            self.failed, self.due = "refused", NEVER
        elif segment.flags & SYN:
            self.established = True
            self._acked, self._next = segment.ack, segment.seq + 1 & 0xFFFFFFFF
            self.due = now + self._retry if self._request else NEVER
            return self._unacked() or [self._ack()]
        return []

    def _take_ack(self, ack: int, now: float) -> None:
        end = self._isn + 1 + len(self._request) & 0xFFFFFFFF
        if after(ack, self._acked) > 0 and after(end, ack) >= 0:
            self._acked = ack
            self.due = NEVER if ack == end else now + self._retry

    def _take_data(self, segment: Segment, distance: int) -> None:
        """Keep what is new and within the window, and give on what is in order now."""
        if self.ended or distance >= WINDOW or distance + len(segment.data) < 0:
            return
        last = bool(segment.flags & FIN)
        whole = WINDOW - distance
        data, last = (segment.data, last) if len(segment.data) <= whole else (segment.data[:whole], False)
        known = self._waiting.get(segment.seq)
        if known is None or (len(data), last) > (len(known[0]), known[1]):
            self._waiting[segment.seq] = data, last
        while not self.ended and self._give():
            pass

    def _give(self) -> bool:
        """Take the first waiting part that continues what is there; False where there is none."""
        for seq, (data, last) in self._waiting.items():
            skip = after(self._next, seq)
            if 0 <= skip <= len(data) and (skip < len(data) or last or not data):
                del self._waiting[seq]
                self._received += data[skip : skip + self._room - len(self._received)]
                self._next = self._next + len(data) - skip + last & 0xFFFFFFFF
                self.ended = last
                return True
            if skip > len(data) or (skip == len(data) and not last):
                del self._waiting[seq]  # all of it is known already
                return True
        return False

    def _unacked(self) -> list[Segment]:
        """What of the request has not arrived yet, as far as we know."""
        sent = after(self._acked, self._isn + 1 & 0xFFFFFFFF)
        rest = self._request[sent:]
        return [
            Segment(
                self._acked + at & 0xFFFFFFFF, self._next, ACK | (PSH if at + CHUNK >= len(rest) else 0), rest[at : at + CHUNK]
            )
            for at in range(0, len(rest), CHUNK)
        ]

    def _ack(self) -> Segment:
        return Segment(self._isn + 1 + len(self._request) & 0xFFFFFFFF, self._next, ACK)


def reset(segment: Segment) -> list[Segment]:
    """What a segment of no connection is answered with (RFC 9293, 3.10.7.1), if it wants anything at all."""
    if segment.flags & RST or (segment.flags & (SYN | FIN) == 0 and not segment.data):
        return []
    if segment.flags & ACK:
        return [Segment(segment.ack, 0, RST)]
    end = segment.seq + len(segment.data) + bool(segment.flags & SYN) + bool(segment.flags & FIN)
    return [Segment(0, end & 0xFFFFFFFF, RST | ACK)]
