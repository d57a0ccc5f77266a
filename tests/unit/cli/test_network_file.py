"""`weft apply`, `weft config` and `weft get drops`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from controller.cli.get import port_of
from controller.cli.kinds import DROPS, LOCAL
from tests.fakes.view import FakeView
from tests.unit.cli.runner import Weft

pytestmark = pytest.mark.unit

RIGHT = "networks: {blue: {vlan: 10}}\nports: {s1/s1-eth1: {access: blue}}\n"
WRONG = "networks: {blue: {vlan: 4096}}\nports: {s1/s1-eth1: {access: bleu}}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "network.yaml"
    path.write_text(RIGHT)
    return path


def test_apply_says_what_holds_and_what_is_waited_for(weft: Weft, view: FakeView, file: Path) -> None:
    done = weft("apply", "-f", str(file))
    assert done.lines == [f"{file} holds: 2 networks, 4 ports, 3 changes", "waiting for ports that do not exist yet: s9/s9-eth1"]
    assert weft("apply", "-f", str(file), "-o", "json").json["pending"] == ["s9/s9-eth1"]


def test_a_file_that_the_controller_refuses(weft: Weft, view: FakeView, file: Path) -> None:
    file.write_text("ports: {}")
    done = weft("apply", "-f", str(file))
    assert done.code == 1
    assert done.err.splitlines() == [
        "weft: Nothing was changed: the network file has mistakes",
        f"{file}:1:1 there are no networks in it",
    ]


def test_a_file_that_is_not_there(weft: Weft, view: FakeView) -> None:
    done = weft("apply", "-f", "nowhere.yaml")
    assert (done.code, done.err) == (4, "weft: nowhere.yaml: cannot be read: No such file or directory\n")


def test_a_file_that_is_too_large_for_one(weft: Weft, view: FakeView, file: Path) -> None:
    file.write_text("#" * (32 << 20) + "\n")
    done = weft("apply", "-f", str(file))
    assert (done.code, done.err.splitlines()[0]) == (1, f"weft: {file}: is longer than 32 MiB; is it a network file?")


def test_a_file_of_some_megabytes_arrives(weft: Weft, view: FakeView, file: Path) -> None:
    file.write_text(RIGHT + "# from an inventory\n" * 200_000)
    assert weft("apply", "-f", str(file)).lines[0] == f"{file} holds: 2 networks, 4 ports, 3 changes"


def test_check_tells_every_mistake_without_a_controller(weft: Weft, file: Path) -> None:
    assert weft("config", "check", str(file)).out == f"{file} is right: 2 networks, 1 port\n"
    file.write_text(WRONG)
    done = weft("config", "check", str(file))
    assert done.code == 1
    assert [line.partition(" ")[2] for line in done.err.splitlines()[1:]] == [
        "networks.blue.vlan: 4096 is not in 1..4094",
        "ports.s1/s1-eth1.access: there is no network bleu; did you mean blue?",
    ]


def test_check_knows_the_fields_of_installed_apps_and_says_nothing_of_others(weft: Weft, file: Path) -> None:
    file.write_text(RIGHT + "apps:\n  my_own: {x: 1}\n  l2_learning: {idle: 1, idle_timeout: x}\n  arp_responder:\n")
    done = weft("config", "check", str(file))
    assert [line.partition(" ")[2] for line in done.err.splitlines()[1:]] == [
        "apps.l2_learning.idle: there is no such field; there are idle_timeout, max_hosts_per_port, max_ips_per_host, "
        "copies_per_second, max_moves, moves_window, freeze_time",
        "apps.l2_learning.idle_timeout: x is text; a whole number belongs here",
    ]
    file.write_text(RIGHT + "apps: {my_own: {x: 1}, l2_learning: {idle_timeout: 5}}\n")
    assert weft("config", "check", str(file)).code == 0


APPS = "apps:\n  rate_limiter: {limit: 1}\n  l2_lerning: {idle_timeout: 1}\n  my_own: {}\n  discovery: {}\n"


def test_check_warns_of_apps_that_are_not_installed(weft: Weft, file: Path) -> None:
    file.write_text(RIGHT + APPS)
    done = weft("config", "check", str(file))
    assert (done.code, done.out) == (0, f"{file} is right: 2 networks, 1 port\n")
    assert [line.partition(":3")[0] for line in done.err.splitlines()] == [f"warning: {file}:{line}" for line in (4, 5, 6)]
    assert "apps.l2_lerning: there is no app l2_lerning; did you mean l2_learning?\n" in done.err
    assert "apps.my_own: there is no app my_own, unless weft start is given its file by --app\n" in done.err


def test_check_asks_a_controller_that_runs_for_its_apps(weft: Weft, view: FakeView, file: Path) -> None:
    file.write_text(RIGHT + APPS)
    assert "rate_limiter" not in weft("config", "check", str(file)).err


def test_start_checks_the_file_before_anything_else(weft: Weft, file: Path) -> None:
    file.write_text(WRONG)
    done = weft.process("start", "--listen", "tcp:127.0.0.1:0", "--web", "none", "-f", str(file))
    assert done.code == 1
    assert "4096 is not in 1..4094" in done.err
    assert not (weft.state / "rows.db").exists()


def test_the_schema_is_json(weft: Weft) -> None:
    assert "networks" in json.loads(weft("config", "schema").out)["properties"]


def test_drops_are_flows_without_actions_that_counted_something(weft: Weft, view: FakeView) -> None:
    drops = weft("get", "drops", "-o", "json").json
    assert all(drop["actions"] == "drop" and drop["packets"] > 0 for drop in drops)
    assert weft("get", "drops").code == 0
    one = {"bridge": "s1", "port_name": "s1-eth1", "table": 10, "priority": 90, "match": "in_port=1", "cookie": "0x57"}
    assert DROPS.naming(one)[0] == "s1/10/90/in_port=1"  # a port or an owner may have several


@pytest.mark.parametrize(
    ("match", "port"),
    [
        ("vlan_tci=0x1000/0x1000,in_port=3", 3),
        ("in_port=LOCAL", LOCAL),
        ("reg2=0x1f,reg4=0x1", 31),
        ("dl_dst=01:80:c2:00:00:00", 0),
    ],
)
def test_the_port_of_a_drop(match: str, port: int) -> None:
    assert port_of(match) == port


@pytest.mark.parametrize("command", [("config", "check", "-"), ("apply", "-f", "-")], ids=" ".join)
def test_bytes_that_are_no_text_have_a_place_on_standard_input_too(command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "controller", *command],
        input=b"networks:\n  caf\xe9: {}\n",
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.decode().splitlines() == [
        "weft: the network file has mistakes",
        "standard input:2:6: this is not UTF-8; save the file in that encoding",
    ]


def test_a_file_on_standard_input_is_checked() -> None:
    command = [sys.executable, "-m", "controller", "config", "check", "-"]
    done = subprocess.run(command, input=b"networks: {blue: {vlan: 10}}\n", capture_output=True, timeout=30, check=False)
    assert done.stdout == b"standard input is right: 2 networks, 0 ports\n"
