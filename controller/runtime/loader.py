"""Apps are found here: by the entry-point group `weft.apps`, or in a file. `make` gives them their configuration."""

from __future__ import annotations

import difflib
import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import fields
from importlib.metadata import entry_points
from pathlib import Path
from types import CodeType
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema

from controller.app import App
from controller.config import explain
from controller.config.problems import instead
from controller.model import Row

GROUP = "weft.apps"


class LoadError(ValueError):
    """An app cannot be had; the text is a sentence that says why and what to do."""


class FieldError(LoadError):
    """Fields that an app does not take: each with what is wrong, and whether that is its name."""

    def __init__(self, app: str, fields: list[tuple[str, str, bool]]) -> None:
        self.fields = fields
        super().__init__(f"app {app}: " + "; ".join(f"{name}: {text}" for name, text, _ in fields))


def installed() -> dict[str, Any]:
    """Name -> entry point of every installed app."""
    return {point.name: point for point in entry_points(group=GROUP)}


def load(source: str) -> type[App]:
    """The app class of an installed name or of a `.py` file. Raises LoadError; an error that its module raises passes through."""
    if source.endswith(".py"):
        return _from_file(Path(source))
    points = installed()
    if source not in points:
        near = difflib.get_close_matches(source, points, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(points)) or 'none'}"
        raise LoadError(f"there is no app {source!r}; {hint} (a file is given as ./{source}.py)")
    found = points[source].load()
    if not (isinstance(found, type) and issubclass(found, App)):
        raise LoadError(f"the entry point {source!r} names {points[source].value}, which is no App class")
    found.name = source  # as it is asked for
    return found


def _from_file(path: Path) -> type[App]:
    if not path.is_file():
        raise LoadError(f"there is no file {path}; 'weft new-app NAME' writes one to start from")
    name = f"weft_app_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        raise LoadError(f"{path} cannot be imported")
    module, before = importlib.util.module_from_spec(spec), sys.modules.get(name)
    code = _compiled(path)
    sys.modules[name] = module
    try:
        exec(code, vars(module))
    except BaseException:
        sys.modules.pop(name)
        if before is not None:
            sys.modules[name] = before
        raise
    apps = [c for c in vars(module).values() if isinstance(c, type) and issubclass(c, App) and c.__module__ == name]
    if len(apps) != 1:
        what = "no class" if not apps else f"{len(apps)} classes ({', '.join(c.__name__ for c in apps)})"
        raise LoadError(f"{path} has {what} derived from App; a file holds one app: class X(App, stages=(...))")
    apps[0].name = path.stem
    return apps[0]


def _compiled(path: Path) -> CodeType:
    """The code of a file, as it is now: the loader of a module might take what it compiled a moment ago."""
    try:
        return compile(path.read_bytes(), str(path.absolute()), "exec", dont_inherit=True)
    except SyntaxError as error:
        place = f"{path}:{error.lineno or 1}:{error.offset or 1}"
        raise LoadError(f"{place} {error.msg}; this is not Python") from error
    except OSError as error:
        raise LoadError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # a null byte, to older Pythons
        raise LoadError(f"{path} is not Python: {error}") from error


def row_types(cls: type[App]) -> dict[str, type[Row]]:
    """The row types that the module of an app defines, by name."""
    module = sys.modules.get(cls.__module__)
    found = vars(module).items() if module else ()
    return {n: v for n, v in found if isinstance(v, type) and issubclass(v, Row) and v.__module__ == cls.__module__}


def make(cls: type[App], config: Mapping[str, object]) -> App:
    """The app with its configuration, types checked. Raises FieldError with every wrong field."""
    known = [f.name for f in fields(cls)]  # type: ignore[arg-type]
    problems = [(name, f"there is no such field; {instead(name, known)}", True) for name in config if name not in known]
    adapter = TypeAdapter(cls)
    try:
        app: App = adapter.validate_python({n: v for n, v in config.items() if n in known}, strict=False)
    except ValidationError as error:
        allowed = _schema(adapter)
        for found in error.errors():
            name = ".".join(map(str, found["loc"]))
            problems.append((name, explain.field(found, allowed.get(name, {})), found["type"] == "missing"))
    if problems:
        raise FieldError(cls.name, problems)
    return app


def _schema(adapter: TypeAdapter[App]) -> Mapping[str, Any]:
    """What is allowed in the fields of an app, by name; nothing where a type has no words for it."""
    try:
        found: Mapping[str, Any] = adapter.json_schema().get("properties", {})
    except PydanticInvalidForJsonSchema:
        return {}
    return found
