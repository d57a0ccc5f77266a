"""Every way to fail: its exit code, and a sentence that says what to do. Never a traceback."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

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


@pytest.mark.parametrize(
    "command", [("foo",), ("get",), ("get", "bridges", "--nothing"), ("flows",), ("get", "flows", "-t", "300")]
)
def test_usage(weft: Weft, command: tuple[str, ...]) -> None:
    done = weft.process(*command)
    assert done.code == 64
    assert done.err.startswith("weft: ")
    assert "--help'" in done.err.splitlines()[-1]


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
