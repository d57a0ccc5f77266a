"""`weft doctor`: on this machine, and on machines that lack something."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from controller.cli.checks import numbers
from tests.fakes.view import FakeView
from tests.unit.cli.runner import Done, Weft

pytestmark = pytest.mark.unit

OVS = 'echo "ovs-vswitchd (Open vSwitch) {}"'


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A PATH with nothing but what a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def program(folder: Path, name: str, script: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def doctor(weft: Weft, path: Path, *args: str) -> tuple[Done, dict[str, dict[str, str]]]:
    """All findings by name; the ports are free ones, so that the machine's own do not matter."""
    with socket.socket() as probe, socket.socket() as other:
        probe.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        free = ["--openflow-port", str(probe.getsockname()[1]), "--web-port", str(other.getsockname()[1])]
    done = weft.process("doctor", "-o", "json", *free, *args, PATH=str(path))
    return done, {check["name"]: check for check in json.loads(done.out)}


def test_a_machine_that_has_nothing(weft: Weft, programs: Path) -> None:
    done, found = doctor(weft, programs)
    assert done.code == 1
    assert found["ovs-vswitchd"]["status"] == "fail"
    assert "apt-get install openvswitch-switch" in found["ovs-vswitchd"]["mend"]
    assert found["iproute2"]["status"] == "fail"
    assert all(found[name]["status"] == "warn" for name in ("mnexec", "ethtool", "chromium", "node"))
    assert all(check["mend"] for check in found.values() if check["status"] != "ok")
    assert not any(check["mend"] for check in found.values() if check["status"] == "ok")


def test_a_machine_that_has_all(weft: Weft, programs: Path) -> None:
    program(programs, "ovs-vswitchd", OVS.format("3.1.0"))
    program(programs, "ovs-vsctl", "echo br0; echo br1")
    program(programs, "node", "echo v22.1.0")
    for name in ("ip", "ethtool", "ping", "iperf3", "mnexec", "chromium", "modprobe"):
        program(programs, name, f"echo {name} 1.0")
    _done, found = doctor(weft, programs)
    names = ("python", "libraries", "ovs-vswitchd", "Open vSwitch runs", "iproute2", "ethtool", "mnexec", "state directory")
    assert {name: found[name]["status"] for name in names} == dict.fromkeys(names, "ok")
    assert found["Open vSwitch runs"]["found"] == "2 bridges"
    assert found["node"]["status"] == found["chromium"]["status"] == "ok"


@pytest.mark.parametrize(("version", "status"), [("2.17.9", "warn"), ("3.1.0", "ok"), ("3.10.1", "ok"), ("4.0.0-rc1", "ok")])
def test_the_version_of_open_vswitch(weft: Weft, programs: Path, version: str, status: str) -> None:
    program(programs, "ovs-vswitchd", OVS.format(version))
    assert doctor(weft, programs)[1]["ovs-vswitchd"] | {"mend": ""} == {
        "name": "ovs-vswitchd",
        "status": status,
        "found": version,
        "mend": "",
    }


def test_an_open_vswitch_that_does_not_run(weft: Weft, programs: Path) -> None:
    program(programs, "ovs-vswitchd", OVS.format("3.1.0"))
    program(programs, "ovs-vsctl", "exit 1")
    assert doctor(weft, programs)[1]["Open vSwitch runs"]["status"] == "warn"


def test_an_old_node_and_one_that_fails(weft: Weft, programs: Path) -> None:
    program(programs, "node", "echo v18.20.4")
    program(programs, "ethtool", "exit 3")
    found = doctor(weft, programs)[1]
    assert found["node"]["status"] == found["ethtool"]["status"] == "warn"


def test_a_port_that_is_taken(weft: Weft, programs: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        done, found = doctor(weft, programs, "--openflow-port", str(number))
    assert found["OpenFlow port"]["status"] == "fail"
    assert f"sport = :{number}" in found["OpenFlow port"]["mend"]
    assert done.code == 1


def test_a_port_that_the_controller_has(weft: Weft, view: FakeView) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        checks = weft.process("doctor", "-o", "json", "--web-port", str(taken.getsockname()[1])).json
    found = {check["name"]: check["found"] for check in checks}
    assert found["controller"] == "running, 3 of 3 bridges connected"
    assert "the controller runs" in found["dashboard port"]


def test_a_state_directory_that_is_a_file(weft: Weft, programs: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = doctor(weft, programs, "--state-dir", str(tmp_path / "file"))[1]
    assert found["state directory"]["status"] == "fail"


def test_people_read_what_to_mend_below_the_table(weft: Weft, programs: Path) -> None:
    lines = weft.process("doctor", PATH=str(programs)).lines
    assert lines[0].split() == ["CHECK", "STATUS", "FOUND"]
    assert "To mend:" in lines
    assert any(line.startswith("  ovs-vswitchd (fail): ") for line in lines)
    assert lines[-1].endswith("failures")


def test_libraries_that_are_missing(weft: Weft, programs: Path) -> None:
    bare = "import sys; sys.modules['waitress'] = None; from controller.cli.assembly import run; run(['doctor', '-o', 'json'])"
    done = subprocess.run(
        [sys.executable, "-c", bare], env={**os.environ, "PATH": ""}, capture_output=True, text=True, check=False
    )
    libraries = next(check for check in json.loads(done.stdout) if check["name"] == "libraries")
    assert (libraries["status"], libraries["found"]) == ("fail", "missing: waitress")


@pytest.mark.parametrize(("text", "expected"), [("v20.19.1", (20, 19, 1)), ("3.1.0-rc1", (3, 1, 0)), ("", ()), ("unknown", ())])
def test_numbers(text: str, expected: tuple[int, ...]) -> None:
    assert numbers(text) == expected
