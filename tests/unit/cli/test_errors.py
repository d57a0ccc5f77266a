"""Every way to fail: its exit code, and a sentence that says what to do. Never a traceback."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from controller.cli import paths
from controller.cli.client import Client
from controller.cli.errors import Failure
from tests.fakes.view import FakeView
from tests.unit.cli.runner import Weft

pytestmark = pytest.mark.unit

Answers = Callable[[bytes], None]


def reply(status: str, body: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()


@pytest.mark.parametrize(
    "command", [("get", "bridges"), ("flows", "s1"), ("app", "list"), ("get", "status"), ("get", "hosts", "-w")]
)
def test_no_controller(weft: Weft, command: tuple[str, ...]) -> None:
    done = weft.process(*command)
    assert done.code == 7
    assert done.err == (
        f"weft: no controller answers at {weft.state}/weft.sock\n"
        "Start one with 'weft start', or say where it keeps its state: --state-dir DIR.\n"
    )


def test_a_socket_that_was_left_behind_is_no_controller(weft: Weft, answers: Answers) -> None:
    answers(b"")
    assert weft.process("get", "bridges").code == 7


def test_errors_as_json_for_programs(weft: Weft) -> None:
    done = weft.process("get", "bridges", "-o", "json")
    problem = json.loads(done.err)
    assert (done.code, problem["exit_code"], done.out) == (7, 7, "")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("403 Forbidden", 6),
        ("401 Unauthorized", 6),
        ("404 Not Found", 4),
        ("409 Conflict", 5),
        ("503 Unavailable", 1),
        ("500 Oops", 1),
    ],
)
def test_what_the_controller_refuses(weft: Weft, answers: Answers, status: str, code: int) -> None:
    answers(reply(status, '{"title": "It is so", "detail": "Do this."}'))
    done = weft.process("get", "bridges")
    assert (done.code, done.err) == (code, "weft: It is so\nDo this.\n")


def test_a_refusal_that_is_not_a_problem_document(weft: Weft, answers: Answers) -> None:
    answers(reply("502 Bad Gateway", "<html>"))
    assert weft.process("get", "bridges").err == "weft: the controller answered 502 Bad Gateway\n"


@pytest.mark.parametrize("bytes_sent", [reply("200 OK", "{"), b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"])
def test_an_answer_that_breaks_off(weft: Weft, answers: Answers, bytes_sent: bytes) -> None:
    answers(bytes_sent)
    done = weft.process("get", "bridges")
    assert done.code == 7
    assert "broke off" in done.err


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become nobody")
def test_somebody_elses_controller_is_not_allowed(weft: Weft, view: FakeView) -> None:
    weft.state.chmod(0o755)
    runner = (
        "import os, sys; from controller.cli.assembly import run;"
        "assert run(['get', 'bridges']) == 0;"  # imports all it needs: nobody may not read the checkout in somebody's home
        "os.setgroups([]); os.setgid(65534); os.setuid(65534);"
        "sys.exit(run(['get', 'bridges']))"
    )
    done = subprocess.run([sys.executable, "-c", runner], env=weft.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 6
    assert "sudo" in done.stderr


def test_a_path_too_long_for_a_socket(weft: Weft) -> None:
    done = weft.process("get", "bridges", "--state-dir", "/tmp/" + "x" * 120)
    assert done.code == 7
    assert "shorter --state-dir" in done.err


USAGE = {
    "foo": "there is no command 'foo'; there are start, apply, get,",
    "flow": "there is no command 'flow'; did you mean flows?",
    "get": "KIND is missing: bridges, ports,",
    "flows": "BRIDGE is missing: the bridge's name",
    "apply": "--file is missing: the network file; - reads standard input",
    "app": "say what to do: list, enable, disable",
    "app start": "there is no command 'start'; there are list, enable, disable",
    "get bridges --nothing": "there is no option --nothing",
    "get bridges --serch x": "there is no option --serch; did you mean --search?",
    "get bridges --bridge": "--bridge needs a value",
    "get bridges --watch=3": "--watch takes no value",
    "get bridges -o xml": "--output: 'xml' is not known; there are table, wide, json, yaml, name, dot, graphml, node-link",
    "get bridges -o jsno": "--output: 'jsno' is not known; did you mean json?",
    "get flows --limit 0": "--limit: 0 is less than 1",
    "get flows --limit x": "--limit: 'x' is no whole number",
    "get flows -t 300": "there is no table '300': a number from 0 to 254, or a stage: ADMIT,",
    "flows s1 s2": "'s2' is more than this command takes",
    "start --private-key /nowhere": "--private-key: there is no file /nowhere",
    "start --private-key /": "--private-key: / is a directory",
    "start --set a.b=[1": """the value of 'a.b=[1' is not YAML (character 3): a "," or "]" is missing""",
    "new-app x --dir /nowhere": "--dir: there is no directory /nowhere",
}


@pytest.mark.parametrize("command", USAGE)
def test_usage(weft: Weft, view: FakeView, command: str) -> None:
    done = weft(*command.split())
    assert done.code == 64
    said, hint = done.err.splitlines()
    assert said.startswith(f"weft: {USAGE[command]}")
    assert re.fullmatch(r"Try 'weft( [a-z-]+)* --help'\.", hint)


def test_the_command_that_helps(weft: Weft) -> None:
    assert weft("get", "bridges", "--bridge").err.splitlines()[-1] == "Try 'weft get --help'."
    assert weft("app", "enable", "--state-dir").err.splitlines()[-1] == "Try 'weft app enable --help'."
    assert weft("service", "drain", "--state-dir").err.splitlines()[-1] == "Try 'weft service drain --help'."
    assert weft("--nothing").err.splitlines()[-1] == "Try 'weft --help'."


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become nobody")
def test_a_state_directory_that_one_may_not_enter_is_not_allowed(weft: Weft) -> None:
    weft.state.chmod(0o700)
    runner = (
        "import os, sys; from controller.cli.assembly import run;"
        # what they import has to be there already: nobody may not read it where it lies in the home of root
        "[run([*command, '--state-dir', '/dev/null']) for command in (['get', 'bridges'], ['start'])];"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534);"
        f"print([int(run([*command, '--state-dir', '{weft.state}'])) for command in (['get', 'bridges'], ['start'])])"
    )
    done = subprocess.run([sys.executable, "-c", runner], env=weft.environment, capture_output=True, text=True, check=False)
    assert done.stdout == "[6, 6]\n"


def test_emulation_without_mininet_says_what_is_missing(weft: Weft, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controller.cli.emulate.find_spec", lambda name: None)
    done = weft("emulate", "--list")
    assert (done.code, done.err.splitlines()[0]) == (1, "weft: Mininet is not installed for this Python")
    assert "weft doctor" in done.err


def test_a_fault_of_ours_is_a_sentence_and_a_file(weft: Weft, answers: Answers) -> None:
    answers(reply("200 OK", '{"items": [{}]}'))
    done = weft.process("get", "bridges")
    assert done.code == 1
    assert done.err.splitlines()[0] == "weft: this is a fault in weft (KeyError: 'name')"
    assert "Traceback" not in done.err
    assert "Traceback" in (weft.state / "crash.log").read_text()


def test_interrupted(weft: Weft, view: FakeView) -> None:
    process = weft.start("get", "bridges", "-w")
    assert process.stdout is not None
    assert "s1" in process.stdout.readline() + process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _out, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (130, "")


def test_a_reader_that_leaves_is_no_error(weft: Weft, view: FakeView) -> None:
    view._fill(5000)
    process = weft.start("get", "flows")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    process.wait(timeout=10)


def test_of_several_emulated_networks_none_is_picked_and_all_are_named(weft: Weft, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEFT_STATE_DIR", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(weft.state / "own"))
    monkeypatch.setattr(paths, "EMULATED", weft.state)
    monkeypatch.setattr(paths, "SYSTEM", weft.state / "system")
    with ExitStack() as stack:
        for name in ("mesh", "ring", "left"):
            folder = weft.state / name / "state"
            folder.mkdir(parents=True)
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(str(folder / "weft.sock"))
            if name != "left":
                listener.listen()
        with pytest.raises(Failure, match="no controller answers at") as failed:
            Client().get("/status")
        assert failed.value.hint.endswith(f"--state-dir {weft.state}/mesh/state or --state-dir {weft.state}/ring/state")
        shutil.rmtree(weft.state / "mesh")
        assert paths.socket_path(None) == weft.state / "ring" / "state" / "weft.sock"
