"""The catalogue of apps: which there are, which run, and switching them on and off while traffic flows."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, fields
from itertools import islice
from typing import NamedTuple

from controller.app import App, Tx
from controller.config.problems import instead
from controller.model import Row
from controller.query import AppView, QueryError
from controller.runtime import loader
from controller.runtime.control import Control
from controller.state import fault, status
from controller.state.engine import AppState
from controller.state.owner import Owner

SHOWN = 50  # problems of an app that are shown
NEEDED = {  # without these there is no network
    "vlan_isolation": "Without it no frame passes any port.",
    "fabric": "Without it nothing is sent to all, and nothing goes from bridge to bridge.",
}


@dataclass
class Listing:
    """An app by its source (a name or a file), with what became of loading it."""

    source: str
    config: Mapping[str, object] = field(default_factory=dict)
    cls: type[App] | None = None
    error: str = ""
    builtin: bool = False


class Held(NamedTuple):
    """What the owners of an app come to: how many there are, their flows, and those with which something may be wrong."""

    rows: int
    flows: int
    troubled: list[Owner]

    @classmethod
    def of(cls, owners: Collection[Owner], refused: Collection[int]) -> Held:
        """Counted in any thread, from a copy: there may be tens of thousands."""
        troubled = (owner for owner in owners if owner.waits or owner.error or (refused and owner.cookie in refused))
        return cls(len(owners), sum([len(owner.flows) for owner in owners]), list(islice(troubled, SHOWN)))


class Catalogue:
    """Every app that could run, by name."""

    def __init__(self, control: Control, config: Mapping[str, Mapping[str, object]]) -> None:
        self._control = control
        self._config = config
        self._listings = {name: Listing(name, config.get(name, {})) for name in loader.installed()}
        self.restore: Callable[[], None] = lambda: None  # puts the kept rows of types that an app has just brought

    def add_builtin(self, cls: type[App]) -> str:
        """List an app that is part of weft and is never switched off; gives its name, for `run`."""
        self._listings[cls.name] = Listing(cls.name, self._config.get(cls.name, {}), cls, builtin=True)
        return cls.name

    def add(self, source: str) -> str:
        """List an app by name or file; gives its name, for `run`. Raises LoadError where there is none, or two of one name."""
        try:
            cls = loader.load(source)
        except loader.LoadError:
            raise
        except Exception:
            name = source if not source.endswith(".py") else source.rpartition("/")[2].removesuffix(".py")
            self._listings[name] = Listing(source, error=fault.in_file(source))
            return name
        before = self._listings.get(cls.name)
        if before is not None and before.cls is not None and before.source != source:
            raise loader.LoadError(f"{source} is an app called {cls.name}, and so is {before.source}; give the file another name")
        self._listings[cls.name] = Listing(source, self._config.get(cls.name, {}), cls)
        return cls.name

    def run(self, name: str) -> None:
        """Enable an app that has been added. One that raised when it was imported is marked failed."""
        if self._listings[name].error:
            self._tell_failed(name)
        else:
            self._enable(name)

    def check(self, name: str, config: Mapping[str, object]) -> None:
        """Whether an app would take these fields. Those of the command line fill up what is missing, and are not told of.

        Raises LoadError that says what is wrong.
        """
        own = self._config.get(name, {})
        try:
            self._try(name, {**own, **config})
        except loader.FieldError as error:
            left = [found for found in error.fields if found[0].partition(".")[0] not in own.keys() - config.keys()]
            if left:
                raise loader.FieldError(name, left) from None

    def wrong_options(self, name: str) -> list[str]:
        """What is wrong with the fields that the command line gives to an app: `.FIELD: text`, or `: text`."""
        own = self._config.get(name, {})
        try:
            self._try(name, own)
        except loader.FieldError as error:
            return [f".{field}: {text}" for field, text, _ in error.fields if field.partition(".")[0] in own]
        except loader.LoadError as error:
            return [f": {error}"]
        return []

    def _try(self, name: str, config: Mapping[str, object]) -> None:
        listing = self._listings.get(name)
        if listing is None:
            raise loader.LoadError(f"there is no app {name}; {instead(name, self._listings)}")
        if listing.error:
            return  # it raised when it was imported, and is marked for that
        try:
            cls = listing.cls or loader.load(listing.source)
        except loader.LoadError:
            raise
        except Exception as error:
            raise loader.LoadError(f"app {name} cannot be loaded: {type(error).__name__}: {error}") from error
        loader.make(cls, config)

    def configure(self, given: Mapping[str, Mapping[str, object]]) -> None:
        """Give apps the fields of the network file; those of the command line go before them. All have been checked."""
        for name, listing in self._listings.items():
            config = {**given.get(name, {}), **self._config.get(name, {})}
            listing.config = config
            running = self._state(name)
            if running is not None and listing.cls is not None and loader.make(listing.cls, config) != running.app:
                self._control.dispatch.stop_timers(name)
                self._control.engine.disable(name)
                self._enable(name)

    def switch(self, name: str, *, enabled: bool, force: bool = False) -> None:
        """Enable or disable an app; one that is needed only by `force`.

        Raises QueryError: 404 unknown, 409 not possible, 422 its configuration is wrong.
        """
        listing = self._listings.get(name)
        if listing is None:
            raise QueryError(404, "No such app", f"there is no app {name!r}; there are: {', '.join(sorted(self._listings))}")
        if listing.builtin:
            raise QueryError(409, "Part of weft", f"{name} is part of every pipeline and cannot be switched off or on")
        running = self._state(name)
        if running is not None and not enabled:
            if name in NEEDED and not force:
                raise QueryError(409, f"{name} is needed", f"{NEEDED[name]} If you mean it: weft app disable {name} --force")
            self._disable(name)
        elif enabled and running is not None and self._error(running):
            self._disable(name)
            self._load(listing, name)
        elif enabled and running is None:
            self._load(listing, name)

    def _load(self, listing: Listing, name: str) -> None:
        before = loader.row_types(listing.cls) if listing.cls else {}
        try:
            listing.cls = loader.load(listing.source)
            listing.error = ""
            self.restore()
            self._take_over(before, loader.row_types(listing.cls))
            self._enable(name)
        except loader.LoadError as error:
            raise QueryError(422, "The app cannot run", str(error)) from error
        except Exception as error:
            listing.error = fault.in_file(listing.source)
            self._tell_failed(name)
            raise QueryError(
                422, "The app cannot run", f"{name} raised {type(error).__name__} when it was loaded: {error}"
            ) from error

    def _take_over(self, before: Mapping[str, type[Row]], now: Mapping[str, type[Row]]) -> None:
        """A file that is loaded again has new row types: its rows become rows of these, as far as their fields fit."""
        tables = self._control.engine.tables
        tx = Tx(tables)
        for name, old in before.items():
            new = now.get(name)
            for row in tables.all(old) if new is not old else ():
                tx.drop(row)
                with contextlib.suppress(TypeError):
                    tx.put(new(**vars(row)))  # type: ignore[misc]
        self._control.engine.commit(tx)

    def _enable(self, name: str) -> None:
        listing = self._listings[name]
        assert listing.cls is not None
        app = loader.make(listing.cls, listing.config)
        self._control.engine.enable(app)
        self._control.dispatch.start_timers(app)
        if not listing.builtin:
            self._control.journal.add("info", "app.enabled", name, f"app {name} is enabled")
        self._control.journal.changed("apps", "flows")

    def _disable(self, name: str) -> None:
        self._control.dispatch.stop_timers(name)
        self._control.engine.disable(name)
        self._control.journal.add("info", "app.disabled", name, f"app {name} is disabled; its flows are removed")
        self._control.journal.changed("apps", "flows")

    def _tell_failed(self, name: str) -> None:
        last = fault.last_line(self._listings[name].error)
        self._control.journal.add("error", "app.failed", name, f"app {name} could not be loaded: {last}")
        self._control.journal.changed("apps")

    def _state(self, name: str) -> AppState | None:
        return next((s for s in self._control.engine.apps.values() if s.app.name == name), None)

    def owners(self) -> dict[str, list[Owner]]:
        """The owners of all apps that run, as copies."""
        found: dict[str, list[Owner]] = {}
        for state in self._control.engine.apps.values():
            owners = found[state.app.name] = []
            for rule in state.rules:
                owners.extend(rule.owners.values())
        return found

    def refused(self) -> set[int]:
        """Cookies of owners of whose flows a bridge refused some."""
        return {cookie for ledger in self._control.engine.desired.ledgers.values() for cookie in ledger.refused}

    def _error(self, state: AppState) -> str:
        """The traceback of a handler or a rule that raised; empty while all is well."""
        failed = self._control.engine.failed.values()
        return state.error or next((o.error for o in failed if o.rule.number == state.number), "")

    def counts(self) -> tuple[int, int]:
        """(apps there are, apps that failed)."""
        running = {s.app.name: self._error(s) for s in self._control.engine.apps.values()}
        return len(self._listings), sum(bool(running.get(name, listing.error)) for name, listing in self._listings.items())

    def names(self) -> list[str]:
        """All apps."""
        return sorted(self._listings)

    def view(self, name: str, held: Held | None = None) -> AppView:
        """What readers see of an app; `held` where its owners have been counted already."""
        listing, state = self._listings[name], self._state(name)
        if state is None:
            description = listing.cls.description() if listing.cls else ""
            return AppView(
                name, "failed" if listing.error else "disabled", description, (), 0, 0, 0, dict(listing.config), listing.error
            )
        held = held or Held.of(self.owners()[name], self.refused())
        desired = self._control.engine.desired
        troubled = Held.of(held.troubled, self.refused()).troubled if held.troubled else ()  # of which some may be well by now
        error = self._error(state)
        return AppView(
            name=name,
            state="failed" if error else "running",
            description=type(state.app).description(),
            stages=tuple(stage.name for stage in state.app.stages),
            flows=held.flows,
            rows=held.rows,
            packet_ins=state.packet_ins,
            config=asdict(state.app) if fields(state.app) else {},
            error=error,
            problems=tuple([f"{owner}: {status.of_owner(desired, owner)}" for owner in troubled]),
        )
