"""A rule that is `given` a type of row rests while there is no such row, and says then what it would have said all the time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.app import App, derives, rules
from controller.model import Row, key
from controller.pipeline import DROP, POLICY, Flow
from controller.state.check import differences
from controller.state.engine import Engine
from controller.state.tables import Tx

pytestmark = pytest.mark.unit


class Item(Row):
    """What the rule is about."""

    number: int = key()


class Licence(Row):
    """Without one of them nothing is said of any item."""

    number: int = key()


class Signature(Row):
    """A licence follows from it."""

    number: int = key()


class Resting(App, stages=(POLICY,)):
    """One rule that rests, and one that makes what it waits for."""

    @rules(each=Item, given=Licence)
    def said(self, item: Item) -> Iterator[Flow]:
        yield POLICY.flow(DROP, in_port=item.number).on("s1")

    @derives(each=Signature)
    def signed(self, signature: Signature) -> Iterator[Row]:
        yield Licence(10 + signature.number)


rows = st.one_of(*(st.builds(cls, st.integers(1, 3)) for cls in (Item, Licence, Signature)))
steps = st.lists(st.tuples(rows, st.booleans(), st.sampled_from(("run", "a slice", "later"))), max_size=25)


@given(steps)
def test_it_says_what_it_would_say_and_only_while_there_is_a_row(steps: list[tuple[Row, bool, str]]) -> None:
    engine = Engine()
    engine.enable(Resting())
    for row, comes, then in steps:
        tx = Tx(engine.tables)
        (tx.put if comes else tx.drop)(row)
        engine.commit(tx)
        if then != "later":
            engine.run((lambda: False) if then == "a slice" else None)
        if then == "run":
            licensed = bool(engine.tables.rows[Licence])
            assert len(engine.desired.layers["s1"]) == (len(engine.tables.rows[Item]) if licensed else 0)
            assert not differences(engine)


def test_while_it_rests_it_is_not_run() -> None:
    engine = Engine()
    engine.enable(Resting())
    tx = Tx(engine.tables)
    for number in range(1, 100):
        tx.put(Item(number))
    engine.commit(tx)
    engine.run()
    assert engine.runs == 0


def test_an_app_can_be_disabled_while_its_rule_rests_and_while_it_does_not() -> None:
    for licensed in (False, True):
        engine = Engine()
        engine.enable(Resting())
        tx = Tx(engine.tables)
        tx.put(Item(1))
        if licensed:
            tx.put(Licence(1))
        engine.commit(tx)
        engine.run()
        engine.disable("resting")
        engine.run()
        assert not engine.desired.layers["s1"]
        tx.put(Licence(2))
        engine.commit(tx)
        engine.run()
        assert not engine.desired.layers["s1"]
