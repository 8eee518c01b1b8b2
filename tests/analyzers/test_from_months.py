"""Queries give the same results from the rollups by month as from the events.

The stores hold random events of four months: messages of one or several users, some with more pairs
than the rollup takes. The rollups cover a part of them; the rest is read from the events.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hubbub.analyzers.activity.heatmap import heatmap, objects_per_user, users_per_object
from hubbub.analyzers.activity.totals import objects, users
from hubbub.analyzers.people.active_users import recipients
from hubbub.analyzers.people.organisations import organisations
from hubbub.analyzers.people.what_if import what_if
from hubbub.collector.event import Event
from hubbub.store import Selection, Store
from hubbub.store.maintenance import compaction
from hubbub.store.maintenance.retention import prune
from hubbub.store.maintenance.verify import verify
from hubbub.store.privacy.forget import forget
from hubbub.store.query import identity
from hubbub.store.query.affiliations import Affiliation
from hubbub.store.query.months import touches
from hubbub.store.query.months.kept import KeptMonths
from hubbub.store.rollups import monthly, refresh
from hubbub.store.rollups.rebuild import read
from hubbub.times import to_micros
from hubbub.zones import find
from tests.support.examples import examples

START, END = datetime(2026, 1, 10, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)
USERS = ["ann", "bob", "bot-x", "cy", "dora", "eve"]
AFFILIATIONS = (
    Affiliation("ann", "X", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)),
    Affiliation("ann", "Y", datetime(2026, 3, 1, tzinfo=UTC)),
    Affiliation("bob", "X", end=datetime(2026, 3, 12, tzinfo=UTC)),
    Affiliation("dora", "Y"),
    Affiliation("eve", "", datetime(2026, 2, 2, tzinfo=UTC), datetime(2026, 4, 9, tzinfo=UTC)),
)


def plain(result: Any) -> Any:
    """Return the parts of a result as lists and numbers."""
    parts = result if isinstance(result, tuple) else (result,)
    tables = [part.to_pyarrow() if hasattr(part, "to_pyarrow") else part for part in parts]
    return [part.to_pylist() if hasattr(part, "to_pylist") else part for part in tables]


QUERIES: Mapping[str, Callable[[Any], Any]] = {
    "heatmap": lambda e: heatmap(e, top=4, top_objects=3),
    "objects": objects,
    "objects_per_user": objects_per_user,
    "organisations m": lambda e: organisations(e, AFFILIATIONS),
    "organisations y": lambda e: organisations(e, AFFILIATIONS, per="y"),
    "recipients m": recipients,
    "recipients q": lambda e: recipients(e, per="q", top=2, object=["x", "z*"]),
    "recipients w": lambda e: recipients(e, per="w"),
    "users": users,
    "users_per_object": lambda e: users_per_object(e, START, END, frames=9),
    "what_if": lambda e: what_if(e, ["ann"]),
    "what_if several": lambda e: what_if(e, ["b*", "dora"], top=2),
}


def some_event(rng: random.Random, n: int) -> Event:
    names = sorted(rng.sample(USERS, rng.choice([0, 1, 1, 1, 2, 3])))
    touched = sorted(rng.sample(["x", "y", "z", "zz"], rng.choice([0, 1, 1, 2, 3])))
    touched += touched[:1] if not n % 7 else []  # an object twice
    topic = rng.choice(["a.b.prod.git.receive", "a.b.prod.wiki.edit"])
    time = START + rng.random() * (END - START)
    if not n % 9:  # at the edges of months, where off-by-one errors show
        time = datetime(2026, rng.choice([2, 3, 4]), 1, tzinfo=UTC) - rng.choice([0, 1]) * DAY / 1e9
    return Event(
        f"e{n}", to_micros(time), topic, topic.split(".")[3], rng.choice([None, *USERS]),
        tuple(names), tuple(touched), rng.choice([None, "open"]), rng.randrange(99), "s", n,
    )  # fmt: skip


def fill(path: Path) -> Store:
    """Fill a store with four commits: the second has late events, the last is not rolled up."""
    rng = random.Random(7)
    events = sorted((some_event(rng, n) for n in range(400)), key=lambda e: e.time)
    late, events = events[100:130], events[:100] + events[130:]
    store = Store.open(path)
    for number, commit in enumerate((events[:250], late, events[250:340], events[340:])):
        store.table.append(commit, number + 1)
        if number in {0, 2}:
            with store.loader_lock():
                refresh.catch_up(store)
    return store


@pytest.fixture(scope="module", autouse=True)
def _small() -> Iterator[None]:
    """Lower the bounds, so that the stores exceed them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(monthly, "_ALLOWED", 3)
        patch.setattr(monthly, "_PER_NAME", 1)
        patch.setattr(monthly, "_PAIRS", 7)
        patch.setattr(touches, "_UNDIVIDED", 0)
        patch.setattr(touches, "_ROWS", 30)
        yield


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a store of which each test has a copy."""
    folder = tmp_path_factory.mktemp("months") / "store"
    fill(folder).close()
    return folder


@pytest.fixture(scope="module")
def stores(filled: Path) -> Iterator[dict[str, Store]]:
    names = ("plain", "merged", "compacted", "retained")
    stores = {name: Store.open(copytree(filled, filled.with_name(name))) for name in names}
    for account, person in (("bob", "cy"), ("bot-x", "ann")):
        identity.merge(stores["merged"].state, account, person, who="x", why="y", time=1)
    compaction.compact(stores["compacted"])
    forget(stores["compacted"], "ann")
    prune(stores["retained"], now=END, events=timedelta(days=76, hours=5), bodies=None)
    yield stores
    for store in stores.values():
        store.close()


def run_both_ways(name: str, store: Store, chosen: Selection) -> Any:
    events = store.events(chosen)
    result = plain(QUERIES[name](events))
    direct = store.events(chosen)
    direct.rollups = None
    assert result == plain(QUERIES[name](direct)), chosen
    return result


EDGE = (
    st.none()
    | st.sampled_from([datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)])
    | st.datetimes(START.replace(tzinfo=None), END.replace(tzinfo=None), timezones=st.just(UTC))
)
FILTERS: list[dict[str, Any]] = [
    {}, {"bots": False, "bot_names": ("bot-*",)}, {"not_user": ("ann", "c*")}, {"by": "agent"},
    {"category": ("git",)}, {"user": ("b*",)}, {"object": ("x",)}, {"action": ("open",)},
    {"zone": find("Europe/Berlin")},
]  # fmt: skip


@pytest.mark.parametrize("name", QUERIES)
@settings(max_examples=examples(4), deadline=None)
@given(
    which=st.sampled_from(["plain", "merged", "compacted", "retained"]),
    edges=st.tuples(EDGE, EDGE),
    filters=st.sampled_from(FILTERS),
)
def test_the_same_result_as_from_the_events(
    name: str, stores: dict[str, Store], which: str, edges: Any, filters: dict[str, Any]
) -> None:
    since, until = (None if edge is None else to_micros(edge) for edge in edges)
    if since is not None and until is not None and since > until:
        since, until = until, since
    run_both_ways(name, stores[which], Selection(since=since, until=until, **filters))


@pytest.mark.parametrize("which", ["plain", "merged", "compacted", "retained"])
@pytest.mark.parametrize("name", QUERIES)
def test_the_same_result_from_whole_and_cut_months(
    name: str, stores: dict[str, Store], which: str
) -> None:
    ranges: list[int | None] = [None]  # of the retained store it begins within a month, too
    if which in {"plain", "merged"}:
        ranges.append(to_micros(START + 30 * DAY))
    for since in ranges:
        assert run_both_ways(name, stores[which], Selection(since=since, until=None))


@pytest.mark.parametrize("name", ["heatmap", "objects", "users", "what_if", "organisations m"])
def test_the_rollups_are_read(name: str, copied: Store) -> None:
    """Rows that are counted twice change the result."""
    expected = plain(QUERIES[name](copied.events()))
    for rollup in copied.rollups:
        rows = rollup.count([file.uri for file in copied.table.files()][:1], 0)
        rollup.append_rows(list(rollup.parts(rows)), rollup.batch() + 1)
    assert plain(QUERIES[name](copied.events())) != expected


def test_crowded_messages_and_parts_occur(stores: dict[str, Store]) -> None:
    """Otherwise the other tests say nothing about them."""
    kept = KeptMonths.of(stores["plain"].events(), "monthly_touches")
    assert kept is not None
    assert len(kept.missing_touches()) == 2, "newer events, and those with too many pairs"
    assert len(touches.touch_parts(stores["plain"].events())) > 2


def test_accounts_of_a_person_are_one_user_of_an_object(tmp_path: Path) -> None:
    """Where each account has one row for a month and object, `recipients` only counts rows."""
    touched = [
        replace(
            some_event(random.Random(n), n), time=to_micros(START), users=(name,), objects=("x",)
        )
        for n, name in enumerate(("ann", "bob"))
    ]
    with Store.open(tmp_path / "store") as store:
        store.table.append(touched, 1)
        with store.loader_lock():
            refresh.catch_up(store)
        assert touches.has_unique_touches(store.events())
        identity.merge(store.state, "bob", "ann", who="x", why="y", time=1)
        [rows] = run_both_ways("recipients m", store, Selection())
        assert [(row["users"], row["messages"]) for row in rows] == [(1, 2)]


def test_verify_finds_wrong_rows(copied: Store) -> None:
    refresh.catch_up(copied)
    assert verify(copied).clean
    months = [rollup for rollup in copied.rollups if rollup.name.startswith("monthly")]
    files = [copied.table.files()[0].uri]
    copied.table.append([some_event(random.Random(1), 999)], 5)
    for rollup in months:
        rollup.append_rows(list(rollup.parts(rollup.count(files, 0))), copied.table.version())
    assert {fault.part for fault in verify(copied).faults} == {r.name for r in months}
    assert verify(copied, repair=True).repaired
    assert verify(copied).clean


def test_forgetting_and_retention_reach_the_rollups(stores: dict[str, Store]) -> None:
    for path in (stores["compacted"].path / "rollups").rglob("*"):
        assert not path.is_file() or b"ann" not in path.read_bytes(), path
    cut = to_micros(END - timedelta(days=76, hours=5))
    for rollup in stores["retained"].rollups:
        if rollup.name.startswith("monthly"):
            rows = read(rollup, [file.uri for file in rollup.files()])
            assert min(rows["first"].to_pylist()) >= cut
