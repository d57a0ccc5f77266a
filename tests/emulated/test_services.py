"""Virtual services with real clients and servers: shares, sticky clients, drain, a dying server, a restarting controller."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest

from controller.cli import servicecheck
from tests.emulated.conftest import Lab
from topologies import servers
from topologies.clients import REVALIDATED, Held, Load, ask_by_udp, connections, failures, from_each, names, stay
from topologies.servers import Servers
from topologies.services import PORT, TARGET, VirtualService
from topologies.shares import Shares

MANY, SOME = 10_000, 300
UNTIL_DOWN = 2 * 1.0  # fall x interval of the topology's checks
BUSY = 3.0  # seconds that all of it may take longer on a machine with much else to do; 0.2 on one that has not
CHECKING = ("health_check", "discovery")  # apps that get answers to what they send themselves


class Farm:
    """A network with services, its servers, and what tests ask of them."""

    def __init__(self, lab: Lab, stack: ExitStack) -> None:
        self.lab = lab
        started = servers.start(stack, lab.network, "services", {})
        assert started is not None
        self.servers: Servers = started
        self.services = {service.name: service for service in self.servers.services}
        self.clients = [host for host in lab.network.hosts.values() if host.name.startswith("c")]
        self.wait_for("up")

    def __getitem__(self, name: str) -> VirtualService:
        return self.services[name]

    def wait_for(self, state: str, server: str = "") -> None:
        """Wait until a server, or all of them, are in a state for all services, and bridges know."""
        self.lab.wait_for(f"{server or 'all'} {state}", lambda: self._states(server) == {state}, tries=600)
        self.lab.converge()

    def _states(self, server: str) -> set[str]:
        backends = self.lab.controller.client.items("/backends")
        return {one["state"] for one in backends if not server or self.servers.at[one["address"]] == server}

    def shares(self, service: str, number: int) -> Shares:
        """What each backend gets of so many connections, all of which are answered."""
        attempts = connections(self.clients, (self[service].vip, PORT), number)
        assert failures(attempts) == []
        assert len(attempts) == number
        return Shares(names(attempts), {self.servers.at[address]: weight for address, weight in self[service].backends.items()})

    def get(self, service: str, number: int = SOME) -> dict[str, int]:
        """Who gets how many of new connections."""
        return dict(self.shares(service, number).got)

    def wait_until_avoided(self, service: str, server: str) -> None:
        """Wait until the datapath, too, sends nobody there: it looks again at what it learned about twice a second."""

        clean = time.monotonic()

        def avoided() -> bool:
            nonlocal clean
            attempts = connections(self.clients, (self[service].vip, PORT), 100)
            if failures(attempts) or server in names(attempts):
                clean = time.monotonic()
            return time.monotonic() > clean + 2 * REVALIDATED

        self.lab.wait_for(f"nobody goes to {server}", avoided, tries=100)

    @contextmanager
    def drained(self, service: str, address: str) -> Iterator[None]:
        """A backend drains while the block runs."""
        place = f"/services/{service}/backends/{address}"
        self.lab.controller.client.post(f"{place}/drain")
        try:
            self.wait_until_avoided(service, self.servers.at[address])
            yield
        finally:
            self.lab.controller.client.post(f"{place}/undrain")

    @contextmanager
    def dead(self, server: str) -> Iterator[None]:
        """A server is dead while the block runs."""
        self.servers.kill(server)
        try:
            yield
        finally:
            self.servers.start(server)
            self.wait_for("up", server)

    def wait_until_used(self, service: str, server: str) -> None:
        """Wait until a server gets connections."""
        self.lab.wait_for(f"{server} is used", lambda: server in self.get(service, 60), tries=20)

    def hold(self, stack: ExitStack, service: str, number: int) -> list[Held]:
        """Connections that stay open."""
        clients = (self.clients[at % len(self.clients)] for at in range(number))
        return [stack.enter_context(closing(Held(client, (self[service].vip, PORT)))) for client in clients]

    def packet_ins(self) -> dict[str, int]:
        """Frames that each app has been given so far."""
        apps = self.lab.controller.client.items("/apps")
        return {app["name"]: app["packet_ins"] for app in apps if app["name"] not in CHECKING}


@pytest.fixture(scope="module")
def farm(build: Callable[..., Lab]) -> Iterator[Farm]:
    lab = build("services")
    with ExitStack() as stack:
        yield Farm(lab, stack)


def test_ten_thousand_connections_follow_the_weights_and_no_frame_of_them_comes_to_the_controller(farm: Farm) -> None:
    farm.get("wrr")  # the addresses of all are known then
    before = farm.packet_ins()
    shares = farm.shares("wrr", MANY)
    assert farm.packet_ins() == before
    if not shares.follow:  # one in a hundred good samples is odd; two in a row are one in ten thousand
        shares = farm.shares("wrr", MANY)
    assert shares.follow, shares.lines("wrr")


@pytest.mark.parametrize("name", ["ipv6", "maglev", "direct"])
def test_connections_follow_the_weights(farm: Farm, name: str) -> None:
    shares = farm.shares(name, 2000)
    if not shares.follow:
        shares = farm.shares(name, 2000)
    assert shares.follow, shares.lines(name)


def test_least_gives_more_to_who_has_less(farm: Farm) -> None:
    shares = farm.shares("least", SOME)
    assert all(shares.share(name) > 0.05 for name in shares.weights), shares.lines("least")


@pytest.mark.parametrize("name", ["source", "sticky"])
def test_clients_stay_with_their_backend(farm: Farm, name: str) -> None:
    found = stay(from_each(farm.servers.sources(), (farm[name].vip, PORT), times=4))
    assert all(len(by) == 1 for by in found.values()), found
    assert len(set.union(*found.values())) > 1
    assert set.union(*found.values()) <= set(farm.servers.names)


def test_backends_reach_their_own_service_and_themselves(farm: Farm) -> None:
    for name in farm.servers.names:
        attempts = connections([farm.lab.network.hosts[name]], (farm["wrr"].vip, PORT), 100)
        assert failures(attempts) == []
        assert names(attempts)[name] > 0  # 100 times another one: not once in half a million runs


def test_datagrams_and_pings(farm: Farm) -> None:
    client = farm.clients[0]
    answered = ask_by_udp(client, (farm["wrr"].vip, PORT), 100)
    assert answered.total() == 100
    assert len(answered) > 1, "each is from another port"
    for service in ("wrr", "ipv6", "direct"):
        said = farm.lab.network.run(client.name, "ping", "-q", "-c", "3", "-i", "0.05", "-W", "3", farm[service].vip).stdout
        assert " 3 received" in said, said


def test_what_comes_directly_was_not_translated(farm: Farm) -> None:
    """The server's socket has the virtual address; behind translation it has its own."""
    with ExitStack() as stack:
        held = {name: farm.hold(stack, name, 1)[0].name for name in ("direct", "wrr")}
        for service, local in (("direct", f"{farm['direct'].vip}]:{PORT}"), ("wrr", f"]:{TARGET}")):
            said = farm.lab.network.run(held[service], "ss", "-Htn", "state", "established").stdout
            assert any(local in line for line in said.splitlines()), said


