"""A link between bridges of an emulated network: which traffic uses it, and taking it down and up."""

import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Self

from topologies.catalogue import TopologyError
from topologies.namespaces import inside
from topologies.network import EmulatedNetwork, Host, NetworkError
from topologies.traffic import PORT, Stream, text, udp

ETH_P_ALL = 3
SOURCE_PORTS = range(7001, 7009)  # each may take another of several equal paths
ROUND = 0.02  # seconds that a frame may need from host to host
MARK = b"weft "
HEADS = 14 + 4 + 20 + 8  # bytes of Ethernet, a VLAN tag, IPv4 and UDP: farther back a datagram is one that ICMP quotes

Ends = tuple[str, str]


def choose(links: list[Ends], wanted: str) -> Ends:
    """The link called `s1-s2`, or by the interface of a bridge, `s1-eth3`. A TopologyError says which links there are."""
    found = [ends for ends in links if wanted in {*ends, name(ends), name(ends[::-1])}]
    if len(found) == 1:
        return found[0]
    if found:
        raise TopologyError(f"there are {len(found)} links {wanted}: name one by its interface, {', '.join(e[0] for e in found)}")
    there = ", ".join(dict.fromkeys(name(ends) for ends in links)) or "none between bridges"
    raise TopologyError(f"there is no link {wanted!r}; there are: {there}")


def name(ends: Ends) -> str:
    """A link by its bridges."""
    return "-".join(end.rpartition("-")[0] for end in ends)


class Link:
    """One link, watched from entering this until leaving it."""

    def __init__(self, network: EmulatedNetwork, ends: Ends) -> None:
        self.ends = ends
        self._network = network

    def __enter__(self) -> Self:
        with inside(self._network.namespace):
            self._tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
            self._tap.bind((self.ends[0], ETH_P_ALL))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._tap.close()

    def set(self, state: str) -> None:
        """Make it `up` or `down`, by the interface at its first end. The other end sees it at the same time."""
        command = ["nsenter", f"--net={self._network.namespace}", "--", "ip", "link", "set", self.ends[0], state]
        subprocess.run(command, check=True, timeout=10)

    def stream(self) -> Stream:
        """A stream that uses this link, not yet begun. A NetworkError if no traffic between hosts does."""
        with ExitStack() as stack:
            hosts = self._network.hosts.values()
            for source_port in SOURCE_PORTS:
                sockets = {host.name: stack.enter_context(udp(host, source_port)) for host in hosts}
                for pairs in self._rounds():
                    for source, target in pairs:
                        with suppress(OSError):
                            sockets[source.name].sendto(f"{text(source, target, source_port)} 0".encode(), (target.ip, PORT))
                    time.sleep(ROUND)
                    for _, one, other, port in map(str.split, self._seen()):
                        return Stream(self._network.hosts[one], self._network.hosts[other], int(port))
        raise NetworkError(f"no traffic between hosts uses the link {' - '.join(self.ends)}")

    def carries(self, stream: Stream) -> bool:
        """Whether the stream uses this link now."""
        list(self._seen())
        time.sleep(5 * ROUND)
        return stream.text in self._seen()

    def _rounds(self) -> Iterable[list[tuple[Host, Host]]]:
        """All pairs that must reach each other, in rounds in which each host sends once; those at its ends come first."""
        near = [end.rpartition("-")[0] for end in self.ends]
        hosts = sorted(self._network.hosts.values(), key=lambda host: host.bridge not in near)
        for step in range(1, len(hosts)):
            turn = [(one, hosts[(at + step) % len(hosts)]) for at, one in enumerate(hosts)]
            yield [(one, other) for one, other in turn if self._network.together(one.name, other.name)]

    def _seen(self) -> Iterator[str]:
        """What datagrams said that passed here in the meantime, without their numbers."""
        with suppress(BlockingIOError):
            while True:
                frame = self._tap.recv(2000)
                if 0 <= (at := frame.find(MARK)) <= HEADS:
                    yield " ".join(frame[at:].decode(errors="replace").split()[:4])
