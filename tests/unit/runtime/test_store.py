"""Rows over a restart: what was put comes back, and no file, row or disk of a bad kind costs more than itself."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.model import IPv4, IPv6, Mac, Number, Row, key
from controller.runtime.store import FILE, Store


class Kept(Row, kept=True):
    """Any value may be in it."""

    name: Any = key()
    value: Any = None


class Passing(Row):
    """Not kept."""

    name: str = key()


def put(store: Store, *rows: Row) -> None:
    store.save({(type(row), type(row).key_of(row)): row for row in rows})


def drop(store: Store, *rows: Row) -> None:
    store.save({(type(row), type(row).key_of(row)): None for row in rows})


def loaded(folder: Path) -> list[Row]:
    """What a controller finds that starts now."""
    store = Store(folder)
    try:
        return [row for row in store.load() if isinstance(row, Kept)]
    finally:
        store.close()


plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 70), 1 << 70),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(max_size=9),
    st.binary(min_size=6, max_size=6).map(Mac),
    st.binary(min_size=16, max_size=16).map(IPv6),
    st.integers(0, (1 << 32) - 1).map(IPv4),
)
values = st.recursive(plain, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=6)


def kinds(value: Any) -> Any:
    """A value with its types, because IPv4 and bool equal numbers and Mac equals bytes."""
    return type(value), tuple(map(kinds, value)) if isinstance(value, tuple) else value


@settings(max_examples=60, deadline=None)
@given(st.lists(st.builds(Kept, values, values), max_size=6, unique_by=lambda row: row.name))
def test_what_is_put_comes_back(tmp_path_factory: pytest.TempPathFactory, rows: list[Kept]) -> None:
    folder = tmp_path_factory.mktemp("state")
    store = Store(folder)
    put(store, *rows)
    store.close()
    back = loaded(folder)
    assert sorted(repr((kinds(r.name), kinds(r.value))) for r in back if isinstance(r, Kept)) == sorted(
        repr((kinds(r.name), kinds(r.value))) for r in rows
    )


def test_rows_change_and_go(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store, Kept("a", 1), Kept("b", 2), Kept("c", 3))
    put(store, Kept("a", 9))
    drop(store, Kept("b"))
    store.close()
    assert loaded(tmp_path) == [Kept("a", 9), Kept("c", 3)]


def test_a_file_from_before_keys_were_written_without_spaces(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store, Kept(("a", Mac(1)), 1), Kept(("b", Mac(2)), 2))
    store.close()
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as db:
        for (key,) in db.execute("SELECT key FROM rows").fetchall():
            db.execute("UPDATE rows SET key = ? WHERE key = ?", (json.dumps(json.loads(key)), key))
        db.execute("PRAGMA user_version = 0")
    store = Store(tmp_path)
    put(store, Kept(("a", Mac(1)), 9))
    drop(store, Kept(("b", Mac(2))))
    store.close()
    assert loaded(tmp_path) == [Kept(("a", Mac(1)), 9)]


def test_what_was_saved_survives_a_kill(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store, Kept("a", 1))
    other = tmp_path / "copy"  # the files as they are, without a close
    other.mkdir()
    for path in tmp_path.glob(f"{FILE}*"):
        (other / path.name).write_bytes(path.read_bytes())
    assert loaded(other) == [Kept("a", 1)]
    store.close()


def test_when_a_row_first_came_is_known_after_a_restart(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store, Kept("a", 1))
    since = store.since[Kept, ("a",)]
    put(store, Kept("a", 2))
    assert store.since[Kept, ("a",)] == since
    store.close()
    store = Store(tmp_path)
    list(store.load())
    assert store.since[Kept, ("a",)] == pytest.approx(since, abs=0.5)
    drop(store, Kept("a"))
    assert (Kept, ("a",)) not in store.since
    store.close()


@pytest.mark.parametrize("ruin", ["garbage", "cut", "pages"])
def test_a_file_that_is_ruined_is_put_aside(tmp_path: Path, ruin: str) -> None:
    store = Store(tmp_path)
    put(store, *(Kept(f"row {number}", "x" * 200) for number in range(300)))
    store.close()
    path = tmp_path / FILE
    whole = path.read_bytes()
    path.write_bytes({"garbage": b"no database at all" * 100, "cut": whole[:5000], "pages": whole[:4096] + b"\x55" * 8192}[ruin])
    store = Store(tmp_path)
    assert "is not readable" in store.problem
    assert "was renamed to rows.db.unreadable-" in store.problem
    assert [row for row in store.load() if isinstance(row, Kept)] == []
    put(store, Kept("a", 1))
    store.close()
    assert loaded(tmp_path) == [Kept("a", 1)]
    assert len(list(tmp_path.glob("rows.db.unreadable-*"))) >= 1


def test_the_log_of_a_ruined_file_is_not_played_into_the_new_one(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store, *(Kept(f"row {number}", "x" * 100) for number in range(100)))
    store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    put(store, Kept("row 7", "changed"))
    files = {path.name: path.read_bytes() for path in tmp_path.glob(f"{FILE}*")}
    store.close()
    assert files[f"{FILE}-wal"]
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / FILE).write_bytes(b"garbage" * 10000)
    store = Store(tmp_path)
    assert store.problem
    assert list(store.load()) == []
    put(store, Kept("new", 1))
    store.close()
    assert loaded(tmp_path) == [Kept("new", 1)]


def test_a_file_that_somebody_else_holds_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store(tmp_path).close()
    holder = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    holder.execute("PRAGMA locking_mode=EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, timeout=0.05))
    with pytest.raises(OSError, match=r"cannot open .*rows\.db: database is locked; .* no other weft use it\?"):
        Store(tmp_path)
    holder.close()
    assert list(tmp_path.glob("*unreadable*")) == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"cannot open .*unable to open database file"):
        Store(tmp_path / "nowhere")


def test_rows_of_types_that_nobody_knows_stay_for_later(tmp_path: Path) -> None:
    class Rare(Row, kept=True):
        """Of an app that is not always there."""

        name: str = key()

    store = Store(tmp_path)
    put(store, Rare("a"), Kept("b"))
    store.close()
    raw = sqlite3.connect(tmp_path / FILE)
    raw.execute("UPDATE rows SET type = 'Elsewhere' WHERE type = 'Rare'")
    raw.commit()
    raw.close()
    store = Store(tmp_path)
    assert [row for row in store.load() if isinstance(row, Kept | Rare)] == [Kept("b")]
    put(store, Kept("c"))

    class Elsewhere(Row, kept=True):
        """The app is back."""

        name: str = key()

    assert [row for row in store.load() if not isinstance(row, Number)] == [Elsewhere("a")]
    assert list(store.load()) == []
    store.close()


@pytest.mark.parametrize(
    "value", ['{"nothing": 1}', "[1]", "{", '{"name": {"odd": "x"}}', '{"name": {"mac": "x"}}', "3", '{"name": {}}']
)
def test_a_row_that_cannot_be_read_costs_itself_alone(tmp_path: Path, value: str) -> None:
    store = Store(tmp_path)
    put(store, Kept("a"), Kept("b"))
    store.close()
    raw = sqlite3.connect(tmp_path / FILE)
    raw.execute("UPDATE rows SET value = ? WHERE key = ?", (value, '["a"]'))
    raw.commit()
    raw.close()
    assert loaded(tmp_path) == [Kept("b")]


def test_a_value_that_cannot_be_kept_costs_its_row_alone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store, Kept("a", {1, 2}), Kept("b", 1), Kept("c", [1]))
    store.close()
    assert loaded(tmp_path) == [Kept("b", 1)]


def test_a_disk_that_is_full_is_told_and_survived(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store, Kept("a"))
    store._db.execute("PRAGMA max_page_count = 3")
    with pytest.raises(OSError, match=r"cannot write .*rows\.db: database or disk is full"):
        put(store, *(Kept(f"{number}", "x" * 1000) for number in range(100)))
    store._db.execute("PRAGMA max_page_count = 10000")
    put(store, Kept("b"))
    store.close()
    assert loaded(tmp_path) == [Kept("a"), Kept("b")]


def test_a_save_that_fails_in_the_middle_leaves_no_half(tmp_path: Path) -> None:
    store = Store(tmp_path)
    put(store, Kept("a", 1))
    store._db.execute("CREATE TRIGGER no BEFORE INSERT ON rows WHEN NEW.key = '[\"bad\"]' BEGIN SELECT RAISE(ABORT, 'no'); END")
    for _ in range(2):
        with pytest.raises(OSError, match=r"cannot write .*: no"):
            store.save({(Kept, ("a",)): None, (Kept, ("b",)): Kept("b"), (Kept, ("bad",)): Kept("bad")})
    put(store, Kept("c"))
    store.close()
    assert loaded(tmp_path) == [Kept("a", 1), Kept("c")]


def test_saving_from_two_threads_at_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    start = threading.Barrier(4)
    failed: list[Exception] = []

    def save(name: str) -> None:
        start.wait()
        try:
            for number in range(20):
                put(store, Kept(f"{name}{number}"))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=save, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    assert failed == []
    assert len(loaded(tmp_path)) == 80
