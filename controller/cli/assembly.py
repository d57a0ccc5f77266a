"""The commands put together, and run: every way out is an exit code and, where it went wrong, a sentence."""

import os
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Annotated, Any

import typer

from controller.cli import errors

# Where each command is. Only the one that is asked for is imported: the others would cost more time than it takes.
COMMANDS = {
    "start": ("controller.cli.start", "start"),
    "apply": ("controller.cli.apply", "apply"),
    "config": ("controller.cli.config", "commands"),
    "get": ("controller.cli.get", "get"),
    "flows": ("controller.cli.flows", "flows"),
    "service": ("controller.cli.services", "commands"),
    "app": ("controller.cli.apps", "commands"),
    "new-app": ("controller.cli.new_app", "new_app"),
    "emulate": ("controller.cli.emulate", "emulate"),
    "doctor": ("controller.cli.doctor", "doctor"),
    "version": ("controller.cli.version", "version"),
}


def _show_version(asked: bool) -> None:
    if asked:
        from controller.cli.version import weft_version

        print(f"weft {weft_version()}")
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")]


def _root(show_version: Version = False) -> None:
    """Turn Open vSwitch bridges into virtual networks, and say of every flow why it is there.

    \b
    weft start                      run the controller
    weft get bridges                what is connected
    weft flows s1                   what is installed there, and why
    weft doctor                     what this machine lacks

    Exit codes: 0 done, 1 refused by the controller, 4 not found, 5 conflict, 6 not allowed, 7 no controller
    answers, 8 timed out, 64 wrong usage, 130 interrupted.
    """


def assemble(asked: str = "") -> typer.Typer:
    """The command `weft` with the command that is asked for, or with all it can do."""
    weft = typer.Typer(
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    weft.callback()(_root)
    for name in [asked] if asked in COMMANDS else COMMANDS:
        _add(weft, name)
    return weft


def _add(weft: typer.Typer, name: str) -> None:
    module, attribute = COMMANDS[name]
    if find_spec(module) is None:  # an installation without emulation
        return
    imported = import_module(module)
    command: Any = getattr(imported, attribute)
    if isinstance(command, typer.Typer):
        weft.add_typer(command, name=name)
    else:
        weft.command(name, epilog=getattr(imported, "EPILOG", None))(command)  # said below the options


def run(args: list[str]) -> int:
    """Run one command line; never raises."""
    try:
        weft = assemble(args[0] if args else "")
        code = weft(args=args or ["--help"], prog_name="weft", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        return _reader_left()
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 1
    except typer.Abort:
        return errors.ExitCode.INTERRUPTED
    except (KeyboardInterrupt, Exception) as error:
        return errors.report(error, args)
    return code if isinstance(code, int) else 0


def _reader_left() -> int:
    """`weft get flows | head`: what is left to print goes nowhere, quietly."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return errors.ExitCode.DONE
