"""A large transaction is taken over in slices, and comes true as one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from controller.app import App, Reader, Tx, rules
from controller.model import Network, PortConfig
from controller.pipeline import LEARN, NEXT, Flow
from controller.runtime.bulk import SLICE, Bulk
from controller.state.engine import Engine

pytestmark = pytest.mark.unit

MANY = 3 * SLICE
SEEN: list[int] = []  # how many ports a rule saw, whenever it ran


class Count(App, stages=(LEARN,)):
    """Has a rule that looks at all ports."""

    @rules(each=PortConfig)
    def count(self, config: PortConfig, rows: Reader) -> Iterator[Flow]:
        SEEN.append(len(rows.where(PortConfig, bridge="s1")))
        yield LEARN.flow(NEXT, in_port=int(config.name)).on("s1")


class Lab:
    """An engine with that app, and a bulk of ports that waits."""

    def __init__(self) -> None:
        self.engine, self.ended = Engine(), 0
        self.engine.enable(Count())
        SEEN.clear()
        self.bulk = Bulk(self.engine)
        tx = Tx(self.engine.tables)
        for number in range(1, MANY + 1):
            tx.put(PortConfig("s1", str(number)))
        self.bulk.add(tx, self.end)

    def end(self) -> None:
        self.ended += 1

    @property
    def there(self) -> int:
        return len(self.engine.tables.rows[PortConfig])


def test_others_have_their_turn_between_two_slices() -> None:
    lab = Lab()
    for taken in (SLICE, 2 * SLICE, 3 * SLICE):
        assert lab.bulk.take(lambda: False) is False
        assert lab.there == taken
        tx = Tx(lab.engine.tables)
        tx.put(Network(f"n{taken}", taken))  # what somebody else changes meanwhile
        lab.engine.commit(tx)
    assert lab.bulk.take(lambda: True)
    assert len(lab.engine.tables.rows[Network]) == 3


def test_no_rule_sees_a_part_of_it() -> None:
    lab = Lab()
    while not lab.bulk.take(lambda: False):
        assert SEEN == []
    lab.engine.run()
    assert set(SEEN) == {MANY}


def test_its_end_comes_once_and_after_its_rules() -> None:
    lab = Lab()
    lab.bulk.take(lambda: True)
    assert (lab.ended, lab.bulk.busy) == (0, True)
    lab.engine.run()
    assert lab.bulk.finish()
    assert (lab.ended, lab.bulk.busy) == (1, False)
    assert not lab.bulk.finish()
    assert lab.ended == 1


def test_one_after_the_other() -> None:
    lab = Lab()
    tx = Tx(lab.engine.tables)
    tx.drop(Network, "default")
    for number in range(1, MANY + 1):
        tx.put(PortConfig("s1", str(number), access="red"))
    lab.bulk.add(tx, lab.end)
    assert lab.bulk.take(lambda: True)
    lab.bulk.finish()
    assert lab.ended == 2
    assert {row.access for row in lab.engine.tables.all(PortConfig)} == {"red"}


def test_nothing_to_change_ends_as_well() -> None:
    lab = Lab()
    lab.bulk.take(lambda: True)
    lab.bulk.finish()
    lab.bulk.add(Tx(lab.engine.tables), lab.end)
    assert lab.bulk.take(lambda: True)
    assert lab.bulk.finish()
    assert lab.ended == 2
