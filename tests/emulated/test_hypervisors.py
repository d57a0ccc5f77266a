"""Emulated hypervisors that the controller joins: who reaches whom, what is seen in between, what happens when things move."""

import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tests.emulated import traces
from tests.emulated.byhand import HandMade
from tests.emulated.conftest import Lab, undisturbed
from tests.emulated.frames import ALL, BROADCAST, LOCAL, announcement, heard, heard_with_tags, number, octets, send, tap
from topologies import catalogue, machines, runs
from topologies.namespaces import inside
from topologies.network import EmulatedNetwork, Host, NetworkError
from topologies.reachability import matrix, probe_all
from topologies.traffic import Heard, Stream

IPV4 = 0x0800
MOVES = 7
OUTER = {
    "vxlan": r"> {vtep}\.4789: (\[udp sum ok\] )?VXLAN, flags \[I\] \(0x08\), vni {vni}\b",
    "geneve": r"> {vtep}\.6081: Geneve, Flags \[none\], vni {vni:#x}",
    "gre": r"> {vtep}: GREv0, Flags \[key present\], key={vni:#x}",
}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Three hypervisors with a machine of each network: b1 and r1 on the first, and so on."""
    runs.heal()
    with ExitStack() as stack:
        made = Lab(stack, "hypervisors", {"n": "3"})
        assert made.network_file is not None
        # A machine that is busy with other tests may be silent for a third of a second; the default would call that dead.
        apply(
            made,
            made.network_file,
            made.network_file.read_text().replace("{min_tx: 100, min_rx: 100}", "{min_tx: 300, min_rx: 300}"),
        )
        yield made


def wrong(network: EmulatedNetwork) -> list[str]:
    """What is not as it should be when all have pinged all."""
    return [str(probe) for probe in probe_all(network) if not probe.right]


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


def transferred(source: Host, target: Host, octets: int) -> int:
    """How many octets come to the target by TCP."""
    with ExitStack() as stack:
        with inside(target.namespace):
            listener = stack.enter_context(socket.create_server((target.ip, 0)))
        with inside(source.namespace):
            sender = stack.enter_context(socket.socket())
        for each in (listener, sender):
            each.settimeout(20)
        sender.connect(listener.getsockname())
        receiver = stack.enter_context(listener.accept()[0])
        receiver.settimeout(20)

        def feed() -> None:
            sender.sendall(bytes(octets))
            sender.shutdown(socket.SHUT_WR)

        thread = threading.Thread(target=feed)
        thread.start()
        came = sum(map(len, iter(lambda: receiver.recv(1 << 16), b"")))
        thread.join()
        return came


def test_the_controller_joins_them_by_tunnels(lab: Lab) -> None:
    check(lab, "vxlan", "192.0.2.2")


@pytest.mark.parametrize(("kind", "ipv6"), [("geneve", False), ("gre", False), ("vxlan", True)])
def test_and_by_those_of_other_types(kind: str, ipv6: bool) -> None:
    runs.heal()
    with ExitStack() as stack:
        lab = Lab(stack, "hypervisors", {"type": kind, "ipv6": str(ipv6).lower(), "bfd": str(kind != "geneve").lower()})
        vtep = "2001:db8::2" if ipv6 else "192.0.2.2"
        if kind == "geneve":
            nobody_is_lost_on_a_way_that_was_not_used(lab, vtep)
        check(lab, kind, vtep)


def nobody_is_lost_on_a_way_that_was_not_used(lab: Lab, vtep: str) -> None:
    """Without BFD Open vSwitch would drop the first frame to each VTEP, while it asks for its address."""
    ovs, (b1, b2) = machines.tools(lab.network.ovs.directory, "hv1"), (lab.network.hosts[name] for name in ("b1", "b2"))
    lab.wait_for("the way to it is warm", lambda: vtep in ovs.appctl("tnl/neigh/show"))
    with tap(b2, LOCAL) as there:
        send(b1, say(b1.mac, BROADCAST))
        assert heard(there, 5.0) == [say(b1.mac, BROADCAST)]


def check(lab: Lab, kind: str, vtep: str) -> None:
    """Who must reaches whom, by ping and TCP; what the underlay sees of it."""
    assert wrong(lab.network) == []
    hosts = lab.network.hosts
    assert transferred(hosts["b1"], hosts["b2"], 1 << 22) == 1 << 22
    lab.wait_for("the addresses of all are known", lambda: sum(len(h["ips"]) for h in hosts_of(lab)) >= len(hosts))

    def ask_again() -> None:
        for one, other in (("b1", "b2"), ("r1", "r2")):
            lab.network.run(one, "ip", "neigh", "flush", "all")
            done = lab.network.run(one, "ping", "-n", "-c", "2", "-i", "0.2", "-w", "5", hosts[other].ip)
            assert " 2 received" in done.stdout, done.stdout

    lines = captured(lab.network, "hv2", ask_again)
    asked = [line for line in lines if re.search(r"who-has 10\.0\.([12])\.\d+ tell 10\.0\.\1\.", line)]
    assert asked == [], asked  # who is known is answered for where the question is asked
    for vni in (5010, 5020):
        seen = re.compile(OUTER[kind].format(vtep=re.escape(vtep), vni=vni))
        assert any(seen.search(line) for line in lines), "\n".join(lines)


def hosts_of(lab: Lab) -> list[dict[str, Any]]:
    return list(lab.controller.client.items("/hosts"))


def test_the_first_frames_of_a_machine_that_nobody_knows_arrive_once(lab: Lab) -> None:
    assert wrong(lab.network) == []
    b1, b2, b3 = (lab.network.hosts[name] for name in ("b1", "b2", "b3"))
    with tap(b2, LOCAL) as second, tap(b3, LOCAL) as third:
        for number in range(4):
            frame = say(f"02:00:00:00:77:{number:02x}", b3.mac if number % 2 else BROADCAST)
            send(b1, frame)
            assert heard(third, 5.0) == [frame]
        lab.wait_for("they are known", lambda: sum(mac.startswith("02:00:00:00:77") for mac, _ in blue_hosts(lab)) == 4)
        assert heard(third) == []  # not again
        assert len(heard(second)) == 2


def test_a_physical_vlan_joins_a_network(lab: Lab) -> None:
    """A router behind a trunk of a hypervisor, with one foot in each network: VLAN tags there, VNIs between hypervisors."""
    file, hosts = lab.network_file, lab.network.hosts
    assert file is not None
    text, router = file.read_text(), replace(hosts["r1"], interface="gw0", mac="02:00:00:00:88:01")
    apply(lab, file, text.replace("ports:\n", "ports:\n  hv1/gw: {trunk: [blue, red]}\n"))
    plug(lab, "hv1", "gw", hosts["r1"], "gw0", router.mac)
    lab.wait_for("its port is there for hosts", lambda: role_of(lab, "hv1", "gw") == "edge")
    with ExitStack() as stack:
        taps = {name: stack.enter_context(tap(host, LOCAL)) for name, host in hosts.items() if name != "r1"}
        back = stack.enter_context(tap(router, ALL))
        for network, tag in (("b", 10), ("r", 20)):
            send(router, say(router.mac, BROADCAST, tag))
            for name, at in taps.items():
                if name[0] == network:
                    assert heard(at, 5.0) == [say(router.mac, BROADCAST)]
            answer = say(hosts[f"{network}3"].mac, router.mac)
            send(hosts[f"{network}3"], answer)
            came: list[tuple[int, bytes]] = []
            lab.wait_for("the router hears the answer", lambda came=came: came.extend(heard_with_tags(back)) or came[-1:] != [])  # type: ignore[misc]
            assert [each for each in came if each[1][:6] == octets(router.mac)] == [(tag, answer)]
        assert [name for name, at in taps.items() if heard(at)] == []
    apply(lab, file, text)


def test_a_wire_beside_the_tunnels_makes_no_circle(lab: Lab) -> None:
    hosts = lab.network.hosts
    ends = {"hv1": "w1", "hv2": "w2"}
    spaces = [lab.network.namespaces[name] for name in ends]
    wire = f"ip link add w1 type veth peer name w2 netns {spaces[1]} && ip link set w1 up"
    subprocess.run(["nsenter", f"--net={spaces[0]}", "--", "sh", "-c", wire], check=True, timeout=10)
    subprocess.run(["nsenter", f"--net={spaces[1]}", "--", "ip", "link", "set", "w2", "up"], check=True, timeout=10)
    tools = {name: machines.tools(lab.network.ovs.directory, name) for name in ends}
    for name, port in ends.items():
        tools[name].vsctl("add-port", name, port)
    lab.wait_for("the wire is known", lambda: len(list(lab.controller.client.items("/links"))) == 2)
    lab.converge()
    b1, b2, b3 = (hosts[name] for name in ("b1", "b2", "b3"))
    with tap(b1, LOCAL) as first, tap(b2, LOCAL) as second, tap(b3, LOCAL) as third:
        for number in range(4):
            frame = say(b1.mac, b2.mac if number == 3 else BROADCAST)
            send(b1, frame)
            assert heard(second, 5.0) == [frame]
        lab.wait_for("the last broadcast has arrived", lambda came=[]: came.extend(heard(third)) or len(came) >= 3)  # type: ignore[misc]
        assert (heard(first), heard(second), heard(third)) == ([], [], [])
    for name, port in ends.items():
        tools[name].vsctl("del-port", name, port)
    lab.wait_for("the wire is forgotten", lambda: not list(lab.controller.client.items("/links")))
    lab.converge()


def say(source: str, destination: str, tag: int = 0) -> bytes:
    """A frame for nobody's ears but a test's, with a VLAN tag or without."""
    vlan = b"\x81\0" + tag.to_bytes(2, "big") if tag else b""
    return octets(destination) + octets(source) + vlan + LOCAL.to_bytes(2, "big") + bytes(46)


def plug(lab: Lab, hypervisor: str, port: str, beside: Host, interface: str, mac: str) -> None:
    """A port of a hypervisor, with an interface at its other end that is in the namespace of a host."""
    peer = f"type veth peer name {interface} address {mac} netns {beside.namespace}"
    made = f"ip link add {port} {peer} && ip link set {port} up"
    namespace = lab.network.namespaces[hypervisor]
    subprocess.run(["nsenter", f"--net={namespace}", "--", "sh", "-c", made], check=True, timeout=10)
    off = "ethtool -K {0} tx off && echo 1 > /proc/sys/net/ipv6/conf/{0}/disable_ipv6 && ip link set {0} up"
    done = lab.network.run(beside.name, "sh", "-c", off.format(interface))
    assert done.returncode == 0, done.stderr
    machines.tools(lab.network.ovs.directory, hypervisor).vsctl("add-port", hypervisor, port)


def test_a_machine_that_moves_is_followed(lab: Lab) -> None:
    network, file = lab.network, lab.network_file
    assert file is not None
    apply(lab, file, file.read_text().replace("ports:\n", "ports:\n  hv2/b1: {access: blue}\n"))
    assert wrong(network) == []
    # It is in both places at once, as when a machine was copied; it speaks from the one, then from the other, which is beside r2.
    first, beside = network.hosts["b1"], network.hosts["r2"]
    plug(lab, "hv2", "b1", beside, "moved", first.mac)
    second = replace(first, bridge="hv2", namespace=beside.namespace, interface="moved")
    lab.wait_for("its new port is there for hosts", lambda: role_of(lab, "hv2", "b1") == "edge")
    took = []
    with tap(first, IPV4) as here, tap(second, IPV4) as there, Stream(network.hosts["b3"], first) as stream:
        lab.wait_for("the stream has begun", lambda: stream.heard().frames > 0)
        assert heard(there) == []
        for turn in range(MOVES):
            place, now, before = (first, here, there) if turn % 2 else (second, there, here)
            begun = time.monotonic()
            send(place, announcement(place))
            assert heard(now, 5.0)
            took.append(time.monotonic() - begun)
            lab.wait_for("it is known to be there", lambda place=place: (first.mac, place.bridge) in blue_hosts(lab))  # type: ignore[misc]
            lab.wait_for("the old place gets nothing more", lambda before=before: not heard(before))  # type: ignore[misc]
            heard(now)
            fresh = heard(now, 5.0)
            assert fresh
            stale = [frame for frame in heard(before) if number(frame) >= number(fresh[0])]
            assert stale == [], "older ones may have waited in a switch that had no time"
    print("followed after", ", ".join(f"{1000 * seconds:.1f}" for seconds in took), "ms")
    assert median(took) <= 0.1, took


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


def said_dead(lab: Lab) -> int:
    """How often a hypervisor was said to be dead."""
    events = lab.controller.client.items("/events/history", kind="hypervisor.dead", limit=1000)
    return sum(event["kind"] == "hypervisor.dead" for event in events)


def test_hypervisors_come_and_go_and_the_others_lose_nothing(lab: Lab) -> None:
    hosts, file = lab.network.hosts, lab.network_file
    assert file is not None
    three = file.read_text()
    two = "".join(line for line in three.splitlines(keepends=True) if "hv3" not in line)

    def come_and_go() -> Heard:
        with Stream(hosts["r1"], hosts["r2"]) as stream:
            lab.wait_for("the stream has begun", lambda: stream.heard().frames > 0)
            apply(lab, file, two)
            lab.wait_for("hv3 has left the mesh", lambda: peers_of(lab, "hv1") == ["core/hv2 up"])
            assert (pinged(lab, "r1", "r2"), pinged(lab, "r1", "r3")) == (True, False)
            apply(lab, file, three)
            lab.wait_for("hv3 is back", lambda: all(all_up(lab, name) for name in ("hv1", "hv2", "hv3")))
            lab.converge()
            assert pinged(lab, "r1", "r3", 5)
            return stream.heard()

    dead = said_dead(lab)
    assert undisturbed(come_and_go).frames > 1000
    assert said_dead(lab) == dead, "who is new is not dead"
    with pytest.raises(NetworkError, match="there is no hypervisor 'hv4'; there are hv1, hv2, hv3"):
        lab.network.fail("hv4")


def pinged(lab: Lab, source: str, target: str, seconds: int = 1) -> bool:
    """Whether one answers the other within so many seconds."""
    command = ["ping", "-n", "-q", "-c", "1", "-i", "0.2", "-w", str(seconds), lab.network.hosts[target].ip]
    return lab.network.run(source, *command).returncode == 0


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
    for _ in range(3):  # on a busy machine BFD loses others too, and frames to them end until it is back
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        print(done.stdout, done.stderr)
        if "; meanwhile hv" not in done.stderr:
            break
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok: 30 of 30 pairs as they should be, 0 % loss" in done.stdout
    assert "while 1000 datagrams a second go from b1 to b2" in done.stdout
    assert done.stdout.count("; 0 lost between others; 30 of 30 pairs as they should be") == 2
    assert "; its hosts are unreachable after " in done.stdout
    assert "ok: hv3, and traffic came back" in done.stdout
    refused = subprocess.run([*weft, "--fail", "hv9"], capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 64
    assert "there is no hypervisor 'hv9'; there are: hv1, hv2." in refused.stderr


def test_the_same_by_hand_and_nothing_is_left_of_it() -> None:
    """What the controller finds there, shown with flows written by hand."""
    runs.heal()
    before = traces.on_machine()
    with ExitStack() as stack:
        made = HandMade(stack, {"n": "3", "vms": "2"})
        there = traces.of_program(made.network._process.pid)  # type: ignore[union-attr]
        assert len(there.namespaces) >= 3 + 6
        print(f"{made.seconds:.1f} s")
        hosts = made.network.hosts
        assert {name: (host.mac, host.bridge, host.port_name) for name, host in hosts.items() if name in ("b2", "r1", "b1")} == {
            "b1": ("02:00:00:00:00:01", "hv1", "b1"),
            "r1": ("02:00:00:00:00:01", "hv1", "r1"),
            "b2": ("02:00:00:00:00:02", "hv2", "b2"),
        }
        made.warm()
        probes = list(probe_all(made.network))
        assert all(probe.right for probe in probes), matrix(probes)
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
