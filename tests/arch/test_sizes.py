"""Files and functions stay small, and every module says what it is."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.arch.source import ROOT, files, python, tree

FILE, TEST_FILE, APP, FUNCTION = 400, 500, 150, 50
TEXT = {".py", ".ts", ".tsx", ".js", ".css", ".html", ".sh", ""}
WHOLE = {"LICENSE"}  # not written by us


def limit(file: Path) -> int:
    """How many lines a file may have."""
    folder = file.relative_to(ROOT).parts[0]
    return {"tests": TEST_FILE, "apps": APP}.get(folder, FILE)


def long_functions(source: ast.Module, most: int = FUNCTION) -> Iterator[str]:
    for node in ast.walk(source):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > most:
                yield f"{node.name}, line {node.lineno}, has {lines} lines, and {most} are the most"


def sized_files() -> list[Path]:
    return [file for file in files() if file.suffix in TEXT and file.name not in WHOLE]


def relative(file: Path) -> str:
    return str(file.relative_to(ROOT))


def too_long(file: Path, text: str) -> str:
    lines = len(text.splitlines())
    return f"{relative(file)} has {lines} lines, and {limit(file)} are the most" if lines > limit(file) else ""


def test_files_are_short() -> None:
    assert list(filter(None, (too_long(file, file.read_text()) for file in sized_files()))) == []


@pytest.mark.parametrize("file", python(), ids=relative)
def test_functions_are_short(file: Path) -> None:
    assert list(long_functions(tree(file))) == []


def test_every_module_says_what_it_is() -> None:
    silent = [file for file in python() if not (ast.get_docstring(tree(file)) or "").strip()]
    assert [relative(file) for file in silent] == []


def test_every_folder_of_modules_is_a_package() -> None:
    folders = {file.parent for file in python("controller", "apps", "topologies", "webui")}
    assert [relative(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_a_long_function_is_found() -> None:
    code = "class C:\n  async def f(self):\n"
    assert list(long_functions(ast.parse(code + "    pass\n" * 49))) == []
    assert list(long_functions(ast.parse(code + "    pass\n" * 50))) == ["f, line 2, has 51 lines, and 50 are the most"]


@pytest.mark.parametrize(
    ("path", "most"), [("apps/l2_learning.py", APP), ("controller/app.py", FILE), ("tests/apps/x.py", TEST_FILE)]
)
def test_a_long_file_is_found(path: str, most: int) -> None:
    assert too_long(ROOT / path, "line\n" * most) == ""
    assert too_long(ROOT / path, "line\n" * (most + 1)) == f"{path} has {most + 1} lines, and {most} are the most"
