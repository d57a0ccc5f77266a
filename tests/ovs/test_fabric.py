"""The fabric on real bridges, wired at random by patch ports: one copy for everybody of a network, and none for anybody else.

Before and after links come and go, and where bridges do not know the same. What a host gets is read from what Open vSwitch
captures on its port. `WEFT_FABRICS` is the number of random fabrics (2), `WEFT_LINK_EVENTS` that of links which come or go
in each (10).
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from random import Random
from struct import unpack_from

import networkx as nx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.ovs.running import Running, eventually, running
from topologies.openvswitch import PrivateOvs

FABRICS = int(os.environ.get("WEFT_FABRICS", "2"))
EVENTS = int(os.environ.get("WEFT_LINK_EVENTS", "10"))
NETWORKS = ("red", "green", "blue")
FIRST_LINK = 9  # OpenFlow number of the first port of a cable; hosts have lower ones
BROADCAST = "ff" * 6
KIND = "88b5"  # EtherType for experiments
QUIET = 0.03  # seconds without a frame, then all have arrived

pytestmark = [pytest.mark.ovs, pytest.mark.timeout(60 * (FABRICS + 1) * (1 + EVENTS // 10))]

random_fabrics = settings(
    max_examples=FABRICS,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)


@dataclass(frozen=True)
class Host:
    """A host port: the number of its bridge, its number on it, and its network."""

    bridge: int
    port: int
    network: str

    @property
    def name(self) -> str:
        return f"h{self.bridge}-{self.port}"

    @property
    def mac(self) -> str:
        return f"0200000000{16 * self.bridge + self.port:02x}"


@dataclass(frozen=True)
class Plan:
    """Bridges 1 to `size`, the cables between them, and the hosts."""

    size: int
    pairs: list[tuple[int, int]]
    hosts: list[Host]


@dataclass
class Fabric:
    """A plan as it is built, with its controller."""

    ovs: PrivateOvs
    weft: Running
    plan: Plan
    folder: Path
    cables: list[tuple[int, int, int]] = field(default_factory=list)  # two bridges, and the number of its ports
    made: int = FIRST_LINK - 1
    sent: int = 0
    read: Counter[Host] = field(default_factory=Counter)  # bytes of the captures that were looked at

    def build(self) -> None:
        """All bridges, hosts and cables; then the controller may know."""
        for number in range(1, self.plan.size + 1):
            self.ovs.add_bridge(f"b{number}", dpid=number)
        command: list[str] = []
        for host in self.plan.hosts:
            command += ["--", "add-port", f"b{host.bridge}", host.name, "--", "set", "Interface", host.name, "type=dummy"]
            command += [f"ofport_request={host.port}", f"options:tx_pcap={self.capture(host)}"]
        self.ovs.vsctl(*command)
        for one, other in self.plan.pairs:
            self.plug(one, other)
        self.ovs.connect(self.bridges, self.weft.target)
        self.agree()

    @property
    def bridges(self) -> list[str]:
        return [f"b{number}" for number in range(1, self.plan.size + 1)]

    def capture(self, host: Host) -> Path:
        """Where everything stands that a host got."""
        return self.folder / f"{host.name}.pcap"

    def plug(self, one: int, other: int) -> None:
        """A cable more."""
        self.made += 1
        command: list[str] = []
        for here, there in ((one, other), (other, one)):
            port, peer = f"p{self.made}-{here}", f"p{self.made}-{there}"
            command += ["--", "add-port", f"b{here}", port, "--", "set", "Interface", port, "type=patch"]
            command += [f"options:peer={peer}", f"ofport_request={self.made}"]
        self.ovs.vsctl(*command)
        self.cables.append((one, other, self.made))

    def unplug(self, which: int) -> None:
        """A cable less."""
        one, other, number = self.cables.pop(which)
        self.ovs.vsctl("--", "del-port", f"p{number}-{one}", "--", "del-port", f"p{number}-{other}")

    def agree(self) -> None:
        """Wait until the controller knows the cables and no others, and the bridges hold what follows."""
        eventually(lambda: self.weft.client.get("/links")["total"] == 2 * len(self.cables))
        eventually(self.at_rest)

    def at_rest(self) -> bool:
        """All bridges hold what they should, and of every port it is known what it is there for."""
        states = [(bridge["state"], bridge["pending"]) for bridge in self.weft.client.items("/bridges")]
        roles = {port["role"] for port in self.weft.client.items("/ports")}
        return states == [("connected", 0)] * self.plan.size and "held" not in roles

    def learn(self) -> None:
        """Each host says something; then it is known where it is."""
        for host in self.plan.hosts:
            self.send(host, [BROADCAST])
        eventually(lambda: self.weft.client.get("/hosts")["total"] == len(self.plan.hosts))
        eventually(self.at_rest)
        self.heard()

    def send(self, source: Host, targets: list[str]) -> list[int]:
        """A frame to each of these addresses; the numbers that are in them."""
        first, self.sent = self.sent + 1, self.sent + len(targets)
        numbers = range(first, self.sent + 1)
        frames = [f"{to}{source.mac}{KIND}{n:08x}{'00' * 42}" for n, to in zip(numbers, targets, strict=True)]
        self.ovs.appctl("netdev-dummy/receive", source.name, *frames)
        return list(numbers)

    def heard(self) -> Counter[tuple[Host, int]]:
        """The numbers that each host got since the last time, when nothing more comes."""
        found: Counter[tuple[Host, int]] = Counter()
        more = True
        while more:
            time.sleep(QUIET)
            new = {host: self._new(host) for host in self.plan.hosts}
            more = any(new.values())
            found.update((host, number) for host, numbers in new.items() for number in numbers)
        return found

    def _new(self, host: Host) -> list[int]:
        data = self.capture(host).read_bytes()
        pos, numbers = max(self.read[host], 24), []  # behind the header of the file
        while pos + 16 <= len(data):
            (size,) = unpack_from("<I", data, pos + 8)
            frame = data[pos + 16 : pos + 16 + size]
            pos += 16 + size
            if frame[12:14] == bytes.fromhex(KIND):  # else it is discovery
                numbers.append(int.from_bytes(frame[14:18], "big"))
        self.read[host] = pos
        return numbers

    def mates(self, host: Host) -> set[Host]:
        """Who must get its broadcasts: the others of its network, as far as cables lead."""
        graph: nx.MultiGraph[int] = nx.MultiGraph()
        graph.add_nodes_from(range(1, self.plan.size + 1))
        graph.add_edges_from((one, other) for one, other, _number in self.cables)
        near = nx.node_connected_component(graph, host.bridge)
        return {other for other in self.plan.hosts if other != host and other.bridge in near and other.network == host.network}

    def broadcast(self) -> tuple[Counter[tuple[Host, int]], Counter[tuple[Host, int]]]:
        """What is got of a broadcast of everybody, and what must be."""
        wanted: Counter[tuple[Host, int]] = Counter()
        for source in self.plan.hosts:
            (number,) = self.send(source, [BROADCAST])
            wanted.update((mate, number) for mate in self.mates(source))
        return self.heard(), wanted

    def unicast(self) -> tuple[Counter[tuple[Host, int]], Counter[tuple[Host, int]]]:
        """The same of frames from everybody to everybody, of all networks."""
        wanted: Counter[tuple[Host, int]] = Counter()
        numbers: dict[tuple[Host, Host], int] = {}
        for source in self.plan.hosts:
            others = [other for other in self.plan.hosts if other != source]
            sent = self.send(source, [other.mac for other in others])
            numbers |= {(source, other): number for other, number in zip(others, sent, strict=True)}
        for source, other in permutations(self.plan.hosts, 2):
            known = other.network == source.network
            who = {other} & self.mates(source) if known else self.mates(source)  # nobody of its network has that address: to all
            wanted.update((mate, numbers[source, other]) for mate in who)
        return self.heard(), wanted

    def check(self) -> None:
        """One copy for everybody who must get one, and none for anybody else."""
        for got, wanted in (self.broadcast(), self.unicast()):
            assert got == wanted, differences(got, wanted)


def differences(got: Counter[tuple[Host, int]], wanted: Counter[tuple[Host, int]]) -> str:
    said = [f"{host.name} got {number} {got[host, number]} times, not {wanted[host, number]}" for host, number in got | wanted]
    return "; ".join(text for text, what in zip(said, got | wanted, strict=True) if got[what] != wanted[what])


@st.composite
def plans(draw: st.DrawFn, most: int = 12) -> Plan:
    """All bridges are connected: by a random tree and some more cables, parallel ones too."""
    size = draw(st.integers(2, most))
    pairs = [(draw(st.integers(1, number - 1)), number) for number in range(2, size + 1)]
    more = st.tuples(st.integers(1, size), st.integers(1, size)).filter(lambda pair: pair[0] != pair[1])
    pairs += draw(st.lists(more, min_size=size // 2, max_size=size))
    hosts = [
        Host(bridge, port, draw(st.sampled_from(NETWORKS)))
        for bridge in range(1, size + 1)
        for port in range(1, 1 + draw(st.integers(1 if bridge <= 2 else 0, 2)))
    ]
    return Plan(size, pairs, hosts)


def network_file(plan: Plan, folder: Path) -> Path:
    lines = ["unlisted_ports: closed", "networks:", *[f"  {name}: {{vlan: {10 + n}}}" for n, name in enumerate(NETWORKS)]]
    lines += ["ports:", *[f"  b{host.bridge}/{host.name}: {{access: {host.network}}}" for host in plan.hosts]]
    path = folder / "network.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def remove(ovs: PrivateOvs) -> None:
    bridges = ovs.vsctl("list-br").split()
    if bridges:
        ovs.vsctl(*[word for name in bridges for word in ("--", "del-br", name)])


@contextmanager
def built(ovs: PrivateOvs, plan: Plan) -> Iterator[Fabric]:
    """A fabric with its controller, which knows where its hosts are."""
    remove(ovs)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running(folder, ovs, "--network-file", str(network_file(plan, folder))) as weft:
            fabric = Fabric(ovs, weft, plan, folder)
            fabric.build()
            fabric.learn()
            yield fabric


@random_fabrics
@given(plans(), st.randoms(use_true_random=False))
def test_one_copy_for_everybody_of_a_network_while_links_come_and_go(ovs: PrivateOvs, plan: Plan, random: Random) -> None:
    with built(ovs, plan) as fabric:
        fabric.check()
        for _ in range(EVENTS):
            if fabric.cables and random.random() < 0.5:
                fabric.unplug(random.randrange(len(fabric.cables)))
            else:
                fabric.plug(*random.sample(range(1, plan.size + 1), 2))
            got, wanted = fabric.broadcast()  # at once: some may be lost, none come twice or elsewhere
            assert got <= wanted, differences(got, wanted)
            fabric.agree()
            fabric.check()


@random_fabrics
@given(plans(), st.randoms(use_true_random=False))
def test_one_copy_where_bridges_do_not_know_the_same(ovs: PrivateOvs, plan: Plan, random: Random) -> None:
    """As if some had learned of hosts and others not yet: the controller is gone, and flows are taken out by hand.

    Then each cable is opened at one end, as between two steps of a tree's change.
    """
    with built(ovs, plan) as fabric:
        fabric.check()
        fabric.weft.stop()
        for bridge in fabric.bridges:
            forget(ovs, bridge, random.sample(plan.hosts, random.randint(0, len(plan.hosts))), fabric.folder / "flows")
        check_loosely(fabric)
        for one, other, port in fabric.cables:
            open_one_end(ovs, f"b{random.choice((one, other))}", port)
        check_loosely(fabric)


def forget(ovs: PrivateOvs, bridge: str, hosts: list[Host], file: Path) -> None:
    """A bridge does not know where these hosts are."""
    macs = (":".join(host.mac[at : at + 2] for at in range(0, 12, 2)) for host in hosts)
    file.write_text("".join(f"delete table=70,dl_dst={mac}\n" for mac in macs), encoding="utf-8")
    ovs.ofctl("add-flows", bridge, str(file))


def open_one_end(ovs: PrivateOvs, bridge: str, port: int) -> None:
    """A bridge sends all that it floods to this port too, as if it were in all trees; its other end has not heard of that."""
    into = f"0x{port:x}->reg2"
    for line in ovs.ofctl("dump-groups", bridge).splitlines():
        if "type=all" in line and into not in line:
            ovs.ofctl("mod-group", bridge, f"{line.strip()},bucket=actions=set_field:{into},resubmit(,100)")


def check_loosely(fabric: Fabric) -> None:
    """Who must get a frame gets it once; others of the network may too, once, where their bridge does not know the host."""
    got, wanted = fabric.broadcast()
    assert got == wanted, differences(got, wanted)
    got, wanted = fabric.unicast()
    numbers = {number: host for host, number in wanted}
    assert wanted <= got, differences(got, wanted)
    assert max(got.values(), default=1) == 1, differences(got, wanted)
    assert all(host.network == numbers[number].network for host, number in got if number in numbers)


NEAR = {0: "ADMIT", 10: "CLASSIFY", 110: "EGRESS"}  # where a change may be about the ports at the ends of the link alone
ANYWHERE = {80: "NEXTHOP", 90: "FLOOD"}


def test_a_link_that_goes_changes_ways_and_nothing_about_hosts(ovs: PrivateOvs) -> None:
    """On all bridges the flows of NEXTHOP and FLOOD may change, and what is about the ports that are gone."""
    plan = Plan(5, [(1, 2), (2, 3), (3, 4), (4, 1), (1, 3), (5, 1)], [Host(n, 1, NETWORKS[n % 2]) for n in range(1, 6)])
    with built(ovs, plan) as fabric:
        for which in (0, 3):
            before = {bridge: set(ovs.flows(bridge)) for bridge in fabric.bridges}
            one, other, port = fabric.cables[which]
            fabric.unplug(which)
            fabric.agree()
            changed = {bridge: before[bridge] ^ set(ovs.flows(bridge)) for bridge in fabric.bridges}
            assert any("table=80" in flow for flows in changed.values() for flow in flows)
            for bridge, flows in changed.items():
                for flow in flows:
                    table = int(flow.partition("table=")[2].partition(",")[0] or 0) if "table=" in flow else 0
                    end = bridge in (f"b{one}", f"b{other}") and re.search(rf"in_port={port}\b|reg2=0x{port:x}\b", flow)
                    assert table in ANYWHERE or (table in NEAR and end), f"{bridge}: {flow}"
