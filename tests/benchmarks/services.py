"""Connections a second and throughput through a virtual address, beside the same path without it, and HAProxy in TCP mode.

Real frames on Open vSwitch in userspace on one machine, for comparing, not for planning. Needs root, wrk and curl.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

from controller.cli.emulation import converge, network_file
from controller.cli.supervised import SupervisedController
from tests.benchmarks import farm, maglev
from tests.benchmarks.report import Table, in_turns
from topologies import runs, webserver
from topologies.announcements import announce
from topologies.clients import connections, failures
from topologies.network import EmulatedNetwork
from topologies.openvswitch import OvsError, PrivateOvs

MANY = 100  # services
SECONDS = 2  # of each run
WARM = 1  # seconds before it, in which the datapath gets entries
OPEN = 16  # connections at a time
PATIENCE = 30.0
NEEDED = {"wrk": "wrk", "curl": "curl"}
ZEROS = "zeros"
PROXY = """
global
  maxconn 8000
defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
"""


class Farm:
    """Two bridges with so many services, a client, the host with all backends, and HAProxy where that is installed."""

    def __init__(self, stack: ExitStack, services: int) -> None:
        run, name, parameters = runs.new_run("farm"), str(Path(farm.__file__)), {"services": str(services)}
        stack.callback(run.close)
        self._stack, self._folder = stack, run.path
        self.network = stack.enter_context(EmulatedNetwork(run, name, parameters))
        file = network_file(run, name, parameters, self.network)
        self._controller = SupervisedController(run.path, f"unix:{self.network.controller_socket}", "", network_file=file)
        stack.callback(self._controller.stop)
        self._controller.start()
        self._controller.wait_ready()
        self.network.start()
        converge(self._controller, self.network)
        self._serve()
        self.switch = _switch(self.network)
        for number in range(services):
            self._wait_for(farm.vip(number))

    def proxies(self) -> bool:
        """Start HAProxy, a port for each number of backends; whether there is one."""
        if shutil.which("haproxy") is None:
            return False
        lines = [PROXY]
        for number in range(len(farm.SIZES)):
            for port, target in ((farm.HTTP, farm.WEB), (farm.STREAM, farm.STREAM)):
                front = _proxied(port, number)
                lines.append(f"listen p{front}\n  bind :{front}\n  balance roundrobin")
                lines += [f"  server b{n} {address}:{target}" for n, address in enumerate(farm.backends(number))]
        config = self._folder / "haproxy.cfg"
        config.write_text("\n".join(lines) + "\n")
        self._run("proxy", "haproxy", "-db", "-f", str(config))
        self._wait_for(self.network.hosts["proxy"].ip)
        return True

    def _serve(self) -> None:
        """The addresses of the server and its programs, and those of the client: each is that of a user of its host."""
        host, folder = self.network.hosts[farm.SERVER], self._folder / "files"
        folder.mkdir()
        with (folder / ZEROS).open("wb") as zeros:
            zeros.truncate(1 << 33)  # more than there is time for, and none of it on the disk
        self._run(host.name, sys.executable, "-I", "-S", str(Path(webserver.__file__)), host.name, str(farm.WEB))
        self._run(host.name, sys.executable, "-I", "-m", "http.server", str(farm.STREAM), "--directory", str(folder))
        for address in farm.addresses():
            self.network.run(host.name, "ip", "address", "add", f"{address}/{farm.PREFIX}", "dev", host.interface)
            announce([replace(host, ip=address)])
        for user, address in farm.CLIENTS.items():
            interface, table = self.network.hosts["client"].interface, str(user)
            self.network.run("client", "ip", "address", "add", f"{address}/{farm.PREFIX}", "dev", interface)
            self.network.run("client", "ip", "route", "add", farm.NET, "dev", interface, "src", address, "table", table)
            self.network.run("client", "ip", "rule", "add", "uidrange", f"{user}-{user}", "lookup", table)

    def _run(self, host: str, *command: str) -> None:
        process = subprocess.Popen(
            self.network.command(host, "setpriv", "--pdeathsig", "KILL", *command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)

    def _wait_for(self, address: str) -> None:
        deadline, client = time.monotonic() + PATIENCE, self.network.hosts["client"]
        while failures(connections([client], (address, farm.HTTP), 1)):
            if time.monotonic() > deadline:
                raise OvsError(f"{address} does not answer")
            time.sleep(0.1)


class Contender:
    """A way from the client to the server."""

    def __init__(self, at: Farm, name: str, address: str, web: int, stream: int) -> None:
        self.name, self._farm, self._address, self._web, self._stream = name, at, address, web, stream

    def measure(self, rates: Table, cpu: Table, throughput: Table) -> None:
        """One run of each."""
        self._rate(WARM)
        before = _cpu(self._farm.switch)
        rate, count = self._rate(SECONDS)
        rates.add(self.name, rate)
        cpu.add(self.name, 1e6 * (_cpu(self._farm.switch) - before) / count)
        throughput.add(self.name, self._throughput())

    def _rate(self, seconds: int) -> tuple[float, int]:
        """HTTP requests a second, a connection each, and how many there were, from all addresses of the client."""
        where, each = f"http://{self._address}:{self._web}/", OPEN // len(farm.CLIENTS)
        command = ["wrk", "-t1", f"-c{each}", f"-d{seconds}s", "-H", "Connection: close", where]
        with ThreadPoolExecutor(len(farm.CLIENTS)) as pool:
            started = [pool.submit(self._farm.network.run, "client", *_as(user), *command) for user in farm.CLIENTS]
        done = [one.result() for one in started]
        rates = [re.search(r"Requests/sec:\s+([\d.]+)", one.stdout) for one in done]
        counts = [re.search(r"(\d+) requests in", one.stdout) for one in done]
        if any(one.returncode for one in done) or not all(rates) or not all(counts):
            raise OvsError(f"wrk failed: {done[0].stdout}{done[0].stderr}")
        return sum(float(rate[1]) for rate in rates if rate), sum(int(count[1]) for count in counts if count)

    def _throughput(self) -> float:
        """Mbit/s of one TCP connection, from the first octet of its answer on."""
        where, form = f"http://{self._address}:{self._stream}/{ZEROS}", "%{size_download} %{time_starttransfer} %{time_total}"
        done = self._farm.network.run("client", "curl", "-s", "-o", "/dev/null", "-m", str(SECONDS), "-w", form, where)
        size, begun, ended = map(float, done.stdout.split() or (0, 0, 0))
        if ended <= begun or not size:
            raise OvsError(f"curl failed: {done.stdout}{done.stderr}")
        return 8 * size / (ended - begun) / 1e6


def _as(user: int) -> list[str]:
    """A command's beginning, by which that user runs it."""
    return ["setpriv", f"--reuid={user}", "--clear-groups"]


