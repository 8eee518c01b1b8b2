"""Dead letters: stored once, cut where they are large, and retried without double counting."""

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
from tests.support.stores.filling import MakeFrame, ReadIds, put


def refusing(*ids: str, reason: str = "no-rule") -> Callable[[Frame], Event]:
    """An `understand` that refuses the messages with these ids."""

    def read(frame: Frame) -> Event:
        event = understand(frame)
        if event.id in ids:
            raise MessageError(reason, f"not {event.id}")
        return event

    return read


def retry_all(store: Store) -> None:
    ids = [letter.id for letter in store.dead_letters() if letter.retryable]
    with store.state.transaction() as db:
        dead_letters.request_retry(db, ids)


def counts(store: Store) -> dict[str, int]:
    return store.state.counts("jsonl:test").get("jsonl:test", {})


def test_a_letter_that_can_be_read_now_becomes_an_event_and_is_counted_once(
    store: Store, frame: MakeFrame, ids: ReadIds
) -> None:
    put(store, *(frame(n) for n in range(4)))
    store.load(understand=refusing("id-1", "id-2"))
    assert counts(store) == {"new": 2, "refused:no-rule": 2}
    retry_all(store)
    done = store.load(understand=refusing("id-2"))
    assert (done.new, done.refused) == (1, {})
    assert ids(store) == ["id-0", "id-1", "id-3"]
    assert counts(store) == {"new": 3, "refused:no-rule": 1}
    assert [letter.what for letter in store.dead_letters()] == ["not id-2"]
    retry_all(store)
    store.load()
    assert ids(store) == ["id-0", "id-1", "id-2", "id-3"]
    assert counts(store) == {"new": 4}, "no counter remains for a reason without dead letters"
    assert store.dead_letters() == []
    assert store.load() == loader.Loaded()


def test_a_letter_that_fails_again_stays_one_letter_with_the_new_reason(
    store: Store, frame: MakeFrame
) -> None:
    put(store, frame(1), frame(2))
    store.load(understand=refusing("id-1", "id-2"))
    before = {letter.seq: letter for letter in store.dead_letters()}
    retry_all(store)
    for _ in range(2):
        store.load(understand=refusing("id-1", "id-2", reason="other"))
    after = {letter.seq: letter for letter in store.dead_letters()}
    assert {(n, x.id, x.place, x.body) for n, x in after.items()} == {
        (n, x.id, x.place, x.body) for n, x in before.items()
    }
    assert counts(store) == {"refused:other": 2}
    assert store.state.dead_letter_counts() == {"other": 2}
    assert list(dead_letters.to_retry(store.state.rows)) == []


def test_the_letter_of_a_message_that_was_received_again_counts_as_known(
    store: Store, frame: MakeFrame, ids: ReadIds
) -> None:
    put(store, frame(1))
    store.load(understand=refusing("id-1"))
    put(store, frame(1))
    store.load()
    retry_all(store)
    store.load()
    assert ids(store) == ["id-1"]
    assert counts(store) == {"new": 1, "known": 1}
    assert store.dead_letters() == []


def test_a_letter_requested_twice_and_received_again_counts_once(
    store: Store, frame: MakeFrame, ids: ReadIds
) -> None:
    put(store, frame(1))
    store.load(understand=refusing("id-1"))
    retry_all(store)
    retry_all(store)
    put(store, frame(1), frame(2))
    store.load()
    assert ids(store) == ["id-1", "id-2"]
    assert counts(store) == {"new": 2, "known": 1}


@pytest.mark.parametrize("step", ["append", "finish"])
def test_a_crash_during_a_retry_neither_loses_nor_duplicates(
    store: Store, frame: MakeFrame, ids: ReadIds, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    put(store, *(frame(n) for n in range(3)))
    store.load(understand=refusing("id-0", "id-1"))
    retry_all(store)
    owner = store.table if step == "append" else recovery
    with monkeypatch.context() as patch:

        def die(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(owner, step, die)
        with pytest.raises(KeyboardInterrupt):
            store.load(understand=refusing("id-0"))
    assert store.state.dead_letter_counts() == {"no-rule": 2}
    store.load(understand=refusing("id-0"))
    assert ids(store) == ["id-1", "id-2"]
    assert counts(store) == {"new": 2, "refused:no-rule": 1}
    assert store.state.dead_letter_counts() == {"no-rule": 1}


def test_retries_over_many_batches(
    store: Store, frame: MakeFrame, ids: ReadIds, monkeypatch: Any
) -> None:
    put(store, *(frame(n) for n in range(50)))
    store.load(understand=refusing(*(f"id-{n}" for n in range(0, 50, 2))))
    monkeypatch.setattr(loader, "HELD", 1)  # a commit for every letter
    retry_all(store)
    store.load()
    assert len(ids(store)) == 50
    assert counts(store) == {"new": 50}


def test_a_message_that_is_too_large_is_cut_and_counted_under_its_own_source(
    store: Store, frame: MakeFrame
) -> None:
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
    assert "larger than the limit (100," in letter.what
    assert not letter.retryable
    assert counts(store) == {"new": 1, "refused:too-large": 1}


def test_a_refused_message_that_fits_is_stored_whole_and_can_be_retried(
    store: Store, frame: MakeFrame, ids: ReadIds
) -> None:
    with store.spool("test") as writer:
        Bounded(writer, 10).put(frame(1))
    store.load()
    assert store.dead_letters()[0].retryable
    retry_all(store)
    store.load()
    assert ids(store) == ["id-1"]
    assert counts(store) == {"new": 1}


def test_a_malformed_multipart_frame_is_never_retried(store: Store, frame: MakeFrame) -> None:
    put(store, mark_refused(frame(1), "bad-frame-count"))
    store.load()
    assert store.dead_letters()[0].body == frame(1).body
    assert not store.dead_letters()[0].retryable


def test_the_body_of_a_letter_that_is_read_later_is_stored(store: Store, frame: MakeFrame) -> None:
    put(store, frame(1), bodies=True)
    store.load(understand=refusing("id-1"))
    assert store.bodies.find(["id-1"]) == {}
    retry_all(store)
    store.load()
    assert store.bodies.find(["id-1"]) == {"id-1": frame(1).body}


def test_dead_letters_of_schema_version_2_are_migrated(tmp_path: Path) -> None:
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
        assert (letter.id, letter.size, letter.retryable) == (7, 2, True)


def test_bodies_can_be_left_out_of_a_list(store: Store, frame: MakeFrame) -> None:
    put(store, frame(1))
    store.load(understand=refusing("id-1"))
    (letter,) = dead_letters.find(store.state.rows, None, None, 10, bodies=False)
    assert (letter.body, letter.size) == (b"", len(frame(1).body))
    full = dead_letters.get(store.state.rows, letter.id)
    assert full is not None
    assert json.loads(full.body)["id"] == "id-1"
    assert dead_letters.get(store.state.rows, 999) is None
