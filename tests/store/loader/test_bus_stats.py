"""Statistics of a live bus: skipped sequence numbers and messages a minute, each counted once."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from hubbub.collector.event import Frame, partial_key
from hubbub.errors import StoreError
from hubbub.store import Store
from hubbub.store.loader import recovery
from hubbub.store.loader.progress import LoadProgress
from hubbub.store.maintenance.checks import recount
from hubbub.testing.simulator import wire
from hubbub.testing.simulator.traffic import Traffic
from tests.support.stores.filling import put

T0 = 1_768_435_200  # 2026-01-15T00:00:00Z
SOURCE = "zmq:tcp://bus.example.org:9940"
TOPIC = "org.fedoraproject.prod.git.receive"


def received(i, second, *, certificate="Y2VydA==\n", username=None, source=SOURCE):
    body = {
        "i": i,
        "msg": {"n": i, "username": f"somebody{i}"},
        "msg_id": f"2026-{str(certificate)[:4]}-{username}-{second}-{i}",
        "timestamp": T0 + second,
        "topic": TOPIC,
        "certificate": certificate,
        "username": username,
    }
    body = {key: value for key, value in body.items() if value is not None}
    return Frame(source, (T0 + second) * 10**6, TOPIC.encode(), json.dumps(body).encode())


def gaps(store):
    return [
        (start // 10**6 - T0, end // 10**6 - T0)
        for start, end, state in store.state.spans(SOURCE, "")
        if state == "gap"
    ]


def test_a_jump_becomes_a_gap_and_is_counted(store: Store):
    put(store, *(received(i, i) for i in range(1, 40) if not 20 <= i < 23), load=True)
    assert gaps(store) == [(19, 24)]
    assert store.state.counts(SOURCE)[SOURCE]["skipped"] == 3


def test_a_jump_between_two_runs_of_the_loader(store: Store):
    put(store, *(received(i, i) for i in range(1, 10)), load=True)
    put(store, *(received(i, i) for i in range(12, 30)), load=True)
    assert gaps(store) == [(9, 13)]


def test_two_certificates_are_two_publishers(store: Store):
    first = [received(i, i) for i in range(1, 30)]
    second = [received(i + 100, i, certificate="b3RoZXI=\n") for i in range(1, 30)]
    put(store, *(frame for pair in zip(first, second, strict=True) for frame in pair), load=True)
    assert gaps(store) == []


def unsigned(start, end):
    """Frames of simulated traffic, whose processes are told apart by their system users only."""
    messages = Traffic(0, per_day=2000).between(start * 10**6, end * 10**6)
    return [Frame(SOURCE, m.at, *wire.frames(m)) for m in messages if m.i]


def test_system_users_of_an_unsigned_bus_are_publishers(store: Store):
    end = 1_795_392_000  # 2026-11-23T00:00:00Z
    put(store, *unsigned(end - 13 * 3600, end), load=True)
    assert gaps(store) == []
    assert "skipped" not in store.state.counts(SOURCE)[SOURCE]


def test_what_an_unsigned_bus_sent_while_nobody_listened_is_counted_exactly(store: Store):
    end = 1_795_392_000  # 2026-11-23T00:00:00Z
    before, missed, after = (
        unsigned(end - start * 3600, end - stop * 3600) for start, stop in ((12, 8), (8, 6), (6, 0))
    )
    put(store, *before, load=True)
    put(store, *after, load=True)

    def users(frames):
        return Counter(json.loads(frame.body)["username"] for frame in frames)

    known = users(before).keys() & users(after).keys()  # the others' first number may be any
    counts = store.state.counts(SOURCE)[SOURCE]
    assert counts["skipped"] == sum(n for user, n in users(missed).items() if user in known) > 50


def test_a_jump_of_one_system_user_is_a_gap(store: Store):
    frames = [
        received(i, i, certificate=None, username=user)
        for i in range(1, 40)
        for user in ("apache", "koji")
        if user == "apache" or i != 20
    ]
    put(store, *frames, load=True)
    assert gaps(store) == [(19, 22)]
    assert store.state.counts(SOURCE)[SOURCE]["skipped"] == 1


def test_numbers_of_unnamed_publishers_prove_nothing(store: Store):
    put(store, *(received(i, i, certificate=None) for i in range(1, 100, 3)), load=True)
    assert gaps(store) == []


def test_numbers_skipped_by_a_filtered_listener_are_no_gap(store: Store):
    store.state.set(partial_key(SOURCE), "category=git")
    put(store, *(received(i, i) for i in range(1, 200, 7)), load=True)
    assert gaps(store) == []


def test_a_publisher_whose_clock_is_ahead_makes_no_gap_in_the_future(store: Store):
    frames = [received(i, i + 90_000) for i in range(1, 40) if i != 20]
    late = [Frame(f.source, f.arrived - 90_000 * 10**6, f.topic, f.body) for f in frames]
    put(store, *late, load=True)
    ((_, end),) = gaps(store)
    assert end < 100


def test_messages_a_minute_count_each_message_of_the_bus_once(store: Store, frame):
    put(store, *(received(i, i) for i in range(1, 131)), received(5, 5), frame(1), load=True)
    progress = LoadProgress(store.state, store.spool_folder)
    assert progress.stored(T0, T0 + 60) == 59
    assert progress.stored(T0, T0 + 180) == 130
    put(store, *(received(i, i, source="history:x") for i in range(1, 141)), load=True)
    assert progress.stored(T0, T0 + 180) == 140


def test_messages_in_the_spool_are_not_loaded(store: Store):
    progress = LoadProgress(store.state, store.spool_folder)
    with store.spool("listen") as sink:
        before = progress.loaded()
        sink.put(received(1, 1))
        sink.flush()
        assert progress.loaded() < before + 10**6
        waiting = progress.loaded()
        assert progress.loaded() == waiting  # the start of its segment, not now
        store.load()
        assert progress.loaded() > waiting


@pytest.mark.parametrize("where", ["append", "finish"])
def test_a_commit_that_breaks_counts_nothing_twice(store: Store, monkeypatch, where):
    """The commit fails before the table is written, or after it and before the positions."""
    frames = [received(i, i) for i in range(1, 40) if i != 20]
    owner = recovery if where == "finish" else type(store.table)
    with monkeypatch.context() as m:
        m.setattr(owner, where, lambda *_: (_ for _ in ()).throw(OSError("broken")))
        with pytest.raises(StoreError, match="broken"):
            put(store, *frames, load=True)
    store.load()
    store.load()
    assert LoadProgress(store.state, store.spool_folder).stored(T0, T0 + 60) == 38
    assert gaps(store) == [(19, 22)]
    assert store.state.counts(SOURCE)[SOURCE]["skipped"] == 1


def test_counts_can_be_checked_and_repaired(store: Store, frame):
    put(store, *(received(i, i) for i in range(1, 300)), *(frame(n) for n in range(200)), load=True)
    assert recount(store) == []
    with store.state.transaction() as db:
        db.execute("UPDATE minutes SET n = n + 1 WHERE minute = ?", (T0 // 60 + 2,))
        db.execute("DELETE FROM minutes WHERE minute = ?", (T0 // 60 + 3,))
    assert recount(store, repair=True) == [T0 // 60 + 2, T0 // 60 + 3]
    assert recount(store) == []
    assert LoadProgress(store.state, store.spool_folder).stored(T0, T0 + 300) == 299
