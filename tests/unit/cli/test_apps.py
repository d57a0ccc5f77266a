"""`weft app`."""

import pytest

from tests.fakes.view import FakeView
from tests.unit.cli.runner import Weft

pytestmark = pytest.mark.unit


def test_stop_and_start(weft: Weft, view: FakeView) -> None:
    assert weft("app", "disable", "l2_learning").out == "l2_learning is disabled\n"
    assert next(app for app in view.apps() if app.name == "l2_learning").state == "disabled"
    assert weft("app", "enable", "l2_learning").out == "l2_learning is running\n"


def test_an_app_that_does_not_exist(weft: Weft, view: FakeView) -> None:
    done = weft("app", "enable", "nothing")
    assert done.code == 4
    assert "known: discovery, fabric" in done.err


def test_an_app_that_others_need_is_a_conflict(weft: Weft, view: FakeView) -> None:
    done = weft("app", "disable", "discovery")
    assert done.code == 5
    assert "disable fabric first" in done.err
    assert weft("app", "disable", "discovery", "--force").out == "discovery is disabled\n"


def test_list_is_get_apps(weft: Weft, view: FakeView) -> None:
    assert weft("app", "list", "-o", "name").lines == weft("get", "apps", "-o", "name").lines


def test_which_of_them(weft: Weft) -> None:
    assert weft("app").code == 64
