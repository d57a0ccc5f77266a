"""`weft emulate services --check`: what part of the connections each backend gets, and what happens when one drains or dies."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

from controller.cli.client import segment
from controller.cli.errors import ExitCode, Failure
from controller.cli.supervised import SupervisedController
from topologies.clients import REVALIDATED, Attempt, Held, Load, ask_by_udp, connections, failures, from_each, names, stay
from topologies.network import EmulatedNetwork, Host
from topologies.servers import Servers
from topologies.services import PORT, VirtualService
from topologies.shares import HEADER, LEVEL, Shares

MANY, SOME, FEW = 1000, 200, 40  # connections
TIMES = 5  # connections from each address where an address stays with a backend
HELD = 8  # connections to each service that stay open
NOTICED = 6.0  # seconds in which a dead server must be avoided: its checks take 2, and the machine may be busy
AGREE = 30.0  # seconds in which the controller must know
PAUSE = 0.01  # seconds between two connections of a client while a server dies
LEAST = 0.5  # part of its share that a backend must get where weights change with what is open


class ServiceCheck:
    """All services of a network, asked by all clients. `settle` waits until bridges hold what the controller wants."""

    def __init__(
        self, network: EmulatedNetwork, controller: SupervisedController, servers: Servers, settle: Callable[[], None]
    ) -> None:
        self._controller, self._servers, self._agreed = controller, servers, settle
        self._clients = [host for host in network.hosts.values() if host.name not in servers.names]
        self._hosts = network.hosts
        self.services = servers.services
        self.connections = 0
        self.wrong: list[str] = []
        self._refused: list[str] = []

    def run(self) -> Iterator[str]:
        """Line by line how it goes. What was not as it should be is in `wrong` then."""
        yield from self._shares()
        yield self._datagrams(self.services[0])
        yield self._own(self.services[0])
        yield from self._drain(self.services[0])
        yield from self._kill()
        yield from (f"opened      at the second try only: {refused}" for refused in self._refused)

    def wait_until_up(self) -> float:
        """Wait until each backend takes connections; how many seconds it took."""
        begun = time.monotonic()
        self._wait_for("each backend is up", lambda backend: backend["state"] == "up")
        seconds = time.monotonic() - begun
        self._settle()
        return seconds

    def _shares(self) -> Iterator[str]:
        yield HEADER
        for service in self.services:
            shares, verdict, right = self._share(service)
            if not right and not service.sticks:
                # One of a hundred good samples looks bad; two in a row are one of ten thousand.
                shares, verdict, right = self._share(service)
            yield from shares.lines(service.name)
            yield f"{'':<11} {service.scheduler}, {service.mode}, {service.vip}: {verdict}"
            self._judge(right, f"{service.name}: {verdict}")

    def _share(self, service: VirtualService) -> tuple[Shares, str, bool]:
        """What each backend got; a sentence, and whether it is as it should be."""
        if service.sticks:
            return self._sticking(service)
        attempts = self._connect(service, MANY)
        shares = self._sum(service, attempts)
        said, lost = f"{len(attempts)} connections", failures(attempts)
        if service.scheduler == "least":
            right = all(shares.share(name) >= LEAST * shares.expected(name) for name in shares.weights)
            return shares, f"{said}, {_failed(lost)}, weights follow what is open", right and not lost
        tested = f"chi-square {shares.statistic:.1f}, which {100 * shares.probability:.2g} % of good samples exceed"
        tested += "" if shares.follow else f", and {100 * LEVEL:g} % are the least"
        return shares, f"{said}, {_failed(lost)}, {tested}", shares.follow and not lost

    def _sticking(self, service: VirtualService) -> tuple[Shares, str, bool]:
        """From each address of each client some connections: all of an address go to one backend."""
        attempts = from_each(self._servers.sources(), (service.vip, PORT), TIMES)
        self.connections += len(attempts)
        found = stay(attempts)
        faithful, lost = sum(len(by) == 1 for by in found.values()), failures(attempts)
        said = f"{len(attempts)} connections, {_failed(lost)}, {faithful} of {len(found)} addresses stay with one backend"
        return self._sum(service, attempts), said, faithful == len(found) and not lost

    def _datagrams(self, service: VirtualService) -> str:
        answered = sum((ask_by_udp(client, (service.vip, PORT), FEW) for client in self._clients), Counter[str]())
        sent = FEW * len(self._clients)
        self._judge(answered.total() == sent, f"udp: {answered.total()} of {sent} datagrams to {service.name} are answered")
        return f"udp         {service.name}: {answered.total()} datagrams, answered by {_listed(answered)}"

    def _own(self, service: VirtualService) -> str:
        """A backend is a client of its own service, and of itself."""
        servers = [self._hosts[name] for name in self._servers.names]
        attempts = connections(servers, (service.vip, PORT), SOME)
        lost = failures(attempts)
        self.connections += len(attempts)
        self._judge(not lost, f"hairpin: of connections of backends to their own service {_failed(lost)}")
        return f"hairpin     {service.name}: {len(attempts)} connections of backends to their own service, {_failed(lost)}"

    def _drain(self, service: VirtualService) -> Iterator[str]:
        address = list(service.backends)[1]
        name = self._servers.at[address]
        with ExitStack() as stack:
            held = self._hold(stack, service, until=name)
            mine = [one for one in held if one.name == name]
            self._order(service, address, "drain")
            self._wait_until_avoided(service, name)
            new, lost = self._new(service)
            alive = sum(one.alive() for one in mine)
            self._judge(new[name] == 0 and not lost, f"drain: {new[name]} new connections went to {name}, {_failed(lost)}")
            self._judge(alive == len(mine) > 0, f"drain: {alive} of {len(mine)} old connections to {name} live on")
            yield (
                f"drain       {service.name}: {name} gets {new[name]} of {new.total()} new connections;"
                f" {alive} of its {len(mine)} old ones live on"
            )
        self._order(service, address, "undrain")
        new, lost = self._new(service)
        self._judge(new[name] > 0 and not lost, f"undrain: {new[name]} new connections went to {name}, {_failed(lost)}")
        yield f"undrain     {service.name}: {name} gets {new[name]} of {new.total()} new connections again"

    def _kill(self) -> Iterator[str]:
        name = self._servers.names[-1]
        with ExitStack() as stack:
            held = [one for service in self.services for one in self._hold(stack, service, until="")]
            first = self.services[0]
            with Load(self._clients, (first.vip, PORT), threads=1, pause=PAUSE) as load:
                begun = time.monotonic()
                self._servers.kill(name)
                self._wait_for(f"{name} is down", lambda backend: backend["state"] == "down", name)
                known = time.monotonic() - begun
                self._wait_until_avoided(first, name)
            self.connections += len(load.attempts)
            hurt = [attempt.ended - begun for attempt in load.attempts if attempt.error and attempt.ended > begun]
            last = max(hurt, default=0.0)
            self._judge(last < NOTICED, f"kill: {last:.1f} s later connections to {first.name} still fail")
            fail = f"{len(hurt)} new connections fail in {1000 * last:.0f} ms"
            yield f"kill        {name}: {fail}, the controller knows after {1000 * known:.0f} ms"
            yield self._survivors(name, held)
        yield self._avoided(name)
        self._servers.start(name)
        seconds = self.wait_until_up()
        new, lost = self._new(first)
        self._judge(new[name] > 0 and not lost, f"start: {new[name]} new connections went to {name}, {_failed(lost)}")
        yield f"start       {name}: up after {seconds:.1f} s, gets {new[name]} of {new.total()} new connections"

    def _survivors(self, name: str, held: Sequence[Held]) -> str:
        """Only connections to the dead server broke."""
        mine, others = [one for one in held if one.name == name], [one for one in held if one.name != name]
        alive = sum(one.alive() for one in others)
        self._judge(alive == len(others), f"kill: {len(others) - alive} of {len(others)} connections to others broke")
        return f"{'':<11} of old connections, {len(mine)} to {name} broke and {len(others) - alive} of {len(others)} to others"

    def _avoided(self, name: str) -> str:
        """No service sends anybody to the dead server."""
        total = 0
        for service in self.services:
            new, lost = self._new(service)
            total += new.total()
            self._judge(
                new[name] == 0 and not lost, f"kill: {service.name}: of new connections {_failed(lost)}, {new[name]} to {name}"
            )
        return f"{'':<11} then {total} new connections to {len(self.services)} services, all answered by others"

    def _hold(self, stack: ExitStack, service: VirtualService, until: str) -> list[Held]:
        """Open connections that stay; more of them until there are some to UNTIL."""
        held: list[Held] = []
        while len(held) < HELD or (until and len(held) < SOME and sum(one.name == until for one in held) < 3):
            held.append(self._open(self._clients[len(held) % len(self._clients)], service))
            stack.callback(held[-1].close)
        self.connections += len(held)
        return held

    def _open(self, client: Host, service: VirtualService) -> Held:
        """A connection that stays. One in all may need a second try, as on a machine with too much to do; it is told."""
        try:
            return Held(client, (service.vip, PORT))
        except OSError as error:
            self._refused.append(f"{client.name} to {service.name}: {error}")
            self._judge(len(self._refused) == 1, f"connections were not opened: {'; '.join(self._refused)}")
            return Held(client, (service.vip, PORT))

    def _new(self, service: VirtualService) -> tuple[Counter[str], list[str]]:
        """Some new connections: who answered, and why some failed."""
        attempts = self._connect(service, SOME)
        return names(attempts), failures(attempts)

    def _connect(self, service: VirtualService, number: int) -> list[Attempt]:
        self.connections += number
        return connections(self._clients, (service.vip, PORT), number)

    def _sum(self, service: VirtualService, attempts: Sequence[Attempt]) -> Shares:
        return Shares(names(attempts), {self._servers.at[address]: weight for address, weight in service.backends.items()})

    def _order(self, service: VirtualService, address: str, order: str) -> None:
        """Drain a backend, or use it again; returns when bridges do it."""
        self._controller.client.post(f"/services/{segment(service.name)}/backends/{segment(address)}/{order}")
        self._settle()

    def _wait_for(self, what: str, so: Callable[[dict[str, Any]], bool], server: str = "") -> None:
        """Wait until it is so for all backends, or for those that are one server."""
        deadline = time.monotonic() + AGREE
        while True:
            backends = [one for one in self._controller.client.items("/backends") if not server or self._is(one, server)]
            other = [one for one in backends if not so(one)]
            if backends and not other:
                return
            if time.monotonic() > deadline:
                why = "; ".join(f"{one['service']} {one['address']}: {one['state']}, {one['reason']}" for one in other[:5])
                text = f"not within {AGREE:g} s: {what} ({why or 'there are none'})"
                raise Failure(ExitCode.TIMED_OUT, text, self._controller.last_words())
            self._controller.pause()

    def _wait_until_avoided(self, service: VirtualService, server: str) -> None:
        """Wait until all connections have gone elsewhere for so long that each datapath has been looked at again."""
        self._agreed()
        begun = clean = time.monotonic()
        while (now := time.monotonic()) < clean + 2 * REVALIDATED and now < begun + AGREE:
            attempts = self._connect(service, SOME)
            if failures(attempts) or server in names(attempts):
                clean = time.monotonic()

    def _settle(self) -> None:
        """Wait until bridges do what the controller wants."""
        self._agreed()
        self._controller.pause(REVALIDATED)

    def _is(self, backend: dict[str, Any], server: str) -> bool:
        return self._servers.at.get(backend["address"]) == server

    def _judge(self, right: bool, sentence: str) -> None:
        if not right:
            self.wrong.append(sentence)


def _failed(reasons: Sequence[str]) -> str:
    """How many failed, and why."""
    return f"{len(reasons)} failed" + (f" ({_listed(Counter(reasons))})" if reasons else "")


def _listed(found: Counter[str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(found.items()))
