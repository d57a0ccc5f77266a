"""Runs the stages of script/test, one after another, and counts what they did. The soak mostly waits: others run beside it.

Each stage is a session of its own: what it starts can be ended with it, and Ctrl-C is passed on so that it cleans up.
What nobody cleaned up, in this run or one killed before it, is removed between the stages.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

from topologies.runs import heal

ROOT = Path(__file__).resolve().parent.parent
FRONTEND = ROOT / "webui" / "frontend"
SECONDS = 900  # a stage that takes longer hangs
GRACE = 30  # for a stage that was told to end
WITH_US = ("setpriv", "--pdeathsig", "INT")  # should this runner be killed, the stage ends too
NO_TESTS = 5  # pytest's exit code
BESIDE = ("unit", "apps")  # stages that run while the soak does: they need no Open vSwitch and watch no clock
# Switches drop frames and lose BFD while somebody else has the machine. So a test that fails has a second try, which is told.
SECOND_TRY = ("--reruns=1", "--reruns-delay=5", "--rerun-show-tracebacks", "-raR")
TOGETHER = 4  # processes of a stage at the most: tests wait more than they compute, and some of them watch the clock


@dataclass(frozen=True)
class Stage:
    """A command, the needs it has (each says what is missing, or nothing), and whether it is a run of pytest."""

    name: str
    command: tuple[str, ...]
    needs: tuple[Callable[[], str], ...] = ()
    folder: Path = ROOT
    pytest: bool = False
    waits: bool = False  # most of its time: those of BESIDE run meanwhile


@dataclass
class Result:
    """What a stage came to. One that is no run of pytest, or did not run, counts as one failure or as one skip."""

    name: str
    tests: bool = False
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    again: int = 0  # tests that had a second try
    note: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        word = "FAILED" if self.failed else "skipped" if self.skipped and not self.passed else "ok"
        counts = f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped" if self.tests else ""
        again = f"{self.again} tried twice" if self.again else ""
        return f"{word:9}{self.name:10}{self.seconds:6.1f} s   {', '.join(filter(None, (counts, again, self.note)))}".rstrip()


def root() -> str:
    return "" if os.geteuid() == 0 else "needs root: run it with sudo"


def namespaces() -> str:
    allowed = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, check=False).returncode == 0
    return "" if allowed else "may not make network namespaces: the container needs SYS_ADMIN and NET_ADMIN"


def programs(*names: str) -> Callable[[], str]:
    def check() -> str:
        missing = [name for name in names if not shutil.which(name)]
        return f"not installed: {' '.join(missing)}" if missing else ""

    return check


def browser() -> str:
    return "" if any(map(shutil.which, ("chromium", "google-chrome"))) else "not installed: chromium"


def pytest(
    name: str, *folders: str, needs: tuple[Callable[[], str], ...] = (), alone: bool = False, again: bool = False
) -> Stage:
    """A folder's tests, in several processes where pytest-xdist is installed, a file at a time; `alone`: one after another.

    `again`: one that fails has a second try, where pytest-rerunfailures is installed.
    """
    paths = tuple(f"tests/{folder}" for folder in folders or (name,))
    processes = min(TOGETHER, len(os.sched_getaffinity(0)))
    spread = () if alone or processes < 2 or find_spec("xdist") is None else ("-n", str(processes), "--dist", "loadfile")
    tries = SECOND_TRY if again and find_spec("pytest_rerunfailures") else ()
    return Stage(name, (sys.executable, "-m", "pytest", "-q", *spread, *tries, *paths), needs, pytest=True)


def stages() -> list[Stage]:
    ovs = programs("ovs-vswitchd", "ovsdb-server", "ovs-vsctl", "ovs-ofctl", "ovs-appctl")
    module = (sys.executable, "-m")
    return [
        Stage("ruff", (*module, "ruff", "check", ".")),
        Stage("format", (*module, "ruff", "format", "--check", ".")),
        Stage("mypy", (*module, "mypy")),
        Stage("frontend", ("npm", "test", "--silent"), (programs("node", "npm"),), FRONTEND),
        replace(pytest("soak", needs=(ovs,), alone=True), waits=True),
        pytest("unit", "unit", "arch"),
        pytest("apps"),
        pytest("ovs", needs=(ovs,), again=True),
        pytest(
            "emulated",
            needs=(root, namespaces, ovs, programs("mnexec", "ip", "ping", "iperf3", "ethtool")),
            alone=True,
            again=True,
        ),
        pytest("browser", needs=(ovs, browser), alone=True, again=True),
    ]


class Runner:
    """Runs stages until told to stop."""

    def __init__(self, allow_skips: bool) -> None:
        self.allow_skips = allow_skips
        self.stopped = False
        self.running: list[subprocess.Popen[bytes]] = []

    def stop(self, _number: int, _frame: FrameType | None) -> None:
        """Pass Ctrl-C or kill on; a second one does not wait for any cleaning up."""
        for process in self.running:
            os.killpg(process.pid, signal.SIGKILL if self.stopped else signal.SIGINT)
        self.stopped = True

    def run_all(self, stages: Iterable[Stage]) -> Iterator[Result]:
        """Run stages, and give their results as they end."""
        beside: Future[Result] | None = None
        with ThreadPoolExecutor(1) as pool:
            for stage in stages:
                if beside is not None and stage.name not in BESIDE:
                    yield beside.result()
                    beside = None
                if self.stopped:
                    continue
                heal()
                if stage.waits:
                    beside = pool.submit(self.run, stage)
                else:
                    yield self.run(stage)
            if beside is not None:
                yield beside.result()

    def run(self, stage: Stage) -> Result:
        print(f"\n==> {stage.name}: {' '.join(stage.command).replace(sys.executable, 'python')}", flush=True)
        missing = next(filter(None, (need() for need in stage.needs)), "")
        if missing:
            skipped = int(self.allow_skips)
            return Result(stage.name, failed=1 - skipped, skipped=skipped, note=missing)
        began = time.monotonic()
        result = self._pytest(stage) if stage.pytest else self._check(stage)
        result.seconds = time.monotonic() - began
        return result

    def _check(self, stage: Stage) -> Result:
        code, why = self._execute(stage.command, stage.folder)
        return Result(stage.name, failed=int(code != 0), note=why)

    def _pytest(self, stage: Stage) -> Result:
        with tempfile.TemporaryDirectory(prefix="weft-test-") as folder:
            report = Path(folder, "report.xml")
            code, why = self._execute((*stage.command, f"--junitxml={report}"), stage.folder)
            result = count(stage.name, report)
        if code == NO_TESTS:
            why = "no tests were found"
        if result.skipped and not self.allow_skips:
            code, why = 1, "tests were skipped, see above why; --allow-skips lets them"
        if code and not result.failed:
            result.failed = 1
        result.note = why if result.failed else ""
        return result

    def _execute(self, command: Iterable[str], folder: Path) -> tuple[int, str]:
        """The exit code, and a word where that alone does not tell."""
        with subprocess.Popen([*WITH_US, *command], cwd=folder, start_new_session=True, stdin=subprocess.DEVNULL) as process:
            self.running.append(process)
            try:
                code, why = process.wait(SECONDS), ""
            except subprocess.TimeoutExpired:
                code, why = 1, f"stopped after {SECONDS} s"
                self._end(process)
            self.running.remove(process)
        return code, "interrupted" if self.stopped else why or (f"exit {code}" if code else "")

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def count(name: str, report: Path) -> Result:
    """The counts of a run of pytest, from its JUnit report; none where it died before it wrote one."""
    if not report.exists():
        return Result(name, tests=True)
    suite = ElementTree.parse(report).getroot().find("testsuite")
    number = {key: int(suite.get(key, 0)) if suite is not None else 0 for key in ("tests", "failures", "errors", "skipped")}
    failed = number["failures"] + number["errors"]
    again = max(0, len(suite.findall("testcase")) - number["tests"]) if suite is not None else 0
    return Result(name, True, number["tests"] - failed - number["skipped"], failed, number["skipped"], again)


def prepare() -> None:
    """The virtual environment's programs are found first, and those that Debian keeps in sbin are found too."""
    here = Path(sys.executable).parent
    os.environ["PATH"] = f"{here}:{os.environ['PATH']}:/usr/sbin:/sbin"
    os.chdir(ROOT)


def main() -> int:
    prepare()
    known = stages()
    names = [stage.name for stage in known]
    parser = argparse.ArgumentParser(prog="script/test")
    parser.add_argument("--allow-skips", action="store_true")
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=", ".join(names))
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.stages if name not in names]:
        parser.error(f"no stage {unknown[0]!r}; there are {', '.join(names)}")
    runner = Runner(arguments.allow_skips)
    signal.signal(signal.SIGINT, runner.stop)
    signal.signal(signal.SIGTERM, runner.stop)
    results = []
    for result in runner.run_all(stage for stage in known if stage.name in arguments.stages or not arguments.stages):
        results.append(result)
        print(result, flush=True)
    heal()
    return report(results, runner.stopped)


def report(results: list[Result], stopped: bool) -> int:
    print("\n==> summary", *results, *(["interrupted: the other stages did not run"] if stopped else []), sep="\n")
    passed, failed, skipped = (sum(getattr(result, key) for result in results) for key in ("passed", "failed", "skipped"))
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return int(bool(failed) or stopped)


if __name__ == "__main__":
    sys.exit(main())
