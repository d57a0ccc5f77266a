"""`weft start`: options checked and made into `Settings`, then the controller runs until it is told to stop."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer

from controller.cli import options, paths
from controller.cli.client import Client
from controller.cli.errors import ExitCode, Failure
from controller.runtime.settings import Settings

LISTEN = "tcp:127.0.0.1:6653"
WEB = "127.0.0.1:8080"
NO_WEB = ("", "none")
MOST_PORT = 65535

Listen = Annotated[
    list[str] | None,
    typer.Option(
        "--listen",
        "-l",
        metavar="tcp|ssl:HOST:PORT|unix:PATH",
        show_default=LISTEN,
        help="Where bridges connect; may be given again.",
    ),
]
Apps = Annotated[
    list[str] | None,
    typer.Option("--app", "-a", metavar="NAME|FILE.py", show_default="l2_learning", help="An app to run; may be given again."),
]
File = Annotated[
    Path | None,
    typer.Option("--network-file", "-f", metavar="FILE", help="Networks and their ports; read again on SIGHUP."),
]
Foreign = Annotated[Literal["remove", "keep"], typer.Option(help="What to do with flows on a bridge that no app wants.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="APP.FIELD=VALUE", help="Configure an app; the value is read as YAML. May be given again."),
]
Level = Annotated[Literal["debug", "info", "warning", "error"], typer.Option(help="The least that is logged, to standard error.")]
Style = Annotated[Literal["console", "json"], typer.Option(help="How the log is written.")]


def _pem(name: str, what: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(name, metavar="FILE", exists=True, dir_okay=False, readable=True, help=what)
    return option


def start(
    listen: Listen = None,
    web: Annotated[str, typer.Option(metavar="HOST:PORT|none", help="Where the dashboard and the REST API listen.")] = WEB,
    app: Apps = None,
    set_: Set = None,
    network_file: File = None,
    foreign_flows: Foreign = "remove",
    private_key: Annotated[Path | None, _pem("--private-key", "Our private key, PEM, for ssl: listeners.")] = None,
    certificate: Annotated[Path | None, _pem("--certificate", "Our certificate, PEM, for ssl: listeners.")] = None,
    ca: Annotated[Path | None, _pem("--ca-cert", "The authority that signed the bridges' certificates, PEM.")] = None,
    log_level: Level = "info",
    log_format: Style = "console",
    state_dir: options.StateDir = None,
) -> None:
    """Run the controller in the foreground. Ctrl-C stops it; bridges go on forwarding with the flows they have.

    \b
    weft start                                         take every bridge that connects to port 6653
    weft start --listen tcp:0.0.0.0:6653               also from other machines
    weft start --app l2_learning --app ./no_telnet.py  with an app of your own
    weft start -f network.yaml                         with networks, and which ports belong to them
    weft start --set l2_learning.max_hosts_per_port=8
    weft start --listen ssl:0.0.0.0:6653 --private-key key.pem --certificate cert.pem --ca-cert cacert.pem
    """
    listen = listen or [LISTEN]
    _tell_all((check_listen, listen), (check_web, [web]), (_setting, set_ or []))
    settings = Settings(
        state_dir=(state_dir or paths.state_dir()).expanduser().absolute(),
        listen=tuple(listen),
        web="" if web in NO_WEB else web,
        apps=tuple(app or ()),
        foreign_flows=foreign_flows,
        private_key=private_key,
        certificate=certificate,
        ca=ca,
        log_level=log_level,
        log_format=log_format,
        app_config=app_config(set_ or []),
        network_file=network_file.expanduser().absolute() if network_file else None,
    )
    check_tls(settings)
    check_state_dir(settings.state_dir)
    from controller.runtime.wiring import run

    raise typer.Exit(run(settings))


def _tell_all(*checks: tuple[Callable[[str], object], list[str]]) -> None:
    """What is wrong with the words themselves, of all of them."""
    wrong = []
    for check, words in checks:
        for word in words:
            try:
                check(word)
            except typer.BadParameter as error:
                wrong.append(error.message)
    if wrong:
        raise typer.BadParameter("\n".join(wrong))


def split_address(text: str) -> tuple[str, int] | None:
    """HOST:PORT or [IPv6]:PORT as host and port, which may be too large; None where it is neither."""
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not host or (":" in host and not bracketed):
        return None
    return (host, int(port)) if port.isascii() and port.isdigit() else None


def _check_port(text: str) -> None:
    split = split_address(text)
    if split is not None and split[1] > MOST_PORT:
        raise typer.BadParameter(f"'{text}': ports are 0 to {MOST_PORT}.")


def check_listen(target: str) -> str:
    """A listener of OpenFlow connections."""
    scheme, _, address = target.partition(":")
    if scheme == "unix" and address.startswith("/") and len(address.encode()) <= paths.SOCKET_LIMIT:
        return target
    if scheme not in ("tcp", "ssl") or split_address(address) is None:
        forms = f"tcp:HOST:PORT, ssl:HOST:PORT or unix:/PATH, as {LISTEN} or tcp:[::1]:6653"
        raise typer.BadParameter(f"'{target}' is not a place to listen: write {forms}.")
    _check_port(address)
    return target


def check_web(address: str) -> str:
    """The listener of the dashboard."""
    if address in NO_WEB:
        return address
    if split_address(address) is None:
        raise typer.BadParameter(
            f"'{address}' is not an address for the dashboard: write HOST:PORT, as {WEB}, or none for no dashboard."
        )
    _check_port(address)
    return address


def app_config(settings: list[str]) -> dict[str, dict[str, object]]:
    """`APP.FIELD=VALUE` as a mapping by app and field, values by YAML's rules: numbers, true, lists, text."""
    config: dict[str, dict[str, object]] = {}
    for app, field, value in map(_setting, settings):
        config.setdefault(app, {})[field] = value
    return config


