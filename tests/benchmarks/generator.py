"""A load of packet-ins from fake switches, in a process of its own: `python -m tests.benchmarks.generator PORT [options]`.

Each switch keeps a window of packet-ins open and sends the next for each answer. What else the controller says is answered by
the fake switch as always. Prints one line of JSON: answers a second, or microseconds to an answer.
"""

from __future__ import annotations

import argparse
import json
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from itertools import chain, cycle
from struct import pack

from controller.openflow import codec
from controller.openflow.osken import V13
from controller.pipeline import LEARN
from tests.fakes.switch import FakeSwitch

HOSTS = 16
FRAME = 60
WARM_UP = 0.5  # seconds
HANDSHAKE, QUIET = 10.0, 0.3
NO_MATCH = 0  # reason of a packet-in: ovs-testcontroller answers no other
ACTION = 1  # and Faucet no other than this
TO_ADDRESS = b"\x80\0\x06\x06"  # a match on an Ethernet destination: for each address that Faucet learns there is one
LOWEST = b"\0\1"  # priority of the flow that both of weft's apps have for frames that nothing else matches
TO_CONTROLLER = pack("!I", 0xFFFFFFFD)
AROUND = {codec.FLOW_MOD: 0, codec.BUNDLE_ADD: 16}  # bytes before a flow-mod
NETWORK = pack("!II", 0x00010004, 1)  # the network register, as the pipeline sets it


class PlainSwitch(FakeSwitch):
    """One for controllers of 1.3 that say so by the first byte of their hello, and delete whatever there is."""

    def __init__(self, dpid: int, ports: int) -> None:
        super().__init__(dpid, ports, versions=(V13,))

    def _take(self, message: bytes) -> None:
        if message[1] == codec.HELLO:
            self.version = V13
        else:
            super()._take(message)

    def _apply(self, message: bytes) -> tuple[int, int] | None:
        if message[1] == codec.FLOW_MOD and message[25] != 0:
            return None
        return super()._apply(message)


class Client:
    """A switch and its window. `plain`: of a controller of 1.3; `vlan`: it sees frames with this tag, and asks for them."""

    def __init__(self, number: int, port: int, learn: bool, plain: bool, vlan: int) -> None:
        self.switch = PlainSwitch(number, HOSTS) if plain else FakeSwitch(dpid=number, ports=HOSTS)
        self.learn, self.plain = learn, plain
        self._tag = pack("!HH", 0x8100, vlan) if vlan else b""
        self.answers = self.flows = 0  # flows: changes of them, whatever they are for
        self._buffer = b""
        self._asking = 0  # the cookie of the flow that sends frames up
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(self.switch.hello())
        self._messages: Iterator[bytes] = iter(())

    def prepare(self) -> None:
        """Shake hands and take flows until the controller is quiet and one of them sends frames up."""
        self.socket.settimeout(QUIET)
        deadline = time.monotonic() + HANDSHAKE
        while time.monotonic() < deadline:
            try:
                self.socket.sendall(self.switch.receive(self.socket.recv(1 << 18)))
            except TimeoutError:
                if self._cookie() is not None:
                    break
        else:
            sys.exit("the controller sent no flow that asks for frames")
        self.socket.settimeout(None)
        self._asking = self._cookie() or 0
        self._messages = self._new_sources() if self.learn else self._pairs()

    def _cookie(self) -> int | None:
        """The cookie of a flow that copies frames to the controller."""
        flows = self.switch.flows.items()
        ours = (cookie for slot, (cookie, _, _) in flows if slot[0] == LEARN.table and slot[1:3] == LOWEST)
        others = (cookie for _, (cookie, _, body) in flows if (self.plain or cookie == 0) and TO_CONTROLLER in body)
        return next(others if self.plain else chain(ours, others), None)

    def _packet_in(self, in_port: int, target: bytes, source: bytes) -> bytes:
        network = b"" if self.plain else NETWORK + bytes(4)
        match = pack("!HHII", 1, 12 + 8 * bool(network), 0x80000004, in_port) + (network or bytes(4))
        frame = target + source + self._tag + b"\x08\0" + bytes(FRAME - 14)
        reason = ACTION if self._tag else NO_MATCH
        body = pack("!IHBBQ", codec.NO_BUFFER, len(frame), reason, LEARN.table, self._asking) + match + bytes(2) + frame
        return codec.message(self.switch.version, codec.PACKET_IN, 0, body)

    def _mac(self, host: int) -> bytes:
        return pack("!HI", 0x0200 | self.switch.dpid, host)

    def _pairs(self) -> Iterator[bytes]:
        """All hosts talk to all others, again and again."""
        pairs = [(a, b) for a in range(HOSTS) for b in range(HOSTS) if a != b]
        return cycle([self._packet_in(a + 1, self._mac(b), self._mac(a)) for a, b in pairs])

    def _new_sources(self) -> Iterator[bytes]:
        """Each frame from another source."""
        number = 1
        while True:
            number += 1
            yield self._packet_in(1 + number % HOSTS, self._mac(0), self._mac(number))

    def send(self, count: int) -> None:
        """So many packet-ins, in one write."""
        if count:
            self.socket.sendall(b"".join([next(self._messages) for _ in range(count)]))

    def receive(self) -> int:
        """Read; how many answers there were."""
        received = self.socket.recv(1 << 18)
        if not received:
            raise ConnectionResetError("closed")
        data = self._buffer + received
        rest, answers, pos, size = [], 0, 0, len(data)
        while size - pos >= 8:
            end = pos + (data[pos + 2] << 8 | data[pos + 3])
            if end > size:
                break
            kind = data[pos + 1]
            self.flows += kind in AROUND
            if kind == codec.PACKET_OUT:
                answers += end - pos > FRAME and not self.learn and data[end - FRAME + 12 : end - FRAME + 14] == b"\x08\0"
            elif kind == codec.FLOW_MOD and self.plain:
                answers += self.learn and data[pos + 25] == 0 and TO_ADDRESS in data[pos + 48 : end]
            else:
                answers += self.learn and kind in AROUND and _is_learned(data, pos + AROUND[kind])
                rest.append(data[pos:end])
            pos = end
        self._buffer = data[pos:]
        if rest and (reply := self.switch.receive(b"".join(rest))):
            self.socket.sendall(reply)
        self.answers += answers
        return answers


