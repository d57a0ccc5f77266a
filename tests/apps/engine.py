"""The engine fixture of app tests: rows and events in, flows out, and after each step a recompute must agree."""

from __future__ import annotations

from collections.abc import Iterable

from controller.app import App, Tx
from controller.model import Bridge, Network, Number, Pipeline, Port, Row, scope_of
from controller.model.rows import Member
from controller.pipeline.flow import GROUP_SLOT, METER_SLOT
from controller.pipeline.text import flow_text
from controller.state import status
from controller.state.check import differences
from controller.state.engine import Engine


class Lab:
    """An engine with apps and no bridge behind it."""

    def __init__(self, *apps: App, failures: bool = False) -> None:
        self.engine = Engine()
        self.failures = failures  # True where a test wants an app to fail
        self.frames: list[tuple[str, int, tuple[bytes, ...], bytes]] = []
        for app in apps:
            self.engine.enable(app)
        self.put(Pipeline(), Network("default", 1))

    def put(self, *rows: Row) -> None:
        """Put rows in one transaction."""
        tx = Tx(self.engine.tables)
        for row in rows:
            tx.put(row)
        self._commit(tx)

    def drop(self, *rows: Row) -> None:
        """Drop rows in one transaction."""
        tx = Tx(self.engine.tables)
        for row in rows:
            tx.drop(row)
        self._commit(tx)

    def bridge(self, name: str, dpid: int, ports: int | Iterable[int]) -> None:
        """A bridge with these ports."""
        numbers = range(1, ports + 1) if isinstance(ports, int) else ports
        self.put(Bridge(name, dpid), Member(scope_of(Pipeline()), name), *[Port(name, n, f"{name}-eth{n}") for n in numbers])

    def event(self, event: object) -> None:
        """Deliver an event to every app that has a handler for it."""
        tx = Tx(self.engine.tables)
        for state in self.engine.apps.values():
            handler = state.app.handlers.get(type(event))
            if handler is not None:
                handler(state.app, event, tx)
        self.frames += tx.frames
        self._commit(tx)
        for _, event in tx.waits:  # there are no bridges to wait for
            self.event(event)

    def tick(self, timer: str) -> None:
        """Run a timer once for each of its rows."""
        tx = Tx(self.engine.tables)
        for state in self.engine.apps.values():
            for spec in state.app.timers:
                if spec.name == timer:
                    for row in self.engine.tables.all(spec.each):
                        spec.fn(state.app, row, tx)
        self.frames += tx.frames
        self._commit(tx)

    def rows(self, cls: type[Row]) -> list[Row]:
        """All rows of a type."""
        return self.engine.tables.all(cls)

    def status(self, row: Row) -> str:
        """What became of a row."""
        return status.of_row(self.engine, row)

    def flows(self, bridge: str, stage: str = "", app: str = "") -> list[str]:
        """The flows, groups and meters of a bridge as ovs-ofctl text, numbers of groups and meters by the name they stand for."""
        names = {(n.space, n.number): "/".join(map(str, n.name)) for n in self.engine.tables.all(Number)}
        found = []
        for slot, (owner, flow) in sorted(self.engine.desired.view(bridge).items()):
            if app and owner.rule.app.name != app:
                continue
            text = flow_text(flow)
            if slot[0] in (GROUP_SLOT, METER_SLOT):
                space = "group" if slot[0] == GROUP_SLOT else "meter"
                text = text.replace(
                    f"{space}_id={int.from_bytes(slot[1:], 'big')}", f"{space}={names[space, int.from_bytes(slot[1:], 'big')]}"
                )
            if not stage or text.startswith(f"{stage} "):
                found.append(text)
        return found

    def _commit(self, tx: Tx) -> None:
        self.engine.commit(tx)
        self.engine.run()
        assert self.engine.idle
        assert differences(self.engine) == []
        assert self.failures or not self.engine.failed, [o.error for o in self.engine.failed.values()]
