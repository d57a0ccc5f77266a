"""From what a bridge holds to what it should hold: the difference, the order, and what becomes of refusals."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from controller.app import App, Reader, rules
from controller.model import Row, key
from controller.model.cookie import MAGIC
from controller.pipeline import DROP, NEXT, POLICY, Flow, bucket, output
from controller.pipeline.flow import GROUP_SLOT, METER_SLOT
from controller.pipeline.stages import FIRST_LEARNED_TABLE
from controller.state import reconcile, status
from controller.state.engine import Engine
from controller.state.ledger import Installed
from tests.unit.state.lab import drop, engine_of, put
from tests.unit.state.simulation import Bridge, World


class Item(Row):
    """Gives a flow a port, and perhaps a group and a meter."""

    name: str = key()
    ports: tuple[int, ...] = ()
    out: int = 1
    whole: bool = False
    raises: bool = False


class Items(App, stages=(POLICY,)):
    """Flows by item."""

    @rules(each=Item)
    def flows(self, item: Item, rows: Reader) -> Iterator[Flow]:
        if item.raises:
            raise RuntimeError(item.name)
        if item.whole:
            group = rows.group("all", item.name, buckets=[bucket(output(item.out))])
            meter = rows.meter(item.name, pps=item.out)
            yield POLICY.flow(group.use, meter.use, network=item.out).on("s1")
            yield group.on("s1")
            yield meter.on("s1")
        for port in item.ports:
            yield POLICY.flow(output(item.out), in_port=port).on("s1")


BAD = 66


def refuses(flow: Flow) -> str:
    return "no such port" if flow.body.find(output(BAD)) >= 0 else ""


@pytest.fixture
def world() -> World:
    """An engine with one bridge that is connected and empty."""
    world = World(engine_of(Items()), "s1", refuses=refuses)
    world.bridges["s1"].connect()
    world.quiesce()
    return world


def ports_of(bridge: Bridge) -> list[int]:
    """In-ports that have a flow."""
    return sorted(int.from_bytes(slot[11:15], "big") for slot in bridge.held if slot[7:11] == b"\x80\0\0\4")


def kinds(changes: list[tuple[bytes, int, Flow | None]]) -> list[str]:
    """Each change as a word such as "+flow" or "-group"."""
    name = {GROUP_SLOT: "group", METER_SLOT: "meter"}
    return [("+" if flow else "-") + name.get(slot[0], "flow") for slot, _, flow in changes]


# ---------------------------------------------------------------- order


def test_what_is_needed_comes_first_and_goes_last(world: World) -> None:
    engine, bridge = world.engine, world.bridges["s1"]
    put(engine, Item("a", (1,), whole=True))
    assert kinds(bridge.plan()) == ["+meter", "+group", "+flow", "+flow"]
    bridge.answer()
    put(engine, Item("b", (2,), whole=True, out=2))
    drop(engine, Item("a"))
    assert kinds(bridge.plan()) == ["+meter", "+group", "+flow", "+flow", "-flow", "-flow", "-group", "-meter"]
    bridge.answer()
    assert bridge.held == bridge.wants()


def test_a_part_at_a_time_keeps_the_order(world: World) -> None:
    engine, bridge = world.engine, world.bridges["s1"]
    put(engine, Item("a", (1, 2, 3), whole=True))
    parts = []
    while bridge.plan(2):
        parts.append(kinds(bridge.changes))
        bridge.answer()
    assert parts == [["+meter", "+group"], ["+flow", "+flow"], ["+flow", "+flow"]]
    assert bridge.held == bridge.wants()


def test_each_change_has_the_cookie_of_its_owner(world: World) -> None:
    put(world.engine, Item("a", (1,)), Item("b", (2,)))
    cookies = [cookie for _, cookie, _ in world.bridges["s1"].plan()]
    assert len(set(cookies)) == 2
    assert all(cookie >> 56 == MAGIC for cookie in cookies)
    world.bridges["s1"].answer()
    drop(world.engine, Item("a"))
    assert world.bridges["s1"].plan()[0][1:] == (0, None)


def test_a_change_that_is_taken_back_is_not_sent(world: World) -> None:
    engine, bridge = world.engine, world.bridges["s1"]
    put(engine, Item("a", (1,)))
    world.quiesce()
    sent = bridge.sent
    put(engine, Item("a", (1,), out=5))
    put(engine, Item("a", (1, 2)))
    assert status.of_row(engine, Item("a")) == "pending"
    put(engine, Item("a", (1,)))
    assert status.of_row(engine, Item("a")) == "installed"
    assert bridge.ledger is not None
    assert (bridge.ledger.open, bridge.ledger.pending) == (0, {})
    world.quiesce()
    assert bridge.sent == sent


def test_what_changes_while_something_is_in_flight_goes_with_the_next(world: World) -> None:
    engine, bridge = world.engine, world.bridges["s1"]
    put(engine, Item("a", (1, 2)))
    bridge.plan()
    put(engine, Item("a", (2, 3), out=4))
    assert bridge.plan() is bridge.changes
    assert len(bridge.changes) == 2
    bridge.answer()
    assert kinds(bridge.plan()) == ["+flow", "+flow", "-flow"]
    bridge.answer()
    assert bridge.held == bridge.wants()


# ---------------------------------------------------------------- compare


def installed_of(bridge: Bridge) -> dict[bytes, Installed]:
    return dict(bridge.held)


def test_connecting_again_sends_nothing(world: World) -> None:
    put(world.engine, Item("a", (1, 2), whole=True))
    world.quiesce()
    bridge = world.bridges["s1"]
    bridge.disconnect()
    assert bridge.connect() == ([], [], [], [])
    assert bridge.plan() == []


def test_what_happened_while_it_was_away(world: World) -> None:
    engine, bridge = world.engine, world.bridges["s1"]
    put(engine, Item("a", (1, 2)), Item("b", (3,)))
    world.quiesce()
    bridge.disconnect()
    drop(engine, Item("b"))
    put(engine, Item("a", (2, 4), out=5))
    difference = bridge.connect()
    assert [len(slots) for slots in difference] == [1, 1, 2, 0]
    world.quiesce()
    assert bridge.held == bridge.wants()


def test_drift_is_told_apart_from_what_others_made(world: World) -> None:
    put(world.engine, Item("a", (1, 2, 3), whole=True))
    world.quiesce()
    bridge = world.bridges["s1"]
    one, two, three = (POLICY.flow(output(1), in_port=port) for port in (1, 2, 3))
    cookie = bridge.held[one.slot][0]
    foreign = POLICY.flow(DROP, in_port=99)
    old = POLICY.flow(DROP, in_port=98)
    del bridge.held[one.slot]
    bridge.held[two.slot] = (cookie, two.opts, foreign.body)
    bridge.held[three.slot] = (cookie + 1, three.opts, three.body)
    bridge.held[foreign.slot] = (77, foreign.opts, foreign.body)
    bridge.held[old.slot] = (cookie + 1, old.opts, old.body)
    bridge.held[b"\xff\0\0\0\x09"] = (0, bytes(8), b"\0")
    difference = bridge.connect()
    assert difference.missing == [one.slot]
    assert sorted(difference.changed) == sorted([two.slot, three.slot])
    assert difference.stale == [old.slot]
    assert sorted(difference.foreign) == sorted([foreign.slot, b"\xff\0\0\0\x09"])
    world.quiesce()
    assert bridge.held == bridge.wants()


def test_what_a_bridge_has_learned_is_its_own(world: World) -> None:
    learned, foreign = bytes((FIRST_LEARNED_TABLE,)) + bytes(10), bytes((FIRST_LEARNED_TABLE - 1,)) + bytes(10)
    installed: dict[bytes, Installed] = {learned: (0, bytes(8), b""), foreign: (0, bytes(8), b"")}
    view = world.engine.desired.view("s1")
    assert reconcile.compare(installed, view).foreign == [foreign]
    installed[learned] = MAGIC << 56 | 1, bytes(8), b""
    assert reconcile.compare(installed, view).stale == []


def test_foreign_flows_may_stay(world: World) -> None:
    bridge = world.bridges["s1"]
    foreign = POLICY.flow(DROP, in_port=99)
    bridge.held[foreign.slot] = (77, foreign.opts, foreign.body)
    assert bridge.ledger is not None
    difference = reconcile.compare(bridge.held, world.engine.desired.view("s1"))
    assert reconcile.adopt(bridge.ledger, bridge.held, difference, remove_foreign=False) == 0
    world.quiesce()
    assert list(bridge.held) == [foreign.slot]


def test_a_timeout_that_differs_is_a_change(world: World) -> None:
    put(world.engine, Item("a", (1,)))
    world.quiesce()
    bridge = world.bridges["s1"]
    ((slot, (cookie, _, body)),) = bridge.held.items()
    bridge.held[slot] = (cookie, b"\0\1" + bytes(6), body)
    assert bridge.connect().changed == [slot]


def test_flows_of_a_row_whose_rule_fails_stay_over_a_restart(world: World) -> None:
    """With the groups and meters that they use, of which nothing says whose they are."""
    put(world.engine, Item("a", (1, 2), whole=True), Item("b", (3,)))
    world.quiesce()
    held = installed_of(world.bridges["s1"])
    again = World(Engine(), "s1")
    again.bridges["s1"].held = dict(held)
    again.engine.enable(Items())
    put(again.engine, Item("a", raises=True))
    difference = again.bridges["s1"].connect()
    assert ports_of(again.bridges["s1"]) == [1, 2, 3]
    assert (len(difference.stale), difference.foreign) == (1, [])
    again.quiesce()
    assert ports_of(again.bridges["s1"]) == [1, 2]
    assert {slot for slot in held if slot[0] >= METER_SLOT} <= again.bridges["s1"].held.keys()
    put(again.engine, Item("a", (2,)))
    again.bridges["s1"].connect()
    again.quiesce()
    assert again.bridges["s1"].held == again.bridges["s1"].wants()


# ---------------------------------------------------------------- refusals


def test_a_refusal_marks_its_owner_and_the_rest_goes_in(world: World) -> None:
    engine, bridge = world.engine, world.bridges["s1"]
    put(engine, Item("a", (1, 2)), Item("b", (3, 4), out=BAD), Item("c", (5,)))
    world.quiesce()
    assert ports_of(bridge) == [1, 2, 5]
    assert status.of_row(engine, Item("b")) == "rejected: no such port"
    assert status.of_row(engine, Item("a")) == status.of_row(engine, Item("c")) == "installed"
    assert bridge.ledger is not None
    assert (bridge.ledger.open, bridge.ledger.refused_slots, len(bridge.ledger.refused)) == (0, 2, 1)


def test_beside_a_refused_row_others_go_on_changing(world: World) -> None:
    engine, bridge = world.engine, world.bridges["s1"]
    put(engine, Item("b", (3,), out=BAD))
    world.quiesce()
    put(engine, Item("a", (1,)))
    world.quiesce()
    assert ports_of(bridge) == [1]
    drop(engine, Item("a"))
    world.quiesce()
    assert ports_of(bridge) == []


def test_a_refused_row_that_changes_is_tried_again(world: World) -> None:
    engine, bridge = world.engine, world.bridges["s1"]
    put(engine, Item("b", (3,), out=BAD))
    world.quiesce()
    put(engine, Item("b", (3,), out=2))
    assert status.of_row(engine, Item("b")) == "pending"
    world.quiesce()
    assert status.of_row(engine, Item("b")) == "installed"
    assert bridge.held == bridge.wants()


def test_a_refused_row_keeps_what_it_had(world: World) -> None:
    engine, bridge = world.engine, world.bridges["s1"]
    put(engine, Item("b", (3, 4)))
    world.quiesce()
    put(engine, Item("b", (4, 5), out=BAD))
    world.quiesce()
    assert ports_of(bridge) == [3, 4]
    assert status.of_row(engine, Item("b")) == "rejected: no such port"
    drop(engine, Item("b"))
    world.quiesce()
    assert ports_of(bridge) == []
    assert bridge.ledger is not None
    assert (bridge.ledger.refused, bridge.ledger.pending) == ({}, {})


def test_a_refused_rows_former_slot_is_free_for_others(world: World) -> None:
    engine, bridge = world.engine, world.bridges["s1"]
    put(engine, Item("b", (3,)))
    world.quiesce()
    put(engine, Item("b", (4,), out=BAD), Item("c", (3,), out=9))
    world.quiesce()
    assert bridge.held[POLICY.flow(NEXT, in_port=3).slot][2] == POLICY.flow(output(9)).body


def test_what_a_row_says_since_is_not_refused(world: World) -> None:
    engine, bridge = world.engine, world.bridges["s1"]
    put(engine, Item("b", (3,), out=BAD))
    bridge.plan()
    put(engine, Item("b", (3,), out=2))
    assert bridge.answer() == []
    assert status.of_row(engine, Item("b")) == "pending"
    world.quiesce()
    assert bridge.held == bridge.wants()


def test_a_row_that_went_while_its_flow_was_refused(world: World) -> None:
    engine, bridge = world.engine, world.bridges["s1"]
    put(engine, Item("b", (3,), out=BAD))
    bridge.plan()
    drop(engine, Item("b"))
    assert bridge.answer() == []
    world.quiesce()
    assert bridge.ledger is not None
    assert (bridge.held, bridge.ledger.refused, bridge.ledger.pending) == ({}, {}, {})


def test_one_error_of_several_a_try(world: World) -> None:
    """Errors at the commit come one at a time: each try marks one owner."""
    engine, bridge = world.engine, world.bridges["s1"]
    put(engine, *[Item(name, (port,)) for port, name in enumerate("abcd", 1)])
    bridge.plan()
    assert [refusal.owner.key for refusal in bridge.answer([(1, "first")])] == [("b",)]
    assert len(bridge.plan()) == 3
    assert [refusal.owner.key for refusal in bridge.answer([(1, "second")])] == [("c",)]
    bridge.plan()
    bridge.answer()
    assert ports_of(bridge) == [1, 4]


def test_a_connection_that_ends_forgets_what_was_refused(world: World) -> None:
    engine, bridge = world.engine, world.bridges["s1"]
    put(engine, Item("b", (3,), out=BAD))
    world.quiesce()
    bridge.disconnect()
    assert status.of_row(engine, Item("b")) == "pending"
    bridge.refuses = lambda flow: ""
    bridge.connect()
    world.quiesce()
    assert status.of_row(engine, Item("b")) == "installed"


# ---------------------------------------------------------------- status


def test_the_words_for_a_row(world: World) -> None:
    engine = world.engine
    assert status.of_row(engine, Item("a")) == "none"
    put(engine, Item("a"))
    assert status.of_row(engine, Item("a")) == "none"
    put(engine, Item("a", (1,)))
    assert status.of_row(engine, Item("a")) == "pending"
    world.bridges["s1"].plan()
    assert status.of_row(engine, Item("a")) == "pending"
    world.bridges["s1"].answer()
    assert status.of_row(engine, Item("a")) == "installed"
    put(engine, Item("a", raises=True))
    assert status.of_row(engine, Item("a")).endswith(": RuntimeError: a")
    engine.disable("items")
    assert status.of_row(engine, Item("a")) == "none"


def test_the_worst_of_several_flows_counts(world: World) -> None:
    put(world.engine, Item("a", (1, 2)), Item("b", (2, 3), out=9))
    world.quiesce()
    said = sorted([status.of_row(world.engine, Item("a")), status.of_row(world.engine, Item("b"))])
    assert said[0].startswith("hidden by items.flows Item ")
    assert said[1].startswith("installed, hides items.flows Item ")
