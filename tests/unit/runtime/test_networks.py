"""A network file as rows: what it wants, what goes with the next one, which ports are waited for."""

import pytest

from controller.config import parse
from controller.model import (
    Bridge,
    BridgeName,
    Hypervisor,
    IPv4,
    LinkConfig,
    Mesh,
    MeshMember,
    Network,
    Port,
    PortConfig,
    TunnelPort,
    Underlay,
    UnlistedPorts,
)
from controller.runtime.networks import pending, put, rows_of
from controller.runtime.overlay import data_port, dpid_of
from controller.state.tables import Tables, Tx

pytestmark = pytest.mark.unit

LONG = "a-mesh-with-a-long-name"
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


OVERLAY = """
hypervisors: {hv1: {vtep: 192.0.2.1, ovsdb: "tcp:127.0.0.1:6640"}, hv2: {vtep: 192.0.2.2, dpid: 0x2}}
meshes:
  core: {bfd: , tos: inherit, dst_port: 4790}
  a-mesh-with-a-long-name: {type: gre, members: [hv1], hub: hv1, ipsec: {certificates: true}, underlay_mtu: 9000}
networks: {blue: {vlan: 10, vni: 5010, mesh: core}}
"""


def test_hypervisors_and_meshes_as_rows() -> None:
    rows = set(rows_of(parse(OVERLAY, "network.yaml")))
    assert {row for row in rows if not isinstance(row, TunnelPort)} == {
        Network("blue", 10, vni=5010, mesh="core"),
        Network("default", 1),
        Underlay(),
        UnlistedPorts(),
        Hypervisor("hv1", dpid_of("hv1"), IPv4("192.0.2.1"), "br-int", "tcp:127.0.0.1:6640"),
        Hypervisor("hv2", 2, IPv4("192.0.2.2"), "br-int"),
        BridgeName(dpid_of("hv1"), "hv1"),
        BridgeName(2, "hv2"),
        Mesh("core", "vxlan", "weft-core", options=(("dst_port", "4790"), ("tos", "inherit")), bfd=(100, 100)),
        Mesh(LONG, "gre", data_port(LONG), "hv1", security=(("remote_name", ""),), underlay_mtu=9000),
        MeshMember("core", "hv1"),
        MeshMember("core", "hv2"),
        MeshMember(LONG, "hv1"),
    }
    ports = {row.name: (row.role, row.mesh, row.peer) for row in rows if isinstance(row, TunnelPort)}
    assert sorted(ports.values()) == sorted(
        [("tunnel", "core", ""), ("tunnel", LONG, ""), ("bfd", "core", "hv1"), ("bfd", "core", "hv2"), ("bfd", LONG, "hv1")]
    )
    assert all(len(name) <= 15 for name in ports)


def test_numbers_made_from_names_are_always_the_same() -> None:
    assert f"{dpid_of('hv1'):016x}" == "574553297a0f69a1"
    assert len({dpid_of(f"hv{n}") for n in range(5000)}) == 5000


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
