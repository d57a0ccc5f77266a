"""Contests for a slot: settled the same in any order, shown by both rows, and over when one goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import permutations

import pytest

from controller.app import App, Reader, rules
from controller.model import Bridge, Member, Row, key, scope_of
from controller.pipeline import POLICY, Flow, output
from controller.state import status
from controller.state.check import differences
from controller.state.engine import Engine
from tests.unit.state.lab import drop, engine_of, put
from tests.unit.state.simulation import World


class Claim(Row):
    """Somebody wants the slot of a number, on a bridge or in a scope."""

    name: str = key()
    scope: str = ""
    port: int = 0


class Scope(Row):
    """Bridges together."""

    name: str = key()


class Claims(App, stages=(POLICY,)):
    """Every claim is for the same slot."""

    @rules(each=Claim)
    def want(self, claim: Claim, rows: Reader) -> Iterator[Flow]:
        where = rows.get(Scope, claim.scope) or "s1"
        yield POLICY.flow(output(claim.port), network=1).on(where)


class OtherClaims(App, stages=(POLICY,)):
    """Another app that wants it too."""

    @rules(each=Claim)
    def want(self, claim: Claim) -> Iterator[Flow]:
        if claim.port > 3:
            yield POLICY.flow(output(claim.port), network=1).on("s1")


FIXED = (Scope("all"), Scope("few"), Bridge("s1"), Member(scope_of(Scope("all")), "s1"), Member(scope_of(Scope("all")), "s2"))
FEW = Member(scope_of(Scope("few")), "s1")
ROWS: tuple[Row, ...] = (Claim("a", port=1), Claim("b", port=2), Claim("c", "all", 3), Claim("d", "few", 4), FEW)


def claims_engine() -> tuple[Engine, World]:
    engine = engine_of(Claims(), OtherClaims())
    put(engine, *FIXED)
    world = World(engine, "s1", "s2")
    for bridge in world.bridges.values():
        bridge.connect()
    world.quiesce()
    return engine, world


def outcome(engine: Engine, world: World) -> object:
    world.quiesce()
    for bridge in world.bridges.values():
        assert bridge.held == bridge.wants()
    rows = [row for row in ROWS if isinstance(row, Claim)]
    return [bridge.held for bridge in world.bridges.values()], [status.of_row(engine, row) for row in rows]


def one_by_one(engine: Engine, order: tuple[Row, ...]) -> None:
    for row in order:
        put(engine, row)


def backwards(engine: Engine, order: tuple[Row, ...]) -> None:
    put(engine, *order)
    for row in order[:3]:
        drop(engine, row)
    put(engine, *reversed(order[:3]))


@pytest.mark.parametrize("how", [one_by_one, backwards])
def test_settled_the_same_in_any_order(how: Callable[[Engine, tuple[Row, ...]], None]) -> None:
    outcomes = []
    for order in permutations(ROWS):
        engine, world = claims_engine()
        how(engine, order)
        outcomes.append(outcome(engine, world))
    assert all(each == outcomes[0] for each in outcomes)


def two() -> tuple[Engine, World, Claim, Claim]:
    """Two claims of which the first has the slot."""
    engine = engine_of(Claims())
    world = World(engine, "s1", "s2")
    for bridge in world.bridges.values():
        bridge.connect()
    claims = [Claim("a", port=1), Claim("b", port=2)]
    put(engine, *claims)
    world.quiesce()
    winner = engine.desired.effective("s1", POLICY.flow(network=1).slot)
    assert winner is not None
    claims.sort(key=lambda claim: (claim.name,) != winner[0].key)
    return engine, world, claims[0], claims[1]


def test_the_lowest_cookie_has_the_slot() -> None:
    engine, *_ = claims_engine()
    put(engine, *(Claim(name, port=number) for number, name in enumerate("abcdefgh")))
    owners = [owner for state in engine.apps.values() for rule in state.rules for owner in rule.owners.values() if owner.flows]
    ((winner, _),) = engine.desired.view("s1").values()
    assert len(owners) > 8
    assert winner.cookie == min(owner.cookie for owner in owners)


def test_both_rows_show_it() -> None:
    engine, _, first, second = two()
    assert status.of_row(engine, second) == f"hidden by claims.want Claim {first.name}"
    assert status.of_row(engine, first) == f"installed, hides claims.want Claim {second.name}"


def test_who_was_hidden_comes_forward_when_the_first_goes() -> None:
    engine, world, first, second = two()
    drop(engine, first)
    assert status.of_row(engine, second) == "pending"
    world.quiesce()
    assert status.of_row(engine, second) == "installed"
    assert world.bridges["s1"].held == world.bridges["s1"].wants()
    put(engine, first)
    world.quiesce()
    assert status.of_row(engine, second) == f"hidden by claims.want Claim {first.name}"


def test_who_is_hidden_may_change_and_go_without_a_change_on_the_bridge() -> None:
    engine, world, first, second = two()
    sent = world.bridges["s1"].sent
    put(engine, Claim(second.name, port=9))
    drop(engine, second)
    world.quiesce()
    assert world.bridges["s1"].sent == sent
    assert status.of_row(engine, first) == "installed"


def test_a_claim_on_one_bridge_of_a_scope_hides_it_there_alone() -> None:
    engine = engine_of(Claims())
    world = World(engine, "s1", "s2")
    put(engine, *FIXED, Claim("wide", "all", 5))
    for bridge in world.bridges.values():
        bridge.connect()
    for name in "abcdefgh":  # one of them has a lower cookie
        put(engine, Claim(name, port=1))
    world.quiesce()
    assert world.bridges["s1"].held != world.bridges["s2"].held
    assert status.of_row(engine, Claim("wide", "all", 5)).startswith("hidden by claims.want Claim")
    for name in "abcdefgh":
        drop(engine, Claim(name, port=1))
    world.quiesce()
    assert world.bridges["s1"].held == world.bridges["s2"].held
    assert status.of_row(engine, Claim("wide", "all", 5)) == "installed"


def test_two_rows_that_say_the_same_are_no_contest() -> None:
    engine = engine_of(Claims())
    world = World(engine, "s1")
    world.bridges["s1"].connect()
    put(engine, Claim("a", port=1), Claim("b", port=1))
    world.quiesce()
    assert status.of_row(engine, Claim("a")) == status.of_row(engine, Claim("b")) == "installed"
    drop(engine, Claim("a"))
    world.quiesce()
    assert world.bridges["s1"].held == world.bridges["s1"].wants()
    drop(engine, Claim("b"))
    world.quiesce()
    assert world.bridges["s1"].held == {}


def test_an_app_that_is_switched_off_gives_its_slots_up() -> None:
    engine, world, *_ = two()
    engine.enable(OtherClaims())
    put(engine, *(Claim(name, port=9) for name in "abcdefgh"))
    world.quiesce()
    for name in ("claims", "other_claims"):
        engine.disable(name)
        world.quiesce()
        assert world.bridges["s1"].held == world.bridges["s1"].wants()
        assert differences(engine) == []
    assert world.bridges["s1"].held == {}
    assert not engine.desired.contests


class Everywhere(App, stages=(POLICY,)):
    """One row that wants the same slot in all scopes and on a bridge, each time for something else."""

    @rules(each=Claim)
    def want(self, claim: Claim, rows: Reader) -> Iterator[Flow]:
        yield POLICY.flow(output(99), network=1).on("s2")
        for number, scope in enumerate(rows.where(Scope)):
            yield POLICY.flow(output(number), network=1).on(scope)


def test_one_row_in_several_scopes_of_a_bridge_is_settled_too() -> None:
    rows = [FEW, *FIXED, Claim("x")]
    held = []
    for order in (rows, rows[::-1], rows[3:] + rows[:3]):
        engine = engine_of(Everywhere())
        world = World(engine, "s1", "s2")
        for bridge in world.bridges.values():
            bridge.connect()
        for row in order:
            put(engine, row)
            world.quiesce()
        assert all(bridge.held == bridge.wants() for bridge in world.bridges.values())
        assert all(engine.desired.effective("s1", slot) is entry for slot, entry in engine.desired.view("s1").items())
        held.append([bridge.held for bridge in world.bridges.values()])
    assert held[0] == held[1] == held[2]
    ((_, _, body),) = held[0][1].values()
    assert body.endswith(output(99))
