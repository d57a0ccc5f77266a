"""A large network file, applied: the loop goes on meanwhile, and bridges hear of it when all of it is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from unittest import mock

import pytest

from apps.vlan_isolation import VlanIsolation
from controller.config import parse
from controller.model import Address, Attachment, Bridge, Host, IPv4, Mac, Network, Pipeline, Port, PortRole
from controller.runtime import control as control_module
from controller.runtime.control import Control
from controller.runtime.journal import Journal
from controller.runtime.networks import Networks
from controller.state.engine import Engine
from controller.state.tables import Tx

pytestmark = pytest.mark.unit

PORTS = 1000


def file(network: str) -> str:
    """All ports in one network."""
    ports = "".join(f"  s1/p{number}: {{access: {network}}}\n" for number in range(1, PORTS + 1))
    return f"networks: {{blue: {{vlan: 10}}, red: {{vlan: 20}}}}\nports:\n{ports}"


class Lab:
    """A controller without bridges, and how often it would have told them something."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.control = Control(self.engine, Journal(), remove_foreign=True)
        self.networks = Networks(self.control, mock.Mock(), mock.Mock())
        self.told: list[set[str]] = []
        self.control.sync.settle = self.tell  # type: ignore[method-assign]
        self.engine.enable(VlanIsolation())
        tx = Tx(self.engine.tables)
        for row in (Pipeline(), Network("default", 1), Bridge("s1", 1)):
            tx.put(row)
        for number in range(1, PORTS + 1):
            tx.put(Port("s1", number, f"p{number}"))
            tx.put(PortRole("s1", number, "edge"))
        self.engine.commit(tx)
        self.engine.run()

    def tell(self, more: Callable[[], bool] = lambda: True) -> bool:
        """Bridges would be told of these networks of ports now."""
        self.told.append({row.network for row in self.engine.tables.all(Attachment)})
        return True

    def apply(self, text: str) -> asyncio.Event:
        """Begin to apply a file; set when it is true."""
        ended = asyncio.Event()
        self.networks.apply(parse(text, "network.yaml"), "network.yaml", ended.set)
        return ended


async def turns(ended: asyncio.Event) -> int:
    """How many turns others have until it is true."""
    count = 0
    while not ended.is_set():
        await asyncio.sleep(0)
        count += 1
    return count


def test_others_have_many_turns_and_bridges_hear_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_module, "SLICE", 0.0)

    async def main() -> None:
        lab = Lab()
        assert await turns(lab.apply(file("blue"))) > 5
        await asyncio.sleep(0.01)
        assert lab.told
        assert all(networks == {"blue"} for networks in lab.told)
        assert lab.control.idle

    asyncio.run(asyncio.wait_for(main(), 20))


def test_hosts_of_ports_that_left_their_network_are_forgotten() -> None:
    async def main() -> None:
        lab = Lab()
        await lab.apply(file("blue")).wait()
        tx = Tx(lab.engine.tables)
        tx.put(Host("blue", Mac(7), "s1", 3, (IPv4("10.0.0.7"),)))
        tx.put(Address("blue", IPv4("10.0.0.7"), Mac(7)))
        lab.engine.commit(tx)
        await lab.apply(file("blue")).wait()
        assert lab.engine.tables.all(Host)
        await lab.apply(file("red")).wait()
        assert not lab.engine.tables.all(Host)
        assert not lab.engine.tables.all(Address)

    asyncio.run(asyncio.wait_for(main(), 20))


def test_the_later_of_two_files_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_module, "SLICE", 0.0)

    async def main() -> None:
        lab = Lab()
        first, second = lab.apply(file("blue")), lab.apply(file("red"))
        await first.wait()
        await second.wait()
        assert {row.network for row in lab.engine.tables.all(Attachment)} == {"red"}

    asyncio.run(asyncio.wait_for(main(), 20))


def test_what_is_no_row_is_a_change_too() -> None:
    text = file("blue") + "apps: {l2_learning: {idle_timeout: 5, max_hosts_per_port: 3}}\n"
    text += 'hypervisors: {hv1: {ovsdb: "unix:/db", ports: {eth1: {}}}}\n'

    async def main() -> None:
        lab = Lab()
        told = [
            lab.networks.apply(parse(each, "n"), "n").changes
            for each in (
                text,
                text,
                text.replace("{idle_timeout: 5, max_hosts_per_port: 3}", "{idle_timeout: 6}"),
                text.replace("apps:", "apps: {}\n# "),
                text.replace("eth1: {}", "eth1: {mtu: 1400}"),
            )
        ]
        assert told == [2 + PORTS + 2 + 1, 0, 2, 1, 3]

    asyncio.run(asyncio.wait_for(main(), 20))
