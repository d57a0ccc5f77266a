"""Watches tunnels: remembers when each changed and why, tells of it, and of hypervisors that are dead."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol

from controller.model import Host, Hypervisor
from controller.ovsdb.provision import HypervisorState
from controller.query import TunnelView
from controller.runtime.control import Control
from controller.runtime.mtus import Excess
from controller.runtime.tunnels import FIRST, Evidence, Pair, State, listed, mtu_of

OFTEN, SELDOM = 0.1, 3.0  # seconds between two looks: where something changed at a database, and where nothing did
SHARE = 20.0  # times as long as a look took until the next one
SLICE = 0.005  # seconds of a look until others get their turn
PATIENCE = 5.0  # seconds in which what begins may be down without a word
TOLD: tuple[State, ...] = ("up", "down")


class Databases(Protocol):
    """What the databases of hypervisors say."""

    def state(self, name: str) -> HypervisorState | None:
        """How one is; None where it has no database."""

    def changes(self) -> object:
        """Equal to what it was where nothing has changed."""

    def mtus(self, name: str) -> dict[str, int]:
        """The MTU of each interface of a hypervisor."""


class Tunnel(NamedTuple):
    """What is remembered of one: `told` is the state of the last event."""

    state: State
    cause: str
    since: float
    heard: bool = False
    told: State | None = None


class TunnelWatch:
    """All tunnels. To be used in the event loop."""

    def __init__(self, control: Control, databases: Databases, now: Callable[[], float] = time.time) -> None:
        self._control, self._databases, self._now = control, databases, now
        self._tunnels: dict[Pair, Tunnel] = {}
        self._untold: set[Pair] = set()
        self._begun = now()
        self._dead_told: set[str] = set()
        self._excess = Excess(control.engine.tables, control.journal)
        self._evidence = Evidence(control.engine, control.peers, self._begun)
        self.dead: dict[str, str] = {}  # bridges of hypervisors that are dead, and why
        self._some = asyncio.Event()  # hypervisors came, or went
        self._some.set()
        control.engine.watchers[Hypervisor].append(lambda old, new: self._some.set())
        self.version = 0  # grows with every look

    async def watch(self) -> None:
        """Look for ever: soon where a database has news, and as often as counters are read."""
        news: object = None
        last = 0.0
        while True:
            await (asyncio.sleep(OFTEN) if news else self._some.wait())
            self._some.clear()
            before, news = news, self._news()
            if news == before and (time.monotonic() - last < SELDOM or not news):
                continue
            took = 0.0
            for seconds in self._timed():
                took += seconds
                await asyncio.sleep(0)
            last = time.monotonic()
            await asyncio.sleep(SHARE * took)

    def _timed(self) -> Iterator[float]:
        """A look in slices, and how long each took."""
        begun = time.perf_counter()
        for _ in self._steps():
            took = time.perf_counter() - begun
            if took > SLICE:
                yield took
                begun = time.perf_counter()

    def _news(self) -> object:
        """Equal to what it was where neither a database nor a bridge says anything new; empty where there are no hypervisors."""
        if not self._control.engine.tables.rows[Hypervisor]:
            return ()
        bridges = [
            self._control.peers[row.bridge].since for row in self._evidence.vteps.values() if row.bridge in self._control.peers
        ]
        return bridges, self._databases.changes()

    def look(self) -> None:
        """One look at everything, at once."""
        for _ in self._steps():
            pass

    def _steps(self) -> Iterator[None]:
        """A look, hypervisor by hypervisor."""
        evidence = Evidence(self._control.engine, self._control.peers, self._now())
        for name in evidence.hypervisors:
            state = self._databases.state(name)
            if state is not None:
                evidence.hear(state)
            yield
        there: set[Pair] = set()
        changed = False
        for name in evidence.hypervisors:
            for pair in evidence.pairs(name):
                there.add(pair)
                changed |= self._update(pair, *evidence.verdict(pair))
            yield
        for pair in self._tunnels.keys() - there:
            changed = True
            del self._tunnels[pair]
        self._untold &= there
        self._evidence = evidence
        self._bury(evidence)
        self._excess.look(evidence, self._databases.mtus)
        self.version += 1
        if changed:
            self._control.journal.changed("tunnels", "hypervisors")
        self._tell()

    # ------------------------------------------------------------------ tunnels

    def _update(self, pair: Pair, state: State, cause: str) -> bool:
        known = self._tunnels.get(pair)
        if known is not None and known.state == state:
            if state == "unknown" and known.cause != cause:
                self._tunnels[pair] = known._replace(cause=cause)
            return False
        heard, told = (known.heard, known.told) if known else (False, None)
        if cause == FIRST:
            cause, heard = "frames are heard again" if heard else FIRST, True
        self._tunnels[pair] = Tunnel(state, cause, self._now(), heard, told)
        self._untold.add(pair)
        return True

    def _tell(self) -> None:
        """An event of what has changed; where many tunnels of one hypervisor did, one for all of these."""
        news: defaultdict[tuple[str, State, str], list[Pair]] = defaultdict(list)
        for pair in sorted(self._untold):
            tunnel = self._tunnels[pair]
            if tunnel.state == "down" and tunnel.told is None and self._now() - tunnel.since < PATIENCE:
                continue
            self._untold.discard(pair)
            if tunnel.state in TOLD and tunnel.told != tunnel.state:
                self._tunnels[pair] = tunnel._replace(told=tunnel.state)
                news[pair.mesh, tunnel.state, tunnel.cause].append(pair)
        for (mesh, state, cause), pairs in news.items():
            for subject, text in _sentences(mesh, pairs):
                severity = "info" if state == "up" else "warning"
                self._control.journal.add(severity, f"tunnel.{state}", subject, f"{text} {state}: {cause}")  # type: ignore[arg-type]

    def views(self) -> Callable[[], tuple[TunnelView, ...]]:
        """How tunnels were at the last look. What this gives makes the views, and may be called in any thread."""
        evidence, tunnels = self._evidence, dict(self._tunnels)
        problems: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for (bridge, _), (mesh, text) in sorted(self._excess.ports.items()):
            problems[bridge, mesh].append(text)
        return lambda: tuple(_view(evidence, pair, tunnels[pair], problems) for pair in sorted(tunnels) if pair in evidence)

    # ------------------------------------------------------------------ hypervisors and ports

    def _bury(self, evidence: Evidence) -> None:
        """Which hypervisors are dead, and with them their hosts."""
        found = evidence.dead()
        bridges = {evidence.vteps[name].bridge: why for name, why in found.items()}
        if bridges.keys() != self.dead.keys():
            self._control.journal.changed("hosts")
        self.dead = bridges
        early = self._now() - self._begun < PATIENCE  # not all have connected that will
        for name in sorted(found.keys() - self._dead_told) if not early else ():
            text = f"{name} is dead, {self._hosts(evidence, name)} cannot be reached: {found[name]}"
            for mesh in sorted(mesh.name for mesh in evidence.meshes.values() if mesh.hub == name):
                text += f"; it is the hub of {mesh}, whose members are apart until it is back, or until hub: names another one"
            self._control.journal.add("error", "hypervisor.dead", name, text)
        for name in sorted(self._dead_told - found.keys()):
            self._control.journal.add("info", "hypervisor.alive", name, f"{name} is alive again")
        self._dead_told = self._dead_told & found.keys() if early else set(found)

    def _hosts(self, evidence: Evidence, name: str) -> str:
        count = len(self._control.engine.tables.where(Host, bridge=evidence.vteps[name].bridge))
        return "its 1 host" if count == 1 else f"its {count} hosts"

    def problem(self, bridge: str, port: int) -> str:
        """What is wrong with the MTU of a port; empty where nothing is."""
        return self._excess.ports.get((bridge, port), ("", ""))[1]

    def problems(self, hypervisor: str) -> tuple[str, ...]:
        """Ports of a hypervisor whose MTU is too large."""
        vtep = self._evidence.vteps.get(hypervisor)
        return tuple(text for (bridge, _), (_, text) in sorted(self._excess.ports.items()) if vtep and bridge == vtep.bridge)


def _sentences(mesh: str, pairs: list[Pair]) -> Iterable[tuple[str, str]]:
    """Subjects, and the beginnings of their sentences: by the end that is common to most."""
    seers, seen = {pair.hypervisor for pair in pairs}, {pair.peer for pair in pairs}
    groups: defaultdict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        groups[pair.hypervisor if len(seers) <= len(seen) else pair.peer].append(pair)
    for name, group in groups.items():
        if len(group) == 1:
            yield str(group[0]), f"the tunnel of {mesh} from {group[0].hypervisor} to {group[0].peer} is"
        elif group[0].hypervisor == name:
            yield f"{mesh}/{name}", f"the tunnels of {mesh} from {name} to {listed([pair.peer for pair in group])} are"
        else:
            yield f"{mesh}/{name}", f"the tunnels of {mesh} to {name} from {listed([pair.hypervisor for pair in group])} are"


def _view(evidence: Evidence, pair: Pair, known: Tunnel, problems: Mapping[tuple[str, str], list[str]]) -> TunnelView:
    mesh, here, there = evidence.meshes[pair.mesh], evidence.hypervisors[pair.hypervisor], evidence.hypervisors[pair.peer]
    received, sent = evidence.received(pair.hypervisor, pair.peer), evidence.received(pair.peer, pair.hypervisor)
    vtep = evidence.vteps.get(pair.hypervisor)
    return TunnelView(
        mesh=pair.mesh,
        hypervisor=pair.hypervisor,
        peer=pair.peer,
        state=known.state,
        cause=known.cause,
        since=known.since,
        type=mesh.type,
        mtu=mtu_of(mesh, here),
        local=str(here.vtep),
        remote=str(there.vtep),
        rx_packets=received[0],
        rx_bytes=received[1],
        tx_packets=sent[0],
        tx_bytes=sent[1],
        problems=tuple(problems.get((vtep.bridge, pair.mesh), ())) if vtep else (),
    )
