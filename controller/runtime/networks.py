"""The network file made true: its networks and ports as rows, its apps' fields as their configuration, all of it or nothing.

A port is known by bridge and interface name here; which port number that is, and whether there is one yet, is for the rules.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from controller.app import forget_hosts
from controller.config import ConfigError, NetworkFile, differences, entries, load, parse
from controller.model import (
    Attachment,
    Bridge,
    BridgeName,
    Host,
    LinkConfig,
    Network,
    Port,
    PortConfig,
    Row,
    UnlistedPorts,
)
from controller.query import Applied, HypervisorView, QueryError
from controller.runtime import overlay, services
from controller.runtime.catalogue import Catalogue
from controller.runtime.control import Control
from controller.runtime.fields import mistakes, mistakes_of
from controller.runtime.provisioning import Provisioning
from controller.state.tables import Tables, Tx

TYPES = (Network, BridgeName, PortConfig, LinkConfig, UnlistedPorts, *overlay.TYPES, *services.TYPES)


def rows_of(file: NetworkFile) -> Iterator[Row]:
    """What the file wants, as rows."""
    for name, network in file.networks.items():
        yield Network(name, network.vlan, network.description, network.vni, network.mesh)
    for name, bridge in file.bridges.items():
        if bridge.dpid:
            yield BridgeName(bridge.dpid, name)
    for port, entry in file.ports.items():
        yield PortConfig(*port, entry.access, entry.trunk, entry.native, entry.qinq, entry.isolated)
    for end, link in file.links.items():
        yield LinkConfig(*end, link.cost)
    yield from overlay.rows_of(file)
    yield from services.rows_of(file)
    yield UnlistedPorts(network="" if file.unlisted_ports == "closed" else "default")


def put(tx: Tx, file: NetworkFile) -> None:
    """Make the rows those of the file: what it does not have any more goes. Equal rows are no change."""
    wanted = {(type(row), type(row).key_of(row)): row for row in rows_of(file)}
    beginnings = services.still_up(tx, wanted.values())
    for cls in TYPES:
        for row in tx.where(cls):
            if (cls, cls.key_of(row)) not in wanted:
                tx.drop(row)
    for row in services.forgotten(tx, wanted.values()):
        tx.drop(row)
    for row in (*wanted.values(), *beginnings):
        tx.put(row)


def pending(file: NetworkFile, tables: Tables) -> list[str]:
    """Ports of the file that no bridge has, as they are written there."""
    called = {row.dpid: row.name for row in tables.all(BridgeName)}
    names = {row.bridge: called.get(row.dpid, row.bridge) for row in tables.all(Bridge)}
    there = {(names.get(port.bridge, port.bridge), port.name) for port in tables.all(Port)}
    return sorted(str(port) for port in {*file.ports, *file.links} if port not in there)


class Networks:
    """Applies network files to a running controller."""

    def __init__(self, control: Control, catalogue: Catalogue, provisioning: Provisioning, path: Path | None = None) -> None:
        self._control, self._catalogue, self._provisioning, self._path = control, catalogue, provisioning, path
        self._holds = entries(NetworkFile())
        self._mistakes = partial(mistakes, catalogue)
        self._rereading: asyncio.Task[None] | None = None

    def apply(self, file: NetworkFile, name: str, then: Callable[[], None] = lambda: None) -> Applied:
        """Begin to change the running network. Raises ConfigError where it cannot be, and nothing has changed.

        The loop goes on meanwhile; `then` is called when the rules have run, and what bridges have to change is known.
        """
        settings = self._settings(file)
        self._provisioning.apply(file)
        self._catalogue.configure(settings)
        engine, bulk = self._control.engine, self._control.bulk
        bulk.take(lambda: True)  # what differs is known when an earlier file is there as a whole
        before = set(engine.tables.rows[Attachment])
        tx = Tx(engine.tables)
        put(tx, file)
        held, self._holds = self._holds, entries(file)
        changes = differences(held, self._holds)

        def end() -> None:
            self._forget_hosts(before - engine.tables.rows[Attachment].keys())
            self._control.journal.changed("ports", "flows", "apps", "hosts")
            then()

        bulk.add(tx, end)
        self._control.drive()
        waiting = tuple(pending(file, engine.tables))
        done = Applied(name, len(file.networks), len(file.ports), changes, waiting)
        text = f"{name}: {_many(done.networks, 'network')}, {_many(done.ports, 'port')}, {_many(changes, 'change')}"
        if waiting:
            text += "; 1 waits for its port" if len(waiting) == 1 else f"; {len(waiting)} wait for their ports"
        self._control.journal.add("info", "config.applied", name, text)
        return done

    def _settings(self, file: NetworkFile) -> dict[str, dict[str, object]]:
        """Fields of apps that fit. Raises ConfigError."""
        found = [mistake for app, fields in file.apps.items() for mistake in mistakes_of(self._catalogue, app, fields)]
        if found:
            raise ConfigError([file.problem(keys, text, about_key) for keys, about_key, text in found])
        return {app: dict(fields) for app, fields in file.apps.items()}

    def _forget_hosts(self, left: set[tuple[object, ...]]) -> None:
        """Addresses that were learned on a port in a network to which it does not belong any more."""
        tx = Tx(self._control.engine.tables)
        for bridge, port, network in left:
            forget_hosts(tx, *tx.where(Host, bridge=bridge, port=port, network=network))
        self._control.engine.commit(tx)

    # ------------------------------------------------------------------ from a text, from a file

    def parsed(self, text: str, name: str) -> NetworkFile:
        """The file in a text, for any thread. Raises QueryError with every problem."""
        try:
            return parse(text, name, self._mistakes)
        except ConfigError as error:
            raise _refused(error) from None

    def apply_or_refuse(self, file: NetworkFile, name: str, then: Callable[[], None]) -> Applied:
        """`apply`, for readers: raises QueryError with every problem."""
        try:
            return self.apply(file, name, then)
        except ConfigError as error:
            raise _refused(error) from None

    def hypervisors(self) -> tuple[HypervisorView, ...]:
        """How the hypervisors of the file are, by name."""
        return self._provisioning.views()

    @property
    def hypervisor_count(self) -> int:
        """How many of them there are."""
        return self._provisioning.count

    @property
    def file_given(self) -> bool:
        """Whether there is a file to read again."""
        return self._path is not None

    def reread(self) -> None:
        """Read the file that was given at start again, and apply it. Called by a signal, in the event loop."""
        if self._path is not None and (self._rereading is None or self._rereading.done()):
            self._rereading = asyncio.get_running_loop().create_task(self._reread(self._path))

    async def _reread(self, path: Path) -> None:
        try:
            self.apply(await asyncio.to_thread(load, path, self._mistakes), str(path))
        except ConfigError as error:
            print(f"{error}\nweft: {path} was not applied; the network is as before", file=sys.stderr, flush=True)
            text = f"{path} was not applied, the network is as before: {error.problems[0]}"
            more = len(error.problems) - 1
            self._control.journal.add("error", "config.refused", str(path), f"{text} (and {more} more)" if more else text)


def _refused(error: ConfigError) -> QueryError:
    return QueryError(422, "Nothing was changed: the network file has mistakes", str(error))


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