def _is_learned(data: bytes, pos: int) -> bool:
    """True for a flow-mod that adds a flow of priority 100 to LEARN: there is one for each address."""
    return data[pos + 24] == LEARN.table and data[pos + 25] == 0 and data[pos + 30 : pos + 32] == b"\0d"


def throughput(clients: list[Client], window: int, seconds: float) -> dict[str, float]:
    """Answers a second with all windows open."""
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
            client.send(window)
        warm, began, before, flows, busy = time.monotonic() + WARM_UP, 0.0, 0, 0, 0.0
        while True:
            for ready, _ in selector.select(seconds):
                ready.data.send(ready.data.receive())
            now = time.monotonic()
            if not began and now >= warm:
                began, before, busy = now, sum(c.answers for c in clients), time.process_time()
                flows = sum(c.flows for c in clients)
            elif began and now >= began + seconds:
                took = now - began
                answers = sum(client.answers for client in clients)
                rates = {"rate": (answers - before) / took, "flows": (sum(client.flows for client in clients) - flows) / took}
                return rates | {"answers": answers, "generator": (time.process_time() - busy) / took}


def latency(client: Client, count: int) -> dict[str, float]:
    """Microseconds from a packet-in to its answer, one at a time."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        client.send(1)
        while not client.receive():
            pass
        times.append((time.perf_counter() - began) * 1e6)
    times = sorted(times[count // 5 :])
    return {"p50": times[len(times) // 2], "p99": times[len(times) * 99 // 100]}


def main() -> None:
    """Run one kind of load."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--switches", type=int, default=4)
    parser.add_argument("--window", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--learn", action="store_true", help="each frame from a new source; an answer is the flow for it")
    parser.add_argument("--latency", type=int, default=0, metavar="COUNT")
    parser.add_argument("--plain", action="store_true", help="for controllers that speak 1.3 alone")
    parser.add_argument("--vlan", type=int, default=0, help="frames come with this tag, as Faucet has its switches send them")
    options = parser.parse_args()
    count = 1 if options.latency else options.switches
    try:
        clients = [Client(n + 1, options.port, options.learn, options.plain, options.vlan) for n in range(count)]
        for client in clients:
            client.prepare()
        if options.latency:
            print(json.dumps(latency(clients[0], options.latency)))
        else:
            print(json.dumps(throughput(clients, options.window, options.seconds)))
    except ConnectionError as error:
        sys.exit(f"the controller ended the connection: {error}")


if __name__ == "__main__":
    main()
