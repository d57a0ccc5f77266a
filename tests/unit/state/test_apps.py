"""Apps come and go while rows stay: their flows, stages, numbers and what failed in them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from controller.app import App, rules
from controller.model import Bridge, Member, Number, Pipeline, Row, StageRow, key, scope_of
from controller.model.cookie import app_of, is_ours
from controller.pipeline import ADMIT, DROP, NEXT, POLICY, Flow, Stage
from controller.state.check import differences
from controller.state.engine import Engine
from controller.topology.basis import Basis
from tests.unit.state.lab import drop, engine_of, put, texts
from tests.unit.state.simulation import World


class Item(Row):
    """A row."""

    name: str = key()


class Plain(App, stages=(POLICY,)):
    """A flow a row."""

    @rules(each=Item)
    def flows(self, item: Item) -> Iterator[Flow]:
        yield POLICY.flow(DROP, network=len(item.name)).on("s1")


def plugin(name: str, *after: Stage) -> App:
    """An app with stages of its own, one behind each of these."""
    stages = tuple(Stage(f"{name.upper()}{number}", after=stage) for number, stage in enumerate(after))

    class Plugin(App, stages=stages):
        """Writes its stages."""

        @rules(each=Bridge)
        def pass_on(self, bridge: Bridge) -> Iterator[Flow]:
            for stage in stages:
                yield stage.flow(NEXT, in_port=1)

    Plugin.name = name
    return Plugin()


def pipeline(*apps: App) -> tuple[Engine, World]:
    """A bridge with the pipeline on it."""
    engine = engine_of(Basis(), *apps)
    put(engine, Pipeline(), Bridge("s1"), Member(scope_of(Pipeline()), "s1"))
    world = World(engine, "s1")
    world.bridges["s1"].connect()
    world.quiesce()
    return engine, world


def test_flows_of_an_app_go_with_it_and_come_back() -> None:
    engine = engine_of(Plain())
    put(engine, Item("a"), Item("bb"))
    flows = texts(engine, "s1")
    assert len(flows) == 2
    engine.disable("plain")
    assert texts(engine, "s1") == []
    assert engine.tables.all(Item) == [Item("a"), Item("bb")]
    drop(engine, Item("a"))
    engine.enable(Plain())
    engine.run()
    assert texts(engine, "s1") == ["POLICY priority=100,reg0=0x2 actions=drop"]
    put(engine, Item("a"))
    assert texts(engine, "s1") == flows


def test_an_app_is_enabled_once() -> None:
    engine = engine_of(Plain())
    with pytest.raises(ValueError, match="app plain is enabled already"):
        engine.enable(Plain())
    engine.disable("plain")
    with pytest.raises(KeyError, match="plain"):
        engine.disable("plain")


def test_the_number_of_an_app_is_in_its_cookies_and_lasts() -> None:
    engine = engine_of(Plain())
    put(engine, Item("a"))
    number = engine.tables.get(Number, "app", ("plain",))
    assert number is not None
    ((owner, _),) = engine.desired.view("s1").values()
    assert is_ours(owner.cookie)
    assert app_of(owner.cookie) == number.number
    again = engine_of(plugin("first"), Plain())
    put(again, Item("a"))
    ((other, _),) = again.desired.view("s1").values()
    assert other.cookie == owner.cookie


def test_a_plugin_changes_one_flow_of_the_pipeline() -> None:
    engine, world = pipeline()
    bridge = world.bridges["s1"]
    before = dict(bridge.held)
    engine.enable(plugin("mirror", POLICY))
    world.quiesce()
    assert [slot for slot in before if bridge.held[slot] != before[slot]] == [b"\x15\0\0" + before_match()]
    assert sorted(slot[0] for slot in bridge.held.keys() - before.keys()) == [22, 22, 23]
    engine.disable("mirror")
    world.quiesce()
    assert bridge.held == before
    assert engine.tables.all(StageRow) == []


def before_match() -> bytes:
    return b"\0\1\0\4\0\0\0\0"


def test_four_places_behind_a_stage_and_the_fifth_is_refused_in_words() -> None:
    engine, world = pipeline(*(plugin(name, ADMIT) for name in "abcd"))
    assert [row.table for row in engine.tables.all(StageRow)] == [2, 4, 6, 8]
    rows, numbers = engine.tables.all(StageRow), len(engine.apps)
    with pytest.raises(ValueError, match=r"stage E1: the four places behind ADMIT are taken; put it after another stage"):
        engine.enable(plugin("e", POLICY, ADMIT))
    engine.run()
    assert engine.tables.all(StageRow) == rows
    assert len(engine.apps) == numbers
    assert differences(engine) == []
    engine.disable("b")
    engine.enable(plugin("e", POLICY, ADMIT))
    world.quiesce()
    assert {row.name: row.table for row in engine.tables.all(StageRow)} == {"A0": 2, "C0": 6, "D0": 8, "E0": 22, "E1": 4}
    assert world.bridges["s1"].held == world.bridges["s1"].wants()


def test_a_stage_that_two_apps_share_stays_until_both_are_gone() -> None:
    shared = Stage("SHARED", after=ADMIT)

    class One(App, stages=(shared,)):
        """The first."""

    class Two(App, stages=(shared,)):
        """The second."""

    engine, _ = pipeline(One(), Two())
    assert [row.name for row in engine.tables.all(StageRow)] == ["SHARED"]
    engine.disable("one")
    assert [row.name for row in engine.tables.all(StageRow)] == ["SHARED"]
    engine.disable("two")
    assert engine.tables.all(StageRow) == []


def test_a_reloaded_plugin_keeps_its_place() -> None:
    engine, _ = pipeline(plugin("a", ADMIT), plugin("b", ADMIT))
    engine.disable("a")
    engine.enable(plugin("a", ADMIT))
    assert {row.name: row.table for row in engine.tables.all(StageRow)} == {"A0": 2, "B0": 4}


def test_the_apps_own_tables_only() -> None:
    class Greedy(App, stages=(POLICY,)):
        """Writes where it may not."""

        @rules(each=Item)
        def flows(self, item: Item) -> Iterator[Flow]:
            yield ADMIT.flow(DROP).on("s1")

    engine = engine_of(Greedy())
    put(engine, Item("a"))
    (owner,) = engine.failed.values()
    assert "greedy.flows wrote table 0, which is no stage of the app" in owner.error
