"""Rows come and go, apps come and go, bridges refuse, lose and forget: the state stays right after every step.

Right means: a recompute from scratch gives the same flows, what the ledger says of a bridge is what the bridge holds,
and once all is quiet each bridge holds what it should, but for owners that it refused.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from controller.app import App
from controller.model import Member, Row, scope_of
from controller.pipeline import output
from controller.pipeline.flow import Flow
from controller.state import desired, news, status
from controller.state.check import differences
from controller.state.engine import Engine
from controller.state.ledger import Refusal, same
from controller.state.owner import Owner
from controller.state.tables import Tx
from tests.unit.state.simulation import Bridge, World, as_installed, pending
from tests.unit.state.things import BRIDGES, REFUSED, Alpha, Beta, Copy, Delta, Epsilon, Gamma, Thing, Zone

APPS = (Alpha(), Beta(), Gamma(), Delta(), Epsilon())
BAD = output(REFUSED)
bridges = st.sampled_from(BRIDGES)
zones = st.sampled_from(("red", "blue"))
names = st.sampled_from("abc")
values = st.sampled_from((1, 2, 3, 5, REFUSED, 13))


def refuses(flow: Flow) -> str:
    """These bridges know no port 7."""
    return "no such port" if flow.body.find(BAD) >= 0 else ""


def changes() -> st.SearchStrategy[list[Row]]:
    things = st.builds(Thing, bridges, names, values, zones)
    some_zones = st.builds(Zone, zones, st.integers(1, 5), st.sampled_from(("", "blue", "none")))
    copies = st.builds(Copy, st.integers(0, 2), bridges, st.sampled_from((20, 21)))
    return st.lists(st.one_of(things, things, some_zones, copies), max_size=4)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few additions are a block already, and few changes of scopes are kept."""
    monkeypatch.setattr(news, "FEWEST", 1)
    monkeypatch.setattr(desired, "MOST_NEWS", 9)


