"""Apps are found by name and by file, made with their configuration, and every mistake is a sentence."""

from __future__ import annotations

import re
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from controller.app import App
from controller.model import Row
from controller.pipeline import POLICY
from controller.runtime import loader
from controller.runtime.loader import GROUP, LoadError
from controller.state import fault

GOOD = '''"""Does something."""
from controller.app import App, rules
from controller.model import Bridge, Row, key
from controller.pipeline import DROP, POLICY

class Mark(Row, kept=True):
    name: str = key()

class Helper(App):
    pass

del Helper

class Mine(App, stages=(POLICY,)):
    port: int = 23

    @rules(each=Bridge)
    def block(self, bridge: Bridge):
        yield POLICY.flow(DROP, in_port=self.port)
'''


class Configured(App, stages=(POLICY,)):
    """An app with fields."""

    port: int = 23
    ratio: float = 0.5
    names: tuple[str, ...] = ()
    strict: bool = False


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some entry points."""
    points = {
        "configured": "tests.unit.runtime.test_loader:Configured",
        "renamed": "tests.unit.runtime.test_loader:Configured",
        "no_app": "tests.unit.runtime.test_loader:GOOD",
        "no_module": "tests.unit.runtime.nothing:X",
    }
    monkeypatch.setattr(loader, "installed", lambda: {name: EntryPoint(name, value, GROUP) for name, value in points.items()})


def write(folder: Path, text: str, name: str = "mine.py") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def test_installed_apps_are_in_the_entry_points() -> None:
    assert "l2_learning" in loader.installed()
    assert loader.load("l2_learning").name == "l2_learning"


@pytest.mark.usefixtures("installed")
def test_an_app_is_called_as_it_is_asked_for() -> None:
    assert loader.load("configured").name == "configured"
    assert loader.load("renamed").name == "renamed"
    Configured.name = "configured"


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("confgured", "there is no app 'confgured'; did you mean configured? (a file is given as ./confgured.py)"),
        ("xyz", "there is no app 'xyz'; there are: configured, no_app, no_module, renamed (a file is given as ./xyz.py)"),
        ("no_app", "the entry point 'no_app' names tests.unit.runtime.test_loader:GOOD, which is no App class"),
        ("./nowhere.py", "there is no file nowhere.py; 'weft new-app NAME' writes one to start from"),
    ],
)
def test_what_is_no_app_is_said_in_a_sentence(source: str, said: str) -> None:
    with pytest.raises(LoadError) as error:
        loader.load(source)
    assert str(error.value) == said


@pytest.mark.usefixtures("installed")
def test_errors_inside_a_module_pass_through(tmp_path: Path) -> None:
    with pytest.raises(ModuleNotFoundError):
        loader.load("no_module")
    with pytest.raises(ZeroDivisionError):
        loader.load(write(tmp_path, "1 / 0"))


@pytest.mark.parametrize(
    ("text", "place"),
    [("class", "1:6 invalid syntax"), ("x = (\n", "1:5 '(' was never closed"), ("if 1:\n  x = 1\n y = 2\n", "3:7 unindent")],
)
def test_a_file_that_is_not_python_says_where(tmp_path: Path, text: str, place: str) -> None:
    with pytest.raises(LoadError) as error:
        loader.load(write(tmp_path, text))
    assert str(error.value).startswith(f"{tmp_path / 'mine.py'}:{place}")
    assert str(error.value).endswith("; this is not Python")


def test_an_app_of_a_file(tmp_path: Path) -> None:
    cls = loader.load(write(tmp_path, GOOD, "no_telnet.py"))
    assert (cls.name, cls.__name__, cls.description()) == ("no_telnet", "Mine", "Does something.")
    assert list(loader.row_types(cls)) == ["Mark"]
    assert not list(tmp_path.glob("__pycache__")), "nothing is written beside a person's file"


def test_a_file_with_no_app_and_with_two(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"mine\.py has no class derived from App; a file holds one app"):
        loader.load(write(tmp_path, "from controller.app import App"))
    two = GOOD + "\nclass Second(App):\n    pass\n"
    with pytest.raises(LoadError, match=r"mine\.py has 2 classes \(Mine, Second\) derived from App"):
        loader.load(write(tmp_path, two))


def test_a_file_is_read_again_as_it_is_now(tmp_path: Path) -> None:
    first = loader.load(write(tmp_path, GOOD))
    second = loader.load(write(tmp_path, GOOD.replace("23", "42")))
    assert (first().port, second().port) == (23, 42)  # type: ignore[attr-defined]
    assert issubclass(second, App)
    assert sys.modules["weft_app_mine"].Mine is second
    assert loader.row_types(second)["Mark"] is not Row


def test_what_an_app_raises_has_its_place_also_where_the_path_was_not_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, GOOD + "\n    def oops(self):\n        return 1 / 0\n", "oops.py")
    monkeypatch.chdir(tmp_path)
    app = loader.load("./oops.py")()
    try:
        app.oops()  # type: ignore[attr-defined]
    except ZeroDivisionError:
        assert re.match(r"oops\.py:\d+: ZeroDivisionError", fault.last_line(fault.of_app(app)))


# ---------------------------------------------------------------- configuration


def test_fields_have_their_types() -> None:
    app = loader.make(Configured, {"port": "8023", "ratio": 1, "names": ["a", "b"], "strict": "yes"})
    assert app == Configured(8023, 1.0, ("a", "b"), True)
    assert loader.make(Configured, {}) == Configured()


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"prt": 1}, "app configured: prt: there is no such field; did you mean port?"),
        ({"port": "many"}, "app configured: port: many is text; a whole number belongs here"),
        ({"port": 1.5}, "app configured: port: 1.5 is a number with a fraction; a whole number belongs here"),
        ({"port": None}, "app configured: port: nothing stands here; a whole number belongs here"),
        (
            {"strict": 7, "x": 1},
            "app configured: x: there is no such field; there are port, ratio, names, strict; "
            "strict: 7 is a whole number; true or false belongs here",
        ),
        ({"names": 3}, "app configured: names: 3 is a whole number; a list, like [a, b], belongs here"),
        (
            {"ratio": True, "names": ["a", 2]},
            'app configured: names.1: 2 is a whole number; text belongs here: "2" in quotes is text',
        ),
    ],
)
def test_wrong_configuration_names_every_field(config: dict[str, object], said: str) -> None:
    with pytest.raises(LoadError) as error:
        loader.make(Configured, config)
    assert str(error.value).startswith(said)


def test_an_app_without_fields_takes_none() -> None:
    class Bare(App):
        """Nothing to say."""

    with pytest.raises(LoadError, match=r"app bare: port: there is no such field; there are none"):
        loader.make(Bare, {"port": 1})
