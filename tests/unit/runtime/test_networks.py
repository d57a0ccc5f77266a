"""A network file as rows: what it wants, what goes with the next one, which ports are waited for."""

import pytest

from controller.config import parse
from controller.model import Bridge, BridgeName, LinkConfig, Network, Port, PortConfig, UnlistedPorts
from controller.runtime.networks import pending, put, rows_of
from controller.state.tables import Tables, Tx

pytestmark = pytest.mark.unit

FILE = """
bridges: {rack1: {dpid: 0x1}}
networks: {blue: {vlan: 10, description: cameras}, red: {vlan: 20}}
ports:
  rack1/eth0: {access: blue, isolated: true}
  s2/eth0: {trunk: [blue, red], native: red}
  s2/eth1: {qinq: red}
links: {s1/s1-eth3: {cost: 5}}
unlisted_ports: closed
"""


def test_what_a_file_wants() -> None:
    assert set(rows_of(parse(FILE, "network.yaml"))) == {
        Network("blue", 10, description="cameras"),
        Network("red", 20),
        Network("default", 1),
        BridgeName(1, "rack1"),
        PortConfig("rack1", "eth0", access="blue", isolated=True),
        PortConfig("s2", "eth0", trunk=("blue", "red"), native="red"),
        PortConfig("s2", "eth1", qinq="red"),
        LinkConfig("s1", "s1-eth3", 5),
        UnlistedPorts(network=""),
    }


def change(tables: Tables, text: str) -> set[str]:
    """What a file changes, as text."""
    tx = Tx(tables)
    put(tx, parse(text, "network.yaml"))
    for (cls, key), (row,) in tx.changes.items():
        tables.set(cls, key, tables.get(cls, *key), row)
    return {f"{'' if row else 'no '}{cls.__name__} {' '.join(map(str, key))}" for (cls, key), (row,) in tx.changes.items()}


def test_only_what_differs_changes() -> None:
    tables = Tables()
    assert len(change(tables, FILE)) == 9
    assert change(tables, FILE) == set()
    assert change(tables, FILE.replace("vlan: 20", "vlan: 21")) == {"Network red"}
    assert change(tables, FILE.replace("vlan: 20", "vlan: 21").replace("  s2/eth1: {qinq: red}\n", "")) == {
        "no PortConfig s2 eth1"
    }
    assert "Network default" not in change(tables, "networks: {}")
    assert tables.all(PortConfig) == []


def test_ports_that_no_bridge_has_are_waited_for() -> None:
    tables, file = Tables(), parse(FILE, "network.yaml")
    change(tables, FILE)
    assert pending(file, tables) == ["rack1/eth0", "s1/s1-eth3", "s2/eth0", "s2/eth1"]
    for row in (Bridge("br0", 1), Port("br0", 1, "eth0"), Bridge("s2", 2), Port("s2", 7, "eth1")):
        tables.set(type(row), type(row).key_of(row), None, row)
    assert pending(file, tables) == ["s1/s1-eth3", "s2/eth0"]