class Machine(RuleBasedStateMachine):
    """All that can happen, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.engine = Engine()
        self.world = World(self.engine, *BRIDGES, refuses=refuses)
        for app in APPS:
            self.engine.enable(app)

    def bridge(self, name: str) -> Bridge:
        return self.world.bridges[name]

    # ------------------------------------------------------------ rows

    @rule(put=changes(), drop=changes(), slices=st.booleans())
    def change(self, put: list[Row], drop: list[Row], slices: bool) -> None:
        tx = Tx(self.engine.tables)
        for row in drop:
            tx.drop(row)
        for row in put:
            tx.put(row)
        self.engine.commit(tx)
        if slices:
            self.engine.run(lambda: False)
        else:
            self.engine.run()

    @rule(zone=zones, bridge=bridges, joined=st.booleans())
    def member(self, zone: str, bridge: str, joined: bool) -> None:
        tx = Tx(self.engine.tables)
        member = Member(scope_of(Zone(zone)), bridge)
        if joined:
            tx.put(member)
        else:
            tx.drop(member)
        self.engine.commit(tx)

    @rule()
    def work(self) -> None:
        self.engine.run()

    # ------------------------------------------------------------ apps

    @rule(app=st.sampled_from(APPS))
    def switch(self, app: App) -> None:
        if any(state.app is app for state in self.engine.apps.values()):
            self.engine.disable(app.name)
        else:
            self.engine.enable(app)

    # ------------------------------------------------------------ bridges

    @rule(name=bridges)
    def come(self, name: str) -> None:
        if self.engine.idle and self.bridge(name).ledger is None:
            self.bridge(name).connect()

    @rule(name=bridges)
    def go(self, name: str) -> None:
        self.bridge(name).disconnect()

    @rule(limit=st.sampled_from((0, 0, 1, 3)))
    def settle(self, limit: int) -> None:
        self.world.settle(limit)

    @rule(name=bridges, errors=st.lists(st.integers(0, 3), max_size=2, unique=True))
    def answer(self, name: str, errors: list[int]) -> None:
        bridge = self.bridge(name)
        bridge.answer([(index, "for no reason") for index in errors if index < len(bridge.changes)])

    @rule(name=bridges, which=st.integers(0, 20), gone=st.booleans())
    def meddle_and_audit(self, name: str, which: int, gone: bool) -> None:
        """Somebody changes a flow by hand; the audit finds it (when nothing is under way, as the controller does)."""
        bridge = self.bridge(name)
        if not self.engine.idle or bridge.ledger is None or bridge.ledger.inflight or pending(bridge.ledger) or not bridge.held:
            return
        slot = sorted(bridge.held)[which % len(bridge.held)]
        if gone:
            del bridge.held[slot]
        else:
            bridge.held[slot] = (bridge.held[slot][0], bytes(8), b"\0\1\0\x08\x09\0\0\0")
        bridge.connect()

    @rule()
    def quiesce(self) -> None:
        """Without anything new, all bridges get there; the audit goes on all the time."""
        self.world.quiesce()
        for bridge in self.world.bridges.values():
            if bridge.ledger is not None and not pending(bridge.ledger):
                bridge.connect()
        self.world.quiesce()
        for bridge in self.world.bridges.values():
            if bridge.ledger is not None:
                self.holds_what_it_should(bridge)

    # ------------------------------------------------------------ what must be true

    def holds_what_it_should(self, bridge: Bridge) -> None:
        ledger, wants = bridge.ledger, self.engine.desired.view(bridge.name)
        assert ledger is not None
        assert ledger.inflight is None
        waiting = pending(ledger)
        refused = {c for c, refusal in ledger.refused.items() if self.stands(refusal)}
        assert refused == set(ledger.refused), "a refusal is forgotten when its owner goes or says something else"
        for slot in wants.keys() | bridge.held.keys():
            entry, held = wants.get(slot), bridge.held.get(slot)
            if slot in bridge.spared or (entry is not None and entry[0].cookie in refused):
                continue
            if entry is None and held is not None and waiting.get(slot) is not None:
                kept = waiting[slot]
                assert kept is not None
                assert len(kept) == 2, "what nobody wants is removed"
                assert kept[0].cookie in refused, "only the former flows of a refused owner stay"
                continue
            if entry is None and held is None:
                continue
            assert entry is not None, f"{slot.hex()} should be gone"
            assert held == as_installed(entry), f"{slot.hex()} is not as it should be"

    @invariant()
    def a_recompute_is_the_same(self) -> None:
        if self.engine.idle:
            assert differences(self.engine) == []

    @invariant()
    def the_ledger_is_true(self) -> None:
        for bridge in self.world.bridges.values():
            if bridge.ledger is not None:
                self.check_ledger(bridge)

    def check_ledger(self, bridge: Bridge) -> None:
        ledger, wants = bridge.ledger, self.engine.desired.view(bridge.name)
        assert ledger is not None
        inflight, waiting = ledger.inflight or {}, pending(ledger)
        sent = dict(zip([slot for slot, _, _ in bridge.changes], ledger.sent, strict=True))
        assert sent.keys() == inflight.keys()
        for slot in wants.keys() | bridge.held.keys() | waiting.keys() | inflight.keys():
            held, entry = bridge.held.get(slot), wants.get(slot)
            assert self.engine.desired.effective(bridge.name, slot) is entry
            if slot in bridge.spared:
                continue
            now = sent[slot] if slot in inflight else held  # what it holds when all goes well
            if slot in inflight:
                assert self.equal(inflight[slot], held)
            if slot in waiting:
                assert self.equal(waiting[slot], now)
            else:
                assert self.equal(now, entry)

    def equal(self, one: object, other: object) -> bool:
        if one is None or other is None:
            return one is other
        return as_installed(one) == as_installed(other)  # type: ignore[arg-type]

    @invariant()
    def nothing_to_send_is_forgotten(self) -> None:
        """A bridge with something to send is called dirty, or something is in flight and will bring it up again."""
        for bridge in self.world.bridges.values():
            ledger = bridge.ledger
            if ledger is None or ledger.inflight is not None or bridge.name in self.engine.desired.dirty:
                continue
            for slot, held in pending(ledger).items():
                new = self.engine.desired.effective(bridge.name, slot)
                blocked = self.blocked(bridge, held if new is None else new)
                assert blocked or same(held, new), f"{slot.hex()} of {bridge.name} waits and nobody knows"

    def blocked(self, bridge: Bridge, entry: object) -> bool:
        assert bridge.ledger is not None
        if entry is None or len(entry) != 2:  # type: ignore[arg-type]
            return False
        owner = entry[0]  # type: ignore[index]
        refusal = bridge.ledger.refused.get(owner.cookie)
        return refusal is not None and self.stands(refusal)

    def stands(self, refusal: Refusal) -> bool:
        """Its owner is still there and still says what was refused."""
        owner = refusal.owner
        return owner.rule.owners.get(owner.key) is owner and owner.flows is refusal.flows and self.enabled(owner)

    def enabled(self, owner: Owner) -> bool:
        return any(owner.rule in state.rules for state in self.engine.apps.values())

    @invariant()
    def every_row_has_a_status(self) -> None:
        words = {"none", "installed", "pending", "hidden", "waits", "rejected:", "failed:", "installed,", "pending,"}
        for cls in (Thing, Zone, Copy):
            for row in self.engine.tables.all(cls):
                assert status.of_row(self.engine, row).split(" ")[0] in words


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=120, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
