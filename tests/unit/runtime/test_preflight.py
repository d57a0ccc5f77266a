"""What can be known to be wrong before a controller starts; the whole of it is in the tests of `weft start`."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from controller.runtime.catalogue import Catalogue
from controller.runtime.control import Control
from controller.runtime.journal import Journal
from controller.runtime.preflight import CONFLICT, USAGE, NotReadyError, check
from controller.runtime.settings import Settings
from controller.state.engine import Engine

pytestmark = pytest.mark.unit


def wrong(settings: Settings, *sources: str) -> NotReadyError:
    """What is told."""
    control = Control(Engine(), Journal(), remove_foreign=True)
    with pytest.raises(NotReadyError) as told:
        check(settings, Catalogue(control, settings.app_config), sources)
    assert str(told.value).endswith("\nweft: nothing was started")
    return told.value


def test_an_app_of_weft_that_is_not_there_is_no_mistake_of_an_option(tmp_path: Path) -> None:
    told = wrong(Settings(state_dir=tmp_path, listen=(), web="", apps=("mine",)), "fabrics", "mine")
    ours, given, _ = str(told).splitlines()
    assert ours.startswith("weft: there is no app 'fabrics'; did you mean fabric?")
    assert ours.endswith("weft is not installed as a whole: run script/bootstrap again")
    assert given.startswith("weft: --app: there is no app 'mine'")
    assert told.code == USAGE


def test_two_of_our_own_listeners_in_one_place(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for address in ("127.0.0.1", "0.0.0.0"):
        told = wrong(Settings(state_dir=tmp_path, listen=(f"tcp:{address}:{port}",), web=f"127.0.0.1:{port}"), "fabric")
        assert str(told).startswith(f"weft: the dashboard cannot listen on 127.0.0.1:{port}: port {port} is given twice;")
        assert told.code == CONFLICT


def test_places_that_cannot_be(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    settings = Settings(state_dir=tmp_path, listen=(f"unix:{missing}/socket", "tcp:192.0.2.1:0"), web="")
    folder, address, _ = str(wrong(settings, "fabric")).splitlines()
    assert folder == f"weft: cannot listen on unix:{missing}/socket: no socket can be made in {missing}"
    assert address == "weft: cannot listen on tcp:192.0.2.1:0: cannot assign requested address"


def test_files_for_tls_that_are_none(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text("nothing")
    told = wrong(Settings(state_dir=tmp_path, listen=(), web="", private_key=file, certificate=file, ca=file), "fabric")
    assert str(told).startswith(f"weft: {file} and {file} are no certificate and its key: ")
    assert told.code == USAGE


def test_what_is_right_is_found_and_nothing_is_held(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings(state_dir=tmp_path / "state", listen=(f"tcp:127.0.0.1:{port}", f"unix:{tmp_path}/socket"), web="")
    control = Control(Engine(), Journal(), remove_foreign=True)
    names, file = check(settings, Catalogue(control, {}), ("fabric", "l2_learning"))
    assert (names, file) == (["fabric", "l2_learning"], None)
    assert not list(tmp_path.iterdir())
    socket.create_server(("127.0.0.1", port)).close()
