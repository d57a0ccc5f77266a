"""The network of the soak: four dummy bridges in a row, hosts' ports, cables that close rings, and ways to change all of it."""

from __future__ import annotations

from itertools import product
from pathlib import Path

from controller.cli.supervised import SupervisedController, free_address
from tests.ovs.running import Running
from topologies.openvswitch import PrivateOvs

BRIDGES = ("b1", "b2", "b3", "b4")
CABLES = (("b1", "b2"), ("b2", "b3"), ("b3", "b4"), ("b4", "b1"), ("b1", "b3"))
RINGS = (3, 4)  # cables that are there during a round alone: without rings what bridges hold does not depend on what was before
FIRST_CABLE = 9  # OpenFlow number of the first port of a cable; those of hosts are 1 to 4
PORTS = [f"{bridge}-{number}" for bridge, number in product(BRIDGES, range(1, 5))]
POPULATION = (
    360  # hosts there are; each has two ports: texts of flows are kept for a while, so new ones for ever would need memory
)
IDLE = 4  # seconds without a frame until a host is forgotten

FILE = """networks: {blue: {vlan: 10, subnets: [10.0.0.0/16]}, red: {vlan: 20}}
ports:
  b1/b1-1: {access: blue}
  b1/b1-2: {access: red}
  b2/b2-1: {access: blue}
  b2/b2-2: {trunk: [blue, red], native: blue}
  b3/b3-1: {access: blue, isolated: true}
  b4/b4-1: {trunk: [blue, red]}
links: {b1/c1-b1: {cost: 100}}
services:
  web: {network: blue, vip: 10.0.255.1, ports: [{port: 80}], backends: [{address: 10.0.0.1}, {address: 10.0.0.2}]}
"""
CHANGES = (  # each is applied to the file above; afterwards the file is as it was
    ("b1/b1-2: {access: red}", "b1/b1-2: {access: blue}"),
    ("red: {vlan: 20}", "red: {vlan: 21}"),
    ("red: {vlan: 20}", "red: {vlan: 20}, green: {vlan: 30}"),
    ("{trunk: [blue, red]}", "{qinq: red}"),
    ("cost: 100", "cost: 7"),
    ("{address: 10.0.0.2}", "{address: 10.0.0.3}, {address: 10.0.0.4, weight: 3}"),
    ("vip: 10.0.255.1", "vip: 10.0.255.2"),
    ("ports:\n", "unlisted_ports: closed\nports:\n"),
)


