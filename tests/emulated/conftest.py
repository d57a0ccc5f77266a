"""Emulated networks for tests, each with a controller of its own that a test may stop, kill and start."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from controller.cli.emulation import converge, network_file
from controller.cli.supervised import free_address
from tests.nursery import CopiedController
from topologies import runs
from topologies.network import EmulatedNetwork
from topologies.traffic import Heard


class Lab:
    """A network, its controller, and what tests ask of them."""

    def __init__(self, stack: ExitStack, topology: str, parameters: dict[str, str]) -> None:
        run = runs.new_run(topology)
        stack.callback(run.close)
        self.network = stack.enter_context(EmulatedNetwork(run, topology, parameters))
        self.network.launch()
        listen, web = f"unix:{self.network.controller_socket}", free_address("127.0.0.1:0")
        self.network_file = network_file(run, topology, parameters, self.network)
        self.controller = CopiedController(run.path, listen, web, network_file=self.network_file)
        stack.callback(self.controller.stop)
        self.start_controller()
        self.network.start()
        self.converge()

    def start_controller(self) -> None:
        """Start it and wait until it takes bridges."""
        self.controller.start()
        self.controller.wait_ready()

    def converge(self) -> None:
        """Wait until every bridge is connected and has its flows."""
        converge(self.controller, self.network)

    def wait_for(self, what: str, happened: Callable[[], bool], tries: int = 200) -> None:
        """Look again and again until it happened; six seconds at the least."""
        for _ in range(tries):
            if happened():
                return
            self.controller.pause()
        raise AssertionError(f"not within {tries} looks: {what}\n{self.controller.last_words()}")

    def converged_links(self) -> bool:
        """Whether the controller knows all links, each of them in both directions."""
        return len(list(self.controller.client.items("/links"))) == 2 * len(self.network.links)

    def learned(self, host: str) -> bool:
        """Whether the controller knows where a host is."""
        place = self.network.hosts[host]
        known = self.controller.client.items("/hosts")
        return any((h["mac"], h["bridge"], h["port"]) == (place.mac, place.bridge, place.port) for h in known)


@pytest.fixture(scope="module")
def build() -> Iterator[Callable[..., Lab]]:
    """Builds a network with its controller; all are gone at the end of the module."""
    runs.heal()
    with ExitStack() as stack:
        yield lambda topology, **parameters: Lab(stack, topology, {name: str(value) for name, value in parameters.items()})


def undisturbed(change: Callable[[], Heard]) -> Heard:
    """What was heard while something changed: nothing may be lost, and nothing come twice.

    Without any change a switch that gets no processor time for a while loses frames. What is lost each time is due to the change.
    """
    for _ in range(3):
        heard = change()
        assert heard.twice == 0
        if not heard.lost:
            return heard
        print(f"lost {heard.lost} of {heard.frames}")
    raise AssertionError(f"{heard.lost} of {heard.frames} datagrams were lost, and some each time before")
