"""`weft emulate` as a person types it: what is listed, what is refused and with which exit code, and what a check prints."""

import json
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
    "Two pairs of hosts on bridges that nothing connects."
    topo = Topo()
    for pair in (1, 2):
        bridge = topo.addSwitch(f"s{pair}", dpid=f"{pair:016x}")
        for host in (2 * pair - 1, 2 * pair):
            topo.addLink(topo.addHost(f"h{host}"), bridge)
    return topo


def groups(topo: Topo) -> list[set[str]]:
    return [GROUPS]
"""


def weft(*arguments: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*before, *WEFT, *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_the_list_names_all_with_their_parameters() -> None:
    done = weft("--list")
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == catalogue.names()
    assert "depth=2 fanout=2" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), f"say which topology: {', '.join(catalogue.names())}"),
        (("ring5",), "there is no topology 'ring5'"),
        (("tree", "-p", "depth"), "'depth' is not a parameter: write NAME=VALUE"),
        (("tree", "-p", "depth=x"), "depth must be a number"),
        (("tree", "--web", "8080"), "'8080' is not an address for the dashboard"),
        (("tree", "--app", "no/such.py"), "there is no file no/such.py"),
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
        assert "FAILED: 4 of 12 pairs as they should be, 100 % loss" in done.stdout


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
