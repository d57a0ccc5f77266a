"""The controller goes away and comes back while two hosts ping each other every millisecond: not one packet is lost."""

import subprocess
from collections.abc import Callable

import pytest

from tests.emulated.conftest import Lab

PINGS = 6000


@pytest.fixture(scope="module")
def lab(build: Callable[..., Lab]) -> Lab:
    lab = build("tree", depth=2, fanout=2)
    lab.network.run("h1", "ping", "-q", "-c", "3", "-i", "0.05", lab.network.hosts["h4"].ip)
    lab.wait_for("both hosts are known", lambda: lab.learned("h1") and lab.learned("h4"))
    return lab


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_nothing_is_lost(lab: Lab, how: str) -> None:
    command = lab.network.command("h1", "ping", "-q", "-i", "0.001", "-c", str(PINGS), lab.network.hosts["h4"].ip)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as ping:
        try:
            getattr(lab.controller, how)()
            lab.start_controller()
            lab.converge()
            assert ping.poll() is None, "the pings ended before the controller was back: nothing is shown"
            said, _ = ping.communicate(timeout=60)
        finally:
            ping.kill()
    assert f"{PINGS} packets transmitted, {PINGS} received" in said, said


def test_a_restart_sends_no_flow_again(lab: Lab) -> None:
    lab.controller.stop()
    before = {bridge: lab.network.ovs.flows(bridge) for bridge in lab.network.bridges}
    lab.start_controller()
    lab.converge()
    assert {bridge: lab.network.ovs.flows(bridge) for bridge in lab.network.bridges} == before
    assert {bridge["name"]: bridge["flow_mods"] for bridge in lab.controller.client.items("/bridges")} == dict.fromkeys(before, 0)
    assert lab.learned("h1")


def test_a_port_that_goes_down_forgets_its_host(lab: Lab) -> None:
    host = lab.network.hosts["h2"]
    lab.network.run("h2", "ping", "-q", "-c", "1", lab.network.hosts["h1"].ip)
    lab.wait_for("h2 is known", lambda: lab.learned("h2"))
    lab.network.run("h2", "ip", "link", "set", host.interface, "down")
    lab.wait_for("h2 is forgotten", lambda: not lab.learned("h2"))
    # The other bridges learned it from frames that came over a link; for them it ages.
    lab.wait_for("no flow there speaks of it", lambda: not any(host.mac in flow for flow in lab.network.ovs.flows(host.bridge)))
    lab.network.run("h2", "ip", "link", "set", host.interface, "up")
    answer = lab.network.run("h2", "ping", "-q", "-c", "1", "-W", "3", lab.network.hosts["h1"].ip)
    assert answer.returncode == 0, answer.stdout
    lab.wait_for("h2 is known again", lambda: lab.learned("h2"))
