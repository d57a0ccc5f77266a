"""`weft config`: the network file checked without a controller, and its schema for editors."""

import json
import os
from contextlib import suppress
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated

import typer

from controller.cli.client import Client
from controller.cli.errors import ExitCode, Failure
from controller.cli.output import many

if TYPE_CHECKING:
    from controller.config import ConfigError, Found, NetworkFile, Node

SECONDS = 1.0  # for a controller that may run

commands = typer.Typer(help="Check a network file; print its schema for editors.", rich_markup_mode=None, add_completion=False)


@commands.command("schema")
def print_schema() -> None:
    """Print the JSON Schema of the network file, for editors.

    Those with a YAML language server complete and check by it.

    \b
    weft config schema > network.schema.json
    """
    from controller.config import schema

    print(json.dumps(schema(), indent=2))


@commands.command()
def check(file: Annotated[str, typer.Argument(metavar="FILE", help="The network file; - reads standard input.")]) -> None:
    """Say every mistake in a network file.

    Whether its bridges and ports exist only a controller knows. An app that neither is installed nor runs is a warning: a
    controller may be given its file.
    """
    name, found = load(file)
    for app in found.apps:
        if warning := _unknown(app):
            typer.echo(f"warning: {found.problem(('apps', app), warning, about_key=True)}", err=True)
    print(f"{name} is right: {many(len(found.networks), 'network')}, {many(len(found.ports), 'port')}")


def load(file: str) -> "tuple[str, NetworkFile]":
    """What a network file is called, and what is in it; - is standard input. A failure tells every mistake."""
    from controller.config import ConfigError, parse  # its models take long to import: only where they are needed

    name, text = read(file)
    try:
        return name, parse(text, name, _fields_of_apps)
    except ConfigError as error:
        raise mistakes(error) from None


def mistakes(error: "ConfigError") -> Failure:
    """What a person reads of a file with mistakes. One that could not be read has none: why not is all that is said."""
    if all(problem.line for problem in error.problems):
        return Failure(ExitCode.REFUSED, "the network file has mistakes", str(error))
    return Failure(ExitCode.REFUSED, str(error))


def _fields_of_apps(root: "Node") -> "Found":
    """What installed apps do not take. They are imported only where the file has fields for some."""
    if root.get("apps") is None:
        return iter(())
    from controller.runtime import fields

    return fields.mistakes(fields.Installed(), root)


def _unknown(app: str) -> str:
    """What there is to say of an app that neither is installed nor known to the controller that runs here, if one does."""
    from controller.runtime.fields import Installed

    names = Installed().names()
    if app in names:
        return ""
    with suppress(Failure):
        names.update(item["name"] for item in Client(timeout=SECONDS).items("/apps"))
    if app in names:
        return ""
    near = get_close_matches(app, names, 1)
    return f"there is no app {app}" + (f"; did you mean {near[0]}?" if near else ", unless weft start is given its file by --app")


def read(file: str) -> tuple[str, str]:
    """Name and text of a network file; - is standard input."""
    from controller.config import ConfigError, read_or_stdin

    try:
        return read_or_stdin(file)
    except ConfigError as error:
        if file != "-" and not os.path.lexists(file):
            raise Failure(ExitCode.NOT_FOUND, str(error)) from None
        raise mistakes(error) from None
