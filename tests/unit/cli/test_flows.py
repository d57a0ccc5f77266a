"""`weft flows`: the pipeline of one bridge."""

import dataclasses

import pytest
from ovs.flow.ofp import OFPFlow

from tests.fakes.view import FakeView
from tests.unit.cli.runner import Weft

pytestmark = pytest.mark.unit


def test_tables_come_in_order_with_groups_and_meters_last(weft: Weft, view: FakeView) -> None:
    headings = [line for line in weft("flows", "s2").lines if line.startswith("table ") or line in ("groups", "meters")]
    assert headings[0] == "table 0 ADMIT"
    assert headings[-2:] == ["groups", "meters"]
    numbers = [int(line.split()[1]) for line in headings[:-2]]
    assert numbers == sorted(set(numbers))


def test_tables_that_only_lead_on_are_counted(weft: Weft, view: FakeView) -> None:
    on = next(flow for flow in view._flows if flow.table == 0 and flow.bridge == "s1" and not flow.match)
    view._flows += [dataclasses.replace(on, table=1, stage="after ADMIT"), dataclasses.replace(on, table=20, stage="POLICY")]
    short, full = weft("flows", "s1"), weft("flows", "s1", "--all")
    assert short.lines[-1] == "2 tables hold one flow that leads on; --all shows them."
    assert "table 20 POLICY" in full.lines
    assert "table 20 POLICY" not in short.lines
    assert "table 20 POLICY" in weft("flows", "s1", "-t", "20").lines


def test_each_flow_has_its_owner_and_its_reason(weft: Weft, view: FakeView) -> None:
    line = next(line for line in weft("flows", "s1", "-t", "70").lines if "00:00:00:00:00:03" in line)
    assert "l2_learning" in line
    assert "00:00:00:00:00:03 is behind port 2" in line


def test_raw_lines_are_ovs_ofctl_text(weft: Weft, view: FakeView) -> None:
    lines = [line for line in weft("flows", "s1", "--raw").lines if line.startswith("cookie=")]
    flows = [OFPFlow(line) for line in lines]
    assert {flow.info["table"] for flow in flows} >= {0, 10, 40, 70}
    learned = next(flow for flow in flows if flow.info["table"] == 40)
    assert learned.info["idle_timeout"] == 300
    assert learned.match["dl_src"]


def test_raw_groups_and_meters_are_what_add_group_and_add_meter_take(weft: Weft, view: FakeView) -> None:
    lines = weft("flows", "s2", "--raw").lines
    assert any(line.startswith("group_id=1,type=all,bucket=") for line in lines)
    assert "meter=1,pktps,burst,bands=type=drop,rate=100,burst_size=200" in lines


def test_a_bridge_that_does_not_exist_is_not_found(weft: Weft, view: FakeView) -> None:
    assert weft("flows", "s9").code == 4
    assert weft("flows", "s1/../s2").code == 4


def test_search_and_json(weft: Weft, view: FakeView) -> None:
    flows = weft("flows", "s1", "-s", "link-local", "-o", "json").json
    assert [flow["match"] for flow in flows] == ["dl_dst=01:80:c2:00:00:00/ff:ff:ff:ff:ff:f0"]


def test_nothing_matches(weft: Weft, view: FakeView) -> None:
    done = weft("flows", "s1", "-s", "no such text")
    assert (done.code, done.out, done.err) == (0, "", "No flows match.\n")


def test_a_table_goes_by_its_stage_too(weft: Weft, view: FakeView) -> None:
    by_number = weft("flows", "s1", "-t", "70").out
    assert weft("flows", "s1", "--table", "FORWARD").out == weft("flows", "s1", "-t", "forward").out == by_number
    assert weft("get", "flows", "-t", "FORWARD", "-o", "json").json == weft("get", "flows", "-t", "70", "-o", "json").json
    missed = next(flow for flow in view._flows if flow.table == 0 and flow.bridge == "s1" and not flow.match)
    view._flows.append(dataclasses.replace(missed, table=52, stage="MIRROR", why="on to the next stage"))
    assert "table 52 MIRROR" in weft("flows", "s1", "-t", "mirror").lines
    assert "ANSWER, MIRROR, ROUTE" in weft("flows", "s1", "-t", "mirrors").err


@pytest.mark.parametrize("table", ["255", "-1", "NOWHERE", "nothing"])
def test_a_table_that_is_none_says_which_there_are(weft: Weft, view: FakeView, table: str) -> None:
    done = weft("flows", "s1", f"--table={table}")
    assert done.code == 64
    assert f"there is no table '{table}': a number from 0 to 254, or a stage: ADMIT, CLASSIFY," in done.err


@pytest.mark.parametrize("command", [("flows", "s1"), ("get", "flows")])
def test_an_app_that_does_not_exist_is_not_one_without_flows(weft: Weft, view: FakeView, command: tuple[str, ...]) -> None:
    done = weft(*command, "--app", "l2_lerning")
    assert done.code == 4
    assert "there is no app 'l2_lerning'" in done.err
    assert "Did you mean l2_learning?" in done.err
