"""Process 1 of an emulated network: it makes the bridges, hosts and links inside namespaces of its own, and keeps them.

Everything here lives in fresh PID, network and mount namespaces. They end with this process, and this process ends when the
other end of its channel is closed. So however a run ends, nothing it made outlives it, and there is no code that tears down.
"""

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import traceback
from functools import partial
from pathlib import Path
from typing import Any

from mininet.cli import CLI
from mininet.log import setLogLevel
from mininet.net import Mininet
from mininet.node import OVSSwitch

from topologies import catalogue
from topologies.machines import Machines
from topologies.openvswitch import OvsError, PrivateOvs


class Channel:
    """Lines of JSON to and from the process that wanted the network. When that is gone, so are we."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._commands: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def send(self, **message: Any) -> None:
        """Tell the other side."""
        self._socket.sendall(json.dumps(message).encode() + b"\n")

    def command(self) -> str:
        """Wait for what the other side wants."""
        return self._commands.get()

    def _read(self) -> None:
        with self._socket.makefile("r") as lines:
            for line in lines:
                self._commands.put(json.loads(line)["command"])
        os._exit(0)  # at once, whatever the main thread is doing: the kernel ends and removes all the rest


class OneOvs:
    """One Open vSwitch beside this process, with all bridges of the network."""

    def __init__(self, directory: Path) -> None:
        self._ovs = PrivateOvs(directory, "netdev")
        self._ovs.start()
        os.environ.update(self._ovs.environment)
        # The controller is connected last and over a Unix socket, which Mininet has no class for.
        self.switch = partial(OVSSwitch, datapath="user", protocols="OpenFlow13,OpenFlow14", failMode="secure", batch=True)

    def connect(self, net: Any, controller: str) -> None:
        """Give all bridges their controller."""
        self._ovs.connect([bridge.name for bridge in net.switches], controller)

    def namespaces(self) -> dict[str, int]:
        """No bridge has a namespace of its own."""
        return {}


def main() -> None:
    """Build what the argument describes, report it, then serve commands until the channel closes."""
    wanted = json.loads(sys.argv[1])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _not_for_us)
    channel = Channel(wanted["channel"])
    try:
        ovs, net, groups = _build(wanted)
        channel.command()  # the one that comes first: connect
        ovs.connect(net, wanted["controller"])
        channel.send(built=_describe(net), groups=groups, namespaces=ovs.namespaces())
    except Exception as error:
        traceback.print_exc()
        channel.send(error=f"{error}" or type(error).__name__)
        return
    while True:
        _serve(channel, ovs, net)


def _serve(channel: Channel, ovs: OneOvs | Machines, net: Any) -> None:
    """Do what the other side wants next."""
    match channel.command().split():
        case ["console"]:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            setLogLevel("output")
            CLI(net)
            signal.signal(signal.SIGINT, _not_for_us)
            channel.send(console="closed")
        case ["fail" | "repair" as what, name] if isinstance(ovs, Machines):
            try:
                (ovs.fail if what == "fail" else ovs.repair)(name)
            except OvsError as error:
                channel.send(error=str(error))
            else:
                channel.send(done=what)
        case words:
            channel.send(error=f"nothing here can do: {' '.join(words)}")


def _not_for_us(_number: int, _frame: object) -> None:
    """Signals are for the program that wanted the network. Were they ignored, so they would be in all programs of all hosts."""


def _build(wanted: dict[str, Any]) -> tuple[OneOvs | Machines, Any, list[list[str]]]:
    topology = catalogue.find(wanted["topology"])
    topo = topology.build(wanted["parameters"])
    # Interfaces of bridges are no hosts: were IPv6 on, the kernel would announce itself through each of them.
    Path("/proc/sys/net/ipv6/conf/all/disable_ipv6").write_text("1")
    Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True, timeout=10)
    directory = Path(wanted["directory"])
    ovs = Machines(directory) if topology.separate else OneOvs(directory)
    setLogLevel("error")
    Mininet.inited = True  # else it raises limits of the whole machine, which would outlive the network
    net = Mininet(topo=topo, switch=ovs.switch, controller=None, autoSetMacs=True)
    net.start()
    for host in net.hosts:
        for interface in host.intfNames():
            # A userspace datapath gets frames with the checksum still to be computed, and nobody computes it.
            host.cmd("ethtool", "-K", interface, "tx", "off")
    return ovs, net, [sorted(group) for group in topology.groups(topo)]


def _describe(net: Any) -> dict[str, Any]:
    hosts = {}
    for host in net.hosts:
        mine = host.defaultIntf()
        theirs = mine.link.intf2 if mine.link.intf1 is mine else mine.link.intf1
        port = theirs.node.ports[theirs]
        place = {"bridge": theirs.node.name, "port": port, "port_name": theirs.name}
        hosts[host.name] = {"pid": host.pid, "ip": host.IP(), "mac": host.MAC(), "interface": mine.name, **place}
    bridges = {bridge.name: int(bridge.dpid, 16) for bridge in net.switches}
    links = [
        [link.intf1.name, link.intf2.name]
        for link in net.links
        if link.intf1.node in net.switches and link.intf2.node in net.switches
    ]
    return {"hosts": hosts, "bridges": bridges, "links": links}


if __name__ == "__main__":
    main()
