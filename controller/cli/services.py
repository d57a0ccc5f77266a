"""`weft service`: give a backend no new connections, and use it again."""

from typing import Annotated

import typer

from controller.cli import options
from controller.cli.client import Client, Item, segment
from controller.cli.output import Format, duration, print_value

commands = typer.Typer(help="Drain backends of services, and use them again.", rich_markup_mode=None, add_completion=False)

Name = Annotated[str, typer.Argument(metavar="SERVICE", help="The service's name.", autocompletion=options.complete_service)]
Address = Annotated[
    str, typer.Argument(metavar="ADDRESS", help="The backend's IP address.", autocompletion=options.complete_backend)
]


@commands.command()
def drain(service: Name, address: Address, output: options.Output = Format.TABLE, state_dir: options.StateDir = None) -> None:
    """Give a backend no new connections; those that it has finish. It holds until undrain, also over a restart.

    \b
    weft service drain web 10.0.10.12
    """
    client = Client(state_dir)
    done = _order(client, service, address, "drain")
    if print_value(done, output):
        return
    backend, deadline = done["backend"], client.get(f"/services/{segment(service)}")["drain_deadline"]
    name = f"{backend['address']} of {backend['service']}"
    print(f"{name} takes no new connections" if done["changed"] else f"{name} is draining already: nothing to do")
    ends = f"; they end after {duration(deadline)} at the latest" if deadline else "; they last as long as they do"
    if backend["active"]:
        print(f"connections that it still has: {backend['active']}{ends}")


@commands.command()
def undrain(service: Name, address: Address, output: options.Output = Format.TABLE, state_dir: options.StateDir = None) -> None:
    """Give a backend new connections again."""
    done = _order(Client(state_dir), service, address, "undrain")
    if print_value(done, output):
        return
    backend = done["backend"]
    name = f"{backend['address']} of {backend['service']}"
    if not done["changed"]:
        print(f"{name} is not draining: nothing to do")
    elif backend["expected"]:
        print(f"{name} takes new connections")
    else:
        print(f"{name} is not draining any more, and still gets no new connections: {backend['reason'] or backend['state']}")


def _order(client: Client, service: str, address: str, order: str) -> Item:
    return client.post(f"/services/{segment(service)}/backends/{segment(address)}/{order}")
