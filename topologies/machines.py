"""Hypervisors inside an emulated network: namespaces with an Open vSwitch each, and the underlay that joins them.

All use one directory for the sockets of their bridges, since Open vSwitch connects to Unix sockets of controllers only there.
"""

import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from mininet.node import Switch

from topologies.hypervisors import UNDERLAY_MTU, folder
from topologies.openvswitch import OvsError, OvsTools, PrivateOvs

UNDERLAY = "underlay"  # a bridge of the kernel in the namespace of process 1; its ports have the names of the hypervisors
UPLINK = "uplink"
WAIT_SECONDS = 60

# The kernel would answer on the uplink for the address that is behind it, and announce itself on every tap.
QUIET = """
echo 1 > /proc/sys/net/ipv4/conf/all/arp_ignore
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
ip link set lo up
ethtool -K {uplink} tx off > /dev/null
ip link set {uplink} up
"""
ADDRESS = """
echo {no_ipv6} > /proc/sys/net/ipv6/conf/{bridge}/disable_ipv6
ip addr add {vtep} dev {bridge}
ip link set {bridge} up
"""


class Hypervisor(Switch):  # type: ignore[misc]  # Mininet has no types
    """A machine with an Open vSwitch, and its VTEP on a bridge `br-physN`. The bridge for virtual machines comes from outside."""

    def __init__(self, name: str, *, directory: Path, vtep: str, **parameters: Any) -> None:
        super().__init__(name, **{**parameters, "inNamespace": True})
        self.namespace = f"/proc/{self.pid}/ns/net"
        self.ovs = PrivateOvs(folder(directory, name), "netdev", sockets=directory, namespace=self.namespace)
        self.underlay_bridge = f"br-phys{int(self.dpid, 16)}"
        self.vtep = vtep

    def start(self, _controllers: object) -> None:
        """Start Open vSwitch and put the VTEP into the underlay."""
        mtu = ["mtu", str(UNDERLAY_MTU)]
        _run("ip", "link", "add", self.name, *mtu, "type", "veth", "peer", "name", UPLINK, *mtu, "netns", str(self.pid))
        _run("ip", "link", "set", self.name, "master", UNDERLAY, "up")
        self._script(QUIET.format(uplink=UPLINK))
        self.ovs.start()
        bridge = self.underlay_bridge
        made = ["add-br", bridge, "--", "set", "Bridge", bridge, "datapath_type=netdev", "--", "add-port", bridge, UPLINK]
        self.ovs.vsctl(*made, "--", "set", "Interface", bridge, f"mtu_request={UNDERLAY_MTU}")
        ipv6 = ":" in self.vtep
        vtep = f"{self.vtep}/64 nodad" if ipv6 else f"{self.vtep}/24"
        self._script(ADDRESS.format(bridge=bridge, vtep=vtep, no_ipv6=int(not ipv6)))

    def attach(self, interfaces: list[Any]) -> None:
        """Plug virtual machines into the bridge that has our name, once somebody has made it."""
        self._script("\n".join(f"ip link set {interface.name} up" for interface in interfaces))
        command = ["wait-until", "Bridge", self.name]
        for interface in interfaces:
            command += ["--", "--may-exist", "add-port", self.name, interface.name]
        try:
            self.ovs.vsctl(*command, timeout=WAIT_SECONDS)
        except OvsError as error:
            raise OvsError(f"the bridge {self.name} was not made in {WAIT_SECONDS} s, or took no ports: {error}") from error
        for interface in interfaces:
            number, fault = self.ovs.vsctl("get", "Interface", interface.name, "ofport", "error").split("\n")[:2]
            if not number.isdecimal():
                raise OvsError(f"the bridge {self.name} did not take the port {interface.name}: {fault}")
            self.ports[interface] = int(number)

    def wait_for_tunnels(self) -> None:
        """Wait until BFD has found the other end of each tunnel that it watches. There is nothing to wait for without BFD."""
        watched = self.ovs.vsctl("--bare", "--columns=name", "find", "Interface", "bfd:enable=true").split()
        command = [word for name in watched for word in ("--", "wait-until", "Interface", name, "bfd_status:state=up")]
        if command:
            self.ovs.vsctl(*command[1:], timeout=WAIT_SECONDS)

    def _script(self, text: str) -> None:
        _run("nsenter", f"--net={self.namespace}", "--", "sh", "-e", "-c", text)


class Machines:
    """The hypervisors of one emulated network."""

    def __init__(self, directory: Path) -> None:
        """Make the underlay, in the namespace of this process."""
        self._hypervisors: dict[str, Hypervisor] = {}
        self.switch: Callable[..., Hypervisor] = partial(Hypervisor, directory=directory)
        _run("ip", "link", "add", UNDERLAY, "mtu", str(UNDERLAY_MTU), "type", "bridge", "mcast_snooping", "0")
        _run("ip", "link", "set", UNDERLAY, "up")

    def connect(self, net: Any, _controller: str) -> None:
        """Wait until the controller has made all bridges, plug in the machines, and wait until tunnels carry frames."""
        for vm in net.hosts:
            vm.cmd("ip", "addr", "add", vm.params["shared"], "dev", vm.defaultIntf().name)
        self._hypervisors = {hypervisor.name: hypervisor for hypervisor in net.switches}
        for hypervisor in net.switches:
            hypervisor.attach(hypervisor.intfList())
        for hypervisor in net.switches:
            hypervisor.wait_for_tunnels()

    def namespaces(self) -> dict[str, int]:
        """A process in the namespace of the underlay and one in that of each hypervisor."""
        return {UNDERLAY: 1, **{name: hypervisor.pid for name, hypervisor in self._hypervisors.items()}}

    def fail(self, name: str) -> None:
        """Kill ovs-vswitchd of a hypervisor, as a crash does; its database and machines stay."""
        self._find(name).ovs.kill_vswitchd()

    def repair(self, name: str) -> None:
        """Start ovs-vswitchd of a hypervisor again; returns when its bridges are back."""
        ovs = self._find(name).ovs
        ovs.start_vswitchd()
        ovs.wait_for_bridge(name)

    def _find(self, name: str) -> Hypervisor:
        if name not in self._hypervisors:
            raise OvsError(f"there is no hypervisor {name!r}; there are {', '.join(self._hypervisors)}")
        return self._hypervisors[name]


def tools(directory: Path, hypervisor: str) -> OvsTools:
    """The programs that ask the Open vSwitch of a hypervisor, of the network with the Open vSwitch directory DIRECTORY."""
    return OvsTools(folder(directory, hypervisor), sockets=directory)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    if done.returncode != 0:
        raise OvsError(f"{' '.join(command)} failed: {(done.stderr or done.stdout).strip()}")
