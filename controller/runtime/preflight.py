"""All that can be known to be wrong before anything starts: apps, their fields, the network file, and places to listen."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from controller.config import ConfigError, NetworkFile, load
from controller.runtime import fields, loader
from controller.runtime.catalogue import Catalogue
from controller.runtime.channel import Tls
from controller.runtime.settings import Settings

REFUSED, CONFLICT, USAGE = 1, 5, 64
Place = tuple[int, str, int]  # family, address, port


class NotReadyError(ValueError):
    """It cannot start. Its text is all that is wrong, a line each; `code` is the exit code of the gravest kind."""

    def __init__(self, options: list[str], file: ConfigError | None, places: list[str]) -> None:
        lines = [*(f"weft: {line}" for line in options), *([str(file)] if file else []), *(f"weft: {line}" for line in places)]
        super().__init__("\n".join([*lines, "weft: nothing was started"]))
        self.code = USAGE if options else REFUSED if file else CONFLICT


def check(settings: Settings, catalogue: Catalogue, sources: tuple[str, ...]) -> tuple[list[str], NetworkFile | None]:
    """The names of the apps to run, which the catalogue has then, and what the network file holds.

    Raises NotReadyError with every mistake.
    """
    options, file, mistakes = [*_tls(settings)], None, None
    names = []
    for source in sources:
        try:
            names.append(catalogue.add(source))
        except loader.LoadError as error:
            given = source in settings.apps
            options.append(
                f"--app: {error}" if given else f"{error}; weft is not installed as a whole: run script/bootstrap again"
            )
    for name in settings.app_config:
        options += [f"--set {name}{text}" for text in catalogue.wrong_options(name)]
    try:
        file = load(settings.network_file, partial(fields.mistakes, catalogue)) if settings.network_file else None
    except ConfigError as error:
        mistakes = error
    else:
        options += [*_missing_fields(catalogue, names, file)]
    places = [*_places(settings)]
    if options or mistakes or places:
        raise NotReadyError(options, mistakes, places)
    return names, file


def _missing_fields(catalogue: Catalogue, names: list[str], file: NetworkFile | None) -> Iterator[str]:
    """What neither the command line nor the file gives to an app that cannot do without."""
    for name in names:
        try:
            catalogue.check(name, file.apps.get(name, {}) if file else {})
        except loader.FieldError as error:
            for field, text, _ in error.fields:
                yield f"app {name}: {text}; say it by --set {name}.{field}=VALUE, or in the network file"


def _tls(settings: Settings) -> Iterator[str]:
    if settings.private_key and settings.certificate and settings.ca:
        try:
            Tls(settings.private_key, settings.certificate, settings.ca).context()
        except (OSError, ValueError) as error:
            yield str(error)


def _places(settings: Settings) -> Iterator[str]:
    """What cannot be listened on."""
    ours: list[Place] = []
    for target in settings.listen:
        scheme, _, address = target.partition(":")
        if scheme == "unix":
            folder = Path(address).parent
            why = "" if os.access(folder, os.W_OK | os.X_OK) else f"no socket can be made in {folder}"
        else:
            why = _try(address, ours)
        if why:
            yield f"cannot listen on {target}: {why}"
    if settings.web and (why := _try(settings.web, ours)):
        yield f"the dashboard cannot listen on {settings.web}: {why}; give it another place: --web HOST:PORT, or none"


def _try(address: str, ours: list[Place]) -> str:
    """Take an address for a moment; gives why it cannot be had. It is one of `ours` then, which may meet in one place too."""
    host, _, port = address.rpartition(":")
    try:
        for family, kind, protocol, _, place in socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM):
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(place)
            found = family, str(place[0]), int(port)
            if any(_meet(found, other) for other in ours):
                return f"port {port} is given twice"
            ours.append(found)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return f"port {port} is taken; is another controller running? 'ss -ltnp' tells"
        return (error.strerror or str(error)).lower()
    return ""


def _meet(one: Place, other: Place) -> bool:
    """Two sockets cannot listen there: one port, and one address or all addresses of a family."""
    everywhere = {"0.0.0.0", "::"} & {one[1], other[1]}
    return one[2] != 0 and (one[0], one[2]) == (other[0], other[2]) and (one[1] == other[1] or bool(everywhere))
