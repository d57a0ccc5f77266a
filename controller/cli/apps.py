"""`weft app`: list, start and stop apps while traffic flows."""

from typing import Annotated

import typer

from controller.cli import kinds, options
from controller.cli.client import Client, Item, segment
from controller.cli.errors import ExitCode, Failure
from controller.cli.get import show
from controller.cli.output import Format

commands = typer.Typer(help="List, start and stop apps while traffic flows.", rich_markup_mode=None, add_completion=False)

Name = Annotated[str, typer.Argument(help="The app's name.", autocompletion=options.complete_app)]


@commands.command("list")
def list_apps(
    output: options.Output = Format.TABLE, no_headers: options.NoHeaders = False, state_dir: options.StateDir = None
) -> None:
    """Show the apps and what they do, as 'weft get apps'."""
    show(kinds.APPS, list(Client(state_dir).items("/apps")), output, not no_headers)


@commands.command()
def enable(name: Name, state_dir: options.StateDir = None) -> None:
    """Start an app; its flows appear on every bridge.

    \b
    weft app enable l2_learning
    """
    app = _set(name, True, state_dir)
    if app["state"] == "failed":
        raise Failure(ExitCode.REFUSED, f"{name} was started and failed", app["error"].strip())
    print(f"{name} is {app['state']}")


@commands.command()
def disable(
    name: Name,
    force: Annotated[bool, typer.Option("--force", help="Also one without which there is no network.")] = False,
    state_dir: options.StateDir = None,
) -> None:
    """Stop an app; its flows are removed from every bridge. What it learned is kept.

    \b
    weft app disable arp_responder
    """
    print(f"{name} is {_set(name, False, state_dir, force=force)['state']}")


def _set(name: str, enabled: bool, state_dir: options.StateDir, **more: bool) -> Item:
    return Client(state_dir).put(f"/apps/{segment(name)}", {"enabled": enabled} | more)
