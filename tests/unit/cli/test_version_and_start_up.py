"""`weft version`, help, completion, and what a command may import before it has something to say."""

import subprocess
import sys
from importlib.metadata import version

import pytest

from tests.fakes.view import FakeView
from tests.unit.cli.runner import Weft

pytestmark = pytest.mark.unit

HEAVY = {
    "os_ken",
    "ovs",
    "flask",
    "waitress",
    "networkx",
    "pydantic",
    "asyncio",
    "rich",
    "mininet",
    "httpx",
    "yaml",
    "email.mime",
}


def test_version(weft: Weft) -> None:
    assert weft.process("version").out == weft.process("--version").out == f"weft {version('weft')}\n"
    assert weft.process("version", "-o", "json").json["os-ken"] == version("os-ken")
    wide = dict(line.split() for line in weft.process("version", "-o", "wide").lines)
    assert wide["python-ovs"] == version("ovs")
    assert "ovs" not in wide  # which would be taken for Open vSwitch


@pytest.mark.parametrize("command", [["version"], ["get", "bridges"], ["flows", "s1"], ["app", "list"]])
def test_a_command_imports_nothing_heavy(weft: Weft, command: list[str]) -> None:
    program = f"import sys; from controller.cli.assembly import run; run({command!r}); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], env=weft.environment, capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stderr.split())


def test_help_of_everything(weft: Weft) -> None:
    top = weft("--help")
    assert top.code == 0
    assert weft.process().out == top.out
    for command in ("start", "get", "flows", "app", "new-app", "doctor", "version"):
        assert f"\n  {command} " in top.out
        assert weft(command, "--help").code == 0
    for group in ((), ("app",), ("config",), ("service",)):
        assert "..." not in weft(*group, "--help").out.partition("Commands:")[2]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("weft get br", ["bridges"]),
        ("weft flows ", ["s1", "s2", "s3"]),
        ("weft app enable rate", ["rate_limiter"]),
        ("weft get host ", None),
        ("weft get paths s", ["s1", "s2", "s3"]),
    ],
)
def test_names_are_completed(weft: Weft, view: FakeView, words: str, offered: list[str] | None) -> None:
    count = str(len(words.split()) - (not words.endswith(" ")))
    wanted = offered or [host.mac for host in view.hosts()]
    for _ in range(5):  # whoever presses Tab does not wait long: on a busy machine nothing is offered
        done = weft.process(_WEFT_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=count)
        if done.lines == wanted:
            break
    assert done.lines == wanted


def test_completion_is_silent_without_a_controller(weft: Weft) -> None:
    done = weft.process(_WEFT_COMPLETE="complete_bash", COMP_WORDS="weft flows ", COMP_CWORD="2")
    assert (done.out.strip(), done.err) == ("", "")
