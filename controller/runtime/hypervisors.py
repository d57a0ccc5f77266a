"""Hypervisors in the event loop: connections to their databases made and taken, each one pumped when it asks for it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from controller.ovsdb.idl import Database, Poller, accepted, dialled
from controller.ovsdb.intents import Intent
from controller.ovsdb.provision import Hypervisor, HypervisorState, Tell
from controller.runtime.channel import ListenError, Tls
from controller.runtime.pump import Pump

VISITORS = 64  # hypervisors that dialled in and have not said yet who they are


@dataclass(frozen=True, slots=True)
class Place:
    """Where a hypervisor is: `remote` where we dial, "tcp:ADDRESS:PORT", "ssl:..." or "unix:/PATH"; or `listen` where it does.

    `listen` is written as Open vSwitch does, "ptcp:PORT:ADDRESS" or "pssl:PORT:ADDRESS". Where several dial in at one place, each
    has a `system_id`, that of its database.
    """

    remote: str = ""
    listen: str = ""
    system_id: str = ""


class _Visitor:
    """A hypervisor that dialled in, until it is known which one it is."""

    def __init__(self, database: Database, known: Callable[[_Visitor], None]) -> None:
        self.database, self._known = database, known
        self.pump: Pump | None = None

    def run(self) -> None:
        self.database.run()
        if self.database.ended or self.database.ready:
            self._known(self)

    def wait(self, poller: Poller) -> None:
        self.database.wait(poller)


class _Listener:
    """A place where hypervisors dial in."""

    def __init__(self, hypervisors: Hypervisors, target: str, context: ssl.SSLContext | None) -> None:
        self.target, self._hypervisors, self._context = target, hypervisors, context
        scheme, port, address = _parse(target)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            self._socket = socket.create_server((address, port), family=family, backlog=128)
        except OSError as error:
            raise ListenError(f"cannot listen on {target}: {error.strerror}") from error
        self._socket.setblocking(False)
        self._scheme = scheme
        hypervisors.loop.add_reader(self._socket.fileno(), self._accept)

    def _accept(self) -> None:
        try:
            connection, peer = self._socket.accept()
        except OSError:
            return  # it hung up before it had its turn
        if self._context is not None:
            connection.setblocking(False)
            try:
                connection = self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            except OSError:
                connection.close()
                return
        address = f"[{peer[0]}]" if ":" in peer[0] else peer[0]
        self._hypervisors.visited(connection, f"{self._scheme}:{address}:{peer[1]}", self.target)

    def close(self) -> None:
        self._hypervisors.loop.remove_reader(self._socket.fileno())
        self._socket.close()


class _Leaving:
    """A hypervisor that is kept no more, until all is gone that was made there."""

    def __init__(self, loop: asyncio.AbstractEventLoop, hypervisor: Hypervisor, ended: Callable[[_Leaving], None]) -> None:
        self.hypervisor, self._ended = hypervisor, ended
        self.pump = Pump(loop, self)
        hypervisor.leave()
        self.pump.immediate_wake()

    def run(self) -> None:
        self.hypervisor.run()
        if self.hypervisor.agrees or self.hypervisor.state().state in ("unreachable", "refused"):
            self._ended(self)

    def wait(self, poller: Poller) -> None:
        self.hypervisor.wait(poller)

    def close(self) -> None:
        self.pump.stop()
        if self.hypervisor.database is not None:
            self.hypervisor.database.close()


class Hypervisors:
    """All hypervisors by name. To be used in the event loop."""

    def __init__(self, owner: str, tell: Tell, tls: Tls | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        self._owner, self._tell, self._tls = owner, tell, tls
        self._places: dict[str, Place] = {}
        self._kept: dict[str, Hypervisor] = {}
        self._pumps: dict[str, Pump] = {}
        self._listeners: dict[str, _Listener] = {}
        self._visitors: set[_Visitor] = set()
        self._leaving: set[_Leaving] = set()

    def apply(self, wanted: Mapping[str, tuple[Place, Intent]], others: Collection[str] = ()) -> None:
        """Keep these hypervisors so. Raises ListenError, and nothing has changed.

        What was made on one that is not named any more is removed, but where it is among the `others`, that somebody else keeps.
        """
        listeners = self._listen({place.listen for place, _ in wanted.values() if place.listen})
        contexts = {name: self._dialling(place) for name, (place, _) in wanted.items()}
        for target in self._listeners.keys() - listeners.keys():
            self._listeners[target].close()
        self._listeners = listeners
        stay = {place for place, _ in wanted.values()}
        for name, place in list(self._places.items()):
            if name in others or (place in stay and (name not in wanted or wanted[name][0] != place)):
                self._forget(name)  # somebody else's from now on, or another one's, which takes away what it does not want
            elif name not in wanted or wanted[name][0] != place:
                self._let_go(name)
        for name, (place, intent) in wanted.items():
            self._keep(name, place, intent, contexts[name])

    def __len__(self) -> int:
        return len(self._kept)

    def states(self) -> tuple[HypervisorState, ...]:
        """How they are, by name."""
        return tuple(self._kept[name].state() for name in sorted(self._kept))

    def state(self, name: str) -> HypervisorState | None:
        """How one is; None where it is not kept."""
        return self._kept[name].state() if name in self._kept else None

    def changes(self) -> object:
        """Equal to what it was where nothing has changed at any of them."""
        return [(name, kept.changes) for name, kept in self._kept.items()]

    def mtus(self, name: str) -> dict[str, int]:
        """The MTU in octets of each interface of a hypervisor; empty where that is away."""
        return self._kept[name].mtus() if name in self._kept else {}

    def close(self) -> None:
        """End all connections. What was made stays."""
        for name in list(self._kept):
            self._forget(name)
        for visitor in list(self._visitors):
            self._leave(visitor)
        for leaving in self._leaving:
            leaving.close()
        self._leaving.clear()
        for listener in self._listeners.values():
            listener.close()
        self._listeners.clear()

    # ------------------------------------------------------------------ kept

    def _keep(self, name: str, place: Place, intent: Intent, context: ssl.SSLContext | None) -> None:
        if name not in self._kept:
            for leaving in [leaving for leaving in self._leaving if leaving.hypervisor.name == name]:
                leaving.close()  # it is back before all was gone
                self._leaving.discard(leaving)
            self._places[name] = place
            self._kept[name] = Hypervisor(name, self._owner, self._tell)
            self._pumps[name] = Pump(self.loop, self._kept[name])
            if place.remote:
                self._kept[name].attach(dialled(place.remote, context))
        self._kept[name].want(intent)
        self._pumps[name].immediate_wake()

    def _let_go(self, name: str) -> None:
        """Keep one no more: what was made there goes, if it can be reached."""
        hypervisor = self._kept.pop(name)
        self._pumps.pop(name).stop()
        del self._places[name]
        self._leaving.add(_Leaving(self.loop, hypervisor, self._gone))

    def _gone(self, leaving: _Leaving) -> None:
        name, state, left = leaving.hypervisor.name, leaving.hypervisor.state(), leaving.hypervisor.leftovers
        done = leaving.hypervisor.agrees
        leaving.close()
        self._leaving.discard(leaving)
        if not done:
            text = f"{name} is kept no more; what weft made there stays, it is {state.state}: {state.reason}"
            self._tell("warning", "hypervisor.left", name, text)
        elif left:
            text = f"{name} is kept no more; what weft made there is removed, but {left[0].subject}: {left[0].text}"
            self._tell("warning", "hypervisor.left", name, text)
        else:
            self._tell("info", "hypervisor.left", name, f"{name} is kept no more; what weft made there is removed")

    def _forget(self, name: str) -> None:
        self._pumps.pop(name).stop()
        database = self._kept.pop(name).database
        if database is not None:
            database.close()
        del self._places[name]

    def _dialling(self, place: Place) -> ssl.SSLContext | None:
        """What TLS needs where we dial."""
        return self._context(place.remote, ssl.PROTOCOL_TLS_CLIENT) if place.remote.startswith("ssl:") else None

    def _context(self, target: str, side: int) -> ssl.SSLContext:
        if self._tls is None:
            raise ListenError(f"{target} needs --private-key, --certificate and --ca-cert; ovs-pki makes them")
        try:
            return self._tls.context(side)
        except (OSError, ValueError) as error:
            raise ListenError(f"{target}: {error}") from error

    # ------------------------------------------------------------------ those that dial in

    def _listen(self, targets: set[str]) -> dict[str, _Listener]:
        """Listeners for these places, of which those stay that there are."""
        made: dict[str, _Listener] = {}
        try:
            for target in sorted(targets - self._listeners.keys()):
                context = self._context(target, ssl.PROTOCOL_TLS_SERVER) if target.startswith("pssl:") else None
                made[target] = _Listener(self, target, context)
        except ListenError:
            for listener in made.values():
                listener.close()
            raise
        return made | {target: self._listeners[target] for target in targets & self._listeners.keys()}

    def visited(self, connection: socket.socket, name: str, listen: str) -> None:
        """Somebody dialled in."""
        if len(self._visitors) >= VISITORS:
            connection.close()
            return
        visitor = _Visitor(accepted(connection, name), lambda known: self._received(known, listen))
        visitor.pump = Pump(self.loop, visitor)
        self._visitors.add(visitor)
        visitor.pump.immediate_wake()

    def _received(self, visitor: _Visitor, listen: str) -> None:
        """A visitor has said who it is, or is gone."""
        database = visitor.database
        if database.ended:
            self._tell("warning", "hypervisor.refused", listen, f"{database.remote} dialled in at {listen}: {database.reason}")
            return self._leave(visitor)
        name = self._name_of(database.system_id, listen)
        if not name:
            known = f"its system-id is {database.system_id!r}" if database.system_id else "it has no system-id"
            text = f"{database.remote} dialled in at {listen}, and is no hypervisor that is known: {known}"
            self._tell("warning", "hypervisor.unknown", listen, text)
            return self._leave(visitor)
        assert visitor.pump is not None
        visitor.pump.stop()
        self._visitors.discard(visitor)
        self._kept[name].attach(database)
        return self._pumps[name].immediate_wake()

    def _name_of(self, system_id: str, listen: str) -> str:
        """The hypervisor that dials in here and is called so; or the one that may be called anything."""
        here = {place.system_id: name for name, place in self._places.items() if place.listen == listen}
        return here.get(system_id) or here.get("", "")

    def _leave(self, visitor: _Visitor) -> None:
        assert visitor.pump is not None
        visitor.pump.stop()
        visitor.database.close()
        self._visitors.discard(visitor)


def _parse(target: str) -> tuple[str, int, str]:
    """Scheme, port and address of "ptcp:PORT:ADDRESS"; without an address all of this host."""
    scheme, _, rest = target.partition(":")
    port, _, address = rest.partition(":")
    if scheme not in ("ptcp", "pssl") or not port.isdigit() or int(port) > 0xFFFF:
        raise ListenError(f"{target!r} is no place to dial in; write ptcp:6640:0.0.0.0 or pssl:6640:0.0.0.0")
    return scheme.removeprefix("p"), int(port), address.strip("[]") or "0.0.0.0"
