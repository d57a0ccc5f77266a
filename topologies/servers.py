"""Servers of an emulated network with virtual services: their addresses, and a process each to be killed and started."""

import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Self

from topologies import catalogue, webserver
from topologies.namespaces import inside
from topologies.network import EmulatedNetwork, Host, NetworkError
from topologies.services import PORT, TARGET, VirtualService

PORTS = (PORT, TARGET)
READY = 20.0  # seconds
# A server with a virtual address of its own must not answer ARP for it, nor ask with it.
OWN = "sysctl -q -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2"


class Servers:
    """A web server on each host that the topology says, from entering this until leaving it."""

    def __init__(self, network: EmulatedNetwork, topology: ModuleType, topo: Any) -> None:
        self._network = network
        self.services: list[VirtualService] = topology.services(topo)
        self._addresses: dict[str, list[str]] = topology.addresses(topo)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.names: list[str] = topology.servers(topo)
        mine = {name: [network.hosts[name].ip, *map(_bare, self._addresses[name])] for name in self.names}
        self.at = {address: name for name, addresses in mine.items() for address in addresses}
        """Which server has an address."""

    def __enter__(self) -> Self:
        for name in self._network.hosts:
            self._configure(name)
        try:
            for name in self.names:
                self._spawn(name)
            for name in self.names:
                self._wait(name)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End all of them."""
        for name in list(self._processes):
            self.kill(name)

    def sources(self) -> dict[str, Host]:
        """The IPv4 addresses of all clients."""
        clients = [host for host in self._network.hosts.values() if host.name not in self.names]
        own = {host.ip: host for host in clients}
        more = {_bare(address): host for host in clients for address in self._addresses[host.name] if ":" not in address}
        return own | more

    def start(self, name: str) -> None:
        """Start one; returns when it answers."""
        self._spawn(name)
        self._wait(name)

    def kill(self, name: str) -> None:
        """Kill one, as a crash does: its host resets what was open and refuses what comes."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def _spawn(self, name: str) -> None:
        own = [address for address, at in self.at.items() if at == name]
        places = [*map(str, PORTS), *(f"{TARGET}@{address}" for address in own)]
        places += [f"{PORT}@{service.vip}" for service in self.services if service.mode == "dsr"]
        program = [sys.executable, "-I", "-S", str(Path(webserver.__file__)), name, *places]
        command = self._network.command(name, "setpriv", "--pdeathsig", "KILL", *program)
        self._processes[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def _wait(self, name: str) -> None:
        deadline = time.monotonic() + READY
        while not self._answers(name):
            if self._processes[name].poll() is not None or time.monotonic() > deadline:
                raise NetworkError(f"the server of {name} does not run")
            time.sleep(0.02)

    def _answers(self, name: str) -> bool:
        with inside(self._network.hosts[name].namespace), socket.socket() as asking:
            return all(asking.connect_ex(("127.0.0.1", port)) == 0 for port in PORTS[1:])

    def _configure(self, name: str) -> None:
        """The addresses of a host."""
        interface = self._network.hosts[name].interface
        quiet = [f"net.ipv6.conf.{interface}.{key}=0" for key in ("accept_ra", "router_solicitations", "disable_ipv6")]
        script = ["sysctl -q -w net.ipv6.conf.lo.disable_ipv6=0 " + " ".join(quiet)]
        # An address that a host takes up seconds later, when it asks after a neighbour, would be news for the controller.
        script.append(f"ip -6 address flush dev {interface} scope link")
        for address in self._addresses[name]:
            script.append(f"ip address add {address} dev {interface}{' nodad' if ':' in address else ''}")
        direct = [service.vip for service in self.services if service.mode == "dsr" and name in self.names]
        if direct:
            script += [OWN, *(f"ip address add {vip} dev lo" for vip in direct)]
        done = self._network.run(name, "sh", "-e", "-c", "\n".join(script))
        if done.returncode != 0:
            raise NetworkError(f"{name} does not get its addresses: {done.stderr.strip()}")


def start(stack: ExitStack, network: EmulatedNetwork, topology: str, parameters: Mapping[str, str]) -> Servers | None:
    """The servers of a topology until the stack unwinds; None where it has no virtual services."""
    found = catalogue.find(topology)
    if not hasattr(found.module, "services"):
        return None
    return stack.enter_context(Servers(network, found.module, found.build(parameters)))


def _bare(address: str) -> str:
    return address.partition("/")[0]
