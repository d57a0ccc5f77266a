"""What every bridge has before any app: defaults of the stages, junctions between them, frames that never pass."""

from collections.abc import Iterator
from typing import ClassVar

from controller.app import App, Reader, rules
from controller.model import Pipeline, StageRow
from controller.pipeline import ADMIT, DROP, Flow
from controller.pipeline.compose import base_flows
from controller.pipeline.stages import STAGES

LINK_LOCAL = ("01:80:c2:00:00:00", "ff:ff:ff:ff:ff:f0")  # IEEE 802.1D table 7-10: no bridge forwards these
GROUP_BIT = ("01:00:00:00:00:00", "01:00:00:00:00:00")


class Basis(App, stages=STAGES):
    """The pipeline itself: the default flow of each stage, the junctions, and frames that no bridge forwards."""

    whole_pipeline: ClassVar[bool] = True

    @rules(each=Pipeline)
    def stages_and_junctions(self, pipeline: Pipeline, rows: Reader) -> Iterator[Flow]:
        """One scope, all bridges: a plugin's stage changes one junction."""
        for flow in base_flows({row.table: row.name for row in rows.where(StageRow)}):
            yield flow.on(pipeline)

    @rules(each=Pipeline)
    def never_forwarded(self, pipeline: Pipeline) -> Iterator[Flow]:
        """Frames for the bridge itself, and frames that nobody can have sent."""
        yield ADMIT.flow(DROP, priority=200, eth_dst=LINK_LOCAL, why="link-local, for bridges only").on(pipeline)
        yield ADMIT.flow(DROP, priority=400, eth_src=GROUP_BIT, why="a group address cannot be a source").on(pipeline)
