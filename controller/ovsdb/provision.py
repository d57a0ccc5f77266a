"""One hypervisor kept as it is wanted: connect, compare, change in one transaction, wait for ovs-vswitchd, tell.

While it is away what is wanted of it waits; when it is back the difference is applied. A transaction that its database refuses
is shown, and tried again only when what is wanted, or what is there, has changed.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from ovs.db.idl import Transaction

from controller.ovsdb.idl import Database, Poller
from controller.ovsdb.intents import Intent
from controller.ovsdb.reconcile import reconcile
from controller.ovsdb.rows import Columns, Operation, Plan, Problem, Seen, Value, mapping

State = Literal["unreachable", "waiting", "refused", "applied"]
Tell = Callable[[Literal["info", "warning", "error"], str, str, str], None]
"""Told what happened: severity, kind such as "hypervisor.applied", subject, and a sentence."""

OFTEN, REST = 10, 1.0  # after so many changes in a row, seconds until the next: perhaps somebody undoes what we do
PATIENCE = 2.0  # seconds in which a hypervisor may start together with the controller: that it is not there is not told
NO_DIAGNOSTIC = "No Diagnostic"
NO_PORT = frozenset({-1})  # the ofport of an interface that could not be opened


@dataclass(frozen=True, slots=True)
class PortState:
    """How a port that is wanted is: `number` is None until ovs-vswitchd gave it one; `error` says why it will not."""

    bridge: str
    name: str
    number: int | None
    bfd: str
    """up, down, init, admin_down; empty where BFD is off."""
    error: str
    diagnostic: str = ""
    """Why BFD is as it is, in the words of RFC 5880 section 4.1; empty where there is no reason."""


@dataclass(frozen=True, slots=True)
class HypervisorState:
    """How a hypervisor is, and `reason` says why: unreachable, waiting (for it to start, or for its ovs-vswitchd), refused (by
    its database) or applied.
    """

    name: str
    remote: str
    state: State
    reason: str
    since: float
    """Seconds since the epoch."""
    version: str
    ports: tuple[PortState, ...]
    problems: tuple[Problem, ...]


class Hypervisor:
    """What is wanted of one hypervisor, and the connection to it while there is one."""

    def __init__(self, name: str, owner: str, tell: Tell) -> None:
        self.name = name
        self._owner, self._tell = owner, tell
        self._intent = Intent()
        self._home: dict[str, str] = {}  # of ports: their bridge
        self.database: Database | None = None
        self._connected = False
        self._state: tuple[State, str] = ("unreachable", "not connected yet")
        self._since = time.time()
        self._expected = time.monotonic() + PATIENCE  # from then on it is told that it is not there
        self._transaction: Any = None
        self._begun = 0.0  # when the change began that is not applied yet
        self._sent: tuple[tuple[Operation, ...], Seen] | None = None
        self._refused: tuple[tuple[Operation, ...], Seen] | None = None
        self._refusal = ""
        self._compared: tuple[int, Intent] | None = None  # what was there and wanted when there was nothing left to do
        self._recent: deque[float] = deque(maxlen=OFTEN)  # when the last changes were sent
        self._looked = -1
        self._awaited = 0  # the configuration that ovs-vswitchd shall follow
        self._problems: tuple[Problem, ...] = ()
        self._errors: dict[str, str] = {}  # of ports that ovs-vswitchd cannot make

    # ------------------------------------------------------------------ for its keeper

    def want(self, intent: Intent) -> None:
        """What is wanted from now on. The next `run` begins with it."""
        self._intent = intent
        self._home = {port.name: bridge.name for bridge in intent.bridges for port in bridge.all_ports()}
        self._looked = -1

    def leave(self) -> None:
        """Nothing is wanted any more, and nobody waits for it to start."""
        self.want(Intent())
        self._expected = 0.0

    def attach(self, database: Database) -> None:
        """Take this connection; one that there was is closed."""
        self.detach("replaced by a new connection")
        self.database, self._looked = database, -1

    def detach(self, reason: str) -> None:
        """Have no connection any more."""
        if self.database is not None:
            self.database.close()
            self.database = None
            self._away(reason)

    def run(self) -> None:
        """One turn: all that can be done without waiting."""
        database = self.database
        if database is None:
            return
        database.run()
        if database.ended:
            self.detach(database.reason)
        elif database.ready:
            self._turn(database)
        else:
            self._away(database.reason or ("its database is loaded again" if self._connected else ""))

    def _turn(self, database: Database) -> None:
        if not self._connected:
            self._arrive(database)
        self._follow_up()
        if self._transaction is None and self._compared != (database.configured, self._intent) and not self._rests():
            self._compare(database)
        if self._looked != database.changes:
            self._look(database)

    def _rests(self) -> bool:
        return len(self._recent) == OFTEN and time.monotonic() - self._recent[0] < REST

    def wait(self, poller: Poller) -> None:
        """Say what to wait for until the next turn."""
        if self.database is not None:
            if self._rests():
                poller.timer_wait(REST * 1000)
            self.database.wait(poller)
            if self._transaction is not None and self._transaction.commit() != Transaction.INCOMPLETE:
                poller.immediate_wake()

    def state(self) -> HypervisorState:
        """How it is now."""
        remote = self.database.remote if self.database else ""
        version = ""
        ports: list[PortState] = []
        if self._connected and self.database is not None:
            for root in self.database.reported("Open_vSwitch").values():
                version = _text(root["ovs_version"])
            ports = self._ports(self.database)
        return HypervisorState(self.name, remote, *self._shown, self._since, version, tuple(ports), self._problems)

    @property
    def _shown(self) -> tuple[State, str]:
        """How it is. That it is not there is no fault as long as it may be starting."""
        state, reason = self._state
        return ("waiting" if state == "unreachable" and time.monotonic() < self._expected else state), reason

    @property
    def changes(self) -> object:
        """Equal to what it was where nothing has changed."""
        return self._shown, id(self.database), self.database.changes if self.database else 0

    @property
    def agrees(self) -> bool:
        """Its database holds what is wanted, as far as that can be. ovs-vswitchd may have yet to follow."""
        database = self.database
        return self._transaction is None and database is not None and self._compared == (database.configured, self._intent)

    @property
    def leftovers(self) -> tuple[Problem, ...]:
        """Why not all that is wanted can be: what others made stands in its way."""
        return self._problems

    def mtus(self) -> dict[str, int]:
        """The MTU in octets of all interfaces, whoever made them; empty while it is away."""
        if not self._connected or self.database is None:
            return {}
        reported = self.database.reported("Interface")
        rows = self.database.configured_rows("Interface")
        found = {str(row["name"]): _number(reported[ref]["mtu"]) for ref, row in rows.items()}
        return {name: mtu for name, mtu in found.items() if mtu is not None}

    # ------------------------------------------------------------------ connection

    def _away(self, reason: str) -> None:
        if time.monotonic() >= self._expected and (self._connected or (reason and self._state != ("unreachable", reason))):
            self._connected, self._transaction, self._compared = False, None, None
            self._become("unreachable", reason)
            self._tell("warning", "hypervisor.unreachable", self.name, f"{self.name} is unreachable: {reason}")

    def _arrive(self, database: Database) -> None:
        self._expected = 0.0
        self._connected, self._begun, self._looked = True, time.monotonic(), -1
        self._become("waiting", "")
        self._tell("info", "hypervisor.connected", self.name, f"{self.name} is connected ({database.remote})")

    def _become(self, state: State, reason: str) -> None:
        if self._state[0] != state:
            self._since = time.time()
        self._state = state, reason

    # ------------------------------------------------------------------ change

    def _compare(self, database: Database) -> None:
        """Send the difference, unless it is the one that was refused."""
        compared = database.configured, self._intent
        seen = database.seen()
        plan = reconcile(self._intent, seen, self._owner)
        self._tell_problems(plan)
        attempt = plan.operations, seen
        if not plan.operations:
            self._refused = None
        elif attempt != self._refused:
            self._refused = None
            self._sent, self._begun = attempt, self._begun or time.monotonic()
            self._recent.append(time.monotonic())
            self._transaction = database.transact(plan.operations, f"weft {self._owner}")
            self._become("waiting", "")
            return
        self._compared, self._looked = compared, -1

    def _follow_up(self) -> None:
        """What became of the transaction."""
        if self._transaction is None or self._transaction.commit() == Transaction.INCOMPLETE:
            return
        transaction, self._transaction = self._transaction, None
        self._looked = -1
        if transaction.commit() == Transaction.SUCCESS:
            self._awaited = transaction.get_increment_new_value()
        elif transaction.commit() == Transaction.ERROR:
            self._refused, self._refusal = self._sent, _refusal(transaction.get_error())
            text = f"{self.name} refused what is wanted of it: {self._refusal}"
            self._tell("error", "hypervisor.refused", self.name, text)

    def _tell_problems(self, plan: Plan) -> None:
        for problem in plan.problems:
            if problem not in self._problems:
                what = "port" if "/" in problem.subject else "bridge" if problem.subject else "hypervisor"
                kind = f"{what}.{'foreign' if problem.foreign else 'waits'}"
                where = f"{problem.subject} on {self.name}" if problem.subject else self.name
                self._tell("warning", kind, problem.subject or self.name, f"{where}: {problem.text}")
        self._problems = plan.problems

    # ------------------------------------------------------------------ what became of it

    def _look(self, database: Database) -> None:
        """Whether ovs-vswitchd has followed, and what it could not do."""
        self._looked = database.changes
        if self._transaction is None and self._refused is not None:
            self._become("refused", self._refusal)
        elif self._transaction is None and self._compared != (database.configured, self._intent):
            self._become("waiting", "somebody undoes again and again what weft does; it rests a little")
        elif self._transaction is None and not self._lags(database):
            self._applied()
            self._tell_errors({f"{port.bridge}/{port.name}": port.error for port in self._ports(database, faulty=True)})

    def _lags(self, database: Database) -> bool:
        """Whether ovs-vswitchd has yet to follow."""
        for root in database.reported("Open_vSwitch").values():
            wanted, now = min(self._awaited, int(root["next_cfg"])), int(root["cur_cfg"])  # type: ignore[arg-type]
            if now < wanted:
                self._become("waiting", f"ovs-vswitchd has not followed yet (configuration {now} of {wanted})")
            return now < wanted
        self._become("waiting", "its database is empty")
        return True

    def _applied(self) -> None:
        self._become("applied", "")
        if self._begun:
            took, self._begun = time.monotonic() - self._begun, 0.0
            bridges = len(self._intent.bridges)
            text = f"{self.name} has what is wanted: bridges {bridges}, ports {len(self._home)}, after {took * 1000:.0f} ms"
            self._tell("info", "hypervisor.applied", self.name, text)

    def _tell_errors(self, errors: dict[str, str]) -> None:
        for port, text in errors.items():
            if self._errors.get(port) != text:
                self._tell("error", "port.error", port, f"{port} on {self.name}: {text}")
        for port in self._errors.keys() - errors.keys():
            self._tell("info", "port.recovered", port, f"{port} on {self.name} has no error any more")
        self._errors = errors

    def _ports(self, database: Database, faulty: bool = False) -> list[PortState]:
        """The ports that are wanted and there, by bridge and name; or only those with an error."""
        reported = database.reported("Interface")
        found = []
        for ref, row in database.configured_rows("Interface").items():
            name, now = str(row["name"]), reported[ref]
            if name in self._home and (not faulty or now["error"] or now["ofport"] == NO_PORT):
                found.append(_port(self._home[name], name, now))
        return sorted(found, key=lambda port: (port.bridge, port.name))


def _port(bridge: str, name: str, now: Columns) -> PortState:
    number, bfd, error = _number(now["ofport"]), mapping(now, "bfd_status"), _text(now["error"])
    if now["ofport"] == NO_PORT:
        number, error = None, error or "Open vSwitch could not make it, and does not say why"
    diagnostic = bfd.get("diagnostic", NO_DIAGNOSTIC)
    return PortState(bridge, name, number, bfd.get("state", ""), error, "" if diagnostic == NO_DIAGNOSTIC else diagnostic)


def _text(value: Value) -> str:
    return next((str(item) for item in value), "") if isinstance(value, frozenset) else ""


def _number(value: Value) -> int | None:
    return next((item for item in value if isinstance(item, int)), None) if isinstance(value, frozenset) else None


def _refusal(error: str) -> str:
    """The library's JSON of a refusal, in words."""
    try:
        found = json.loads(error)
    except ValueError:
        return error
    return f"{found.get('error', 'error')}: {found.get('details', '')}" if isinstance(found, dict) else error
