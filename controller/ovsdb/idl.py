"""One connection to the database of a hypervisor: `ovs.db.idl`, driven from outside, in turns of bounded work.

`run` moves what can be moved, `wait` tells a poller when there is more to do; neither blocks. The library's poller protocol is
kept: fd_wait(fd or socket, POLLIN | POLLOUT), timer_wait(ms), timer_wait_until(ms of `ovs.timeval`), immediate_wake().
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterable
from typing import Any, Protocol

import ovs.db.idl
import ovs.jsonrpc
import ovs.poller
import ovs.reconnect
import ovs.stream
import ovs.timeval

from controller.ovsdb import streams
from controller.ovsdb.columns import CONFIGURED, schema
from controller.ovsdb.rows import Operation, Ref, Seen, Value, mapping

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
    """Counts changes: of what is configured, and of anything."""

    configured = 0
    changes = 0

    def notify(self, event: str, row: Any, updates: Any = None) -> None:
        self.changes += 1
        columns = CONFIGURED.get(row._table.name, {})
        if updates is None or any(name in columns for name in updates._data):
            self.configured += 1


class Database:
    """A connection that is made again for as long as nobody closes it; one that was accepted ends for good."""

    def __init__(self, remote: str, session: Any) -> None:
        self.remote = remote
        helper = ovs.db.idl.SchemaHelper(None, schema())
        helper.register_all()
        self._idl = _Idl(remote, helper, leader_only=False)
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
            self._drop("it answers, but not with an Open_vSwitch database")

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
        return Seen({table: self.rows(table, *columns) for table, columns in CONFIGURED.items()})

    def rows(self, table: str, *columns: str) -> dict[Ref, dict[str, Value]]:
        """These columns of all rows of a table."""
        rows = self._idl.tables[table].rows.values()
        return {Ref(str(row.uuid)): {name: _plain(row, name) for name in columns} for row in rows}

    @property
    def system_id(self) -> str:
        """What the hypervisor calls itself: `external_ids:system-id` of its database; empty where it has none."""
        for row in self.rows("Open_vSwitch", "external_ids").values():
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


def _plain(row: Any, column: str) -> Value:
    """The value of a column, of the plain types that we compare."""
    value = getattr(row, column)
    if isinstance(value, list):
        return frozenset(Ref(str(item.uuid)) if isinstance(item, ovs.db.idl.Row) else item for item in value)
    return value  # type: ignore[no-any-return]


def _words(error: int, otherwise: str) -> str:
    if error == ovs.jsonrpc.EOF:
        return "the other side hung up"
    text = os.strerror(error) if error > 0 else otherwise
    return text[:1].lower() + text[1:]
