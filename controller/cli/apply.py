"""`weft apply`: a running controller makes the network what a network file says."""

from typing import Annotated

import typer

from controller.cli import options
from controller.cli.client import Client
from controller.cli.config import read
from controller.cli.output import Format, many, print_value

SECONDS = 60.0  # for a file of a hundred thousand ports

File = Annotated[str, typer.Option("--file", "-f", metavar="FILE", help="The network file; - reads standard input.")]


def apply(file: File, output: options.Output = Format.TABLE, state_dir: options.StateDir = None) -> None:
    """Make the running network what a file says.

    What does not change is not touched. All of it comes true, or with a mistake nothing.

    It holds until the controller restarts: that reads the file given to 'weft start -f FILE'.

    \b
    weft apply -f network.yaml
    """
    name, text = read(file)
    done = Client(state_dir, SECONDS).put("/config", {"text": text, "name": name})
    if print_value(done, output):
        return
    counts = ", ".join(many(done[f"{what}s"], what) for what in ("network", "port", "change"))
    print(f"{name} holds: {counts}")
    if done["pending"]:
        print(f"waiting for ports that do not exist yet: {', '.join(done['pending'])}")
