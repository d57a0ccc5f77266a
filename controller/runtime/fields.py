"""Fields of apps in a network file: what apps do not take. A controller knows all its apps, else the installed ones are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from controller.config import Found, Node
from controller.runtime import loader
from controller.runtime.builtin import BUILTIN
from controller.runtime.loader import FieldError, LoadError


class Apps(Protocol):
    """Who knows apps: a catalogue, or `Installed`."""

    def check(self, name: str, config: Mapping[str, object]) -> None:
        """Whether an app would take these fields. Raises LoadError that says what is wrong."""


class Installed:
    """The apps that are installed. Others may be files that a controller is given, so nothing is said of them."""

    def names(self) -> set[str]:
        """How they are called."""
        return {*loader.installed(), *BUILTIN}

    def check(self, name: str, config: Mapping[str, object]) -> None:
        """Whether an installed app would take these fields; what the command line of a controller gives may be missing."""
        if name not in self.names():
            return
        try:
            loader.make(BUILTIN.get(name) or loader.load(name), config)
        except FieldError as error:
            given = [found for found in error.fields if found[0].partition(".")[0] in config]
            if given:
                raise FieldError(name, given) from None


def mistakes(catalogue: Apps, root: Node) -> Found:
    """What apps do not take, in a file that may have other mistakes; those are told already."""
    apps = root.get("apps")
    for app, (_, given) in (apps.entries() if apps else {}).items():
        fields = given.entries()
        if not given.bad and not any(field.value.bad for field in fields.values()):
            yield from mistakes_of(catalogue, app, {name: field.value.plain() for name, field in fields.items()})


def mistakes_of(catalogue: Apps, app: str, fields: Mapping[str, object]) -> Found:
    """What one app does not take of its fields."""
    try:
        catalogue.check(app, fields)
    except FieldError as error:
        for name, text, about_key in error.fields:
            yield ("apps", app, *name.split(".")), about_key, text
    except LoadError as error:
        yield ("apps", app), False, str(error)
