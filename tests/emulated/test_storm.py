"""A host that floods with addresses nobody knows: its frames pass, its copies are metered, and the others learn as ever."""

import json
import subprocess
import time
from collections.abc import Callable

import pytest

from tests.emulated.conftest import Lab

FRAMES = 1500
FLOOD = """
import socket, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0))
for n in range({frames}):
    time.sleep(0.0015)  # fewer a second than the storm guard lets pass
    s.send(b"\\xff" * 6 + b"\\x02\\xaa" + n.to_bytes(4, "big") + b"\\x88\\xb5" + bytes(46))
"""


@pytest.fixture(scope="module")
def lab(build: Callable[..., Lab]) -> Lab:
    return build("single", hosts=3)


def received(lab: Lab, host: str) -> int:
    interface = lab.network.hosts[host].interface
    shown = json.loads(lab.network.run(host, "ip", "-j", "-s", "link", "show", "dev", interface).stdout)
    return int(shown[0]["stats64"]["rx"]["packets"])


def copies(lab: Lab) -> int:
    return next(int(a["packet_ins"]) for a in lab.controller.client.items("/apps") if a["name"] == "l2_learning")


def test_a_flood_is_passed_on_and_its_copies_are_metered(lab: Lab) -> None:
    before, heard, start = received(lab, "h2"), copies(lab), time.monotonic()
    lab.network.run("h1", "python3", "-c", FLOOD.format(frames=FRAMES), lab.network.hosts["h1"].interface)
    lab.wait_for("every frame reaches h2", lambda: received(lab, "h2") - before >= FRAMES)
    seconds = time.monotonic() - start
    assert 0 < copies(lab) - heard <= 100 * (seconds + 2)  # 100 a second, and a burst of 100


def test_another_port_is_learned_at_once_meanwhile(lab: Lab) -> None:
    flood = lab.network.command("h1", "python3", "-c", FLOOD.format(frames=100 * FRAMES), lab.network.hosts["h1"].interface)
    with subprocess.Popen(flood) as flooding:
        try:
            answer = lab.network.run("h3", "ping", "-q", "-c", "3", "-i", "0.2", "-W", "5", lab.network.hosts["h2"].ip)
            lab.wait_for("h3 is known", lambda: lab.learned("h3"))
            assert flooding.poll() is None, "the flood ended before the ping did: nothing is shown"
        finally:
            flooding.kill()
    assert " 0% packet loss" in answer.stdout