class Soaked(Running):
    """A controller in a process of its own, as `weft start` runs it, with its dashboard."""

    _spawn = SupervisedController._spawn  # not a copy: memory is to be its own

    def __init__(self, folder: Path, ovs: PrivateOvs, *apps: str) -> None:
        self.address = free_address("127.0.0.1:0")
        file = folder / "network.yaml"
        file.write_text(FILE)
        options = [word for app in ("l2_learning", *apps) for word in ("--app", app)]
        options += ["--network-file", str(file), "--web", self.address, "--log-level", "error"]
        super().__init__(folder, ovs, *options, "--set", f"l2_learning.idle_timeout={IDLE}")
        self._came = 0

    def build(self) -> None:
        """All bridges and cables; then they know their controller."""
        for number, bridge in enumerate(BRIDGES, 1):
            self.ovs.add_bridge(bridge, dpid=number, ports=tuple(port for port in PORTS if port.startswith(bridge)))
        for cable in set(range(len(CABLES))) - set(RINGS):
            self.plug(cable)
        self.ovs.connect(list(BRIDGES), self.target)

    def plug(self, cable: int) -> None:
        """A cable comes (back), by the same numbers of ports."""
        command: list[str] = []
        one, other = CABLES[cable]
        for here, there in ((one, other), (other, one)):
            port, peer = f"c{cable + 1}-{here}", f"c{cable + 1}-{there}"
            command += ["--", "add-port", here, port, "--", "set", "Interface", port, "type=patch"]
            command += [f"options:peer={peer}", f"ofport_request={FIRST_CABLE + cable}"]
        self.ovs.vsctl(*command)

    def unplug(self, cable: int) -> None:
        """A cable goes."""
        ends = ((bridge, f"c{cable + 1}-{bridge}") for bridge in CABLES[cable])
        self.ovs.vsctl(*[word for bridge, port in ends for word in ("--", "del-port", bridge, port)])

    def switch(self, bridge: str, port: str, up: bool) -> None:
        """A port is taken down by hand, or up again."""
        self.ovs.ofctl("mod-port", bridge, port, "up" if up else "down")

    def apply(self, text: str) -> None:
        """`weft apply`."""
        self.client.put("/config", {"text": text, "name": "network.yaml"})

    def hosts(self, count: int) -> list[int]:
        """The next hosts come, each at its first port."""
        came = [(self._came + number) % POPULATION for number in range(count)]
        self._came += count
        self.speak(came)
        return came

    def speak(self, hosts: list[int], moved: int = 0) -> None:
        """Each host says its address (gratuitous ARP), by its first port or by the other one."""
        frames: dict[str, list[str]] = {}
        for host in hosts:
            frames.setdefault(PORTS[(host + 5 * moved) % len(PORTS)], []).append(announcement(host))
        for port, said in frames.items():
            self.ovs.appctl("netdev-dummy/receive", port, *said)

    def at_rest(self) -> bool:
        """Without rings: bridges hold what they should, all links are known, and of every port what it is there for."""
        states = [(bridge["state"], bridge["pending"]) for bridge in self.client.items("/bridges")]
        roles = {port["role"] for port in self.client.items("/ports")}
        links = self.client.get("/links")["total"]
        return states == [("connected", 0)] * len(BRIDGES) and "held" not in roles and links == 2 * (len(CABLES) - len(RINGS))

    def nobody(self) -> bool:
        """All hosts were forgotten."""
        return bool(self.client.get("/hosts")["total"] == 0)

    def held(self) -> list[str]:
        """What the bridges hold: flows, groups and meters as text."""
        lines: list[str] = []
        for bridge in BRIDGES:
            lines += [f"{bridge} {line}" for line in self.ovs.flows(bridge)]
            for what in ("dump-groups", "dump-meters"):
                lines += [f"{bridge} {line.strip()}" for line in self.ovs.ofctl(what, bridge).splitlines()[1:] if line.strip()]
        return sorted(lines)

    def unwanted(self) -> list[str]:
        """What differs between what the controller wants and what its bridges hold, as sentences."""
        found = []
        for bridge in BRIDGES:
            wanted = self.flows(bridge)
            found += [f"{bridge}: {flow['status']}: {flow['match']}" for flow in wanted if not _in_order(flow["status"])]
            ours = sorted((f["cookie"], f["table"]) for f in wanted if f["kind"] == "flow" and f["status"] == "installed")
            theirs = sorted(_cookie_and_table(line) for line in self.ovs.flows(bridge))
            if ours != theirs:
                found.append(f"{bridge} holds {len(theirs)} flows, {len(ours)} are wanted")
        return found


def _in_order(status: str) -> bool:
    return status == "installed" or status.startswith("hidden")


def _cookie_and_table(line: str) -> tuple[str, int]:
    fields = dict(part.split("=", 1) for part in line.replace(",", " ").split(" actions=")[0].split() if "=" in part)
    return f"0x{int(fields.get('cookie', '0'), 16):016x}", int(fields.get("table", "0"))


def announcement(number: int) -> str:
    """A gratuitous ARP of a host, as hex digits."""
    mac, ip = (0x020000000000 + number).to_bytes(6, "big"), (0x0A000001 + number).to_bytes(4, "big")
    return (b"\xff" * 6 + mac + bytes.fromhex("0806 0001 0800 06 04 0001") + mac + ip + bytes(6) + ip + bytes(18)).hex()
