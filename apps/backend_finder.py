"""Finds the hosts of backends: one that has not spoken yet is asked for, in all of its network, until it answers.

The question is an ARP probe or a neighbour solicitation from the service's MAC address, so that it changes no table of anybody.
What is answered is learned as any host is (`l2_learning`).
"""

from itertools import groupby

from controller.app import App, Rate, derives, every
from controller.model import Address, Attachment, Backend, Host, IPv4, IPv6, Network, Pipeline, Row, Service, Virtual, key
from controller.packet import who_has
from controller.pipeline import FLOOD, load, resubmit

TURN = 1.0  # seconds between two questions
OFTEN, SELDOM = 5, 5  # after so many questions only each so-manieth turn asks
HERE = 3  # in the register `way`: for all ports of the network on this bridge (see fabric)


class Sought(Row):
    """The address of a backend whose host is not known."""

    network: str = key()
    address: IPv4 | IPv6 = key()
    service: str = ""


class Tried(Row):
    """For how many turns a host has been sought."""

    network: str = key()
    address: IPv4 | IPv6 = key()
    turns: int = 0


class BackendFinder(App):
    """Asks for the hosts of backends that are not known yet."""

    questions_per_second: Rate = 500  # frames, over all bridges

    @derives(each=Backend)
    def seek(self, backend, rows):
        service = rows.need(Service, backend.service)
        address = rows.get(Address, service.network, backend.address)
        if address is None or rows.get(Host, service.network, address.mac) is None:
            yield Sought(service.network, backend.address, service.name)

    @every(TURN, each=Pipeline)
    def ask(self, pipeline, tx):
        sought = tx.where(Sought)
        for tried in tx.where(Tried):
            if tx.get(Sought, tried.network, tried.address) is None:
                tx.drop(tried)
        tries = {row: tx.get(Tried, row.network, row.address) or Tried(row.network, row.address) for row in sought}
        left = self.questions_per_second
        for name, rows in groupby(sorted(sought, key=lambda row: (row.network, tries[row].turns)), key=lambda row: row.network):
            network, bridges = tx.get(Network, name), sorted({at.bridge for at in tx.where(Attachment, network=name)})
            for row in rows:
                turns, virtual = tries[row].turns, tx.get(Virtual, row.service)
                if network is None or virtual is None or left < min(len(bridges), self.questions_per_second):
                    continue
                tx.put(Tried(name, row.address, turns + 1))
                if turns < OFTEN or turns % SELDOM == 0:
                    left -= len(bridges)
                    for bridge in bridges:
                        self.send(tx, bridge, network.number, who_has(virtual.mac, row.address))

    def send(self, tx, bridge, network, frame):
        """To all ports of the network on a bridge."""
        tx.packet_out(bridge, frame, load("network", network), load("way", HERE), resubmit(FLOOD.table))
