"""Emulated hypervisors: what the controller finds there, shown with flows written by hand; then with the controller."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.emulated import traces
from tests.emulated.byhand import HandMade
from tests.emulated.conftest import Lab
from topologies import catalogue, machines, runs
from topologies.announcements import announce
from topologies.namespaces import inside
from topologies.network import EmulatedNetwork, NetworkError
from topologies.reachability import matrix, probe_all
from topologies.traffic import Stream


@pytest.fixture(scope="module")
def by_hand() -> Iterator[Callable[..., HandMade]]:
    """Builds hypervisors; all are gone at the end of the module."""
    runs.heal()
    with ExitStack() as stack:
        yield lambda **parameters: HandMade(stack, {name: str(value) for name, value in parameters.items()})


def captured(network: EmulatedNetwork, interface: str, doing: Callable[[], Any]) -> list[str]:
    """What tcpdump says about frames on a port of the underlay while something is done."""
    inside = ["nsenter", f"--net={network.namespaces[machines.UNDERLAY]}", "--"]
    command = [*inside, "tcpdump", "-i", interface, "-n", "-v", "-l", "--immediate-mode", "-s", "200"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if "listening on" in line:
                    break
            doing()
            time.sleep(0.2)
        finally:
            process.terminate()
        said, _ = process.communicate(timeout=10)
    return said.splitlines()


OUTER = {
    "vxlan": r"> {vtep}\.4789: (\[udp sum ok\] )?VXLAN, flags \[I\] \(0x08\), vni {vni}\b",
    "geneve": r"> {vtep}\.6081: Geneve, Flags \[none\], vni {vni:#x}",
    "gre": r"> {vtep}: GREv0, Flags \[key present\], key={vni:#x}",
}


@pytest.mark.parametrize(("kind", "ipv6"), [("vxlan", False), ("geneve", False), ("gre", False), ("vxlan", True)])
def test_networks_span_hypervisors_and_stay_apart(by_hand: Callable[..., HandMade], kind: str, ipv6: bool) -> None:
    made = by_hand(n=2, vms=3, networks=2, type=kind, ipv6=str(ipv6).lower())
    hosts = made.network.hosts
    assert {name: (host.mac, host.bridge, host.port_name) for name, host in hosts.items() if name in ("b3", "r1", "b1")} == {
        "b1": ("02:00:00:00:00:01", "hv1", "b1"),
        "r1": ("02:00:00:00:00:01", "hv1", "r1"),
        "b3": ("02:00:00:00:00:03", "hv2", "b3"),
    }
    made.warm()
    probes = list(probe_all(made.network))
    assert all(probe.right for probe in probes), matrix(probes)
    assert sum(probe.answered for probe in probes) == 4 * 3 + 2 * 1
    for name, there, vni in (("b1", "b3", 5010), ("r1", "r2", 5020)):
        shared = made.topo.nodeInfo(there)["shared"].split("/")[0]

        def ping(name: str = name, shared: str = shared) -> None:
            assert " 3 received" in made.network.run(name, "ping", "-n", "-c", "3", "-i", "0.2", "-w", "5", shared).stdout

        lines = captured(made.network, "hv2", ping)
        seen = re.compile(OUTER[kind].format(vtep=re.escape(made.vtep("hv2")), vni=vni))
        assert sum(bool(seen.search(line)) for line in lines) >= 3, "\n".join(lines)
    with subprocess.Popen(made.network.command("b3", "iperf3", "-s", "-1"), stdout=subprocess.DEVNULL) as server:
        done = made.network.run("b1", "sh", "-c", f"sleep 0.3; iperf3 -c {hosts['b3'].ip} -t 1 -f m")
        server.terminate()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "receiver" in done.stdout


@pytest.mark.parametrize(("kind", "ipv6"), [("vxlan", False), ("geneve", False), ("gre", False), ("vxlan", True)])
def test_the_controller_joins_them(build: Callable[..., Lab], kind: str, ipv6: bool) -> None:
    lab = build("hypervisors", n=3, vms=3, type=kind, ipv6=str(ipv6).lower())
    assert [str(probe) for probe in probe_all(lab.network) if not probe.right] == []
    names = list(lab.network.hosts)
    lab.wait_for("the addresses of all are known", lambda: sum(len(h["ips"]) for h in hosts_of(lab)) >= len(names))

    def ask_again() -> None:
        for name in names:
            lab.network.run(name, "ip", "neigh", "flush", "all")
        assert [str(probe) for probe in probe_all(lab.network) if not probe.right] == []

    lines = captured(lab.network, "hv2", ask_again)
    asked = [line for line in lines if re.search(r"who-has 10\.0\.([12])\.\d+ tell 10\.0\.\1\.", line)]
    assert asked == [], asked  # who is known is answered for where the question is asked
    for vni in (5010, 5020):
        vtep = "2001:db8::2" if ipv6 else "192.0.2.2"
        seen = re.compile(OUTER[kind].format(vtep=re.escape(vtep), vni=vni))
        assert any(seen.search(line) for line in lines), "\n".join(lines)


def hosts_of(lab: Lab) -> list[dict[str, Any]]:
    return list(lab.controller.client.items("/hosts"))


def test_hypervisors_come_and_go_and_the_others_lose_nothing(build: Callable[..., Lab]) -> None:
    lab = build("hypervisors", n=3)
    hosts, file = lab.network.hosts, lab.network_file
    assert file is not None
    assert [str(probe) for probe in probe_all(lab.network) if not probe.right] == []
    three = file.read_text()
    two = "".join(line for line in three.splitlines(keepends=True) if "hv3" not in line)
    with Stream(hosts["b1"], hosts["b2"]) as stream:
        lab.wait_for("the stream has begun", lambda: stream.heard().frames > 0)
        apply(lab, file, two)
        lab.wait_for("hv3 has left the mesh", lambda: peers_of(lab, "hv1") == ["core/hv2 up"])
        gone = {(probe.source, probe.target) for probe in probe_all(lab.network) if probe.answered}
        assert gone == {("b1", "b2"), ("b2", "b1"), ("r1", "r2"), ("r2", "r1")}
        apply(lab, file, three)
        lab.wait_for("hv3 is back", lambda: all(all_up(lab, name) for name in ("hv1", "hv2", "hv3")))
        lab.converge()
        assert [str(probe) for probe in probe_all(lab.network) if not probe.right] == []
        heard = stream.heard()
    assert heard.frames > 1000
    assert (heard.lost, heard.twice) == (0, 0)


def test_a_machine_that_moves_is_followed(build: Callable[..., Lab]) -> None:
    lab = build("hypervisors", n=3)
    network, file = lab.network, lab.network_file
    assert file is not None
    apply(lab, file, file.read_text().replace("ports:\n", "ports:\n  hv2/b1: {access: blue}\n"))
    assert [str(probe) for probe in probe_all(network) if not probe.right] == []
    # It is in both places at once, as when a machine was copied; then it speaks from the new one, which is beside r2.
    old, beside = network.hosts["b1"], network.hosts["r2"]
    new = replace(old, bridge="hv2", namespace=beside.namespace, interface="moved")
    network.run("r2", "sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
    plug = f"ip link add b1 type veth peer name moved address {old.mac} netns {beside.namespace} && ip link set b1 up"
    subprocess.run(["nsenter", f"--net={network.namespaces['hv2']}", "--", "sh", "-c", plug], check=True, timeout=10)
    network.run("r2", "ip", "link", "set", "moved", "up")
    machines.tools(network.ovs.directory, "hv2").vsctl("add-port", "hv2", "b1")
    lab.wait_for("its new port is there for hosts", lambda: role_of(lab, "hv2", "b1") == "edge")
    with inside(new.namespace), socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800)) as tap:
        tap.bind((new.interface, 0x0800))
        with Stream(network.hosts["b3"], old) as stream:
            lab.wait_for("the stream has begun", lambda: stream.heard().frames > 0)
            tap.setblocking(False)
            with pytest.raises(BlockingIOError):
                tap.recv(2000)
            tap.settimeout(5)
            begun = time.monotonic()
            announce([new])
            tap.recv(2000)
            followed = time.monotonic() - begun
            lab.wait_for("it is known to be there", lambda: ("02:00:00:00:00:01", "hv2") in blue_hosts(lab))
            lab.wait_for("the old place gets nothing more", lambda: not stream.heard().frames)
            time.sleep(0.2)
            assert stream.heard().frames == 0
    assert followed < 0.5, followed  # 100 ms are asked for; a machine that is busy with other tests may take longer
    print(f"followed after {1000 * followed:.1f} ms")


def blue_hosts(lab: Lab) -> set[tuple[str, str]]:
    """The hosts of blue that are known, and where they are."""
    return {(host["mac"], host["bridge"]) for host in hosts_of(lab) if host["network"] == "blue"}


def role_of(lab: Lab, bridge: str, port: str) -> str:
    """What the controller says that a port is there for."""
    found = [one["role"] for one in lab.controller.client.items("/ports") if (one["bridge"], one["name"]) == (bridge, port)]
    return str(found[0]) if found else ""


def apply(lab: Lab, file: Path, text: str) -> None:
    file.write_text(text)
    command = [sys.executable, "-m", "controller", "apply", "-f", str(file), "--state-dir", str(lab.controller.state_dir)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def all_up(lab: Lab, hypervisor: str) -> bool:
    """Whether a hypervisor finds two others."""
    return [peer.split()[1] for peer in peers_of(lab, hypervisor)] == ["up", "up"]


def peers_of(lab: Lab, hypervisor: str) -> list[str]:
    """What BFD of a hypervisor says."""
    [found] = [one["bfd"] for one in lab.controller.client.items("/hypervisors") if one["name"] == hypervisor]
    return list(found)


def test_the_command_shows_how_one_fails_and_comes_back() -> None:
    weft = [sys.executable, "-m", "controller", "emulate", "hypervisors"]
    command = [*weft, "-p", "n=3", "--check", "--fail", "hv3", "--web", "127.0.0.1:0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok: 30 of 30 pairs as they should be, 0 % loss" in done.stdout
    assert "while 1000 datagrams a second go from b1 to b2" in done.stdout
    assert done.stdout.count("; 0 lost between others; 30 of 30 pairs as they should be") == 2
    assert "ok: hv3, and traffic came back" in done.stdout
    refused = subprocess.run([*weft, "--fail", "hv9"], capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 64
    assert "there is no hypervisor 'hv9'; there are: hv1, hv2." in refused.stderr


def test_a_hypervisor_that_fails_takes_only_its_own_machines_along(by_hand: Callable[..., HandMade]) -> None:
    made = by_hand(n=3, vms=1, networks=1)
    made.warm()
    made.network.fail("hv3")
    answered = {(probe.source, probe.target) for probe in probe_all(made.network) if probe.answered}
    assert answered == {("b1", "b2"), ("b2", "b1")}
    made.network.repair("hv3")
    made.network.ovs.ofctl("add-flow", "hv3", "actions=drop")
    assert made.tools("hv3").vsctl("list-br").split() == ["br-phys3", "hv3"]
    with pytest.raises(NetworkError, match="there is no hypervisor 'hv4'; there are hv1, hv2, hv3"):
        made.network.fail("hv4")


def test_eight_come_quickly_and_nothing_is_left_of_them() -> None:
    before = traces.on_machine()
    with ExitStack() as stack:
        made = HandMade(stack, {"n": "8", "vms": "2"})
        there = traces.of_program(made.network._process.pid)  # type: ignore[union-attr]
        assert len(there.namespaces) >= 8 + 16
        print(f"{made.seconds:.1f} s")
    assert there.left() == set()
    assert traces.on_machine() <= before


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"type": "stt"}, "type must be one of vxlan, geneve, gre, not 'stt'"),
        ({"n": "33"}, "there are 1 to 32 hypervisors and 1 to 200 virtual machines, not 33 and 66"),
        ({"n": "20", "vms": "11"}, "there are 1 to 32 hypervisors and 1 to 200 virtual machines, not 20 and 220"),
        ({"networks": "3"}, "networks must be 1 to 2 with 2 virtual machines on a hypervisor, not 3"),
    ],
)
def test_refusals(given: dict[str, str], said: str) -> None:
    with pytest.raises(catalogue.TopologyError, match=said):
        catalogue.find("hypervisors").build(given)
