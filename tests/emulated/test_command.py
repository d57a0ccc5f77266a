"""`weft emulate` as a person types it: what is listed, what is refused and with which exit code, and what a check prints."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from topologies import catalogue

WEFT = (sys.executable, "-m", "controller", "emulate")
# A checkout in somebody's home may be one that nobody else may read: only that much of root is kept.
READS_ALL = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")
UNPRIVILEGED = ("setpriv", "--reuid=65534", "--clear-groups", *READS_ALL)
APART = """
from mininet.topo import Topo


def build() -> Topo:
    "Two pairs of hosts, each a network of its own."
    topo = Topo()
    for pair in (1, 2):
        bridge = topo.addSwitch(f"s{pair}", dpid=f"{pair:016x}")
        for host in (2 * pair - 1, 2 * pair):
            topo.addLink(topo.addHost(f"h{host}"), bridge)
    return topo


def groups(topo: Topo) -> list[set[str]]:
    return [GROUPS]


def network_file(topo: Topo) -> str:
    ports = ", ".join(f"s{pair}/s{pair}-eth{port}: {{access: n{pair}}}" for pair in (1, 2) for port in (1, 2))
    return f"networks: {{n1: {{vlan: 11}}, n2: {{vlan: 12}}}}\\nports: {{{ports}}}\\n"
"""


def weft(*arguments: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*before, *WEFT, *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_the_list_names_all_with_their_parameters() -> None:
    done = weft("--list")
    assert done.returncode == 0, done.stderr
    heading, *lines = done.stdout.splitlines()
    assert heading.split()[:2] == ["TOPOLOGY", "PARAMETERS"]
    assert [line.split()[0] for line in lines] == catalogue.names()
    assert "depth=2 fanout=2" in done.stdout
    where = heading.index("WHAT IT IS")
    assert all(line[where - 1] == " " and line[where] != " " for line in lines), "columns stand below each other"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), f"say which topology: {', '.join(catalogue.names())}"),
        (("ring5",), "there is no topology 'ring5'"),
        (("tree", "-p", "depth"), "'depth' is not a parameter: write NAME=VALUE"),
        (("tree", "-p", "depth=x"), "depth must be a number"),
        (("tree", "--web", "8080"), "'8080' is not an address for the dashboard"),
        (("tree", "--app", "no/such.py"), "there is no file no/such.py"),
        (("tree", "--fail", "s2-s3"), "there is no link 's2-s3'; there are: s1-s2, s1-s3"),
        (("single", "--fail", "s1-eth1"), "there is no link 's1-eth1'; there are: none between bridges"),
        (("ring", "-p", "parallel=2", "--fail", "s1-s2"), "there are 2 links s1-s2: name one by its interface, s1-eth2, s1-eth3"),
    ],
)
def test_usage_errors(arguments: tuple[str, ...], said: str) -> None:
    done = weft(*arguments)
    assert done.returncode == 64
    assert said in done.stderr


def test_it_needs_root() -> None:
    done = weft("tree", before=UNPRIVILEGED)
    assert done.returncode == 6
    assert "needs root" in done.stderr
    assert "sudo" in done.stderr


@pytest.mark.parametrize(
    ("together", "code", "rows"),
    [
        ('{"h1", "h2"}, {"h3", "h4"}', 0, ["h1   -  +  .  .", "h2   +  -  .  .", "h3   .  .  -  +", "h4   .  .  +  -"]),
        ('{"h1", "h3"}, {"h2", "h4"}', 1, ["h1   -  X  X  .", "h2   X  -  .  X", "h3   X  .  -  X", "h4   .  X  X  -"]),
    ],
)
def test_a_check_says_who_reaches_whom_and_who_should(tmp_path: Path, together: str, code: int, rows: list[str]) -> None:
    file = tmp_path / "apart.py"
    file.write_text(APART.replace("[GROUPS]", f"[{together}]"))
    done = weft(str(file), "--check", "--web", "127.0.0.1:0")
    assert done.returncode == code, done.stdout + done.stderr
    for row in rows:
        assert row in done.stdout
    if code:
        assert "h1 -> h2: answered, though they must be apart" in done.stderr
        assert "h1 -> h3: no answer" in done.stderr
        assert "h1 heard h2, which must be apart (EtherType 0x88b5)" in done.stderr
        assert "FAILED: 4 of 12 pairs as they should be, 100 % loss" in done.stdout


def test_an_app_that_fails_fails_the_check(tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text("import nosuchmodule\n")
    done = weft("single", "--check", "--web", "127.0.0.1:0", "--app", "l2_learning", "--app", str(file))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "broken failed: broken.py:1: ModuleNotFoundError: No module named 'nosuchmodule'" in done.stdout
    assert "FAILED: 12 of 12 pairs as they should be" in done.stdout


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("single", ["hosts=3"]),
        ("linear", ["switches=3", "hosts=2"]),
        ("tree", []),
        ("ring", []),
        ("mesh", []),
        ("leaf_spine", ["leaves=3"]),
        ("fat_tree", []),
        ("two_vlans", ["switches=2"]),
    ],
)
def test_every_topology_is_as_it_should_be_from_the_first_packet_on(name: str, parameters: list[str]) -> None:
    given = [word for parameter in parameters for word in ("-p", parameter)]
    for _ in range(2):  # a machine without time for a switch loses frames, but not in two networks one after the other
        done = weft(name, *given, "--check", "--web", "127.0.0.1:0")
        assert done.returncode == 0, done.stdout + done.stderr
        if "at the second try only" not in done.stderr:
            break
    assert "at the second try only" not in done.stderr, done.stdout + done.stderr
    assert " 0 % loss, " in done.stdout
    assert "each once and in its network" in done.stdout
    assert " X" not in done.stdout


def test_a_link_goes_down_and_up_again() -> None:
    done = weft("ring", "-p", "switches=3", "--fail", "s2-s1", "--web", "127.0.0.1:0")
    assert done.returncode == 0, done.stdout + done.stderr
    for line in (
        r"fail +s1-eth2 - s2-eth2, which 1000 datagrams a second from h\d to h\d use",
        r"down +[\d.]+ ms without traffic, \d+ lost, 0 twice; 6 of 6 pairs as they should be",
        r"up +[\d.]+ ms without traffic, \d+ lost, 0 twice; 6 of 6 pairs as they should be",
        "ok: s1-eth2 - s2-eth2, and traffic came back",
    ):
        assert re.search(line, done.stdout), done.stdout


def test_where_there_is_no_other_way_traffic_does_not_come_back() -> None:
    done = weft("linear", "-p", "switches=2", "--fail", "s1-s2", "--web", "127.0.0.1:0")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "no traffic for 5 s; 0 of 2 pairs as they should be" in done.stdout
    assert re.search("up .*; 2 of 2 pairs as they should be", done.stdout), done.stdout
    assert "FAILED: s1-eth2 - s2-eth2" in done.stdout
    assert "down: h1 -> h2: no answer" in done.stderr


def test_the_command_line_of_another_shell_reaches_the_demo() -> None:
    demo = [*WEFT, "single", "-p", "hosts=2", "--demo", "--web", "127.0.0.1:0"]
    with subprocess.Popen(demo, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            hint = next(line for line in running.stdout if line.startswith("ask it"))
            arguments = hint.split(" get ")[1].split()
            asked = [sys.executable, "-m", "controller", "get", *arguments, "-o", "json"]
            done = subprocess.run(asked, capture_output=True, text=True, timeout=30, check=False)
        finally:
            running.terminate()
    assert {host["ips"][0] for host in json.loads(done.stdout)} == {"10.0.0.1", "10.0.0.2"}, done.stderr
