"""Kept answers: the same bytes until something of them is deleted, bounded, never half written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from hubbub.errors import NoRoomError, StoreError
from hubbub.store import Selection, Store
from hubbub.store.maintenance.retention import prune
from hubbub.store.permanent.answers import Gone, Kept, PermanentAnswers
from hubbub.store.privacy.forget import forget
from hubbub.store.tables.pinned import as_of
from hubbub.times import to_micros
from tests.support.stores.filling import put
from tests.support.stores.small_store import START, fill, frames, lines

ROOM = 1 << 20
ANSWER = Kept(
    body=b'{"user": "ann", "n": 3}\n\nbytes \xff',
    media_type="application/json",
    coverage="unproven",
    private=True,
    version=4,
    since=START * 1_000_000,
    created=1,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    fill(tmp_path / "store", lines(60))
    with Store.open(tmp_path / "store") as opened:
        yield opened


def keep(answers: PermanentAnswers, key: str, answer: Kept = ANSWER) -> Kept | Gone:
    return answers.keep(key, lambda: answer, room=ROOM)


def test_the_first_answer_stays(store: Store) -> None:
    key = PermanentAnswers.of(store).key("query", "users", "at=4")
    assert PermanentAnswers.of(store).find(key) is None
    assert keep(PermanentAnswers.of(store), key) == ANSWER
    assert keep(PermanentAnswers.of(store), key, replace(ANSWER, body=b"other")) == ANSWER
    assert PermanentAnswers.of(store).find(key) == ANSWER
    again = PermanentAnswers(store.path / "permanent", store.state)
    assert again.key("query", "users", "at=4") == key != again.key("query", "users", "at=5")
    assert again.find(key) == ANSWER


def test_a_forgotten_name_takes_its_answers_along(store: Store) -> None:
    picture = replace(ANSWER, body=b"\x89PNG", text=b"<text>ann</text>")
    without = replace(ANSWER, body=b'{"user": "joanne", "n": 3}')
    long = replace(ANSWER, body=b"x " * 300_000 + b"Ann " + b"y " * 200_000)
    longer = replace(ANSWER, body=b"x " * 400_000)
    named = {"named": ANSWER, "picture": picture, "long": long}
    keys = {name: PermanentAnswers.of(store).key(name) for name in (*named, "without", "longer")}
    for name, answer in {**named, "without": without, "longer": longer}.items():
        PermanentAnswers.of(store).keep(keys[name], partial(replace, answer), room=10 * ROOM)
    forget(store, "ann")
    for name in named:
        gone = PermanentAnswers.of(store).find(keys[name])
        assert isinstance(gone, Gone), name
        assert "forgotten" in gone.reason
        assert isinstance(keep(PermanentAnswers.of(store), keys[name]), Gone)
    assert PermanentAnswers.of(store).find(keys["without"]) == without
    assert PermanentAnswers.of(store).find(keys["longer"]) == longer
    for path in (store.path / "permanent").rglob("*"):
        assert not path.is_file() or b"ann" not in path.read_bytes().lower().replace(b"joanne", b"")


def test_retention_takes_the_answers_about_deleted_events(store: Store) -> None:
    start = datetime.fromtimestamp(START, UTC)
    old, new = PermanentAnswers.of(store).key("old"), PermanentAnswers.of(store).key("new")
    recent = replace(ANSWER, since=to_micros(start + timedelta(days=20)))
    keep(PermanentAnswers.of(store), old)
    keep(PermanentAnswers.of(store), new, recent)
    now = start + timedelta(days=28)
    prune(store, now=now, events=timedelta(days=40), bodies=None)
    assert PermanentAnswers.of(store).find(old) == ANSWER, "nothing was deleted"
    prune(store, now=now, events=timedelta(days=14), bodies=None, dry=True)
    assert PermanentAnswers.of(store).find(old) == ANSWER
    prune(store, now=now, events=timedelta(days=14), bodies=None)
    gone = PermanentAnswers.of(store).find(old)
    assert isinstance(gone, Gone)
    assert "retention" in gone.reason
    assert PermanentAnswers.of(store).find(new) == recent


def test_an_answer_that_is_made_while_a_name_is_forgotten_is_not_kept(store: Store) -> None:
    key = PermanentAnswers.of(store).key("slow")

    def slow() -> Kept:
        with Store.open(store.path) as other:
            forget(other, "ann")
        return ANSWER

    with pytest.raises(StoreError, match="deleted from the store"):
        PermanentAnswers.of(store).keep(key, slow, room=ROOM)
    assert PermanentAnswers.of(store).find(key) is None


def test_the_total_size_is_bounded(store: Store) -> None:
    answers, room = PermanentAnswers.of(store), 3_000
    large, larger = (replace(ANSWER, body=b"x" * size) for size in (1_000, 5_000))
    for number in range(2):
        answers.keep(answers.key(str(number)), lambda: large, room=room)
    with pytest.raises(NoRoomError, match="take up all"):
        answers.keep(answers.key("2"), lambda: large, room=room)
    with pytest.raises(NoRoomError, match="too large"):
        answers.keep(answers.key("3"), lambda: larger, room=room)
    assert answers.size() <= room


def test_a_damaged_answer_is_an_error(store: Store) -> None:
    key = PermanentAnswers.of(store).key("damaged")
    keep(PermanentAnswers.of(store), key)
    [path] = (store.path / "permanent").rglob("*.answer")
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(StoreError, match="damaged"):
        PermanentAnswers.of(store).find(key)
    forget(store, "ann")
    assert isinstance(PermanentAnswers.of(store).find(key), Gone)


def test_the_events_of_an_earlier_version(store: Store) -> None:
    version = store.table.version()
    before = store.events(Selection()).count_events()
    put(store, *frames(lines(40, seed=2), "jsonl:later"), load=True, writer="later")
    assert store.events(Selection()).count_events() == before + 40
    past = as_of(store, version)
    assert past.events(Selection()).count_events() == before
    assert past.bounds() is not None
    for unknown in (99, -1, 10**14):
        with pytest.raises(LookupError, match="no version"):
            as_of(store, unknown)
    forget(store, "ann")
    with pytest.raises(LookupError):
        as_of(store, version)
