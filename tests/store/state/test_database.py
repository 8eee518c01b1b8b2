"""The state file: transactions, versions, damage."""

import os
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from hubbub.errors import HubbubError, StoreError, UsageError
from hubbub.store.state import dead_letters
from hubbub.store.state.database import State
from hubbub.store.state.dead_letters import DeadLetter
from hubbub.store.state.schema import APPLICATION, STEPS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite"


def make_letter(n: int, size: int = 10, age: float = 0.0) -> DeadLetter:
    when = int((time.time() - age) * 1e6)
    return DeadLetter(f"s:{n}", "not-json", "why", "zmq:x", when, b"topic", b"x" * size, n)


def test_checkpoints_outlive_the_process(path: Path) -> None:
    with State(path) as state:
        state.set("a", {"x": [1, None, "é"]})
        state.set("a/b", 2)
        state.set("z", 3)
    with State(path, create=False) as state:
        assert state.get("a") == {"x": [1, None, "é"]}
        assert state.get("nothing") is None
        assert state.keys("a") == ["a", "a/b"]
        state.set("a", None)
        assert state.keys() == ["a/b", "z"]


def test_a_transaction_is_all_or_nothing(path: Path) -> None:
    with State(path) as state:
        with pytest.raises(RuntimeError, match="crash"), state.transaction():  # noqa: PT012
            state.set("a", 1)
            state.count("s", "new", 1)
            raise RuntimeError("crash")
        assert state.get("a") is None
        assert state.counts() == {}
        state.set("a", 2)
        assert state.get("a") == 2


def test_an_inner_failure_that_is_caught_does_not_undo_the_outer(path: Path) -> None:
    with State(path) as state:
        with state.transaction():
            state.set("a", 1)
            with pytest.raises(ValueError, match="coverage state"):
                state.span("s", "", 0, 1, "nonsense", "")
        assert state.get("a") == 1


def test_counters_add_up_across_threads_and_files(path: Path) -> None:
    with State(path) as first, State(path) as second:

        def work(state: State) -> None:
            for _ in range(50):
                state.count("zmq:x", "new", 2)

        threads = [threading.Thread(target=work, args=(s,)) for s in (first, first, second)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert second.counts("zmq:x") == {"zmq:x": {"new": 300}}
        assert second.counts("zmq:y") == {}


def test_sqlite_is_set_to_full_durability(path: Path) -> None:
    with State(path) as state:
        assert state.rows("PRAGMA journal_mode") == [("wal",)]
        assert state.rows("PRAGMA synchronous") == [(2,)]


@pytest.mark.parametrize(
    ("pragma", "error", "words"),
    [
        ("journal_mode = WAL", UsageError, "local disk"),
        ("synchronous = FULL", StoreError, "refuses synchronous = FULL"),
        ("secure_delete = ON", StoreError, "refuses secure_delete = ON"),
    ],
)
def test_a_guarantee_that_sqlite_does_not_give_is_an_error(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pragma: str,
    error: type[HubbubError],
    words: str,
) -> None:
    """SQLite ignores a pragma that it cannot follow, and answers with what is in force."""

    class Deaf(sqlite3.Connection):
        def execute(self, sql: str, /, *values: Any) -> sqlite3.Cursor:
            name = pragma.partition(" ")[0]
            answer = "'delete'" if name == "journal_mode" else "0"
            deaf = sql in {f"PRAGMA {pragma}", f"PRAGMA {name}"}
            return super().execute(f"SELECT {answer}" if deaf else sql, *values)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **o: connect(*a, **o, factory=Deaf))
    with pytest.raises(error, match=words):
        State(path)


def test_a_newer_schema_is_refused_and_left_unchanged(path: Path) -> None:
    State(path).close()
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    db.close()
    with pytest.raises(StoreError, match=f"version {len(STEPS) + 1}") as e:
        State(path)
    assert e.value.exit_code == 5
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA user_version").fetchone() == (len(STEPS) + 1,)
    db.close()


def test_an_older_schema_is_migrated_or_left_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with State(path) as state:
        state.set("a", 1)
    from hubbub.store.state import database

    step = ("CREATE TABLE later (x)", "INSERT INTO later VALUES (7)")
    with monkeypatch.context() as m:
        m.setattr(database, "STEPS", (*STEPS, (*step, "NONSENSE")))
        with pytest.raises(StoreError):
            State(path)
    with State(path) as state:
        assert state.rows("PRAGMA user_version") == [(len(STEPS),)]
        assert state.rows("SELECT name FROM sqlite_schema WHERE name = 'later'") == []
    monkeypatch.setattr(database, "STEPS", (*STEPS, step))
    with State(path) as state:
        assert state.rows("SELECT x FROM later") == [(7,)]
        assert state.get("a") == 1


def test_damage_and_other_programs_files(path: Path) -> None:
    path.write_bytes(b"no database at all, but long enough to be looked at" * 100)
    with pytest.raises(StoreError, match="damaged"):
        State(path)
    path.unlink()
    db = sqlite3.connect(path)
    db.execute("PRAGMA application_id = 42")
    db.close()
    with pytest.raises(StoreError, match="not hubbub's"):
        State(path)
    assert APPLICATION != 42


def test_a_missing_file_is_only_created_with_create(path: Path) -> None:
    with pytest.raises(UsageError):
        State(path, create=False)
    assert not path.exists()


def test_dead_letters_are_stored_once_and_listed_newest_first(path: Path) -> None:
    with State(path) as state:
        for n in (1, 2, 2, 3):
            state.bury(make_letter(n))
        assert [letter.seq for letter in state.dead_letters()] == [3, 2, 1]
        assert state.dead_letters(limit=1)[0] == state.dead_letters()[0]
        assert state.dead_letters(reason="other") == []
        assert len(state.dead_letters(reason="not-json", source="zmq:x")) == 3
        assert state.dead_letter_counts() == {"not-json": 3}


def test_dead_letters_are_bounded_by_age_and_bytes(path: Path) -> None:
    with State(path) as state:
        state.bury(make_letter(0, age=dead_letters.MAX_AGE + 60))
        assert len(state.dead_letters()) == 1, "age counts from storage, not from arrival"
        with state.transaction() as db:
            db.execute(
                "UPDATE dead_letters SET buried = buried - ?", (dead_letters.MAX_AGE * 10**6,)
            )
            dead_letters.prune(db)
        assert state.dead_letters() == []
        with state.transaction() as db:
            dead_letters.bury(
                db,
                [make_letter(n, size=95) for n in range(250)],
                max_bytes=10 * (100 + dead_letters.ROW),
            )
        assert [letter.seq for letter in state.dead_letters()] == list(range(249, 239, -1))


def test_the_state_opens_where_no_space_can_be_reserved(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reserve may belong to another user, in a folder where we may not delete files."""
    reserve = path.with_suffix(".reserve")
    real_open, real_unlink = os.open, Path.unlink

    def refuse_open(name: str, *flags: int) -> int:
        if str(name) == str(reserve):
            raise PermissionError(13, "Permission denied", str(name))
        return real_open(name, *flags)

    def refuse_unlink(file: Path, missing_ok: bool = False) -> None:
        if file == reserve:
            raise PermissionError(13, "Permission denied", str(file))
        real_unlink(file, missing_ok=missing_ok)

    reserve.write_bytes(b"")
    monkeypatch.setattr(os, "open", refuse_open)
    monkeypatch.setattr(Path, "unlink", refuse_unlink)
    with State(path) as state:
        state.set("a", 1)
        assert state.get("a") == 1
