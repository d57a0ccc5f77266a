"""The flows that make tables a pipeline: defaults of the stages, and junctions between them.

Behind each stage at table t lies a junction at t+1 with one flow to the next stage. A plugin's stage takes an even
place between two stages of weft, t+2 t+4 t+6 or t+8, and brings a junction of its own.
"""

from __future__ import annotations

from collections.abc import Iterable

from controller.pipeline.actions import goto, instructions
from controller.pipeline.flow import NO_OPTS, Flow
from controller.pipeline.shape import encode
from controller.pipeline.stages import EGRESS, FIRST_LEARNED_TABLE, FIRST_PRIVATE_TABLE, LAST_TABLE, ON, STAGES, Stage

PLACES = (2, 4, 6, 8)
NAMES = {stage.table: stage.name for stage in STAGES}


def place_for(stage: Stage, taken: Iterable[int]) -> int:
    """The first free table for a plugin's stage. Raises ValueError when all four behind that stage are taken."""
    after = stage.after
    if stage.private:
        return _private_place(stage, set(taken))
    if after is None or after.table >= EGRESS.table:
        raise ValueError(f"stage {stage.name}: no frame gets behind {after or 'no stage'}; put it after an earlier stage")
    base = after.table - after.table % 10
    for step in PLACES:
        if base + step > after.table and base + step not in set(taken):
            return base + step
    raise ValueError(f"stage {stage.name}: the four places behind {after.name} are taken; put it after another stage")


def _private_place(stage: Stage, taken: set[int]) -> int:
    first, last = (FIRST_LEARNED_TABLE, LAST_TABLE) if stage.learned else (FIRST_PRIVATE_TABLE, FIRST_LEARNED_TABLE - 1)
    for table in range(first, last + 1):
        if table not in taken:
            return table
    raise ValueError(f"stage {stage.name}: all tables {first}..{last} are taken")


def junction(table: int, tables: list[int]) -> Flow:
    """The flow at table+1 that leads from the stage at `table` to the next of the sorted `tables`."""
    following = tables[tables.index(table) + 1]
    return Flow(encode(table + 1, 0, {}), instructions((goto(following),)), NO_OPTS, None, ON)


def base_flows(plugins: dict[int, str]) -> list[Flow]:
    """All default and junction flows of a bridge; `plugins` are the plugin stages, table -> name. Private ones have none."""
    plugins = {table: name for table, name in plugins.items() if table < FIRST_PRIVATE_TABLE}
    tables = sorted({*(s.table for s in STAGES), *plugins})
    flows = [stage.default_flow() for stage in STAGES]
    flows += [junction(t, tables) for t in tables if t != EGRESS.table]
    for table in sorted(plugins):
        on = instructions((goto(table + 1),))
        flows.append(Flow(encode(table, 0, {}), on, NO_OPTS, None, ON))
    return flows


def stage_name(table: int, plugins: dict[int, str]) -> str:
    """The name people read for a table: its stage, or the stage that a junction belongs to."""
    names = NAMES | plugins
    if table in names:
        return names[table]
    return f"after {names[table - 1]}" if table - 1 in names else f"table {table}"
