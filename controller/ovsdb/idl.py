"""One connection to the database of a hypervisor: `ovs.db.idl`, driven from outside, in turns of bounded work.

`run` moves what can be moved, `wait` tells a poller when there is more to do; neither blocks. The library's poller protocol is
kept: fd_wait(fd or socket, POLLIN | POLLOUT), timer_wait(ms), timer_wait_until(ms of `ovs.timeval`), immediate_wake().
"""

from __future__ import annotations

import os
import socket
import ssl
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Protocol
from uuid import UUID

import ovs.db.idl
import ovs.jsonrpc
import ovs.poller
import ovs.reconnect
import ovs.stream
import ovs.timeval

from controller.ovsdb import streams
from controller.ovsdb.columns import CONFIGURED, REPORTED, schema
from controller.ovsdb.rows import Columns, Operation, Ref, Seen, Value, mapping

POLLIN, POLLOUT = ovs.poller.POLLIN, ovs.poller.POLLOUT
milliseconds = ovs.timeval.msec  # the library's clock
MIN_BACKOFF, MAX_BACKOFF = 100, 1000  # milliseconds between two attempts to connect
PROBE = 5000  # milliseconds of silence until the other side is asked, and again until it is given up
LOADING = 10.0  # seconds in which a database must have been loaded


class Poller(Protocol):
    """Whoever wakes us."""

    def fd_wait(self, fd: Any, events: int) -> None:
        """Call again when it is readable (POLLIN) or writable (POLLOUT)."""

    def timer_wait(self, msec: float) -> None:
        """Call again after so many milliseconds."""

    def timer_wait_until(self, msec: float) -> None:
        """Call again at this time."""

    def immediate_wake(self) -> None:
        """Call again after the others had their turn."""


class _Reconnect(ovs.reconnect.Reconnect):  # type: ignore[misc]
    """Says why there is no connection; the library writes that into a log of its own."""

    def __init__(self) -> None:
        super().__init__(milliseconds())
        self.min_backoff, self.max_backoff = MIN_BACKOFF, MAX_BACKOFF
        self.reason = ""
        self.ours = ""  # why we end the connection ourselves

    def disconnected(self, now: int, error: int) -> None:
        silent = "the connection was silent, and is given up" if self.is_connected() else "no answer"
        super().disconnected(now, error)
        self.reason, self.ours = self.ours or _words(error, silent), ""


class _Idl(ovs.db.idl.Idl):  # type: ignore[misc]
    """Counts changes of what is configured and of anything, and keeps the rows as plain values until they change."""

    def __init__(self, remote: str) -> None:
        helper = ovs.db.idl.SchemaHelper(None, schema())
        helper.register_all()
        super().__init__(remote, helper, leader_only=False)
        self.configured = self.changes = 0
        self._plain: dict[str, dict[Any, tuple[Ref, Columns]]] = defaultdict(dict)
        self._reported: dict[str, dict[Any, tuple[Ref, Columns]]] = defaultdict(dict)

    def notify(self, event: str, row: Any, updates: Any = None) -> None:
        self.changes += 1
        table = row._table.name
        self._reported[table].pop(row.uuid, None)
        if updates is None or any(name in CONFIGURED[table] for name in updates._data):
            self.configured += 1
            self._plain[table].pop(row.uuid, None)

    def plain(self, table: str, reported: bool) -> dict[Ref, Columns]:
        """The rows of a table: what is configured, or what is reported."""
        kept = (self._reported if reported else self._plain)[table]
        columns = (REPORTED if reported else CONFIGURED)[table]
        rows = self.tables[table].rows
        for uuid in kept.keys() - rows.keys():
            del kept[uuid]  # the database was loaded again without it
        for uuid, row in rows.items():
            if uuid not in kept:
                kept[uuid] = Ref(str(uuid)), {name: _value(row._data[name]) for name in columns}
        return dict(kept.values())