def _setting(setting: str) -> tuple[str, str, object]:
    name, equals, text = setting.partition("=")
    app, dot, field = name.partition(".")
    if not (equals and dot and app and field):
        raise typer.BadParameter(f"'{setting}' is not a setting: write APP.FIELD=VALUE, as l2_learning.max_hosts_per_port=8.")
    return app, field, _yaml(setting, text)


def _yaml(setting: str, text: str) -> object:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        from controller.config.syntax import explain

        _, column, sentence = explain(error, text)
        raise typer.BadParameter(f"the value of '{setting}' is not YAML (character {column}): {sentence}.") from None


def check_tls(settings: Settings) -> None:
    """A listener with TLS needs all three files: bridges are asked for certificates too."""
    secure = [target for target in settings.listen if target.startswith("ssl:")]
    files = {"--private-key": settings.private_key, "--certificate": settings.certificate, "--ca-cert": settings.ca}
    missing = [name for name, path in files.items() if path is None]
    if secure and missing:
        raise typer.BadParameter(f"{secure[0]} needs {', '.join(missing)}. 'ovs-pki' makes the files: see docs/operations.md.")


def check_state_dir(folder: Path) -> None:
    """The directory is ours to write, or can be made, and no other controller works in it. Nothing is made here."""
    there = next(parent for parent in (folder, *folder.parents) if os.path.lexists(parent))
    if not there.is_dir():
        raise Failure(
            ExitCode.NOT_ALLOWED,
            f"the state directory {folder} cannot be made: {there} is no directory",
            "Choose another: --state-dir DIR.",
        )
    if not os.access(there, os.W_OK | os.X_OK):
        raise Failure(
            ExitCode.NOT_ALLOWED,
            f"the state directory {folder} cannot be {'written' if there == folder else f'made: {there} cannot be written'}",
            "Use sudo, or choose another: --state-dir DIR.",
        )
    if len(str(folder / paths.SOCKET).encode()) > paths.SOCKET_LIMIT:
        raise Failure(
            ExitCode.USAGE,
            f"the state directory {folder} has too long a path for a socket in it",
            "Choose a shorter one: --state-dir DIR.",
        )
    try:
        Client(folder, timeout=2.0).get("/status")
    except Failure as failure:
        if failure.code is ExitCode.UNREACHABLE:
            return
    raise Failure(
        ExitCode.CONFLICT,
        f"a controller already runs with the state directory {folder}",
        "Stop it first, or choose another: --state-dir DIR.",
    )
