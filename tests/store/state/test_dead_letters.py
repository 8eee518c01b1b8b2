"""Dead letters: kept once, in part where they are large, and read again without double counting."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hubbub.collector.decode.rejected import Bounded, mark_refused
from hubbub.collector.event import Event, Frame
from hubbub.collector.people.extract import understand
from hubbub.errors import MessageError
from hubbub.store import Store
from hubbub.store.loader import loader, recovery
from hubbub.store.state import dead_letters
from hubbub.store.state.database import State
from hubbub.store.state.schema import APPLICATION, STEPS

Make = Callable[..., Any]
Ids = Callable[[Store], list[str]]


def put(store: Store, *frames: Frame, **more: Any) -> None:
    with store.spool("test", **more) as writer:
        for frame in frames:
            writer.put(frame)


def choosy(*bad: str, reason: str = "no-rule") -> Callable[[Frame], Event]:
    """Understands everything but these ids."""

    def read(frame: Frame) -> Event:
        event = understand(frame)
        if event.id in bad:
            raise MessageError(reason, f"not {event.id}")
        return event

    return read


def ask(store: Store, *chosen: int) -> None:
    ids = chosen or [one.id for one in store.dead_letters() if one.readable]
    with store.state.transaction() as db:
        dead_letters.request_retry(db, ids)


def counts(store: Store) -> dict[str, int]:
    return store.state.counts("jsonl:test").get("jsonl:test", {})


def test_a_letter_that_can_be_read_now_is_an_event_and_counted_once(
    store: Store, frame: Make, ids: Ids
) -> None:
    put(store, *(frame(n) for n in range(4)))
    store.load(understand=choosy("id-1", "id-2"))
    assert counts(store) == {"new": 2, "refused:no-rule": 2}
    ask(store)
    done = store.load(understand=choosy("id-2"))
    assert (done.new, done.refused) == (1, {})
    assert ids(store) == ["id-0", "id-1", "id-3"]
    assert counts(store) == {"new": 3, "refused:no-rule": 1}
    assert [one.what for one in store.dead_letters()] == ["not id-2"]
    ask(store)
    store.load()
    assert ids(store) == ["id-0", "id-1", "id-2", "id-3"]
    assert counts(store) == {"new": 4}, "no trace of a reason that nothing was refused for"
    assert store.dead_letters() == []
    assert store.load() == loader.Loaded()


def test_a_letter_that_fails_again_stays_one_with_the_reason_of_now(
    store: Store, frame: Make
) -> None:
    put(store, frame(1), frame(2))
    store.load(understand=choosy("id-1", "id-2"))
    before = {one.seq: one for one in store.dead_letters()}
    ask(store)
    for _ in range(2):
        store.load(understand=choosy("id-1", "id-2", reason="other"))
    after = {one.seq: one for one in store.dead_letters()}
    assert {(n, one.id, one.place, one.body) for n, one in after.items()} == {
        (n, one.id, one.place, one.body) for n, one in before.items()
    }
    assert counts(store) == {"refused:other": 2}
    assert store.state.dead_letter_counts() == {"other": 2}
    assert list(dead_letters.to_retry(store.state.rows)) == []


def test_of_a_message_that_came_again_meanwhile_the_letter_is_known(
    store: Store, frame: Make, ids: Ids
) -> None:
    put(store, frame(1))
    store.load(understand=choosy("id-1"))
    put(store, frame(1))
    store.load()
    ask(store)
    store.load()
    assert ids(store) == ["id-1"]
    assert counts(store) == {"new": 1, "known": 1}
    assert store.dead_letters() == []


def test_asked_twice_and_in_the_batch_of_a_repeat_it_counts_once(
    store: Store, frame: Make, ids: Ids
) -> None:
    put(store, frame(1))
    store.load(understand=choosy("id-1"))
    ask(store)
    ask(store)
    put(store, frame(1), frame(2))
    store.load()
    assert ids(store) == ["id-1", "id-2"]
    assert counts(store) == {"new": 2, "known": 1}


@pytest.mark.parametrize("step", ["append", "finish"])
def test_a_crash_while_reading_again_neither_loses_nor_doubles(
    store: Store, frame: Make, ids: Ids, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    put(store, *(frame(n) for n in range(3)))
    store.load(understand=choosy("id-0", "id-1"))
    ask(store)
    place = store.table if step == "append" else recovery
    with monkeypatch.context() as broken:

        def die(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        broken.setattr(place, step, die)
        with pytest.raises(KeyboardInterrupt):
            store.load(understand=choosy("id-0"))
    assert store.state.dead_letter_counts() == {"no-rule": 2}
    store.load(understand=choosy("id-0"))
    assert ids(store) == ["id-1", "id-2"]
    assert counts(store) == {"new": 2, "refused:no-rule": 1}
    assert store.state.dead_letter_counts() == {"no-rule": 1}


def test_letters_of_many_batches(store: Store, frame: Make, ids: Ids, monkeypatch: Any) -> None:
    put(store, *(frame(n) for n in range(50)))
    store.load(understand=choosy(*(f"id-{n}" for n in range(0, 50, 2))))
    monkeypatch.setattr(loader, "HELD", 1)  # a commit for every letter
    ask(store)
    store.load()
    assert len(ids(store)) == 50
    assert counts(store) == {"new": 50}


def test_what_is_too_large_is_kept_in_part_under_its_own_source(store: Store, frame: Make) -> None:
    with store.spool("test") as writer:
        sink = Bounded(writer, 1000)
        sink.put(frame(1))
        sink.put(frame(2, objects=["x" * 100_000]))
        sink.flush()
    store.load()
    (letter,) = store.dead_letters()
    assert (letter.reason, letter.source, letter.seq) == ("too-large", "jsonl:test", 2)
    assert len(letter.body) == 65_536
    assert letter.missing == len(frame(2, objects=["x" * 100_000]).body) - 65_536
    assert "larger than a message may be (100," in letter.what
    assert not letter.readable
    assert counts(store) == {"new": 1, "refused:too-large": 1}


def test_a_smaller_one_that_was_too_large_is_whole_and_can_be_read_again(
    store: Store, frame: Make, ids: Ids
) -> None:
    with store.spool("test") as writer:
        Bounded(writer, 10).put(frame(1))
    store.load()
    assert store.dead_letters()[0].readable
    ask(store)
    store.load()
    assert ids(store) == ["id-1"]
    assert counts(store) == {"new": 1}


def test_frames_without_a_body_of_their_own_are_never_read_as_a_message(
    store: Store, frame: Make
) -> None:
    put(store, mark_refused(frame(1), "bad-frame-count"))
    store.load()
    assert store.dead_letters()[0].body == frame(1).body
    assert not store.dead_letters()[0].readable


def test_bodies_of_letters_that_are_read_later_are_stored_too(store: Store, frame: Make) -> None:
    put(store, frame(1), bodies=True)
    store.load(understand=choosy("id-1"))
    assert store.bodies.find(["id-1"]) == {}
    ask(store)
    store.load()
    assert store.bodies.find(["id-1"]) == {"id-1": frame(1).body}


def test_letters_of_the_schema_before(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    with sqlite3.connect(path) as db:
        for step in STEPS[:2]:
            for statement in step:
                db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION}")
        db.execute("PRAGMA user_version = 2")
        row = (7, "p", "not-json", "w", "zmq:x", 9, b"t", b"{", 3, 2)
        db.execute(f"INSERT INTO dead_letters VALUES ({', '.join('?' * len(row))})", row)
    db.close()
    with State(path) as state:
        (letter,) = state.dead_letters()
        assert letter == dead_letters.DeadLetter("p", "not-json", "w", "zmq:x", 9, b"t", b"{", 3)
        assert (letter.id, letter.size, letter.readable) == (7, 2, True)


def test_a_list_reads_no_bodies(store: Store, frame: Make) -> None:
    put(store, frame(1))
    store.load(understand=choosy("id-1"))
    (letter,) = dead_letters.find(store.state.rows, None, None, 10, bodies=False)
    assert (letter.body, letter.size) == (b"", len(frame(1).body))
    whole = dead_letters.get(store.state.rows, letter.id)
    assert whole is not None
    assert json.loads(whole.body)["id"] == "id-1"
    assert dead_letters.get(store.state.rows, 999) is None
