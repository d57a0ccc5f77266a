"""`weft start`: options are checked before anything starts."""

from pathlib import Path

import pytest
import typer

from controller.cli.errors import Failure
from controller.cli.start import app_config, check_listen, check_state_dir, check_web
from controller.runtime.settings import Settings
from tests.fakes.view import FakeView
from tests.unit.cli.runner import Weft

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "target",
    ["tcp:127.0.0.1:6653", "ssl:0.0.0.0:6653", "tcp:[::1]:0", "tcp:switches.example.net:6653", "unix:/run/weft.openflow"],
)
def test_places_to_listen(target: str) -> None:
    assert check_listen(target) == target


@pytest.mark.parametrize(
    "target",
    [
        "",
        "6653",
        "tcp",
        "tcp:",
        "tcp:6653",
        "udp:1.2.3.4:6653",
        "tcp:::1:6653",
        "tcp:host:",
        "tcp:host:x",
        "tcp:host:65536",
        "unix:relative",
        "unix:",
    ],
)
def test_places_that_are_none(target: str) -> None:
    with pytest.raises(typer.BadParameter, match="write tcp:HOST:PORT, ssl:HOST:PORT or unix:/PATH"):
        check_listen(target)


@pytest.mark.parametrize("address", ["8080", ":8080", "http://127.0.0.1:8080", "127.0.0.1", "127.0.0.1:-1", "127.0.0.1:٣"])
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(typer.BadParameter, match="write HOST:PORT"):
        check_web(address)


def test_settings_of_apps_are_yaml() -> None:
    given = ["a.n=8", "a.flag=true", "a.text=x=y", "b.list=[1, two]", "b.empty="]
    assert app_config(given) == {"a": {"n": 8, "flag": True, "text": "x=y"}, "b": {"list": [1, "two"], "empty": None}}


@pytest.mark.parametrize("setting", ["a", "a=1", ".n=1", "a.=1", "a.n"])
def test_settings_that_are_none(setting: str) -> None:
    with pytest.raises(typer.BadParameter, match=r"write APP\.FIELD=VALUE"):
        app_config([setting])


def test_a_value_that_is_not_yaml() -> None:
    with pytest.raises(typer.BadParameter, match="is not YAML"):
        app_config(["a.n=[1"])


def test_defaults_of_the_command_are_those_of_settings() -> None:
    settings = Settings(state_dir=Path("/x"))
    assert settings.listen == ("tcp:127.0.0.1:6653",)
    assert settings.web == "127.0.0.1:8080"


def test_mistakes_are_usage_errors(weft: Weft, tmp_path: Path) -> None:
    for wrong in (["--listen", "6653"], ["--web", "8080"], ["--app", "no_such.py"], ["--set", "x"], ["--foreign-flows", "eat"]):
        assert weft("start", *wrong).code == 64
    done = weft("start", "--listen", "ssl:127.0.0.1:0")
    assert done.code == 64
    assert "needs --private-key, --certificate, --ca-cert" in done.err


def test_a_second_controller_in_one_state_directory_is_a_conflict(weft: Weft, view: FakeView) -> None:
    done = weft("start")
    assert done.code == 5
    assert f"already runs with the state directory {weft.state}" in done.err


def test_the_state_directory_is_made(tmp_path: Path) -> None:
    check_state_dir(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_a_state_directory_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Failure, match="cannot be made"):
        check_state_dir(tmp_path / "file" / "state")
    with pytest.raises(Failure, match="too long a path"):
        check_state_dir(tmp_path / ("x" * 110))


def test_an_app_that_is_not_python_says_where_before_anything_starts(weft: Weft, tmp_path: Path) -> None:
    app = tmp_path / "mine.py"
    app.write_text('"""An app."""\nx = (\n')
    done = weft.process("start", "--listen", "tcp:127.0.0.1:0", "--web", "none", "--app", str(app))
    assert done.code == 64
    assert f"{app}:2:5 '(' was never closed" in done.err
