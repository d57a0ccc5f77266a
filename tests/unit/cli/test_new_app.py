"""`weft new-app`: what it writes, and what it will not overwrite."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

from controller.model import Bridge
from controller.pipeline.text import flow_text
from tests.unit.cli.runner import Weft

pytestmark = pytest.mark.unit


def test_it_writes_a_file_of_python(weft: Weft, tmp_path: Path) -> None:
    done = weft("new-app", "block_smtp", "--dir", str(tmp_path))
    file = tmp_path / "block_smtp.py"
    assert done.code == 0
    assert done.out == f"{file} is written. Run it with: weft start --app l2_learning --app {file}\n"
    tree = ast.parse(file.read_text())
    assert [node.name for node in tree.body if isinstance(node, ast.ClassDef)] == ["BlockSmtp"]
    assert ast.get_docstring(tree)


def test_what_it_wrote_is_an_app_whose_rule_gives_flows(weft: Weft, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weft("new-app", "block_smtp", "--dir", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    app = import_module("block_smtp").BlockSmtp(port=25)
    assert app.name == "block_smtp"
    assert app.description() == "Block smtp: refuse one TCP port on every bridge. Change it into what you need."
    flows = [flow_text(flow) for flow in app.refuse(Bridge("s1"))]
    assert flows == ["POLICY priority=100,tcp,tp_dst=25 actions=drop", "POLICY priority=100,tcp6,tp_dst=25 actions=drop"]


def test_it_overwrites_nothing(weft: Weft, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("mine")
    assert weft("new-app", "mine", "--dir", str(tmp_path)).code == 5
    assert (tmp_path / "mine.py").read_text() == "mine"


@pytest.mark.parametrize("name", ["No", "a-b", "1a", "class", "json", "../x", ""])
def test_names_that_python_cannot_import(weft: Weft, tmp_path: Path, name: str) -> None:
    assert weft("new-app", "--dir", str(tmp_path), "--", name).code == 64
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["l2_learning", "discovery"])
def test_the_name_of_another_app_is_taken(weft: Weft, tmp_path: Path, name: str) -> None:
    done = weft("new-app", name, "--dir", str(tmp_path))
    assert (done.code, done.err.splitlines()[0]) == (5, f"weft: there is an app {name} already")
    assert list(tmp_path.iterdir()) == []
