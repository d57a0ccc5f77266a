"""Events to apps: each handler in a transaction of its own, and an app that raises disturbs no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from controller.model import PacketIn
from controller.model.cookie import APP_MASK, OWNER_BITS, app_of
from controller.openflow.answers import Known
from controller.pipeline.actions import PORT_CONTROLLER
from controller.runtime.answers import Answers, Asked, Reading
from controller.runtime.confirming import Confirming
from controller.runtime.journal import Journal
from controller.runtime.timers import Timers
from controller.state import fault
from controller.state.engine import AppState, Engine
from controller.state.tables import Tx

Frame = tuple[str, int, tuple[bytes, ...], bytes]


class Dispatch:
    """Delivers events and timers to apps; frames that they send are gathered until `take_frames`."""

    def __init__(self, engine: Engine, journal: Journal, wake: Callable[[], None]) -> None:
        self._engine, self._journal, self._wake = engine, journal, wake
        self._tx = Tx(engine.tables)
        self._frames: list[Frame] = []
        self.confirming = Confirming(engine, self.event, wake)
        self._timers = Timers(engine, self._call, wake)
        self.answers = Answers(engine)
        self.heard: dict[str, Callable[[PacketIn], None]] = {}  # by app: who of the runtime takes its packet-ins

    def packet_in(self, packet: PacketIn, known: Known) -> None:
        """A frame goes to the one app whose flow sent it up. What may be answered again like that is put into `known`."""
        state = self._engine.apps.get(packet.cookie >> OWNER_BITS & APP_MASK)
        if state is None:
            return
        handler = state.app.handlers.get(PacketIn)
        if handler is not None:
            state.packet_ins += 1
            if state.app.is_pure:
                self._ask(state, handler, packet, known)
            else:
                self._call(state, handler, packet)
        elif state.app.name in self.heard:
            state.packet_ins += 1
            self.heard[state.app.name](packet)

    def owned(self, cookie: int, event: object) -> None:
        """An event goes to the app whose flow, group or meter it is about."""
        state = self._engine.apps.get(app_of(cookie))
        handler = state.app.handlers.get(type(event)) if state else None
        if state is not None and handler is not None:
            self._call(state, handler, event)

    def event(self, event: object) -> None:
        """An event goes to every app that has a handler for it."""
        for state in list(self._engine.apps.values()):
            handler = state.app.handlers.get(type(event))
            if handler is not None:
                self._call(state, handler, event)

    def change(self, change: Callable[[Tx], None]) -> None:
        """A transaction of the runtime's own."""
        tx = Tx(self._engine.tables)
        change(tx)
        self._engine.commit(tx)

    def _call(self, state: AppState, handler: Callable[..., None], argument: object) -> None:
        tx = self._tx
        try:
            handler(state.app, argument, tx)
        except Exception:
            self._tx = Tx(self._engine.tables)  # whatever it did to the old one goes with it
            self.fail(state, fault.of_app(state.app))
            return
        self._take(tx)

    def _ask(self, state: AppState, handler: Callable[..., None], packet: PacketIn, known: Known) -> None:
        """As `_call`, for a handler that is pure."""
        asked, tx = Asked(packet), Reading(self._engine.tables)
        try:
            handler(state.app, asked, tx)
        except Exception:
            self.fail(state, fault.of_app(state.app))
            return
        self.answers.remember(state, asked, tx, known)
        self._take(tx)

    def _take(self, tx: Tx) -> None:
        """A handler returned: what it wants comes true."""
        if tx.changes:
            self._engine.commit(tx)
            tx.changes = {}
        if tx.frames:
            self._frames += tx.frames
            tx.frames = []
        if tx.notes:
            for note in tx.notes:
                self._journal.add(*note[:4], lasting=note[4])  # type: ignore[arg-type]
            tx.notes = []
        for seconds, event in tx.timers:
            asyncio.get_running_loop().call_later(seconds, self._later, event)
        tx.timers = []
        if tx.waits:
            for row, event in tx.waits:
                self.confirming.add(row, event)
            tx.waits = []

    def _later(self, event: object) -> None:
        self.event(event)
        self._wake()

    def fail(self, state: AppState, error: str) -> None:
        """A handler raised: its app is marked, and goes on."""
        if state.error != error:
            state.error = error
            self.tell_failed(state.app.name, error)

    def tell_failed(self, app: str, error: str) -> None:
        """Something of an app raised: say so, in one line. It may be for every row, each with another text: that is one event."""
        self._journal.add("error", "app.failed", app, f"app {app} failed: {fault.last_line(error)}", lasting=True)
        self._journal.changed("apps")

    def send(self, bridge: str, frame: bytes, *actions: bytes) -> None:
        """Send a frame of the runtime's own, with those of the apps."""
        self._frames.append((bridge, PORT_CONTROLLER, actions, frame))

    def wake(self) -> None:
        """Something was changed or is to be sent outside of any event: go on with it."""
        self._wake()

    def take_frames(self) -> list[Frame]:
        """The frames that apps have sent since the last call."""
        frames, self._frames = self._frames, []
        return frames

    # ------------------------------------------------------------------ timers

    def start_timers(self, app: Any) -> None:
        """Arm the `@every` timers of an app."""
        self.answers.forget()
        self._timers.start(app)

    def stop_timers(self, name: str) -> None:
        """Disarm the timers of an app."""
        self.answers.forget()
        self._timers.stop(name)
