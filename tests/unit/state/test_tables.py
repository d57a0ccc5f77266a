"""Rows in tables: indexes that stay true, and transactions that see their own changes and leave nothing behind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.model import Host, IPv4, Mac, Number, Port, Row, key
from controller.state.engine import Engine
from controller.state.tables import Tables, Tx


class Pair(Row):
    """A row with two fields to look for."""

    name: int = key()
    a: int = 0
    b: int = 0


def tables_with(*rows: Row) -> Tables:
    tables = Tables()
    commit(tables, *rows)
    return tables


def commit(tables: Tables, *rows: Row) -> None:
    engine = Engine()
    engine.tables = tables
    tx = Tx(tables)
    for row in rows:
        tx.put(row)
    engine.commit(tx)


PORTS = (Port("s1", 1), Port("s1", 2, up=False), Port("s2", 1))


def test_rows_by_key_and_by_field_in_the_order_of_their_keys() -> None:
    tables = tables_with(*reversed(PORTS))
    assert tables.get(Port, "s1", 2) == PORTS[1]
    assert tables.get(Port, "s3", 2) is None
    assert tables.all(Port) == list(PORTS)
    assert tables.where(Port, bridge="s1") == list(PORTS[:2])
    assert tables.where(Port, bridge="s1", up=True) == [PORTS[0]]
    assert tables.where(Port, bridge="s9") == []


def test_a_field_that_is_none_is_named() -> None:
    tables = tables_with(*PORTS)
    with pytest.raises(TypeError, match=r"Port has no field 'bridges'; it has bridge, port, name"):
        tables.where(Port, bridges="s1")
    with pytest.raises(TypeError, match=r"Port has no field 'mtu'"):
        Tx(tables).where(Port, bridge="s1", mtu=3)


def test_rows_whose_keys_cannot_be_compared_have_an_order_too() -> None:
    numbers = [
        Number("group", ("vip", "web")),
        Number("group", ("vip", 3)),
        Number("group", ("vip", None)),
        Number("group", (Mac(1),)),
    ]
    tables, turned = tables_with(*numbers), tables_with(*reversed(numbers))
    assert sorted(map(str, tables.all(Number))) == sorted(map(str, numbers))
    assert tables.all(Number) == turned.all(Number)
    assert tables.where(Number, space="group") == turned.where(Number, space="group")
    assert Tx(tables).where(Number, space="group") == tables.all(Number)


pairs = st.builds(Pair, st.integers(0, 5), st.integers(0, 2), st.integers(0, 2))


@given(st.lists(st.tuples(st.booleans(), pairs), max_size=30), st.integers(0, 30))
def test_indexes_stay_true(changes: list[tuple[bool, Pair]], index_at: int) -> None:
    engine = Engine()
    expected: dict[int, Pair] = {}
    for at, (there, pair) in enumerate(changes):
        if at == index_at:
            engine.tables.where(Pair, a=0)
            engine.tables.where(Pair, a=0, b=1)
        tx = Tx(engine.tables)
        if there:
            tx.put(pair)
            expected[pair.name] = pair
        else:
            tx.drop(Pair, pair.name)
            expected.pop(pair.name, None)
        engine.commit(tx)
    rows = [expected[name] for name in sorted(expected)]
    assert engine.tables.all(Pair) == rows
    for a in range(3):
        assert engine.tables.where(Pair, a=a) == [r for r in rows if r.a == a]
        assert engine.tables.where(Pair, b=a) == [r for r in rows if r.b == a]
        for b in range(3):
            assert engine.tables.where(Pair, a=a, b=b) == [r for r in rows if (r.a, r.b) == (a, b)]


@given(st.lists(pairs, max_size=5), st.lists(st.tuples(st.sampled_from(("put", "drop", "drop a")), pairs), max_size=12))
def test_a_transaction_sees_its_own_changes(stored: list[Pair], steps: list[tuple[str, Pair]]) -> None:
    engine = Engine()
    commit(engine.tables, *stored)
    before = engine.tables.all(Pair)
    tx = Tx(engine.tables)
    expected = {row.name: row for row in before}
    for word, pair in steps:
        if word == "put":
            tx.put(pair)
            expected[pair.name] = pair
        elif word == "drop":
            tx.drop(pair)
            expected.pop(pair.name, None)
        else:
            tx.drop(Pair, a=pair.a)
            expected = {name: row for name, row in expected.items() if row.a != pair.a}
        rows = [expected[name] for name in sorted(expected)]
        assert tx.where(Pair) == rows
        assert tx.where(Pair, a=1) == [r for r in rows if r.a == 1]
        assert tx.get(Pair, pair.name) == expected.get(pair.name)
        assert engine.tables.all(Pair) == before
    changed = engine.commit(tx)
    assert engine.tables.all(Pair) == rows_of(expected)
    assert changed == (rows_of(expected) != before)


def rows_of(expected: dict[int, Pair]) -> list[Pair]:
    return [expected[name] for name in sorted(expected)]


def test_an_index_keeps_nothing_of_rows_that_are_gone() -> None:
    engine = Engine()
    for number in range(50):
        tx = Tx(engine.tables)
        tx.where(Pair, a=number)
        tx.put(Pair(1, number))
        engine.commit(tx)
    tx = Tx(engine.tables)
    tx.drop(Pair, 1)
    engine.commit(tx)
    assert [index.buckets for index in engine.tables.indexes[Pair].values()] == [{}]


def test_dropping_says_which() -> None:
    tx = Tx(tables_with(*PORTS))
    with pytest.raises(TypeError, match=r"drop\(Port\) would drop all of them; give a key, or fields that say which"):
        tx.drop(Port)
    tx.drop(Port, bridge="s1")
    tx.drop(Port, "s7", 7)
    assert tx.where(Port) == [PORTS[2]]


def test_putting_what_is_there_is_no_change() -> None:
    tables = tables_with(Host(bridge="s1", network="default", mac=Mac(1), port=3, ips=(IPv4("10.0.0.1"),)))
    tx = Tx(tables)
    tx.put(Host(bridge="s1", network="default", mac=Mac(1), port=3, ips=(IPv4("10.0.0.1"),)))
    assert not tx.changes
    tx.put(Host(bridge="s1", network="default", mac=Mac(1), port=4))
    assert len(tx.changes) == 1


def test_rows_that_last_are_told_to_whoever_saves_them() -> None:
    engine = Engine()
    host, port = Host(bridge="s1", network="default", mac=Mac(1), port=3), Port("s1", 3)
    tx = Tx(engine.tables)
    tx.put(host)
    tx.put(port)
    engine.commit(tx)
    assert engine.unsaved == {(Host, Host.key_of(host)): host}
    tx = Tx(engine.tables)
    tx.drop(host)
    engine.commit(tx)
    assert engine.unsaved == {(Host, Host.key_of(host)): None}


def test_frames_and_timers_wait_in_the_transaction() -> None:
    tx = Tx(Tables())
    tx.packet_out("s1", b"frame", b"action", in_port=3)
    tx.after(1.5, "event")
    assert tx.frames == [("s1", 3, (b"action",), b"frame")]
    assert tx.timers == [(1.5, "event")]
    tx.when(PORTS[0], "event")
    assert tx.waits == [(PORTS[0], "event")]
