"""Who hears whom: a capture at every host while all hosts say their names, to all and to each one.

What a host hears from another network, hears twice, or does not hear from its own is a fault. What is missing may be said again:
on a machine that has no time for a switch, frames are lost, but none of them goes astray.
"""

import select
import socket
import struct
import threading
import time
from collections import Counter
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Self

from topologies.namespaces import inside
from topologies.network import EmulatedNetwork, Host

ALL = "all"  # whom a broadcast is for
ETHERTYPE = 0x88B5  # for local experiments (IEEE 802)
ETH_P_ALL = 3
OUTGOING = 4  # PACKET_OUTGOING: the host's own, on their way out
BROADCASTS = 3  # from each host
PAUSE = 0.003  # seconds between two frames of a host: fewer a second than the storm guard lets pass
GRACE, PATIENCE = 0.2, 3.0  # seconds for what should not come, and for what should
SO_RCVBUFFORCE, ROOM = 33, 1 << 23
SHOWN = 20  # faults that are listed


class Capture:
    """All frames that arrive at all hosts, from entering this until leaving it."""

    def __init__(self, network: EmulatedNetwork) -> None:
        self._network = network
        self._names: dict[bytes, list[str]] = {}  # networks that are apart may have the same addresses
        for name, host in network.hosts.items():
            self._names.setdefault(bytes.fromhex(host.mac.replace(":", "")), []).append(name)
        self._turn = -1
        self._strangers: set[tuple[str, str, str]] = set()
        self._heard: Counter[tuple[str, str, str, int]] = Counter()  # who, from whom, for whom, number
        self._stack = ExitStack()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._sockets = {name: self._stack.enter_context(_tap(host)) for name, host in self._network.hosts.items()}
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        self._stack.close()

    def exchange(self) -> None:
        """Every host says its name: three times to all, and once to each other host, whatever network that is in."""
        self._turn += 1
        hosts = list(self._network.hosts.values())
        for number in self._numbers():
            for host in hosts:
                self._say(host, None, number)
            time.sleep(PAUSE)
        for step in range(1, len(hosts)):
            for at, host in enumerate(hosts):
                self._say(host, hosts[(at + step) % len(hosts)], self._turn)
            time.sleep(PAUSE)
        deadline = time.monotonic() + PATIENCE
        time.sleep(GRACE)
        while self._unheard() and time.monotonic() < deadline:
            time.sleep(0.02)

    @property
    def frames(self) -> int:
        """How many of the frames with names arrived."""
        return self._heard.total()

    def faults(self) -> list[str]:
        """What is wrong, a sentence each; the first twenty."""
        found = [f"{who} heard {whom}, which must be apart ({what})" for who, whom, what in sorted(self._strangers)]
        found += [f"{_sentence(key)} {times} times" for key, times in sorted(self._heard.items()) if times > 1]
        found += self.missing()
        return [*found[:SHOWN], *([f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else [])]

    def missing(self) -> list[str]:
        """What did not arrive of the last exchange, a sentence each."""
        return [_sentence(key).replace(" got ", " did not get ", 1) for key in self._unheard()]

    def _numbers(self) -> range:
        return range(self._turn * BROADCASTS, (self._turn + 1) * BROADCASTS)

    def _unheard(self) -> list[tuple[str, str, str, int]]:
        names = list(self._network.hosts)
        pairs = [(one, other) for one in names for other in names if one != other and self._network.together(one, other)]
        wanted = [(who, whom, ALL, number) for whom, who in pairs for number in self._numbers()]
        wanted += [(who, whom, who, self._turn) for whom, who in pairs]
        return [key for key in wanted if key not in self._heard]

    def _say(self, source: Host, target: Host | None, number: int) -> None:
        to = target.mac if target else "ff:ff:ff:ff:ff:ff"
        addresses = bytes.fromhex((to + source.mac).replace(":", ""))
        text = f"{source.name} {target.name if target else ALL} {number}".encode()
        self._sockets[source.name].send(addresses + struct.pack("!H", ETHERTYPE) + text.ljust(46, b"\0"))

    def _read(self) -> None:
        by_number = {tap.fileno(): (name, tap) for name, tap in self._sockets.items()}
        with select.epoll() as poll:
            for number in by_number:
                poll.register(number, select.EPOLLIN)
            while not self._ended.is_set():
                for number, _ in poll.poll(0.05):
                    name, tap = by_number[number]
                    with suppress(BlockingIOError):
                        while True:
                            frame, address = tap.recvfrom(2000)
                            if address[2] != OUTGOING:
                                self._note(name, frame)

    def _note(self, who: str, frame: bytes) -> None:
        senders, kind = self._names.get(frame[6:12], []), struct.unpack_from("!H", frame, 12)[0]
        if kind == ETHERTYPE:
            source, target, number = frame[14:].rstrip(b"\0").decode().split()
            senders = [source]
            self._heard[who, source, target, int(number)] += 1
        if senders and not any(sender != who and self._network.together(sender, who) for sender in senders):
            self._strangers.add((who, " or ".join(senders), f"EtherType 0x{kind:04x}"))


def _sentence(key: tuple[str, str, str, int]) -> str:
    who, whom, target, number = key
    what = f"broadcast {number}" if target == ALL else f"the frame for {target}"
    return f"{who} got {what} of {whom}"


def _tap(host: Host) -> socket.socket:
    """A socket that sees all that a host's interface sends and receives."""
    with inside(host.namespace):
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
        tap.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM)
        tap.bind((host.interface, ETH_P_ALL))
    return tap