class Database:
    """A connection that is made again for as long as nobody closes it; one that was accepted ends for good."""

    def __init__(self, remote: str, session: Any) -> None:
        self.remote = remote
        self._idl = _Idl(remote)
        self._idl._session = session
        self._reconnect: _Reconnect = session.reconnect
        self._loading = milliseconds()  # since when

    # ------------------------------------------------------------------ turns

    def run(self) -> None:
        """One turn. Never blocks; what a malformed answer raises inside of the library ends the connection."""
        stream = self._stream()
        if stream is not None:
            stream.budget = streams.TURN
        try:
            self._idl.run()
        except Exception as error:
            self._drop(f"its answer was not understood ({type(error).__name__}: {error})")
        if stream is not None and stream.why:
            self._reconnect.reason = stream.why
        if self.ready or not self._idl._session.is_connected():
            self._loading = milliseconds()
        elif milliseconds() - self._loading > LOADING * 1000:
            self._drop("it does not answer as an Open_vSwitch database does")

    def wait(self, poller: Poller) -> None:
        """Say what to wait for until the next turn."""
        self._idl.wait(poller)
        if not self.ready:
            poller.timer_wait(1000)

    def close(self) -> None:
        """End the connection."""
        self._idl.close()

    def _stream(self) -> Any:
        session = self._idl._session
        return session.rpc.stream if session.rpc is not None else session.stream

    def _drop(self, why: str) -> None:
        self._reconnect.ours, self._loading = why, milliseconds()
        self._idl.force_reconnect()

    # ------------------------------------------------------------------ state

    @property
    def ready(self) -> bool:
        """Whether the rows are those of the database."""
        session = self._idl._session
        at_rest = self._idl.state == ovs.db.idl.Idl.IDL_S_MONITORING and session.get_seqno() == self._idl._last_seqno
        return bool(session.is_connected() and at_rest)

    @property
    def ended(self) -> bool:
        """Whether it will not come back: the other side had dialled in, and hung up."""
        return not self._idl._session.is_alive()

    @property
    def reason(self) -> str:
        """Why there was no connection the last time; empty where there always was one."""
        return self._reconnect.reason

    @property
    def configured(self) -> int:
        """A number that changes with what is configured."""
        return self._idl.configured

    @property
    def changes(self) -> int:
        """A number that changes with anything."""
        return self._idl.changes

    # ------------------------------------------------------------------ rows

    def seen(self) -> Seen:
        """The configured columns of all rows."""
        return Seen({table: self._idl.plain(table, reported=False) for table in CONFIGURED})

    def configured_rows(self, table: str) -> dict[Ref, Columns]:
        """The configured columns of the rows of one table."""
        return self._idl.plain(table, reported=False)

    def reported(self, table: str) -> dict[Ref, Columns]:
        """The columns of a table that say how things are."""
        return self._idl.plain(table, reported=True)

    @property
    def system_id(self) -> str:
        """What the hypervisor calls itself: `external_ids:system-id` of its database; empty where it has none."""
        for row in self.reported("Open_vSwitch").values():
            return mapping(row, "external_ids").get("system-id", "")
        return ""

    def transact(self, operations: Iterable[Operation], comment: str) -> Any:
        """Send one transaction, which asks ovs-vswitchd to follow it. Its state is that of the library's."""
        transaction = ovs.db.idl.Transaction(self._idl)
        transaction.add_comment(comment)
        for operation in operations:
            transaction.add_op(operation.json())
        for root in self._idl.tables["Open_vSwitch"].rows.values():
            root.increment("next_cfg")
        transaction.commit()
        return transaction


def dialled(remote: str, context: ssl.SSLContext | None) -> Database:
    """A connection to "unix:/PATH", "tcp:ADDRESS:PORT" or "ssl:ADDRESS:PORT", the last with our key and whom we trust."""
    if context is not None:
        streams.Tls.contexts[remote.partition(":")[2]] = context
    reconnect = _Reconnect()
    session = ovs.jsonrpc.Session(reconnect, None, [remote])
    session.pick_remote()
    reconnect.set_probe_interval(PROBE if ovs.stream.stream_or_pstream_needs_probes(remote) else 0)
    reconnect.enable(milliseconds())
    return Database(remote, session)


def accepted(sock: socket.socket, name: str) -> Database:
    """The connection of a hypervisor that dialled in; `name` says from where, as "tcp:ADDRESS:PORT"."""
    reconnect = _Reconnect()
    reconnect.set_name(name)
    reconnect.set_max_tries(0)
    reconnect.enable(milliseconds())
    reconnect.set_probe_interval(PROBE)
    session = ovs.jsonrpc.Session(reconnect, ovs.jsonrpc.Connection(streams.accepted(sock, name)), [name])
    session.seqno = 1
    reconnect.connected(milliseconds())
    return Database(name, session)


def _value(datum: Any) -> Value:
    """The value of a column, of the plain types that we compare."""
    if datum.type.is_map():
        return {key.value: atom.value for key, atom in datum.values.items()}
    atoms = [Ref(str(atom.value)) if isinstance(atom.value, UUID) else atom.value for atom in datum.values]
    return atoms[0] if datum.type.is_scalar() else frozenset(atoms)


def _words(error: int, otherwise: str) -> str:
    if error == ovs.jsonrpc.EOF:
        return "the other side hung up"
    text = os.strerror(error) if error > 0 else otherwise
    return text[:1].lower() + text[1:]
