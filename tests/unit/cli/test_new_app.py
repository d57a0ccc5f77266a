"""`weft new-app`: what it writes, and what it will not overwrite."""

import ast
from pathlib import Path

import pytest

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


def test_it_overwrites_nothing(weft: Weft, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("mine")
    assert weft("new-app", "mine", "--dir", str(tmp_path)).code == 5
    assert (tmp_path / "mine.py").read_text() == "mine"


@pytest.mark.parametrize("name", ["No", "a-b", "1a", "class", "../x", ""])
def test_names_that_python_cannot_import(weft: Weft, tmp_path: Path, name: str) -> None:
    assert weft("new-app", "--dir", str(tmp_path), "--", name).code == 64
    assert not list(tmp_path.iterdir())
