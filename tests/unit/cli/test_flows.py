"""`weft flows`: the pipeline of one bridge."""

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


def test_a_bridge_that_does_not_exist_is_not_found(weft: Weft, view: FakeView) -> None:
    assert weft("flows", "s9").code == 4
    assert weft("flows", "s1/../s2").code == 4


def test_search_and_json(weft: Weft, view: FakeView) -> None:
    flows = weft("flows", "s1", "-s", "link-local", "-o", "json").json
    assert [flow["match"] for flow in flows] == ["dl_dst=01:80:c2:00:00:00/ff:ff:ff:ff:ff:f0"]


def test_nothing_matches(weft: Weft, view: FakeView) -> None:
    done = weft("flows", "s1", "-s", "no such text")
    assert (done.code, done.out, done.err) == (0, "", "No flows match.\n")
