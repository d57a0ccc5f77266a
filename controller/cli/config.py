"""`weft config`: the network file checked without a controller, and its schema for editors."""

import json
import os
from typing import TYPE_CHECKING, Annotated

import typer

from controller.cli.errors import ExitCode, Failure
from controller.cli.output import many

if TYPE_CHECKING:
    from controller.config import ConfigError, Found, NetworkFile, Node

commands = typer.Typer(help="Check a network file; print its schema for editors.", rich_markup_mode=None, add_completion=False)


@commands.command("schema")
def print_schema() -> None:
    """Print the JSON Schema of the network file: completion and checks in editors with a YAML language server.

    \b
    weft config schema > network.schema.json
    """
    from controller.config import schema

    print(json.dumps(schema(), indent=2))


@commands.command()
def check(file: Annotated[str, typer.Argument(metavar="FILE", help="The network file; - reads standard input.")]) -> None:
    """Say every mistake in a network file. Whether its bridges, ports and apps of your own exist only a controller knows."""
    name, found = load(file)
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


def read(file: str) -> tuple[str, str]:
    """Name and text of a network file; - is standard input."""
    from controller.config import ConfigError, read_or_stdin

    try:
        return read_or_stdin(file)
    except ConfigError as error:
        if file != "-" and not os.path.lexists(file):
            raise Failure(ExitCode.NOT_FOUND, str(error)) from None
        raise mistakes(error) from None
