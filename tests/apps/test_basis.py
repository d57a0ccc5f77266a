"""The pipeline that every bridge has, and a plugin with a stage of its own in it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from controller.app import App, rules
from controller.model import Bridge, Member, Pipeline, Port, scope_of
from controller.pipeline import ADMIT, NEXT, POLICY, Flow, Stage, output
from controller.pipeline.stages import STAGES
from controller.topology.basis import Basis
from tests.apps.engine import Lab

pytestmark = pytest.mark.apps

MIRROR = Stage("MIRROR", after=ADMIT)


class Mirror(App, stages=(MIRROR,)):
    """Copies all that a port receives to another port."""

    watched: int = 1
    copy_to: int = 9

    @rules(each=Bridge)
    def copy(self, bridge: Bridge) -> Iterator[Flow]:
        yield MIRROR.flow(output(self.copy_to), NEXT, in_port=self.watched, why="mirrored")


@pytest.fixture
def lab() -> Lab:
    """Two bridges with nothing but the basis."""
    lab = Lab(Basis())
    lab.bridge("s1", 1, ports=2)
    lab.bridge("s2", 2, ports=2)
    return lab


def test_every_stage_has_a_default_and_a_junction_on_every_bridge(lab: Lab) -> None:
    for bridge in ("s1", "s2"):
        flows = lab.flows(bridge)
        defaults = [flow for flow in flows if " priority=0 " in flow]
        assert len(defaults) == 2 * len(STAGES) - 1
        assert {flow.split()[0] for flow in defaults if not flow.startswith("table=")} == {stage.name for stage in STAGES}
        assert len(flows) - len(defaults) == 2


def test_frames_that_never_pass(lab: Lab) -> None:
    assert [flow for flow in lab.flows("s1", "ADMIT") if "priority=0" not in flow] == [
        "ADMIT priority=200,dl_dst=01:80:c2:00:00:00/ff:ff:ff:ff:ff:f0 actions=drop",
        "ADMIT priority=400,dl_src=01:00:00:00:00:00/01:00:00:00:00:00 actions=drop",
    ]


def test_the_flows_of_all_bridges_are_there_once(lab: Lab) -> None:
    runs = lab.engine.runs
    lab.bridge("s3", 3, ports=2)
    assert lab.engine.runs == runs, "a bridge more runs no rule"
    assert lab.flows("s3") == lab.flows("s1")
    lab.drop(Member(scope_of(Pipeline()), "s3"))
    assert lab.flows("s3") == []


def test_a_port_changes_nothing(lab: Lab) -> None:
    before = lab.flows("s1")
    lab.put(Port("s1", 7, up=False))
    assert lab.flows("s1") == before


def test_a_stage_of_a_plugin_goes_in_between_and_out_again(lab: Lab) -> None:
    before = lab.flows("s1")
    lab.engine.enable(Mirror(copy_to=2))
    lab.put(Port("s1", 8))
    now = lab.flows("s1")
    assert set(before) - set(now) == {"table=1 priority=0 actions=goto_table:10"}
    assert sorted(set(now) - set(before)) == [
        "table=1 priority=0 actions=goto_table:2",
        "table=2 priority=0 actions=goto_table:3",
        "table=2 priority=100,in_port=1 actions=output:2,goto_table:3",
        "table=3 priority=0 actions=goto_table:10",
    ]
    lab.engine.disable("mirror")
    lab.put(Port("s1", 9))
    assert lab.flows("s1") == before


def test_two_plugins_behind_one_stage_follow_each_other(lab: Lab) -> None:
    second = Stage("SECOND", after=ADMIT)

    class Second(App, stages=(second,)):
        """Comes behind the mirror."""

    lab.engine.enable(Mirror())
    lab.engine.enable(Second())
    lab.put(Port("s1", 8))
    found = (re.match(r"table=(\d+) priority=0 actions=goto_table:(\d+)", flow) for flow in lab.flows("s1"))
    way = {int(match[1]): int(match[2]) for match in found if match}
    assert [way[table] for table in (1, 2, 3, 4, 5)] == [2, 3, 4, 5, 10]


def test_the_basis_may_write_every_table_and_others_may_not() -> None:
    class Greedy(App, stages=(POLICY,)):
        """Writes the junction behind its own stage."""

        @rules(each=Bridge)
        def cheat(self, bridge: Bridge) -> Iterator[Flow]:
            flow = POLICY.flow(NEXT)
            yield Flow(bytes([POLICY.table + 1]) + flow.slot[1:], flow.body, flow.opts, None, "")

    lab = Lab(Basis(), Greedy(), failures=True)
    lab.bridge("s1", 1, ports=1)
    (owner,) = lab.engine.failed.values()
    assert "wrote table 21, which is no stage of the app" in owner.error
