"""Invariants of all queries on random events: storing order, repeated events, merged periods."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubbub.analyzers.activity.briefing import briefing
from hubbub.analyzers.activity.event_activity import event_activity
from hubbub.analyzers.activity.heatmap import heatmap, objects_per_user, users_per_object
from hubbub.analyzers.activity.radar import radar
from hubbub.analyzers.activity.totals import objects, users
from hubbub.analyzers.activity.traffic import traffic
from hubbub.analyzers.activity.volume import diff, volume
from hubbub.analyzers.activity.year_over_year import year_over_year
from hubbub.analyzers.evenness.longtail import longtail, tail
from hubbub.analyzers.people.active_users import active_users, daily_users, recipients
from hubbub.analyzers.people.cohorts import cohorts, returning
from hubbub.analyzers.people.health import health
from hubbub.analyzers.people.organisations import organisations
from hubbub.analyzers.people.overload import overload
from hubbub.analyzers.people.suspects import suspects
from hubbub.analyzers.people.what_if import what_if
from tests.support.examples import examples

SINCE, UNTIL = datetime(2024, 2, 26, tzinfo=UTC), datetime(2024, 4, 8, tzinfo=UTC)  # six ISO weeks
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
MIDDLE = SINCE + 3 * WEEK
TOPICS = ["org.x.prod.git.receive", "org.x.prod.git.branch", "org.x.prod.wiki.edit"]

#: All queries of events, as functions of a table.
QUERIES: Mapping[str, Callable[[Any], Any]] = {
    "active_users": lambda e: active_users(e, per="w"),
    "briefing": lambda e: briefing(e, SINCE, UNTIL, day=MIDDLE),
    "cohorts": lambda e: cohorts(e, SINCE, UNTIL, window=2 * WEEK),
    "daily_users": lambda e: daily_users(e, SINCE, UNTIL),
    "diff": lambda e: diff(e, SINCE, UNTIL, per="week"),
    "event_activity": lambda e: event_activity(e, SINCE, UNTIL, MIDDLE, MIDDLE + WEEK),
    "health": lambda e: health(e, SINCE, UNTIL, window=2 * WEEK),
    "heatmap": heatmap,
    "longtail": lambda e: longtail(e, SINCE, UNTIL, window=WEEK, step=DAY),
    "objects": objects,
    "objects_per_user": objects_per_user,
    "organisations": lambda e: organisations(e, ()),
    "overload": lambda e: overload(e, SINCE, UNTIL, people=True, recent=WEEK),
    "radar": radar,
    "recipients": lambda e: recipients(e, per="w"),
    "returning": lambda e: returning(e, SINCE, UNTIL),
    "suspects": suspects,
    "tail": tail,
    "traffic": traffic,
    "users": users,
    "users_per_object": lambda e: users_per_object(e, SINCE, UNTIL),
    "volume": lambda e: volume(e, SINCE, UNTIL, per="day", axis="topic"),
    "what_if": lambda e: what_if(e, ["ann"]),
    "year_over_year": lambda e: year_over_year(e, SINCE, UNTIL),
}

EVENTS = st.lists(
    st.tuples(
        st.integers(0, 6 * 7 * 24 - 1),  # hours after SINCE
        st.sampled_from(TOPICS),
        st.lists(st.sampled_from(["ann", "bob", "cy", "di"]), unique=True, max_size=3),
        st.lists(st.sampled_from(["kernel", "bash"]), unique=True, max_size=2),
        st.integers(0, 99),
    ),
    max_size=20,
)
few = settings(max_examples=examples(6))


def rows_of(drawn: list[Any], times: int = 1) -> list[dict[str, Any]]:
    """Return rows with explicit ids and sequence numbers, so that they can be shuffled."""
    return [
        {
            "timestamp": (SINCE + hours * HOUR).timestamp(),
            "topic": topic,
            "users": names,
            "agent": names[0] if names else None,
            "objects": things,
            "size": size,
            "id": f"{number}-{copy}",
            "seq": number * times + copy,
        }
        for number, (hours, topic, names, things, size) in enumerate(drawn)
        for copy in range(times)
    ]


def plain(result: Any) -> Any:
    """Return the parts of a result as lists and numbers."""
    parts = result if isinstance(result, tuple) else (result,)
    return [
        part.to_pyarrow().to_pylist() if hasattr(part, "to_pyarrow") else part for part in parts
    ]


def multiple(number: float | None, times: int = 1) -> Any:
    """A multiple of the number, except for rounding; None for None."""
    return None if number is None else pytest.approx(times * number, abs=1e-9)


@pytest.mark.parametrize("name", QUERIES)
@few
@given(drawn=EVENTS, chance=st.randoms(use_true_random=False))
def test_the_order_of_storing_does_not_matter(
    name: str, events: Callable[..., Any], drawn: list[Any], chance: Any
) -> None:
    rows = rows_of(drawn)
    result = plain(QUERIES[name](events(rows)))
    chance.shuffle(rows)
    assert plain(QUERIES[name](events(rows))) == result


@few
@given(drawn=EVENTS)
def test_totals_against_loops(events: Callable[..., Any], drawn: list[Any]) -> None:
    rows, table = rows_of(drawn), events(rows_of(drawn))
    for name, data in (("users", plain(users(table))[0]), ("objects", plain(objects(table))[0])):
        messages: Counter[str] = Counter()
        size: Counter[str] = Counter()
        seen: defaultdict[str, list[float]] = defaultdict(list)
        for row in rows:
            for key in row[name]:
                messages[key] += 1
                size[key] += row["size"]
                seen[key].append(row["timestamp"])
        assert [
            (row[name[:-1]], row["messages"], row["bytes"], row["first"].timestamp(),
             row["last"].timestamp()) for row in data
        ] == [
            (key, messages[key], size[key], min(seen[key]), max(seen[key]))
            for key in sorted(messages, key=lambda key: (-messages[key], key))
        ]  # fmt: skip


@few
@given(drawn=EVENTS)
def test_days_merge_into_weeks_and_topics_into_all(
    events: Callable[..., Any], drawn: list[Any]
) -> None:
    table = events(rows_of(drawn))
    days, weeks = (
        plain(volume(table, SINCE, UNTIL, per=per, axis="topic"))[0] for per in ("day", "week")
    )
    merged: Counter[tuple[datetime, str]] = Counter()
    for row in days:
        merged[row["start"] - row["start"].weekday() * DAY, row["name"]] += row["messages"]
    assert {(row["start"], row["name"]): row["messages"] for row in weeks if row["messages"]} == {
        key: number for key, number in merged.items() if number
    }
    together = plain(volume(table, SINCE, UNTIL, per="week"))[0]
    assert sum(row["messages"] for row in together) == sum(row["messages"] for row in weeks)
    differences, _ = diff(table, SINCE, UNTIL, per="week")
    sums = [sum(column) for column in zip(*differences["counts"].values(), strict=True)]
    assert sums == [] or sums == [row["messages"] for row in together]


@few
@given(drawn=EVENTS, times=st.integers(2, 4))
def test_repeating_all_events_changes_no_share(
    events: Callable[..., Any], drawn: list[Any], times: int
) -> None:
    once, often = events(rows_of(drawn)), events(rows_of(drawn, times))
    for row, repeated in zip(plain(tail(once))[0], plain(tail(often))[0], strict=True):
        assert (repeated["user"], repeated["count"]) == (row["user"], times * row["count"])
        assert repeated["ideal"] == pytest.approx(times * row["ideal"])
    for name, user in radar(often)[0]["users"].items():
        assert user["share"] == pytest.approx(radar(once)[0]["users"][name]["share"])
    windows, repeated_windows = (
        longtail(e, SINCE, UNTIL, window=WEEK, step=WEEK)[0] for e in (once, often)
    )
    for row, repeated in zip(windows, repeated_windows, strict=True):
        assert repeated["total"] == times * row["total"]
        assert repeated["longtail"] == multiple(row["longtail"], times)
        for number in ("n", "gini", "absence_factor", "hill_1", "longtail_scaled"):
            assert repeated[number] == multiple(row[number]), number
    lost, lost_often = (what_if(e, ["ann"])[0] for e in (once, often))
    assert {(r["kind"], r["name"]): r["share"] for r in lost} == {
        (r["kind"], r["name"]): r["share"] for r in lost_often
    }
    assert plain(active_users(once, per="w")) == plain(active_users(often, per="w"))


@few
@given(drawn=EVENTS)
def test_without_affiliations_all_messages_are_of_an_unknown_organisation(
    events: Callable[..., Any], drawn: list[Any]
) -> None:
    [data, *_] = plain(organisations(events(rows_of(drawn)), ()))
    assert {row["organisation"] for row in data} <= {"unknown"}
    with_users = [names for _hours, _topic, names, *_ in drawn if names]
    assert sum(row["messages"] for row in data) == len(with_users)
    assert all(row["share"] == 1 for row in data)


@few
@given(drawn=EVENTS)
def test_a_briefing_counts_its_day(events: Callable[..., Any], drawn: list[Any]) -> None:
    [data, *_] = plain(briefing(events(rows_of(drawn)), SINCE, UNTIL, day=MIDDLE))
    messages = [(SINCE + hours * HOUR, names) for hours, _topic, names, *_ in drawn]
    today = [names for time, names in messages if MIDDLE <= time < MIDDLE + DAY]
    earlier = {name for time, names in messages if time < MIDDLE for name in names}
    users_today = {name for names in today for name in names}
    values = {row["what"]: row["value"] for row in data if not row["name"]}
    if drawn:
        assert values["messages"] == len(today)
        assert values["users"] == len(users_today)
        assert values["new users"] == len(users_today - earlier)
