"""Changes of scopes that no ledger has taken over yet: what a bridge holds is known all the same, and what is new is a block."""

import pytest

from controller.app import Tx
from controller.model import Member, scope_of
from controller.state import news, reconcile
from controller.state.engine import Engine
from tests.unit.state.test_ledgers_follow import NETWORKS, Wish, Wishes

BLUE, RED = (network.name for network in NETWORKS)


class One:
    """An engine and one bridge, a member of blue alone."""

    def __init__(self):
        self.engine = Engine()
        self.engine.enable(Wishes())
        self.ledger = self.engine.desired.open("s1")
        self.put(Member(scope_of(NETWORKS[0]), "s1"))

    def change(self, how, *rows):
        tx = Tx(self.engine.tables)
        for row in rows:
            getattr(tx, how)(row)
        self.engine.commit(tx)
        self.engine.run()

    def put(self, *rows):
        self.change("put", *rows)

    def drop(self, *rows):
        self.change("drop", *rows)

    def plan(self):
        return reconcile.plan(self.ledger, self.engine.desired)

    def send(self):
        changes = self.plan()
        self.ledger.confirm()
        return changes


@pytest.fixture
def one(monkeypatch):
    monkeypatch.setattr(news, "FEWEST", 1)
    return One()


def test_what_is_new_in_a_scope_is_a_block_and_in_flight_like_all_else(one):
    one.put(*[Wish(number, number, place=BLUE) for number in range(3)])
    changes = one.plan()
    assert [change for block in one.ledger.blocks for change in block.changes] == changes
    assert one.ledger.inflight == dict.fromkeys([slot for slot, _, _ in changes])
    assert [entry[1] for entry in one.ledger.sent] == [flow for _, _, flow in changes]
    one.ledger.confirm()
    assert one.plan() == []
    assert not one.ledger.blocks


def test_members_are_sent_the_same_block(one):
    other = one.engine.desired.open("s2")
    one.put(Member(scope_of(NETWORKS[0]), "s2"))
    one.put(*[Wish(number, number, place=BLUE) for number in range(3)])
    one.plan()
    reconcile.plan(other, one.engine.desired)
    assert other.blocks
    assert all(block is same for block, same in zip(one.ledger.blocks, other.blocks, strict=True))


def test_few_additions_are_planned_one_by_one(monkeypatch):
    monkeypatch.setattr(news, "FEWEST", 4)
    one = One()
    one.put(*[Wish(number, number, place=BLUE) for number in range(3)])
    assert len(one.plan()) == 3
    assert not one.ledger.blocks


def test_a_block_is_of_one_scope(one):
    one.put(Wish(0, 0, place=BLUE), Wish(1, 1, place=RED))
    assert len(one.plan()) == 1


def test_what_takes_the_place_of_something_is_known_to_do_so(one):
    wishes = Wish(0, 0, 1, BLUE), Wish(1, 0, 2, BLUE)
    one.put(*wishes)
    ((slot, _, _),) = one.send()
    first = one.engine.desired.effective("s1", slot)[0].key[0]  # of two that want it
    one.drop(wishes[first])
    ((_, cookie, _),) = one.send()
    one.put(wishes[first])
    ((_, now, _),) = one.plan()
    assert one.ledger.inflight[slot][0].cookie == cookie != now


def test_what_a_scope_gave_up_is_known_when_the_bridge_itself_wants_the_slot(one):
    one.put(shared := Wish(0, 0, 1, BLUE))
    ((slot, cookie, _),) = one.send()
    one.drop(shared)
    one.put(Wish(1, 0, 2, "s1"))
    one.plan()
    assert one.ledger.inflight[slot][0].cookie == cookie


def test_a_bridge_that_connects_in_between_is_told_what_comes_after_it(one):
    one.put(Member(scope_of(NETWORKS[0]), "s2"), Wish(0, 0, 1, BLUE))
    late = one.engine.desired.open("s2")  # and holds what it should by now
    one.put(Wish(0, 0, 2, BLUE))
    assert len(reconcile.plan(late, one.engine.desired)) == len(one.plan()) == 1


def test_what_comes_and_goes_before_anybody_looks_leaves_nothing(one):
    one.put(wish := Wish(0, 0, 1, BLUE))
    one.drop(wish)
    assert one.plan() == []


def test_what_nobody_looks_at_is_not_kept_for_ever(one, monkeypatch):
    monkeypatch.setattr("controller.state.desired.MOST_NEWS", 50)
    away = one.engine.desired.open("s9")  # a member of nothing
    for turn in range(40):
        one.put(*[Wish(number, number, 1 + turn % 2, BLUE) for number in range(4)])
    assert len(one.engine.desired._news) < 50
    one.engine.desired.ledgers.pop("s9")
    assert away.pending == {}
    assert len(one.send()) == 4


def test_a_scope_that_is_no_more_leaves_nothing(one):
    desired = one.engine.desired
    one.put(Wish(0, 0, 1, BLUE))
    one.send()
    one.drop(Wish(0, 0, 1, BLUE), Member(scope_of(NETWORKS[0]), "s1"))
    scope = scope_of(NETWORKS[0])
    assert [len(one.send()), scope in desired.layers, scope in desired.members, scope in desired._alone] == [
        1,
        False,
        False,
        False,
    ]


def test_a_bundle_that_is_refused_as_a_whole_is_nobodys_fault(one):
    one.put(*[Wish(number, number, place=BLUE) for number in range(3)])
    changes = one.plan()
    assert one.ledger.roll_back([(-1, "no bundles here")]) == []
    assert [slot for slot, _, _ in one.plan()] == [slot for slot, _, _ in changes]


def test_who_connects_while_much_is_new_keeps_nobody_busy(one, monkeypatch):
    monkeypatch.setattr("controller.state.desired.MOST_NEWS", 50)
    one.put(*[Wish(number, number, 1, BLUE) for number in range(45)])
    one.engine.desired.open("s2")
    one.put(*[Wish(100 + number, 100 + number, 1, BLUE) for number in range(60)])
    assert len(one.engine.desired._news) < 50
    assert len(one.send()) == 105
