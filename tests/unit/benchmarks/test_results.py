"""The report of the benchmarks: goals, what got worse, what is stored, the chart."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.benchmarks import chart, results
from tests.benchmarks.report import Table
from tests.benchmarks.results import GOALS, least, most

pytestmark = pytest.mark.unit

INSTALLED = "100,000 flows installed / ovs-ofctl --bundle add-flows"
LEARNED = "addresses learned, 1 bridge / Faucet"


@pytest.fixture(autouse=True)
def empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(results, "RATIOS", {})
    monkeypatch.setattr(results, "TABLES", [])
    monkeypatch.setattr(results, "STORED", tmp_path / "ratios.json")


def test_a_goal_is_reached_from_its_side() -> None:
    assert [least(2).reached(ratio) for ratio in (1.9, 2, 9)] == [False, True, True]
    assert [most(2).reached(ratio) for ratio in (1.9, 2, 9)] == [True, True, False]


def test_a_table_keeps_the_ratio_of_two_medians(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("flows installed")
    for number in (1, 2, 9):
        table.add("weft", number)
        table.add("ovs-ofctl --bundle add-flows", 4)
    table.show()
    table.compare("100,000 flows installed", "weft", "ovs-ofctl --bundle add-flows")
    table.compare("100,000 flows installed", "weft", "nobody")
    assert {INSTALLED: 0.5} == results.RATIOS
    assert "the goal is at most 1.5: reached" in capsys.readouterr().out


def test_only_what_is_much_worse_is_told() -> None:
    results.RATIOS.update({INSTALLED: 1.3, LEARNED: 10.0, "of no goal": 99.0})
    assert list(results.worse({INSTALLED: 1.0, LEARNED: 13.0, "of no goal": 1.0})) == []
    (told,) = results.worse({INSTALLED: 0.5, LEARNED: 13.0})
    assert told == f"warning: {INSTALLED} is 1.3; it was 0.5 (the goal is at most 1.5)"
    (told,) = results.worse({INSTALLED: 2.0, LEARNED: 20.0})
    assert told.startswith(f"warning: {LEARNED} is 10")


def test_what_was_not_measured_stays_stored(tmp_path: Path) -> None:
    results.RATIOS.update({INSTALLED: 1.3})
    results.store()
    results.RATIOS.clear()
    results.RATIOS.update({LEARNED: 17.0})
    results.store()
    assert results.stored() == {INSTALLED: 1.3, LEARNED: 17.0}
    results.write(tmp_path / "report.json")
    said = json.loads((tmp_path / "report.json").read_text())
    assert said["ratios"] == {LEARNED: {"ratio": 17.0, "goal": "at least 15"}}


def test_the_chart_has_a_bar_for_each_ratio_on_the_side_of_its_goal() -> None:
    svg = chart.draw({INSTALLED: 0.75, LEARNED: 7.5}, GOALS)
    bars = [element.attrib for element in ElementTree.fromstring(svg) if element.tag.endswith("rect")]
    assert {bar["fill"] for bar in bars} == {chart.GOOD, chart.BAD}
    (good,) = (bar for bar in bars if bar["fill"] == chart.GOOD)
    (bad,) = (bar for bar in bars if bar["fill"] == chart.BAD)
    assert float(good["x"]) == pytest.approx(chart.MIDDLE, abs=0.1)
    assert float(bad["x"]) + float(bad["width"]) == pytest.approx(chart.MIDDLE, abs=0.1)
    assert float(good["width"]) == pytest.approx(float(bad["width"]), abs=0.2)  # both by a factor of two
