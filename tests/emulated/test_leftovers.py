"""However `weft emulate` ends, nothing that it made is left: no process, namespace, link, mount or file."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.cli.supervised import free_address
from tests.emulated import traces
from topologies import runs

# Under a shell that ignores Ctrl-C for its background jobs the signal would be ignored here too.
WEFT = ["env", "--default-signal=INT", sys.executable, "-m", "controller"]
DEMO = [*WEFT, "emulate", "single", "-p", "hosts=2", "--demo", "--web", "127.0.0.1:0"]
CHECK = [*WEFT, "emulate", "single", "-p", "hosts=2", "--check", "--web", "127.0.0.1:0"]
# A word of the progress, and thus how far the run has come when it is ended.
MOMENTS = ("controller", "network", "ok:", "demo")


@pytest.fixture
def demo() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(DEMO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True) as process:
        yield process
        process.kill()


def read_until(process: subprocess.Popen[str], word: str) -> str:
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if line.startswith(word):
            return said
    raise AssertionError(f"it ended without saying {word!r}:\n{said}")


def read_on_to(process: subprocess.Popen[str], text: str) -> None:
    """Letter by letter, for a prompt has no end of line."""
    assert process.stdout is not None
    said = ""
    while text not in said:
        letter = process.stdout.read(1)
        assert letter, f"it ended without {text!r}:\n{said}"
        said += letter


def run_directory(demo: subprocess.Popen[str]) -> Path:
    """The directory that the controller of the demo was given."""
    listens = Path(f"/proc/{demo.pid}/task/{demo.pid}/children").read_text().split()
    lines = [Path(f"/proc/{child}/cmdline").read_text() for child in listens]
    found = re.search(rf"{runs.registry()}/[^/\0]+", "".join(lines))
    assert found is not None, lines
    return Path(found[0])


@pytest.mark.parametrize(
    ("number", "moment"),
    [*((signal.SIGINT, moment) for moment in MOMENTS), (signal.SIGTERM, "network"), (signal.SIGHUP, "demo")],
)
def test_a_signal_takes_everything_away(demo: subprocess.Popen[str], number: signal.Signals, moment: str) -> None:
    before = traces.on_machine()
    read_until(demo, moment)
    made, directory = traces.of_program(demo.pid), run_directory(demo)
    assert made.namespaces or moment == "controller"
    os.killpg(demo.pid, number)  # as a terminal does
    said, _ = demo.communicate(timeout=20)
    assert demo.returncode in ((0, 130) if number is signal.SIGINT else (128 + number,))
    assert "Traceback" not in said
    assert made.left() == set()
    assert not directory.exists()
    assert traces.on_machine() <= before


@pytest.mark.parametrize("moment", ["controller", "demo"])
def test_the_next_run_heals_what_a_killed_one_left(demo: subprocess.Popen[str], moment: str) -> None:
    before = traces.on_machine()
    read_until(demo, moment)
    made, directory = traces.of_program(demo.pid), run_directory(demo)
    demo.kill()
    demo.wait()
    after = subprocess.run(CHECK, capture_output=True, text=True, timeout=60, check=False)
    assert after.returncode == 0, after.stdout + after.stderr
    assert made.left() == set()
    assert not directory.exists()
    assert traces.on_machine() <= before


@pytest.mark.parametrize(
    ("part", "word"), [("state-dir", "the controller ended"), ("topologies.inside", "the emulated network ended")]
)
def test_a_part_that_dies_ends_the_demo_with_a_word(demo: subprocess.Popen[str], part: str, word: str) -> None:
    read_until(demo, "demo")
    made, directory = traces.of_program(demo.pid), run_directory(demo)
    children = Path(f"/proc/{demo.pid}/task/{demo.pid}/children").read_text().split()
    [child] = [child for child in children if part in Path(f"/proc/{child}/cmdline").read_text()]
    os.kill(int(child), signal.SIGKILL)
    said, _ = demo.communicate(timeout=20)
    assert demo.returncode == 1
    assert word in said
    assert made.left() == set()
    assert not directory.exists()


def test_two_at_the_same_time_do_not_disturb_each_other() -> None:
    web = free_address("127.0.0.1:0")  # one of them finds it taken, perhaps only when it is about to listen there
    command = [*WEFT, "emulate", "single", "-p", "hosts=2", "--demo", "--check", "--web", web]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(2)]
    for process in both:
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0, said


def test_the_console_is_mininets_own_with_ctrl_c_for_what_runs_in_it() -> None:
    # `script` runs it in a shell, and dash would answer Ctrl-C as well and end with 130.
    command = f"exec {sys.executable} -m controller emulate single -p hosts=2 --web 127.0.0.1:0"
    terminal = ["env", "--default-signal=INT", "script", "--quiet", "--return", "--flush", "--command", command, "/dev/null"]
    with subprocess.Popen(terminal, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as person:
        try:
            assert person.stdin is not None
            read_on_to(person, "mininet>")
            for keys, answer in (
                ("h1 ping h2\n", "64 bytes"),
                ("\x03", "mininet>"),
                ("sh ovs-vsctl --timeout=5 list-br\n", "\ns1"),
            ):
                person.stdin.write(keys)
                person.stdin.flush()
                read_on_to(person, answer)
            said, _ = person.communicate("exit\n", timeout=20)
        finally:
            person.kill()
    assert person.returncode == 0, said
    assert "taking everything away" in said