def test_a_backend_that_drains_keeps_what_it_has(farm: Farm) -> None:
    address = list(farm["wrr"].backends)[1]
    name = farm.servers.at[address]
    with ExitStack() as stack:
        held = [one for one in farm.hold(stack, "wrr", 40) if one.name == name]
        assert held
        with farm.drained("wrr", address):
            assert name not in farm.get("wrr")
            assert name in farm.get("least"), "one service drains, not the server"
            assert all(one.alive() for one in held)
        assert all(one.alive() for one in held)
    farm.wait_until_used("wrr", name)


def test_a_server_that_dies_takes_only_its_own_connections_along(farm: Farm) -> None:
    name = "w3"
    with ExitStack() as stack:
        held = [one for service in ("wrr", "sticky", "ipv6", "maglev") for one in farm.hold(stack, service, 24)]
        with Load(farm.clients, (farm["wrr"].vip, PORT), threads=1, pause=0.005) as load:
            died = time.monotonic()
            with farm.dead(name):
                farm.wait_for("down", name)
                farm.wait_until_avoided("wrr", name)
                assert {one.name for one in held if not one.alive()} == {name}
                assert not any(one.alive() for one in held if one.name == name)
                for service in farm.services:
                    assert name not in farm.get(service, 100)
        last = max((attempt.begun - died for attempt in load.attempts if attempt.error), default=0.0)
        assert last < UNTIL_DOWN + BUSY, last
        print(f"the last connection that failed began {1000 * last:.0f} ms after the server died")
    farm.wait_until_used("wrr", name)


def test_the_check_of_the_command_finds_nothing_wrong(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servicecheck, "MANY", 300)
    monkeypatch.setattr(servicecheck, "SOME", 60)
    check = servicecheck.ServiceCheck(farm.lab.network, farm.lab.controller, farm.servers, farm.lab.converge)
    lines = list(check.run())
    assert check.wrong == [], lines
    assert re.search(r"^maglev +w1 +1 +25\.0 % +\d+\.\d % +\d+", "\n".join(lines), re.MULTILINE), lines
    steps = [line.split()[0] for line in lines if not line.startswith("opened")]
    assert steps[-8:] == ["udp", "hairpin", "drain", "undrain", "kill", "of", "then", "start"]


def test_a_controller_that_dies_and_comes_back_breaks_no_connection(farm: Farm) -> None:
    with ExitStack() as stack:
        held = [one for service in farm.services for one in farm.hold(stack, service, 6)]
        with Load(farm.clients, (farm["wrr"].vip, PORT), threads=1, pause=0.02) as load:
            farm.lab.controller.kill()
            assert farm.get("ipv6", 100)
            farm.lab.start_controller()
            farm.lab.converge()
            farm.wait_for("up")
        assert failures(load.attempts) == []
        assert all(one.alive() for one in held)
