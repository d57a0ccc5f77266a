"""Who reaches whom: ICMP echo between all pairs of hosts of an emulated network, and the matrix a person reads."""

import os
import select
import socket
import struct
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from topologies.namespaces import inside
from topologies.network import EmulatedNetwork, Host

ECHO, REPLY = 8, 0  # types of ICMP messages
SOL_RAW, ICMP_FILTER = 255, 1
HEAD = struct.Struct("!BBHHHI")  # of a message: type, code, checksum, identifier, sequence number, and ours: which pair
# Silence is proof only where it is expected, and waiting for it costs: a second there, more where an answer may be slow.
PATIENCE = {True: 3.0, False: 1.0}
OPEN = {True: 32, False: 1000}  # so many at a time, where an answer is wanted and where it is not


@dataclass(frozen=True, slots=True)
class Probe:
    """One ping from one host to another, and whether the topology says that it must be answered."""

    source: str
    target: str
    wanted: bool
    answered: bool

    @property
    def right(self) -> bool:
        """Whether what happened is what must happen."""
        return self.wanted == self.answered

    @property
    def lost(self) -> bool:
        """Whether an answer is missing."""
        return self.wanted and not self.answered

    def __str__(self) -> str:
        if self.right:
            return f"{self.source} -> {self.target}: as it should be"
        return f"{self.source} -> {self.target}: " + ("no answer" if self.wanted else "answered, though they must be apart")


class Pings:
    """A raw socket in each host, and the pings that are on their way."""

    def __init__(self, stack: ExitStack, network: EmulatedNetwork, pairs: Iterable[tuple[Host, Host]]) -> None:
        self.pairs = list(pairs)
        self.wanted = [network.together(source.name, target.name) for source, target in self.pairs]
        self.answered: set[int] = set()
        self._poll = stack.enter_context(select.epoll())
        self._sockets = {name: stack.enter_context(_echo_socket(host)) for name, host in network.hosts.items()}
        self._by_number = {opened.fileno(): opened for opened in self._sockets.values()}
        for number in self._by_number:
            self._poll.register(number, select.EPOLLIN)

    def run(self) -> None:
        """Ping each pair once. Those that must not answer do not hold up the others."""
        waiting = {kind: [n for n, wanted in enumerate(self.wanted) if wanted is kind] for kind in (True, False)}
        due: dict[int, float] = {}
        while due or any(waiting.values()):
            now = time.monotonic()
            due = {pair: until for pair, until in due.items() if until > now and pair not in self.answered}
            for kind, numbers in waiting.items():
                free = max(0, OPEN[kind] - sum(self.wanted[pair] is kind for pair in due))
                for pair in numbers[:free]:
                    due[pair] = now + PATIENCE[kind]
                    self._send(pair)
                del numbers[:free]
            if due:
                self._receive(max(0.0, min(due.values()) - now))

    def _send(self, pair: int) -> None:
        source, target = self.pairs[pair]
        blank = HEAD.pack(ECHO, 0, 0, _identifier(), pair & 0xFFFF, pair)
        message = HEAD.pack(ECHO, 0, _checksum(blank), _identifier(), pair & 0xFFFF, pair)
        with suppress(OSError):  # no route, which is as good as no answer
            self._sockets[source.name].sendto(message, (target.ip, 0))

    def _receive(self, seconds: float) -> None:
        for number, _ in self._poll.poll(seconds):
            with suppress(OSError):
                packet, (sender, _) = self._by_number[number].recvfrom(2000)
                kind, _, _, identifier, _, pair = HEAD.unpack_from(packet, 4 * (packet[0] & 15))
                if (kind, identifier) == (REPLY, _identifier()) and pair < len(self.pairs) and self.pairs[pair][1].ip == sender:
                    self.answered.add(pair)


def probe_all(network: EmulatedNetwork) -> Iterator[Probe]:
    """Ping between all ordered pairs of hosts, once each: the first packet between two hosts must not be lost either."""
    hosts = list(network.hosts.values())
    # Each host in turn, so that not one of them asks for all the others at once.
    turns = [(one, hosts[(at + step) % len(hosts)]) for step in range(1, len(hosts)) for at, one in enumerate(hosts)]
    order = {name: number for number, name in enumerate(network.hosts)}
    yield from sorted(_probes(network, turns), key=lambda probe: (order[probe.source], order[probe.target]))


def probe_again(network: EmulatedNetwork, before: list[Probe]) -> list[Probe]:
    """The same, with a second try for those without an answer: a switch that gets no processor time for a while loses frames."""
    again = probe_all(network) if any(probe.lost for probe in before) else before
    return [second if first.lost else first for first, second in zip(before, again, strict=True)]


def probe(network: EmulatedNetwork, source: Host, target: Host) -> Probe:
    """One ping."""
    return _probes(network, [(source, target)])[0]


def _probes(network: EmulatedNetwork, pairs: list[tuple[Host, Host]]) -> list[Probe]:
    with ExitStack() as stack:
        pings = Pings(stack, network, pairs)
        pings.run()
    return [
        Probe(source.name, target.name, wanted, number in pings.answered)
        for number, ((source, target), wanted) in enumerate(zip(pings.pairs, pings.wanted, strict=True))
    ]


def _echo_socket(host: Host) -> socket.socket:
    """A socket in the host that receives echo replies alone."""
    with inside(host.namespace):
        opened = socket.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_ICMP)
    opened.setsockopt(SOL_RAW, ICMP_FILTER, struct.pack("=I", 0xFFFFFFFF & ~(1 << REPLY)))
    return opened


def _identifier() -> int:
    return os.getpid() & 0xFFFF


def _checksum(message: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(message) // 2}H", message))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def matrix(probes: list[Probe]) -> str:
    """A row a source and a column a target: `+` answered, `.` silent and apart as it must be, `X` not as it must be."""
    by_pair = {(probe.source, probe.target): probe for probe in probes}
    names = list(dict.fromkeys(probe.source for probe in probes))
    width = max((len(name) for name in names), default=1) + 1
    lines = [" " * width + "".join(f"{name:>{width}}" for name in names)]
    for source in names:
        cells = (_cell(by_pair.get((source, target))) for target in names)
        lines.append(f"{source:<{width}}" + "".join(f"{cell:>{width}}" for cell in cells))
    return "\n".join(lines)


def _cell(probe: Probe | None) -> str:
    if probe is None:
        return "-"
    if not probe.right:
        return "X"
    return "+" if probe.answered else "."
