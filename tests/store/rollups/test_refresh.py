"""Rollups give the same sums as events, whatever is late, forgotten, deleted or compacted."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree, rmtree
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hubbub.store import Selection, Store
from hubbub.store.maintenance import compaction
from hubbub.store.maintenance.retention import prune
from hubbub.store.privacy.forget import forget
from hubbub.store.rollups import refresh
from hubbub.store.rollups.refresh import DAY, HOUR
from tests.support.examples import examples
from tests.support.stores.filling import MakeFrame, put
from tests.support.stores.rollup_events import NAMES, START, add, answers, batches, make


def test_sums_by_day_hour_and_topic(store: Store) -> None:
    add(store, make(0), make(1, HOUR, agent="bob"), make(2, DAY - 1, users=(), agent=None))
    add(store, make(3, 5, users=("bob",)), make(4, DAY, topic="x", category="y"))
    refresh.catch_up(store)
    assert set(batches(store)) == {2}
    day = datetime(2026, 1, 15, tzinfo=UTC)
    sums = answers(store, Selection())
    assert sums["daily_users"] == [
        (day, "alice", 2, 21), (day, "bob", 3, 34),
        (day + timedelta(days=1), "alice", 1, 14), (day + timedelta(days=1), "bob", 1, 14),
    ]  # fmt: skip
    assert sums["hourly_users"][:3] == [
        (day, "alice", 1, 10), (day, "bob", 2, 23), (day + timedelta(hours=1), "alice", 1, 11),
    ]  # fmt: skip
    assert sums["daily_topics"] == [
        (day, "a.b.prod.git.receive", "git", 4, 46), (day + timedelta(days=1), "x", "y", 1, 14),
    ]  # fmt: skip
    agents = answers(store, Selection(by="agent"))["daily_users"]
    assert agents[:2] == [(day, "alice", 2, 23), (day, "bob", 1, 11)]


USERS = st.sampled_from(["ann", "bob", "bot-x", "cy"])
EVENT = st.tuples(
    st.integers(-2 * DAY, 2 * DAY) | st.integers(-20 * DAY, 20 * DAY), st.none() | USERS,
    st.lists(USERS, unique=True, max_size=3), st.sampled_from(["a.git.x", "a.wiki.y"]),
    st.integers(0, 99),
)  # fmt: skip
EDGE = st.none() | st.integers(-20, 20).map(lambda n: START + n * DAY) | st.integers(
    START - 3 * DAY, START + 3 * DAY
)  # fmt: skip


@settings(
    max_examples=examples(25),
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(
    commits=st.lists(st.lists(EVENT, min_size=1, max_size=6), min_size=1, max_size=4),
    counted=st.integers(0, 4), rebuild=st.booleans(), compact=st.booleans(),
    edges=st.tuples(EDGE, EDGE), by=st.sampled_from(["agent", "users"]),
    filters=st.sampled_from([{}, {"bots": False, "bot_names": ("bot-*",)}, {"topic": ("*wiki*",)},
                             {"category": ("git",)}, {"user": ("b*",)}, {"not_user": ("ann",)}]),
)  # fmt: skip
def test_sums_are_the_same_as_from_events(
    tmp_path_factory: pytest.TempPathFactory, commits: list[list[Any]], counted: int,
    rebuild: bool, compact: bool, edges: tuple[int | None, int | None], by: Any, filters: Any,
) -> None:  # fmt: skip
    with Store.open(tmp_path_factory.mktemp("roll") / "store") as store:
        n = 0
        for number, commit in enumerate(commits):
            events = []
            for time, agent, users, topic, size in commit:
                n += 1
                events.append(make(n, time, agent=agent, users=tuple(sorted(users)), topic=topic,
                                   category=topic.split(".")[1], size=size))  # fmt: skip
            add(store, *events)
            if number == counted:
                refresh.catch_up(store)
        if rebuild:
            refresh.rebuild(store)
        if compact:
            compaction.compact(store)
        since, until = edges
        if since is not None and until is not None and since > until:
            since, until = until, since
        chosen = Selection(since=since, until=until, by=by, **filters)
        assert answers(store, chosen) == answers(store, chosen, direct=True)


def test_queries_really_read_the_rollups(store: Store) -> None:
    """Rows that are added to a rollup only are in the result."""
    add(store, make(0), make(1, DAY))
    refresh.catch_up(store)
    (users,) = (rollup for rollup in store.rollups if rollup.name == "daily_users")
    (month, *_) = users.parts(users.count([store.table.files()[0].uri], 0))
    add(store, make(2, 2 * DAY))
    users.append_rows([month], 2)
    add(store, make(3, 3 * DAY))
    rows = answers(store, Selection())["daily_users"]
    assert [row[2] for row in rows] == [2, 2, 2, 2, 1, 1], "twice from the rollup, then its tail"


def test_the_loader_keeps_up_after_some_commits(
    store: Store, frame: MakeFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refresh, "LAG", 3)
    for n in range(5):
        put(store, frame(n), load=True)
        assert answers(store, Selection()) == answers(store, Selection(), direct=True)
    assert set(batches(store)) == {3}


def test_files_that_were_merged_before_they_were_counted(store: Store) -> None:
    add(store, make(0, objects=("x",)))
    refresh.catch_up(store)
    for n in (1, 2):
        add(store, make(n, n * HOUR, objects=("x",)))
    with store.loader_lock():
        assert compaction.step(store, whole=True) is not None
    refresh.catch_up(store)
    for rollup in store.rollups:
        assert rollup.files()
        months = refresh.files_by_month(store, rollup).values()
        assert not any(refresh.differs(store, rollup, source, own) for source, own in months)


def test_frozen_days_outlive_their_events(store: Store, frame: MakeFrame) -> None:
    for day in range(4):
        add(store, make(2 * day, day * DAY), make(2 * day + 1, day * DAY + 13 * HOUR))
    refresh.catch_up(store)
    before = answers(store, Selection())
    now = datetime(2026, 1, 17, 12, tzinfo=UTC)
    prune(store, now=now + timedelta(days=1), events=timedelta(days=1), bodies=None)
    assert store.rows() == 3
    after = answers(store, Selection())
    assert after["daily_users"] == before["daily_users"], "deleted events still count"
    rest = Selection(since=START + 3 * DAY)
    assert answers(store, rest) == answers(store, rest, direct=True), "days with all their events"
    half = Selection(since=START + 2 * DAY + 12 * HOUR)
    assert answers(store, half) == answers(store, half, direct=True)
    versions = [rollup.version() for rollup in store.rollups]
    refresh.catch_up(store)
    assert [rollup.version() for rollup in store.rollups] == versions
    refresh.rebuild(store)
    assert answers(store, Selection()) == after
    add(store, make(90, -30 * DAY), make(91, DAY))  # late, from before the cut
    assert answers(store, rest) == answers(store, rest, direct=True)
    counted = Selection(since=START)
    assert answers(store, counted)["daily_users"] == before["daily_users"]
    late = Selection(until=START - 20 * DAY)
    assert answers(store, late) == answers(store, late, direct=True)
    assert answers(store, late)["daily_users"] != []


def test_rollups_outlive_the_last_event(store: Store, frame: MakeFrame) -> None:
    for day in range(3):
        add(store, make(2 * day, day * DAY), make(2 * day + 1, day * DAY + 20 * HOUR))
    refresh.catch_up(store)
    selections = [Selection(), Selection(since=START + DAY), Selection(until=START + 9 * DAY)]
    before = [answers(store, selection) for selection in selections]
    prune(store, now=datetime(2027, 1, 1, tzinfo=UTC), events=timedelta(days=1), bodies=None)
    assert store.rows() == 0
    assert [answers(store, selection) for selection in selections] == before
    assert before[0]["daily_users"] != []


def test_forgetting_reaches_every_rollup(store: Store, frame: MakeFrame) -> None:
    put(store, *(frame(n, topic=f"org.x.prod.git.branch.alice.{n % 2}") for n in range(4)))
    store.load()
    refresh.catch_up(store)
    (pseudonym,) = forget(store, "alice").pseudonyms
    for path in (store.path / "rollups").rglob("*"):
        assert not path.is_file() or b"alice" not in path.read_bytes(), path
    assert set(batches(store)) == {store.table.version()}, "marked current, not counted again"
    sums = answers(store, Selection())
    assert sums == answers(store, Selection(), direct=True)
    assert {row[1] for row in sums["daily_users"]} == {"bob", pseudonym}
    assert pseudonym in sums["daily_topics"][0][1]


def test_merged_accounts_are_one_person(store: Store) -> None:
    from hubbub.store.query.identity import merge

    add(store, make(0), make(1, users=("bob",)), make(2, users=("cy",)))
    refresh.catch_up(store)
    merge(store.state, "bob", "alice", who="x", why="y", time=START)
    rows = answers(store, Selection())["daily_users"]
    assert [(row[1], row[2]) for row in rows] == [("alice", 2), ("cy", 1)]


def test_a_lost_log_only_costs_a_recount(store: Store) -> None:
    for n in range(3):
        add(store, make(n))
    refresh.catch_up(store)
    add(store, make(3))
    add(store, make(4))
    compaction.compact(store)
    compaction.clean(store, 0.0)
    assert answers(store, Selection()) == answers(store, Selection(), direct=True), "without a tail"
    refresh.catch_up(store)
    assert set(batches(store)) == {store.table.version()}
    assert answers(store, Selection()) == answers(store, Selection(), direct=True)


def test_an_empty_store(store: Store) -> None:
    refresh.catch_up(store)
    refresh.rebuild(store)
    assert answers(store, Selection()) == {name: [] for name in NAMES}


def test_a_lazy_query_still_reads_its_own_snapshot_after_a_compaction(store: Store) -> None:
    add(store, make(0))
    refresh.catch_up(store)
    for n in range(1, 4):
        add(store, make(n))
    earlier = [getattr(store.events(), name)() for name in NAMES]
    refresh.catch_up(store)
    for rollup in store.rollups:
        if files := rollup.files():
            compaction.fold(rollup, files)
    later = [getattr(store.events(), name)() for name in NAMES]
    for tables in (later, earlier):
        assert [t.messages.sum().to_pyarrow().as_py() for t in tables] == [8, 8, 4, 8]


def test_events_that_come_from_a_backup_are_counted_again(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store") as store:
        add(store, make(0))
        folder = copytree(store.table.folder, tmp_path / "backup")
        add(store, make(1, DAY))
        refresh.catch_up(store)
        events = store.table.folder
    rmtree(events)
    folder.rename(events)
    with Store.open(tmp_path / "store") as store, store.loader_lock():
        refresh.catch_up(store)
        assert set(batches(store)) == {store.table.version()} == {1}
        sums = answers(store, Selection())
        assert [row[2] for row in sums["daily_topics"] if row[1].endswith("receive")] == ["git"]
