"""What is done to a mirror as a whole: forgotten names, retention, kept sums, files."""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from hubbub.store.maintenance import compaction
from hubbub.store.maintenance.retention import prune
from hubbub.store.mirror import upkeep
from hubbub.store.mirror.place import Place
from hubbub.store.privacy.forget import forget
from hubbub.store.rollups import refresh
from hubbub.store.stream import outgoing
from hubbub.times import from_micros

NAME = "mallory"
DAY = 86_400_000_000  # µs


@pytest.fixture(autouse=True)
def count_at_once(monkeypatch):
    """Let sums follow each commit."""
    monkeypatch.setattr(refresh, "LAG", 1)


def names(pair):
    return {name for row in pair.rows() for name in (row["agent"], *row["users"])}


def check_sums(pair):
    """Kept sums are up to date, and those of the events."""
    with pair.read() as store:
        assert {rollup.batch() for rollup in store.rollups} == {store.table.version()}
        events = store.events()
        right = Counter(row["user"] for row in events.unnest_users("id").to_pyarrow().to_pylist())
        for rows in (events.hourly_users(), events.daily_users(), events.weekly_users()):
            kept: Counter[str] = Counter()
            for row in rows.to_pyarrow().to_pylist():
                kept[row["user"]] += row["messages"]
            assert kept == right
        topics = events.daily_topics().to_pyarrow()["messages"].to_pylist()
        assert sum(topics) == events.count_events()
        for rollup in store.rollups:
            if not rollup.outlives:
                rows = rollup.count([file.uri for file in store.table.files()], 0)
                read = store.backend.read_parquet([f.uri for f in rollup.files()]).to_pyarrow()
                joined = rollup.combined(read.select(rollup.schema.names).cast(rollup.schema))
                assert joined.equals(rows)


def everything(pair):
    """Return the content of all objects."""
    place = Place(pair.url)
    return {found.path: place.read(found.path) or b"" for found in place.list("", recursive=True)}


def test_sums_are_those_of_the_union(pair, event):
    pair.add(pair.one, [event(n * 400) for n in range(5)])
    pair.add(pair.two, [event(n * 400, agent="carol") for n in range(3, 8)])
    pair.copy()
    pair.copy()
    check_sums(pair)
    pair.add(pair.one, [event(n * 400 + 200) for n in range(3)])
    pair.copy()
    pair.copy()
    check_sums(pair)


def test_a_forgotten_name_is_in_no_object_and_does_not_come_back(pair, event):
    def by(n, agent=NAME, **fields):
        return event(n, agent=agent, users=(agent, "bob"), objects=(f"~{agent}",), **fields)

    pair.add(pair.one, [by(0), by(1, "alice")], bodies=True)
    pair.add(pair.two, [by(1, "alice"), by(2)], bodies=True)
    pair.copy()
    pair.copy()
    assert any(NAME.encode() in content for content in everything(pair).values())
    pseudonym = forget(pair.one, NAME, "asked").pseudonyms[0]
    pair.copy()
    pair.copy()
    assert names(pair) == {"alice", "bob", pseudonym}
    assert [path for path, content in everything(pair).items() if NAME.encode() in content] == []
    assert pair.bodies() == {"id-0": None, "id-1": b"alice", "id-2": None}
    check_sums(pair)
    # the other store still has the name, and gets more of it
    pair.add(pair.two, [by(3)], bodies=True)
    pair.copy(pair.two)
    assert names(pair) == {"alice", "bob", pseudonym}
    assert pair.bodies()["id-3"] is None
    # once it forgets the name, too, the person has the same pseudonym there
    assert forget(pair.two, NAME, "asked").pseudonyms == (pseudonym,)
    pair.copy()
    pair.copy()
    assert names(pair) == {"alice", "bob", pseudonym}
    check_sums(pair)


def test_a_name_that_is_forgotten_while_another_store_adds_it(pair, event):
    """Names that a commit was made without knowing are replaced by the upkeep."""
    pair.add(pair.one, [event(0)])
    pair.add(pair.two, [event(1)])
    pair.copy()
    pseudonym = forget(pair.one, NAME, "asked").pseudonyms[0]
    two = pair.mirror(pair.two)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(two.documents, "forgotten", dict)  # it looked a moment before
        pair.copy(pair.one)
        pair.add(pair.two, [event(2, agent=NAME, users=(NAME,))])
        patch.setattr("hubbub.store.mirror.mirror.holder", lambda *_: False)
        pair.copy(pair.two)
    assert NAME in names(pair)
    pair.copy(pair.one)
    pair.copy(pair.two)
    assert names(pair) == {"alice", "bob", pseudonym}
    check_sums(pair)


