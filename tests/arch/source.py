"""The sources of weft as the tests of its architecture see them: files of the checkout, parsed."""

import ast
import functools
import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("controller", "apps", "topologies", "webui")
# Installed, built or written by tools: not ours.
TOOLS = {".git", ".venv", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}
NOT_OURS = {*TOOLS, "node_modules", "static", "build", "dist", "test-results", "__pycache__"}


@functools.cache
def files() -> tuple[Path, ...]:
    """All files of the checkout that people write."""
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in NOT_OURS and not name.endswith(".egg-info")]
        found += [Path(folder, name) for name in names]
    return tuple(sorted(found))


def python(*folders: str) -> list[Path]:
    """The Python files in some top-level folders; in all, and at the top, without arguments."""
    return [file for file in files() if file.suffix == ".py" and (not folders or file.relative_to(ROOT).parts[0] in folders)]


@functools.cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(), str(file))


def name_of(file: Path) -> str:
    """The import path of a file: that is its path."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(module: str, source: ast.Module, is_package: bool = False) -> Iterator[str]:
    """What a module imports, anywhere in it, types only or not; `from a import b` is a.b, be b a module or a name in it."""
    for node in ast.walk(source):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = module.split(".")[: len(module.split(".")) - node.level + is_package]
                base = ".".join([*above, *([base] if base else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def within(module: str, *packages: str) -> bool:
    """True where a module is one of the packages or in one."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)
