"""Hypervisors whose bridges, tunnels and flows are written by hand: the data plane without a controller, to compare with."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import permutations
from pathlib import Path

from topologies import catalogue, hypervisors, machines, runs
from topologies.network import EmulatedNetwork, Host
from topologies.openvswitch import OvsTools

TUNNEL = 1000  # the OpenFlow port of the tunnel


class HandMade:
    """A network of hypervisors whose bridges, tunnels and flows are written here instead of by a controller."""

    def __init__(self, stack: ExitStack, parameters: dict[str, str]) -> None:
        self.topology = catalogue.find("hypervisors")
        self.topo = self.topology.build(parameters)
        self.kind: str = self.topo.nodeInfo("hv1")["tunnel"]
        run = runs.new_run("hypervisors")
        stack.callback(run.close)
        self.network = stack.enter_context(EmulatedNetwork(run, "hypervisors", parameters))
        started = time.monotonic()
        with ThreadPoolExecutor() as pool:
            made = [pool.submit(self._make_bridge, name) for name in self.topo.switches()]
            self.network.start()
            for each in made:
                each.result()
        self.seconds = time.monotonic() - started
        for name in self.topo.switches():
            self.network.ovs.ofctl("add-flows", name, str(self._written(run.path / f"{name}.flows", name)))

    def tools(self, hypervisor: str) -> OvsTools:
        return machines.tools(self.network.ovs.directory, hypervisor)

    def vtep(self, hypervisor: str) -> str:
        return str(self.topo.nodeInfo(hypervisor)["vtep"])

    def network_of(self, host: Host) -> str:
        return str(self.topo.nodeInfo(host.name)["network"])

    def _make_bridge(self, name: str) -> None:
        ovs = self.tools(name)
        while not (ovs.directory / "vswitchd.ctl").exists():
            time.sleep(0.02)
        ovs.add_bridge(name, dpid=int(name[2:]), datapath="netdev")
        options = ["options:key=flow", "options:remote_ip=flow", f"options:local_ip={self.vtep(name)}"]
        port = ["add-port", name, "tunnel", "--", "set", "Interface", "tunnel", f"type={self.kind}", *options]
        ovs.vsctl(*port, f"ofport_request={TUNNEL}")

    def _written(self, file: Path, bridge: str) -> Path:
        file.write_text("\n".join(flow for host in self.network.hosts.values() for flow in self._flows(bridge, host)))
        return file

    def _flows(self, bridge: str, host: Host) -> Iterator[str]:
        """Flows of a bridge for frames to a host, and for those that it floods."""
        peers = [peer for peer in self.network.hosts.values() if self.network_of(peer) == self.network_of(host)]
        vni = hypervisors.vni(self.network_of(host))
        local = [peer for peer in peers if peer.bridge == bridge]
        if host.bridge == bridge:
            yield f"in_port={TUNNEL},tun_id={vni},dl_dst={host.mac},actions={host.port}"
            others = sorted({peer.bridge for peer in peers} - {bridge})
            copies = [str(peer.port) for peer in local if peer is not host] + [self._to(other, vni) for other in others]
            yield f"in_port={host.port},dl_dst=01:00:00:00:00:00/01:00:00:00:00:00,actions={','.join(copies) or 'drop'}"
            ports = ",".join(str(peer.port) for peer in local)
            yield f"in_port={TUNNEL},tun_id={vni},dl_dst=01:00:00:00:00:00/01:00:00:00:00:00,actions={ports}"
        for peer in local:
            if peer is not host:
                way = str(host.port) if host.bridge == bridge else self._to(host.bridge, vni)
                yield f"in_port={peer.port},dl_dst={host.mac},actions={way}"

    def _to(self, hypervisor: str, vni: int) -> str:
        field = "tun_ipv6_dst" if ":" in self.vtep(hypervisor) else "tun_dst"
        return f"set_field:{vni:#x}->tun_id,set_field:{self.vtep(hypervisor)}->{field},{TUNNEL}"

    def warm(self) -> None:
        """The first frame to an unknown VTEP is lost while Open vSwitch asks for its address."""
        first = {host.bridge: host for host in reversed(self.network.hosts.values())}.values()
        for one, other in permutations(first, 2):
            ping = ["ping", "-n", "-q", "-c", "1", "-W", "1", other.ip]
            assert any(self.network.run(one.name, *ping).returncode == 0 for _ in range(5)), (one, other)
