"""Apps are switched on and off while it runs; what fails in one is shown, and disturbs no other."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from controller.app import App, Tx, every, on, rules
from controller.model import Bridge, PacketIn, PortDown, Row, key
from controller.model.cookie import OWNER_BITS
from controller.pipeline import DROP, POLICY, Flow, output
from controller.query import AppView, QueryError
from controller.runtime import loader
from controller.runtime.catalogue import NEEDED, Catalogue
from controller.runtime.control import Control
from controller.runtime.journal import Journal
from controller.runtime.store import Store
from controller.state.engine import Engine
from controller.topology.basis import Basis

APP = '''"""Counts."""
from controller.app import App, on, rules
from controller.model import Bridge, PortDown, Row, key
from controller.pipeline import DROP, POLICY

class Seen(Row, kept=True):
    name: str = key()
    times: int = 0

class Counting(App, stages=(POLICY,)):
    port: int = 1

    @on(PortDown)
    def count(self, event, tx):
        seen = tx.get(Seen, event.bridge) or Seen(event.bridge)
        tx.put(Seen(event.bridge, seen.times + 1))

    @rules(each=Seen)
    def show(self, seen):
        yield POLICY.flow(DROP, in_port=self.port, network=seen.times).on("s1")
'''


class Lab:
    """A controller without bridges."""

    def __init__(self, config: dict[str, dict[str, object]] | None = None) -> None:
        self.engine, self.journal = Engine(), Journal()
        self.control = Control(self.engine, self.journal, remove_foreign=True)
        self.catalogue = Catalogue(self.control, config or {})

    def add(self, source: str) -> None:
        self.catalogue.run(self.catalogue.add(source))

    def view(self, name: str) -> AppView:
        return self.catalogue.view(name)

    def event(self, event: object) -> None:
        self.control.dispatch.event(event)
        self.engine.run()

    def flows(self) -> list[str]:
        return sorted(owner.rule.app.name for owner, _ in self.engine.desired.view("s1").values())

    def told(self, kind: str) -> list[str]:
        return [event.text for event in self.journal.events(kind=kind)]


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    """One where no app is installed."""
    monkeypatch.setattr(loader, "installed", dict)
    return Lab()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "counting.py"
    path.write_text(APP)
    return path


def test_an_app_of_a_file_is_run_and_shown(lab: Lab, file: Path) -> None:
    lab.add(str(file))
    view = lab.view("counting")
    assert (view.state, view.description, view.stages) == ("running", "Counts.", ("POLICY",))
    assert (view.flows, view.config) == (0, {"port": 1})
    lab.event(PortDown("s1", 1))
    assert (lab.view("counting").flows, lab.view("counting").rows) == (1, 1)
    assert lab.told("app.enabled") == ["app counting is enabled"]


def test_off_and_on_again(lab: Lab, file: Path) -> None:
    lab.add(str(file))
    lab.event(PortDown("s1", 1))
    lab.catalogue.switch("counting", enabled=False)
    assert (lab.view("counting").state, lab.flows()) == ("disabled", [])
    lab.event(PortDown("s1", 1))
    lab.catalogue.switch("counting", enabled=False)
    file.write_text("1 / 0")
    with pytest.raises(QueryError):
        lab.catalogue.switch("counting", enabled=True)
    file.write_text(APP)
    lab.catalogue.switch("counting", enabled=True)
    lab.catalogue.switch("counting", enabled=True)
    lab.event(PortDown("s1", 1))
    assert lab.flows() == ["counting"]
    (row,) = [row for cls, rows in lab.engine.tables.rows.items() if cls.__name__ == "Seen" for row in rows.values()]
    assert vars(row) == {"name": "s1", "times": 2}, "what it knew before is not lost, and not there twice"
    assert lab.told("app.disabled") == ["app counting is disabled; its flows are removed"]


def test_a_file_that_changed_takes_over_the_rows_that_still_fit(lab: Lab, file: Path) -> None:
    lab.add(str(file))
    lab.event(PortDown("s1", 1))
    lab.catalogue.switch("counting", enabled=False)
    file.write_text(
        APP.replace("times: int = 0", "times: int = 0\n    more: str = ''").replace("DROP, in", "DROP, priority=7, in")
    )
    lab.catalogue.switch("counting", enabled=True)
    lab.engine.run()
    ((_, flow),) = lab.engine.desired.view("s1").values()
    assert flow.slot[1:3] == b"\0\7"
    lab.catalogue.switch("counting", enabled=False)
    file.write_text(APP.replace("times: int", "count: int").replace("seen.times", "seen.count"))
    lab.catalogue.switch("counting", enabled=True)
    lab.engine.run()
    assert lab.flows() == []
    assert lab.view("counting").state == "running"


def test_an_app_that_cannot_be_loaded_is_marked_and_can_be_mended(lab: Lab, file: Path) -> None:
    file.write_text(APP + "\n1 / 0\n")
    lab.add(str(file))
    view = lab.view("counting")
    assert view.state == "failed"
    assert "ZeroDivisionError: division by zero" in view.error
    assert "counting.py" in view.error
    assert lab.told("app.failed") == ["app counting could not be loaded: counting.py:22: ZeroDivisionError: division by zero"]
    with pytest.raises(QueryError, match=r"counting raised ZeroDivisionError when it was loaded: division by zero") as error:
        lab.catalogue.switch("counting", enabled=True)
    assert error.value.code == 422
    file.write_text(APP)
    lab.catalogue.switch("counting", enabled=True)
    assert (lab.view("counting").state, lab.view("counting").error) == ("running", "")


def test_a_file_whose_class_has_another_name(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "other.py"
    path.write_text("1 / 0\n")
    lab.add(str(path))
    path.write_text(APP)
    lab.catalogue.switch("other", enabled=True)
    assert [(view.name, view.state) for view in map(lab.catalogue.view, lab.catalogue.names())] == [("other", "running")]
    lab.catalogue.switch("other", enabled=False)
    assert lab.view("other").state == "disabled"


def test_rows_of_an_app_that_is_loaded_late_come_back(lab: Lab, file: Path, tmp_path: Path) -> None:
    first = Store(tmp_path)
    lab.add(str(file))
    lab.event(PortDown("s1", 1))
    first.save(lab.engine.unsaved)
    first.close()
    later = Lab()
    store = Store(tmp_path)

    def restore() -> None:
        for row in store.load():
            later.control.dispatch.change(lambda tx, row=row: tx.put(row))  # type: ignore[misc]

    later.catalogue.restore = restore
    file.write_text(APP.replace("class Seen", "class Unknown"))
    later.add(str(file))
    later.catalogue.switch("counting", enabled=False)
    file.write_text(APP)
    later.catalogue.switch("counting", enabled=True)
    later.engine.run()
    assert later.flows() == ["counting"]
    store.close()


def test_what_cannot_be_switched(lab: Lab) -> None:
    lab.catalogue.run(lab.catalogue.add_builtin(Basis))
    for enabled in (True, False):
        with pytest.raises(QueryError, match=r"basis is part of every pipeline and cannot be switched off or on") as error:
            lab.catalogue.switch("basis", enabled=enabled)
        assert error.value.code == 409
    with pytest.raises(QueryError, match=r"there is no app 'nothing'") as error:
        lab.catalogue.switch("nothing", enabled=True)
    assert error.value.code == 404


def test_an_app_without_which_there_is_no_network_is_switched_off_by_force_alone() -> None:
    lab = Lab()
    for name in NEEDED:
        lab.add(name)
        with pytest.raises(QueryError, match=f"Without it .* weft app disable {name} --force") as error:
            lab.catalogue.switch(name, enabled=False)
        assert (error.value.code, error.value.title, lab.view(name).state) == (409, f"{name} is needed", "running")
        lab.catalogue.switch(name, enabled=False, force=True)
        assert lab.view(name).state == "disabled"


def test_two_apps_of_one_name_are_not_run(lab: Lab, file: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    second = tmp_path / "other" / file.name
    second.write_text(APP)
    lab.add(str(file))
    with pytest.raises(
        loader.LoadError, match=f"{second} is an app called counting, and so is {file}; give the file another name"
    ):
        lab.catalogue.add(str(second))


def test_configuration_by_name(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "installed", dict)
    lab = Lab({"counting": {"port": 5}, "nobody": {}})
    lab.add(str(file))
    assert lab.view("counting").config == {"port": 5}
    assert lab.catalogue.wrong_options("nobody") == [": there is no app nobody; there is counting"]
    with pytest.raises(loader.LoadError, match=r"there is no app 'x'"):
        lab.catalogue.add("x")


def test_fields_of_the_file_and_of_the_command_line(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "installed", dict)
    lab = Lab({"counting": {"port": "x", "prt": 2}})
    lab.catalogue.add(str(file))
    assert lab.catalogue.wrong_options("counting") == [
        ".prt: there is no such field; did you mean port?",
        ".port: x is text; a whole number belongs here",
    ]
    lab.catalogue.check("counting", {"port": 3})
    with pytest.raises(loader.FieldError) as error:
        lab.catalogue.check("counting", {"port": "y"})
    assert error.value.fields == [("port", "y is text; a whole number belongs here", False)]


def test_fields_that_change_nothing_do_not_start_an_app_anew(lab: Lab, file: Path) -> None:
    lab.add(str(file))
    lab.catalogue.configure({"counting": {"port": 1}})
    assert lab.told("app.enabled") == ["app counting is enabled"]
    lab.catalogue.configure({"counting": {"port": 2}})
    assert lab.view("counting").config == {"port": 2}
    assert len(lab.told("app.enabled")) + sum(event.count - 1 for event in lab.journal.events(kind="app.enabled")) == 2


# ---------------------------------------------------------------- apps that fail


class Mark(Row):
    """A row that apps make."""

    name: str = key()
    bad: bool = False


class Good(App, stages=(POLICY,)):
    """Does what it should."""

    @on(PortDown, PacketIn)
    def mark(self, event: PortDown | PacketIn, tx: Tx) -> None:
        tx.put(Mark(f"good {type(event).__name__}"))

    @rules(each=Mark)
    def show(self, mark: Mark) -> Iterator[Flow]:
        yield POLICY.flow(DROP, network=len(mark.name)).on("s1")


class Bad(App, stages=(POLICY,)):
    """Raises in a handler after it changed something, in a rule, and in a timer."""

    @on(PortDown, PacketIn)
    def fail(self, event: PortDown | PacketIn, tx: Tx) -> None:
        tx.put(Mark("never"))
        tx.packet_out("s1", b"frame", output(1))
        tx.after(0.001, "event")
        if isinstance(event, PacketIn) or event.port == 1:
            raise RuntimeError("in a handler")

    @rules(each=Mark)
    def show(self, mark: Mark) -> Iterator[Flow]:
        if mark.bad:
            raise RuntimeError(f"in a rule, {mark.name}")
        yield POLICY.flow(output(1), network=100 + len(mark.name)).on("s1")


def enable(lab: Lab, *classes: type[App]) -> None:
    for cls in classes:
        lab.catalogue.run(lab.catalogue.add_builtin(cls))


def test_a_handler_that_raises_leaves_nothing_and_disturbs_nobody(lab: Lab) -> None:
    enable(lab, Bad, Good)
    lab.event(PortDown("s1", 1))
    assert [mark.name for mark in lab.engine.tables.all(Mark)] == ["good PortDown"]
    assert lab.control.dispatch.take_frames() == []
    assert [(view.name, view.state) for view in map(lab.catalogue.view, lab.catalogue.names())] == [
        ("bad", "failed"),
        ("good", "running"),
    ]
    assert "in a handler" in lab.view("bad").error
    assert lab.catalogue.counts() == (2, 1)
    line = inspect.getsourcelines(Bad.fail)[1] + 6
    assert lab.told("app.failed") == [f"app bad failed: test_catalogue.py:{line}: RuntimeError: in a handler"]


def test_the_same_failure_is_told_once(lab: Lab) -> None:
    enable(lab, Bad)
    for _ in range(100):
        lab.event(PortDown("s1", 1))
    assert [event.count for event in lab.journal.events(kind="app.failed")] == [1]


def test_a_frame_goes_to_the_app_that_asked_for_it_alone(lab: Lab) -> None:
    enable(lab, Good, Bad)
    number = {state.app.name: state.number for state in lab.engine.apps.values()}
    lab.control.dispatch.packet_in(PacketIn("s1", 1, bytes(60), cookie=0x57 << 56 | number["good"] << OWNER_BITS), {})
    assert [mark.name for mark in lab.engine.tables.all(Mark)] == ["good PacketIn"]
    assert (lab.view("good").packet_ins, lab.view("bad").packet_ins) == (1, 0)
    lab.control.dispatch.packet_in(PacketIn("s1", 1, bytes(60), cookie=0x57 << 56 | number["bad"] << OWNER_BITS), {})
    assert lab.view("bad").state == "failed"
    lab.control.dispatch.packet_in(PacketIn("s1", 1, bytes(60), cookie=0x57 << 56), {})
    assert len(lab.engine.tables.all(Mark)) == 1


def test_a_rule_that_raises_is_shown_as_long_as_it_does(lab: Lab) -> None:
    enable(lab, Bad, Good)
    lab.control.dispatch.change(lambda tx: tx.put(Mark("mark")))
    lab.engine.run()
    assert lab.flows() == ["bad", "good"]
    lab.control.dispatch.change(lambda tx: tx.put(Mark("mark", bad=True)))
    lab.engine.run()
    assert lab.flows() == ["bad", "good"]
    assert (lab.view("bad").state, lab.view("good").state) == ("failed", "running")
    assert "in a rule, mark" in lab.view("bad").error
    lab.control.dispatch.change(lambda tx: tx.put(Mark("mark")))
    lab.engine.run()
    assert lab.view("bad").state == "running"


def test_a_rule_that_raises_for_every_row_is_one_event(lab: Lab) -> None:
    enable(lab, Bad)
    for first in "ab":
        tx = Tx(lab.engine.tables)
        for number in range(9):
            tx.put(Mark(f"{first}{number}", bad=True))
        lab.engine.commit(tx)
        lab.engine.run()
        lab.control._tell()
        lab.journal.add("info", "host.learned", "h1", "in between")
    (event,) = lab.journal.events(kind="app.failed")
    assert event.text.startswith("app bad failed: test_catalogue.py:")
    assert event.count == 18
    assert len(lab.view("bad").problems) == 18


# ---------------------------------------------------------------- by the clock


class Later:
    """An event of a test."""


class Timed(App, stages=(POLICY,)):
    """Marks by the clock."""

    @every(0.01, each=Bridge)
    def tick(self, bridge: Bridge, tx: Tx) -> None:
        if bridge.bridge == "bad":
            raise RuntimeError("in a timer")
        times = len(tx.where(Mark))
        tx.put(Mark(f"{bridge.bridge} {times}"))
        if times == 0:
            tx.after(0.005, Later())

    @on(Later)
    def later(self, event: Later, tx: Tx) -> None:
        tx.put(Mark("later"))


def in_a_loop(scenario: Callable[[Lab], object]) -> None:
    async def whole() -> None:
        lab = Lab()
        await scenario(lab)  # type: ignore[misc]

    asyncio.run(whole())


def marks(lab: Lab) -> list[str]:
    return [mark.name for mark in lab.engine.tables.all(Mark)]


async def until(there: Callable[[], bool]) -> None:
    async with asyncio.timeout(5.0):
        while not there():
            await asyncio.sleep(0.002)


def test_timers_run_for_each_row_and_one_that_raises_stops_no_other() -> None:
    async def scenario(lab: Lab) -> None:
        enable(lab, Timed)
        for name in ("bad", "s1", "s2"):
            lab.control.dispatch.change(lambda tx, name=name: tx.put(Bridge(name)))  # type: ignore[misc]
        await until(lambda: len(marks(lab)) >= 6)
        assert {name.split()[0] for name in marks(lab)} == {"s1", "s2", "later"}
        assert "in a timer" in lab.view("timed").error

    in_a_loop(scenario)


def test_timers_end_with_their_rows_and_with_their_app() -> None:
    async def scenario(lab: Lab) -> None:
        enable(lab, Timed)
        lab.control.dispatch.change(lambda tx: tx.put(Bridge("s1")))
        await until(lambda: len(marks(lab)) > 1)
        lab.control.dispatch.change(lambda tx: tx.drop(Bridge, "s1"))
        await asyncio.sleep(0.03)
        seen = len(marks(lab))
        await asyncio.sleep(0.03)
        assert len(marks(lab)) == seen
        lab.control.dispatch.change(lambda tx: tx.put(Bridge("s1")))
        await until(lambda: len(marks(lab)) > seen)
        lab.control.dispatch.stop_timers("timed")
        lab.engine.disable("timed")
        seen = len(marks(lab))
        await asyncio.sleep(0.03)
        assert len(marks(lab)) == seen

    in_a_loop(scenario)