def test_a_rewrite_and_appends_of_others_at_once(pair, event, monkeypatch):
    """Another store adds events while names are replaced: both are there, and counted once."""
    pair.add(pair.one, [event(0, agent=NAME, users=(NAME,)), event(1)])
    pair.copy(pair.one)
    pseudonym = forget(pair.one, NAME, "asked").pseudonyms[0]
    pair.add(pair.two, [event(n) for n in range(5, 8)])
    rewrite = vars(upkeep)["rewrite"]

    def slow(table, files, change):
        if table.name == "events":
            monkeypatch.setattr(upkeep, "rewrite", rewrite)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("hubbub.store.mirror.mirror.holder", lambda *_: False)
                replaced = pair.mirror(pair.two)
                replaced.step()
        return rewrite(table, files, change)

    monkeypatch.setattr(upkeep, "rewrite", slow)
    pair.copy(pair.one)
    assert names(pair) == {"alice", "bob", pseudonym}
    assert len(pair.rows()) == 5
    pair.copy()
    check_sums(pair)


def test_retention_of_any_store_reaches_the_mirror(pair, event):
    pair.add(pair.one, [event(n, time=event(0).time + n * DAY) for n in range(6)], bodies=True)
    pair.add(pair.two, [event(n, time=event(0).time + n * DAY) for n in range(8)], bodies=True)
    pair.copy()
    pair.copy()
    now = from_micros(event(0).time + 10 * DAY + 3)
    prune(pair.one, now=now, events=timedelta(days=7), bodies=timedelta(days=5))
    pair.copy()
    pair.copy()
    assert [row["id"] for row in pair.rows()] == ["id-4", "id-5", "id-6", "id-7"]
    assert set(pair.bodies()) == {"id-6", "id-7"}
    with pair.read() as store:  # sums keep the deleted days, as in a store
        days = store.events().daily_users().to_pyarrow().to_pylist()
        assert sum(row["messages"] for row in days if row["user"] == "bob") == 8
    # the other store still has older ones, and gets others
    late = [event(20 + n, time=event(0).time + n * DAY) for n in (1, 4, 9)]
    pair.add(pair.two, late, bodies=True)
    pair.copy()
    kept = ["id-24", "id-29", "id-4", "id-5", "id-6", "id-7"]
    assert [row["id"] for row in pair.rows()] == kept
    assert set(pair.bodies()) == {"id-29", "id-6", "id-7"}


def test_small_files_are_merged_and_old_ones_deleted(pair, event, monkeypatch):
    monkeypatch.setattr(compaction, "FILES", 4)
    for n in range(6):
        pair.add(pair.one, [event(n)])
        pair.copy(pair.one)
    mirror = pair.mirror(pair.one)
    table = mirror.tables.own(mirror.tables.table)
    assert len(table.files()) < 6
    assert [row["id"] for row in pair.rows()] == [f"id-{n}" for n in range(6)]
    check_sums(pair)
    objects = [o for o in everything(pair) if o.startswith("events/month")]
    assert len(objects) == 6 + 1
    upkeep.clean(table, 0.0)
    objects = [o for o in everything(pair) if o.startswith("events/month")]
    assert len(objects) == len(table.files())
    pair.add(pair.two, [event(n) for n in range(7)])
    pair.copy(pair.two)
    assert [row["id"] for row in pair.rows()] == [f"id-{n}" for n in range(7)]


def test_a_long_log_is_shortened_and_goes_on(pair, event, monkeypatch):
    monkeypatch.setattr(compaction, "ENTRIES", 3)
    for n in range(5):
        pair.add(pair.one, [event(n)])
        pair.copy(pair.one)
    mirror = pair.mirror(pair.one)
    table = mirror.tables.own(mirror.tables.table)
    upkeep.clean(table, 0.0)  # writes a checkpoint
    upkeep.clean(table, -1.0)  # it is old enough now
    assert not Path(Place(pair.url).path("events/_delta_log", f"{0:020}.json")).exists()
    pair.mirrors.clear()
    pair.add(pair.one, [event(5)])
    pair.copy(pair.one)
    assert [row["id"] for row in pair.rows()] == [f"id-{n}" for n in range(6)]


def test_a_mirror_that_does_not_run_is_not_waited_for_for_ever(pair, event):
    pair.add(pair.one, [event(0)])
    pair.copy(pair.one)
    (mirror,) = outgoing.outgoing(pair.one.state)
    old = time.time_ns() // 1000 - int(outgoing.KEEP / timedelta(microseconds=1)) - 1
    mirror.save(pair.one.state, seen=old)
    pair.add(pair.one, [event(1)])
    assert outgoing.outgoing(pair.one.state) == []
    assert not outgoing.folder_of(pair.one.path / "stream", pair.url).exists()
    pair.copy(pair.one)  # it begins again
    assert [row["id"] for row in pair.rows()] == ["id-0", "id-1"]
