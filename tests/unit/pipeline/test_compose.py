"""The pipeline as flows: each stage leads to the next, and a plugin's stage changes one flow of what is there."""

from __future__ import annotations

import re

import pytest

from controller.pipeline import ADMIT, ANSWER, CLASSIFY, DROP, EGRESS, FLOOD, NEXT, NEXTHOP, Stage
from controller.pipeline.compose import NAMES, PLACES, base_flows, place_for, stage_name
from controller.pipeline.stages import FIRST_PRIVATE_TABLE, ON, STAGES, is_learned
from controller.pipeline.text import flow_text

JUNCTION = re.compile(r"table=(\d+) priority=0 actions=goto_table:(\d+)$")


def flows(plugins: dict[int, str] | None = None) -> dict[int, str]:
    """Table -> text of its base flow; each table has one, with the lowest priority, that matches everything."""
    made = base_flows(plugins or {})
    assert len({flow.slot for flow in made}) == len(made)
    assert all(flow.slot[1:7] == b"\0\0\0\1\0\4" for flow in made)
    return {flow.slot[0]: flow_text(flow) for flow in made}


def walk(texts: dict[int, str], table: int = 0) -> list[int]:
    """The tables that a frame goes through which no other flow matches."""
    way = [table]
    while "goto_table" in texts[table]:
        table = int(texts[table].rpartition("goto_table:")[2])
        way.append(table)
    return way


def test_a_frame_of_a_port_that_is_in_no_network_is_dropped() -> None:
    assert [stage_name(table, {}) for table in walk(flows())] == ["ADMIT", "after ADMIT", "CLASSIFY"]


def test_a_frame_that_nothing_else_matches_is_flooded_at_last() -> None:
    names = [stage_name(table, {}) for table in walk(flows(), CLASSIFY.table + 1)]
    expected = ["POLICY", "SERVICE", "LEARN", "ANSWER", "ROUTE"]
    assert names == ["after CLASSIFY"] + [n for name in expected for n in (name, f"after {name}")] + ["FORWARD", "FLOOD"]


def test_a_frame_for_a_port_goes_out_of_it() -> None:
    texts = flows()
    assert walk(texts, 100) == [100, 101, 110]
    assert texts[EGRESS.table].endswith("actions=drop")
    assert texts[CLASSIFY.table].endswith("actions=drop")
    assert texts[NEXTHOP.table].endswith("actions=drop")
    assert texts[FLOOD.table].endswith("actions=drop")


def test_stages_and_their_junctions_have_room_for_plugins() -> None:
    tables = [stage.table for stage in STAGES]
    assert tables == sorted(set(tables))
    assert all(table % 10 == 0 and table < FIRST_PRIVATE_TABLE for table in tables)
    assert {stage.table: stage.name for stage in STAGES} == NAMES


def test_a_plugins_stage_changes_one_flow_and_brings_two() -> None:
    before, after = flows(), flows({52: "MIRROR"})
    assert {table for table in before if before[table] != after[table]} == {51}
    assert after.keys() - before.keys() == {52, 53}
    assert JUNCTION.search(after[51]).groups() == ("51", "52")  # type: ignore[union-attr]
    assert JUNCTION.search(after[52]).groups() == ("52", "53")  # type: ignore[union-attr]
    assert JUNCTION.search(after[53]).groups() == ("53", "60")  # type: ignore[union-attr]
    assert walk(after, 11)[7:12] == [50, 51, 52, 53, 60]


def test_four_plugins_behind_one_stage_run_in_the_order_of_their_tables() -> None:
    plugins = {table: f"P{table}" for table in (2, 4, 6, 8)}
    assert walk(flows(plugins))[:11] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]


def test_private_tables_lead_nowhere_by_themselves() -> None:
    assert flows({128: "MINE", 192: "LEARNED"}) == flows()
    assert place_for(Stage("MINE", private=True), [10, 128]) == 129
    assert place_for(Stage("LEARNED", learned=True), [128]) == 192
    assert [is_learned(bytes((table,))) for table in (0, 128, 191, 192, 253, 254, 255)] == [
        *[False] * 3,
        True,
        True,
        False,
        False,
    ]
    with pytest.raises(ValueError, match=r"stage LAST: all tables 128\.\.191 are taken"):
        place_for(Stage("LAST", private=True), range(128, 192))
    with pytest.raises(TypeError, match="stage MINE is private: nothing is next"):
        Stage("MINE", 128, private=True).flow(NEXT)


def test_every_table_leads_onwards() -> None:
    texts = flows({2: "A", 52: "B", 54: "C", 108: "D"})
    for table in texts:
        way = walk(texts, table)
        assert way == sorted(way)
        assert way[-1] in (CLASSIFY.table, NEXTHOP.table, FLOOD.table, EGRESS.table)


def test_a_plugin_gets_the_first_place_that_is_free() -> None:
    taken: list[int] = []
    for name in "ABCD":
        taken.append(place_for(Stage(name, after=ADMIT), taken))
    assert taken == list(PLACES)
    with pytest.raises(ValueError, match=r"^stage E: the four places behind ADMIT are taken; put it after another stage$"):
        place_for(Stage("E", after=ADMIT), taken)
    assert place_for(Stage("E", after=ANSWER), taken) == 52


def test_a_place_that_is_free_again_is_given_again() -> None:
    assert place_for(Stage("X", after=ADMIT), [2, 6, 8]) == 4


def test_a_stage_behind_a_plugins_stage() -> None:
    assert place_for(Stage("SECOND", after=Stage("MIRROR", 4, after=ADMIT)), [2, 4]) == 6
    with pytest.raises(ValueError, match=r"the four places behind MIRROR are taken"):
        place_for(Stage("THIRD", after=Stage("MIRROR", 8, after=ADMIT)), [8])


def test_nothing_comes_behind_egress() -> None:
    with pytest.raises(ValueError, match=r"^stage LATE: no frame gets behind EGRESS; put it after an earlier stage$"):
        place_for(Stage("LATE", after=EGRESS), [])


def test_names_of_tables() -> None:
    plugins = {52: "MIRROR"}
    assert [stage_name(t, plugins) for t in (0, 1, 52, 53, 54, 130)] == [
        "ADMIT",
        "after ADMIT",
        "MIRROR",
        "after MIRROR",
        "table 54",
        "table 130",
    ]


def test_a_frame_that_a_stage_drops_by_default_has_a_reason_that_people_understand() -> None:
    dropping = [stage for stage in STAGES if stage.default == (DROP,)]
    assert {stage.name for stage in dropping} == {"CLASSIFY", "NEXTHOP", "FLOOD", "EGRESS"}
    for stage in dropping:
        why = stage.default_flow().why
        assert why not in ("", ON)
        assert stage.name not in why, "a table is no reason"
