"""`weft new-app NAME`: write an app of one file that runs as it is, to start from."""

import keyword
import sys
from importlib.metadata import entry_points
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from controller.cli.errors import ExitCode, Failure

TAKEN = ("basis", "discovery", "tunnels")  # apps that are part of every pipeline
TEMPLATE = Template('''\
"""$title: refuse one TCP port on every bridge. Change it into what you need."""

from controller.app import App, rules
from controller.model import Bridge
from controller.pipeline import DROP, IPV4, IPV6, POLICY


# `stages` names the flow tables that the app writes to: POLICY is where frames from the edge are allowed or denied.
class $name(App, stages=(POLICY,)):
    # Fields are the app's configuration: `weft start --set $module.port=8023`.
    port: int = 23

    # A rule says which flows should exist for a row. It runs again when the row changes; when the row goes, its flows
    # go. It sends nothing: weft compares with what each bridge holds and sends the difference.
    @rules(each=Bridge)
    def refuse(self, bridge):
        for family in (IPV4, IPV6):
            yield POLICY.flow(DROP, eth_type=family, tcp_dst=self.port, why=f"TCP port {self.port} is refused")
''')


def new_app(
    name: Annotated[str, typer.Argument(help="The app's name: lower case, digits and underscores.")],
    folder: Annotated[Path, typer.Option("--dir", "-d", exists=True, file_okay=False, help="Where to write it.")] = Path(),
) -> None:
    """Write an app of one file that runs as it is, to start from.

    \b
    weft new-app no_telnet
    weft start --app l2_learning --app ./no_telnet.py
    """
    if keyword.iskeyword(name) or name in sys.stdlib_module_names:
        raise typer.BadParameter(
            f"'{name}' cannot be the name of an app: Python has a word or a module of that name. Choose another, as no_telnet."
        )
    if not name.isidentifier() or name != name.lower():
        raise typer.BadParameter(
            f"'{name}' cannot be the name of an app: use lower case letters, digits and underscores, as no_telnet."
        )
    if name in TAKEN or any(name == point.name for point in entry_points(group="weft.apps")):
        raise Failure(ExitCode.CONFLICT, f"there is an app {name} already", "Choose another name.")
    file = folder / f"{name}.py"
    words = name.strip("_").split("_")
    text = TEMPLATE.substitute(name="".join(word.capitalize() for word in words), module=name, title=" ".join(words).capitalize())
    try:
        with file.open("x") as out:
            out.write(text)
    except FileExistsError as error:
        raise Failure(ExitCode.CONFLICT, f"{file} exists already", "Choose another name, or remove it first.") from error
    except OSError as error:
        raise Failure(
            ExitCode.NOT_ALLOWED, f"{file} cannot be written: {error.strerror}", "Choose another place: --dir DIR."
        ) from error
    shown = file if file.is_absolute() else f"./{file}"
    print(f"{file} is written. Run it with: weft start --app l2_learning --app {shown}")
