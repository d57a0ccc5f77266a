"""Topologies: what is built from which parameters, what is refused and how, and plain Mininet takes the files as they are."""

import subprocess
import sys
from pathlib import Path

import pytest

import topologies
from topologies import catalogue

# As `mn --custom` does it, with an interpreter that knows nothing of this project.
CUSTOM = """
import sys
customs = {}
exec(compile(open(sys.argv[1]).read(), sys.argv[1], "exec"), customs, customs)
for name, build in customs["topos"].items():
    print(name, len(build().hosts()))
"""


@pytest.mark.parametrize(
    ("name", "given", "bridges", "hosts", "links"),
    [
        ("single", {}, 1, 4, 4),
        ("single", {"hosts": "7"}, 1, 7, 7),
        ("linear", {}, 3, 3, 5),
        ("linear", {"switches": "4", "hosts": "2"}, 4, 8, 11),
        ("tree", {}, 3, 4, 6),
        ("tree", {"depth": "3", "fanout": "2"}, 7, 8, 14),
        ("tree", {"depth": "1", "fanout": "5"}, 1, 5, 5),
    ],
)
def test_shapes(name: str, given: dict[str, str], bridges: int, hosts: int, links: int) -> None:
    topology = catalogue.find(name)
    topo = topology.build(given)
    assert sorted(topo.switches()) == sorted(f"s{number}" for number in range(1, bridges + 1))
    assert sorted(topo.hosts()) == sorted(f"h{number}" for number in range(1, hosts + 1))
    assert len(topo.links()) == links
    assert {int(topo.nodeInfo(bridge)["dpid"], 16) for bridge in topo.switches()} == set(range(1, bridges + 1))
    assert topology.groups(topo) == [set(topo.hosts())]


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("ring5", {}, f"there is no topology 'ring5'; there are {', '.join(catalogue.names())}"),
        ("no/such/file.py", {}, "there is no file no/such/file.py"),
        ("tree", {"deep": "2"}, "tree has no parameter 'deep'; it has: depth=2, fanout=2"),
        ("tree", {"depth": "two"}, "tree: depth must be a number, not 'two'"),
        ("tree", {"depth": "9"}, "depth 9 and fanout 2 do not make a tree of 1 to 200 hosts"),
        ("linear", {"switches": "0"}, "switches must be 1 to 50, not 0"),
        ("linear", {"switches": "50", "hosts": "5"}, "hosts must be 1 to 4 on each of 50 bridges, not 5"),
        ("single", {"hosts": "201"}, "hosts must be 1 to 200, not 201"),
        ("services", {"backends": "1"}, "1 to 20 clients and 2 to 64 backends, not 2, 3, 3 and 1"),
    ],
)
def test_refusals(name: str, given: dict[str, str], said: str) -> None:
    with pytest.raises(catalogue.TopologyError, match=said.replace("(", r"\(")):
        catalogue.find(name).build(given)


@pytest.mark.parametrize("given", [{}, {"spines": "1", "leaves": "16", "clients": "20", "backends": "64"}, {"backends": "2"}])
def test_the_network_file_of_services_is_right(given: dict[str, str], tmp_path: Path) -> None:
    topology, file = catalogue.find("services"), tmp_path / "network.yaml"
    topo = topology.build(given)
    file.write_text(topology.network_file(topo, tmp_path))
    command = [sys.executable, "-m", "controller", "config", "check", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(topo.hosts())} ports" in done.stdout
    own = [address for more in topology.module.addresses(topo).values() for address in more]
    own += [topo.nodeInfo(host)["ip"] for host in topo.hosts()]
    taken = {address.partition("/")[0] for address in own}
    assert len(taken) == len(own)
    assert taken.isdisjoint(service.vip for service in topology.module.services(topo))


def test_a_topology_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "pair.py"
    file.write_text(
        "from mininet.topo import Topo\n"
        "def build(closed: bool = False):\n    'Two hosts.'\n    t = Topo()\n    t.addHost('h1'), t.addHost('h2')\n    return t\n"
    )
    with pytest.raises(catalogue.TopologyError, match=r"has no function groups\(\)"):
        catalogue.find(str(file))
    with file.open("a") as more:
        more.write("def groups(topo):\n    return [{'h1'}, {'h2'}]\n")
    found = catalogue.find(str(file))
    assert (found.name, found.summary, found.parameters) == ("pair", "Two hosts.", {"closed": False})
    assert found.groups(found.build({"closed": "true"})) == [{"h1"}, {"h2"}]
    with pytest.raises(catalogue.TopologyError, match="closed must be true or false, not 'maybe'"):
        found.build({"closed": "maybe"})


@pytest.mark.parametrize("name", catalogue.names())
def test_plain_mininet_takes_the_file(name: str) -> None:
    file = Path(topologies.__path__[0]) / f"{name}.py"
    done = subprocess.run(
        ["/usr/bin/python3", "-W", "ignore", "-c", CUSTOM, file], capture_output=True, text=True, cwd="/", check=False
    )
    assert done.stdout.split()[0] == name, done.stderr