def _proxied(port: int, number: int) -> int:
    """The port of HAProxy that stands for a port of the service with this number."""
    return port + 1000 * number


def _switch(network: EmulatedNetwork) -> int:
    """The process id of ovs-vswitchd."""
    assert network._process is not None
    below = [network._process.pid]
    for pid in below:
        if Path(f"/proc/{pid}/comm").read_text().strip() == "ovs-vswitchd":
            return pid
        for thread in Path(f"/proc/{pid}/task").iterdir():
            below += map(int, (thread / "children").read_text().split())
    raise OvsError("ovs-vswitchd does not run")


def _cpu(pid: int) -> float:
    """Seconds of processor time that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


DIRECT = "without a virtual address"
DIRECT_OF_MANY = f"{DIRECT}, {MANY} services beside"
MANY_SERVICES = f"weft, {farm.SIZES[1]} backends, {MANY} services"


def _ours(size: int) -> str:
    return f"weft, {size} backend{'s' if size > 1 else ''}"


def _theirs(size: int) -> str:
    return _ours(size).replace("weft", "HAProxy")


def contenders(few: Farm, many: Farm) -> Iterator[Contender]:
    """All ways that are compared."""
    yield Contender(few, DIRECT, farm.DIRECT, farm.WEB, farm.STREAM)
    for number, size in enumerate(farm.SIZES):
        yield Contender(few, _ours(size), farm.vip(number), farm.HTTP, farm.STREAM)
    yield Contender(many, DIRECT_OF_MANY, farm.DIRECT, farm.WEB, farm.STREAM)
    yield Contender(many, MANY_SERVICES, farm.vip(MANY - 1), farm.HTTP, farm.STREAM)
    if not few.proxies():
        print("HAProxy is not installed: script/bootstrap --bench does it")
        return
    for number, size in enumerate(farm.SIZES):
        proxy = few.network.hosts["proxy"].ip
        yield Contender(few, _theirs(size), proxy, _proxied(farm.HTTP, number), _proxied(farm.STREAM, number))


@contextmanager
def farms() -> Iterator[tuple[Farm, Farm]]:
    """One with few services and one with many."""
    with ExitStack() as stack:
        yield Farm(stack, len(farm.SIZES)), Farm(stack, MANY)


def run(_ovs: PrivateOvs, repeats: int) -> None:
    """Print the tables."""
    print("\n".join(maglev.lines()), flush=True)
    if os.geteuid() != 0:
        raise OvsError("the benchmark services makes network namespaces, which needs root: use sudo")
    if missing := [package for tool, package in NEEDED.items() if shutil.which(tool) is None]:
        raise OvsError(f"not installed: {', '.join(missing)}; script/bootstrap --bench does it")
    rates = Table(f"HTTP requests a second, a connection each, {OPEN} at a time", "1/s", 0)
    cpu = Table("processor time of ovs-vswitchd for such a connection", "us", 0)
    throughput = Table("one TCP connection", "Mbit/s", 0)
    with farms() as (few, many):
        turns: list[Callable[[], None]] = [partial(each.measure, rates, cpu, throughput) for each in contenders(few, many)]
        in_turns(repeats, turns)
    for table, what in ((rates, "connections a second"), (cpu, "processor time of a connection"), (throughput, "throughput")):
        table.show()
        for name in table.numbers:
            base = DIRECT_OF_MANY if name == MANY_SERVICES else DIRECT
            if name not in (DIRECT, DIRECT_OF_MANY):
                table.compare(f"{what}, {name}", name, base)
                turn = median(one / other for one, other in zip(table.numbers[name], table.numbers[base], strict=True))
                print(f"    median of the ratios of each turn: {turn:.2f}")
