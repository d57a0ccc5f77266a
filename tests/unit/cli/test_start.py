"""`weft start`: options are checked before anything starts."""

import socket
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
        "unix:relative",
        "unix:",
    ],
)
def test_places_that_are_none(target: str) -> None:
    with pytest.raises(typer.BadParameter, match="write tcp:HOST:PORT, ssl:HOST:PORT or unix:/PATH"):
        check_listen(target)


def test_ports_end_at_65535() -> None:
    with pytest.raises(typer.BadParameter, match=r"'host:65536': ports are 0 to 65535"):
        check_listen("tcp:host:65536")
    with pytest.raises(typer.BadParameter, match="ports are 0 to 65535"):
        check_web("127.0.0.1:99999")


def test_all_words_that_are_wrong_are_told_at_once(weft: Weft) -> None:
    told = weft("start", "--listen", "bogus", "--listen", "tcp:x", "--web", "1", "--set", "a")
    assert told.code == 64
    for word in ("'bogus' is not a place", "'tcp:x' is not a place", "'1' is not an address", "'a' is not a setting"):
        assert word in told.err


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
    for wrong in (["--listen", "6653"], ["--web", "8080"], ["--set", "x"], ["--foreign-flows", "eat"]):
        assert weft("start", *wrong).code == 64
    done = weft("start", "--listen", "ssl:127.0.0.1:0")
    assert done.code == 64
    assert "needs --private-key, --certificate, --ca-cert" in done.err


def test_a_second_controller_in_one_state_directory_is_a_conflict(weft: Weft, view: FakeView) -> None:
    done = weft("start")
    assert done.code == 5
    assert f"already runs with the state directory {weft.state}" in done.err


def test_the_state_directory_is_not_made_before_all_is_right(tmp_path: Path) -> None:
    check_state_dir(tmp_path / "a" / "b")
    assert not (tmp_path / "a").exists()


def test_a_state_directory_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Failure, match="cannot be made"):
        check_state_dir(tmp_path / "file" / "state")
    with pytest.raises(Failure, match="too long a path"):
        check_state_dir(tmp_path / ("x" * 110))


FILE = """networks: {blue: {vlan: 4096}}
apps:
  l2_learning: {idle_timeout: soon, idle_timout: 1, moves_window: 5}
  no_app: {}
"""


def test_every_mistake_is_told_before_anything_starts(weft: Weft, tmp_path: Path) -> None:
    app, file, state = tmp_path / "mine.py", tmp_path / "network.yaml", tmp_path / "state"
    app.write_text('"""An app."""\nx = (\n')
    file.write_text(FILE)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        where = ["--listen", f"tcp:127.0.0.1:{port}", "--web", f"127.0.0.1:{port}", "--state-dir", str(state)]
        options = ["--app", str(app), "--app", "l2_lerning", "--set", "l2_learning.max_moves=-1", "--set", "nobody.x=1"]
        done = weft.process("start", *where, *options, "-f", str(file))
    assert done.code == 64
    said = [
        f"weft: --app: {app}:2:5 '(' was never closed; this is not Python",
        "weft: --app: there is no app 'l2_lerning'; did you mean l2_learning? (a file is given as ./l2_lerning.py)",
        "weft: --set l2_learning.max_moves: -1 is not in 0..4294967295",
        "weft: --set nobody: there is no app nobody; there are ",
        f"{file}:1:25 networks.blue.vlan: 4096 is not in 1..4094",
        f"{file}:3:31 apps.l2_learning.idle_timeout: soon is text; a whole number belongs here",
        f"{file}:3:37 apps.l2_learning.idle_timout: there is no such field; did you mean idle_timeout?",
        f"{file}:4:3 apps.no_app: there is no app no_app; there are ",
        f"weft: cannot listen on tcp:127.0.0.1:{port}: port {port} is taken; is another controller running? 'ss -ltnp' tells",
        f"weft: the dashboard cannot listen on 127.0.0.1:{port}: port {port} is taken; ",
        "weft: nothing was started",
    ]
    for line, start in zip(done.err.splitlines(), said, strict=True):
        assert line.startswith(start)
    assert done.out == ""
    assert not state.exists()


def test_what_an_app_cannot_do_without(weft: Weft, tmp_path: Path) -> None:
    app, file = tmp_path / "mine.py", tmp_path / "network.yaml"
    app.write_text("from controller.app import App\n\nclass Mine(App):\n    port: int\n    other: int\n")
    file.write_text("apps: {mine: {port: 1}}")
    command = ["start", "--listen", "tcp:127.0.0.1:0", "--web", "none", "--app", str(app), "-f", str(file)]
    done = weft.process(*command)
    assert (done.code, done.err.splitlines()) == (
        1,
        [f"{file}:1:8 apps.mine.other: other is missing: a whole number", "weft: nothing was started"],
    )
    file.write_text("networks: {}")
    done = weft.process(*command, "--set", "mine.port=1")
    assert (done.code, done.err.splitlines()) == (
        64,
        [
            "weft: app mine: other is missing: a whole number; say it by --set mine.other=VALUE, or in the network file",
            "weft: nothing was started",
        ],
    )


def test_a_taken_port_alone_is_a_conflict(weft: Weft) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = weft.process("start", "--listen", f"tcp:127.0.0.1:{port}", "--web", "none")
    assert done.code == 5
    assert f"port {port} is taken" in done.err
    assert not (weft.state / "rows.db").exists()
