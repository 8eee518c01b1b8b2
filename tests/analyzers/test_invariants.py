"""What holds for every query, on events of chance: order, doubling, and merging say nothing new."""

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

SINCE, UNTIL = datetime(2024, 2, 26, tzinfo=UTC), datetime(2024, 4, 8, tzinfo=UTC)  # six ISO weeks
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
MIDDLE = SINCE + 3 * WEEK
TOPICS = ["org.x.prod.git.receive", "org.x.prod.git.branch", "org.x.prod.wiki.edit"]

#: Every query of events: what it answers for a table.
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
few = settings(max_examples=6, deadline=None)


def made(drawn: list[Any], times: int = 1) -> list[dict[str, Any]]:
    """Rows with ids and places of their own, so that their order says nothing."""
    return [
        {
            "timestamp": (SINCE + hours * HOUR).timestamp(),
            "topic": topic,
            "users": names,
            "agent": names[0] if names else None,
            "objects": things,
            "size": size,
            "id": f"{place}-{again}",
            "seq": place * times + again,
        }
        for place, (hours, topic, names, things, size) in enumerate(drawn)
        for again in range(times)
    ]


def plain(answer: Any) -> Any:
    """What was answered, as lists and numbers."""
    parts = answer if isinstance(answer, tuple) else (answer,)
    return [
        part.to_pyarrow().to_pylist() if hasattr(part, "to_pyarrow") else part for part in parts
    ]


def alike(number: float | None, times: int = 1) -> Any:
    """So many times the number, but for rounding; None where there is none."""
    return None if number is None else pytest.approx(times * number, abs=1e-9)


@pytest.mark.parametrize("name", QUERIES)
@few
@given(drawn=EVENTS, chance=st.randoms(use_true_random=False))
def test_the_order_of_storing_says_nothing(
    name: str, events: Callable[..., Any], drawn: list[Any], chance: Any
) -> None:
    rows = made(drawn)
    answer = plain(QUERIES[name](events(rows)))
    chance.shuffle(rows)
    assert plain(QUERIES[name](events(rows))) == answer


@few
@given(drawn=EVENTS)
def test_totals_against_loops(events: Callable[..., Any], drawn: list[Any]) -> None:
    rows, table = made(drawn), events(made(drawn))
    for name, found in (("users", plain(users(table))[0]), ("objects", plain(objects(table))[0])):
        messages: Counter[str] = Counter()
        size: Counter[str] = Counter()
        seen: defaultdict[str, list[float]] = defaultdict(list)
        for row in rows:
            for one in row[name]:
                messages[one] += 1
                size[one] += row["size"]
                seen[one].append(row["timestamp"])
        assert [
            (row[name[:-1]], row["messages"], row["bytes"], row["first"].timestamp(),
             row["last"].timestamp()) for row in found
        ] == [
            (one, messages[one], size[one], min(seen[one]), max(seen[one]))
            for one in sorted(messages, key=lambda one: (-messages[one], one))
        ]  # fmt: skip


@few
@given(drawn=EVENTS)
def test_days_merge_into_weeks_and_topics_into_all(
    events: Callable[..., Any], drawn: list[Any]
) -> None:
    table = events(made(drawn))
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
    steps = diff(table, SINCE, UNTIL, per="week")
    sums = [sum(column) for column in zip(*steps["counts"].values(), strict=True)]
    assert sums == [] or sums == [row["messages"] for row in together]


@few
@given(drawn=EVENTS, times=st.integers(2, 4))
def test_everything_several_times_changes_no_share(
    events: Callable[..., Any], drawn: list[Any], times: int
) -> None:
    once, often = events(made(drawn)), events(made(drawn, times))
    for one, more in zip(plain(tail(once))[0], plain(tail(often))[0], strict=True):
        assert (more["user"], more["count"]) == (one["user"], times * one["count"])
        assert more["ideal"] == pytest.approx(times * one["ideal"])
    for name, web in radar(often)["users"].items():
        assert web["share"] == pytest.approx(radar(once)["users"][name]["share"])
    data, same = (longtail(e, SINCE, UNTIL, window=WEEK, step=WEEK)[0] for e in (once, often))
    for one, more in zip(data, same, strict=True):
        assert more["total"] == times * one["total"]
        assert more["longtail"] == alike(one["longtail"], times)
        for number in ("n", "gini", "absence_factor", "hill_1", "longtail_scaled"):
            assert more[number] == alike(one[number]), number
    lost, lost_often = (what_if(e, ["ann"])[0] for e in (once, often))
    assert {(r["kind"], r["name"]): r["share"] for r in lost} == {
        (r["kind"], r["name"]): r["share"] for r in lost_often
    }
    assert plain(active_users(once, per="w")) == plain(active_users(often, per="w"))


@few
@given(drawn=EVENTS)
def test_organisations_that_nobody_named_have_everything(
    events: Callable[..., Any], drawn: list[Any]
) -> None:
    [found, *_] = plain(organisations(events(made(drawn)), ()))
    assert {row["organisation"] for row in found} <= {"unknown"}
    assert sum(row["messages"] for row in found) == sum(bool(one[2]) for one in drawn)
    assert all(row["share"] == 1 for row in found)


@few
@given(drawn=EVENTS)
def test_a_briefing_counts_its_day(events: Callable[..., Any], drawn: list[Any]) -> None:
    [data, *_] = plain(briefing(events(made(drawn)), SINCE, UNTIL, day=MIDDLE))
    today = [one for one in drawn if MIDDLE <= SINCE + one[0] * HOUR < MIDDLE + DAY]
    earlier = {name for one in drawn if SINCE + one[0] * HOUR < MIDDLE for name in one[2]}
    named = {name for one in today for name in one[2]}
    found = {row["what"]: row["value"] for row in data if not row["name"]}
    if drawn:
        assert found["messages"] == len(today)
        assert found["users"] == len(named)
        assert found["new users"] == len(named - earlier)
