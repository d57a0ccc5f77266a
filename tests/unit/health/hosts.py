"""Backends of the tests' own: they hear the frames of health checks and answer as a host would; and a clock."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptDstLLAddr, IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw

from controller.health.checks import Asked, Checks, Out, Place, Verdict
from controller.health.exchanges import Question
from controller.health.frames import Ends
from controller.model import IPv4, Mac
from controller.model import IPv6 as Six

OURS = Mac("02:76:00:01:00:01")


@dataclass
class Backend:
    """A host. `listens`: port to what it answers with, "" for a server that says nothing; `silent`: it hears nothing at all."""

    address: str
    mac: str = "02:00:00:00:00:0b"
    silent: bool = False
    listens: dict[int, bytes] = field(default_factory=dict)
    heard: list[Packet] = field(default_factory=list)

    def take(self, frame: bytes) -> list[bytes]:
        """A frame came: what the host sends."""
        if self.silent:
            return []
        came = Ether(frame)
        self.heard.append(came)
        ether = Ether(src=self.mac, dst=came.src)
        if ARP in came:
            reply = ARP(op=2, hwsrc=self.mac, psrc=self.address, hwdst=came.src, pdst=came[ARP].psrc)
            return [bytes(ether / reply)] if came[ARP].pdst == self.address else []
        if ICMPv6ND_NS in came:
            told = ICMPv6ND_NA(tgt=self.address, S=1) / ICMPv6NDOptDstLLAddr(lladdr=self.mac)
            return [bytes(ether / IPv6(src=self.address, dst=came[IPv6].src, hlim=255) / told)]
        layer = IP if IP in came else IPv6
        back = ether / layer(src=came[layer].dst, dst=came[layer].src)
        answers = self._tcp(came) if TCP in came else self._other(came, layer)
        return [bytes(back / answer) for answer in answers]

    def _other(self, came: Packet, layer: type[Packet]) -> list[Packet]:
        if ICMP in came:
            return [ICMP(type=0, id=came[ICMP].id, seq=came[ICMP].seq) / Raw(bytes(came[ICMP].payload))]
        if ICMPv6EchoRequest in came:
            return [ICMPv6EchoReply(id=came[ICMPv6EchoRequest].id, seq=came[ICMPv6EchoRequest].seq)]
        port = came[UDP].dport
        if port not in self.listens:
            return [ICMP(type=3, code=3) / Raw(bytes(came[layer])[:28])]
        return [UDP(sport=port, dport=came[UDP].sport) / self.listens[port]] if self.listens[port] else []

    def _tcp(self, came: Packet) -> list[Packet]:
        segment, size = came[TCP], len(came[TCP].payload)
        ports = {"sport": segment.dport, "dport": segment.sport}
        if segment.flags.R:
            return []
        if segment.dport not in self.listens:
            return [TCP(**ports, flags="RA", ack=segment.seq + 1)]
        if segment.flags.S:
            return [TCP(**ports, flags="SA", seq=700, ack=segment.seq + 1)]
        if size and self.listens[segment.dport]:
            answer, ack = self.listens[segment.dport], segment.seq + size
            return [TCP(**ports, flags="PA", seq=701, ack=ack) / answer, TCP(**ports, flags="FA", seq=701 + len(answer), ack=ack)]
        return []


class Net:
    """Checks, the backends that they ask, and a clock. What is sent arrives at once."""

    def __init__(self) -> None:
        self.now = 0.0
        self.numbers = iter(range(1000, 10**9, 7919))
        self.checks = Checks(lambda: next(self.numbers))
        self.backends: dict[Hashable, Backend] = {}
        self.sent: list[tuple[float, Out]] = []
        self.told: list[tuple[float, Verdict]] = []

    def add(self, backend: Backend, question: Question, interval: float = 2.0, rise: int = 2, fall: int = 3) -> None:
        """Check a backend, behind the port that it is the number of."""
        self.backends[backend.address] = backend
        asked = Asked(question, interval, rise, fall)
        self.checks.put(backend.address, asked, self.place(backend), self.now)

    def place(self, backend: Backend) -> Place:
        four = ":" not in backend.address
        ours, theirs = (IPv4("10.0.0.100"), IPv4(backend.address)) if four else (Six("fd00::64"), Six(backend.address))
        return Place("s1", list(self.backends).index(backend.address) + 1, 5, Ends(OURS, Mac(backend.mac), ours, theirs))

    def run(self, until: float) -> None:
        """Time goes on."""
        while self.checks.due <= until:
            self.now = max(self.now, self.checks.due)
            self.deliver(self.checks.tick(self.now))
        self.now = until

    def deliver(self, out: list[Out]) -> None:
        """Carry frames to and fro until nobody has anything to say."""
        while out:
            sent = out.pop(0)
            self.sent.append((self.now, sent))
            backend = list(self.backends.values())[sent.port - 1]
            for frame in backend.take(sent.frame):
                out += self.checks.hear(sent.bridge, sent.port, sent.network, frame, self.now)
        self.told += [(self.now, verdict) for verdict in self.checks.news]
        self.checks.news.clear()

    @property
    def reasons(self) -> list[tuple[bool, str]]:
        """What was told, in order."""
        return [(verdict.up, verdict.reason) for _, verdict in self.told]
