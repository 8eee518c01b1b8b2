"""Periods of a range that begins with the first event."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from hubbub.analyzers.activity.briefing import briefing
from hubbub.analyzers.activity.volume import diff
from hubbub.analyzers.activity.year_over_year import year_over_year
from hubbub.analyzers.common.periods import whole_since
from hubbub.analyzers.people.cohorts import cohorts
from hubbub.collector.event import Frame
from hubbub.plugins import load_builtins
from hubbub.run.runner import Runner
from hubbub.store import Store
from tests.support.stores.filling import put

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)


def acts(times):
    return [{"timestamp": t.timestamp(), "topic": "a.b.c.git", "users": ["ann"]} for t in times]


def office(first_day, days=28):
    """An event at 9, 12 and 17 h of each working day."""
    every = (MONDAY + DAY * day for day in range(first_day, days))
    return [day + HOUR * hour for day in every if day.weekday() < 5 for hour in (9, 12, 17)]


@pytest.mark.parametrize(
    ("times", "per", "whole"),
    [
        (office(0), "week", True),  # nights are as long as the silence before nine
        (office(0), "day", True),
        (office(2), "week", False),  # begins on Wednesday
        ([MONDAY + timedelta(minutes=7 + 20 * i) for i in range(600)], "week", True),
        ([MONDAY + timedelta(minutes=7 + 20 * i) for i in range(600)], "day", True),
        ([MONDAY + timedelta(minutes=50 + 20 * i) for i in range(600)], "week", False),
        ([MONDAY + HOUR], "week", False),  # of one event nothing is usual
    ],
)
def test_whether_the_period_of_the_first_event_is_whole(times, per, whole, events):
    assert whole_since(events(acts(times)), per, min(times)) == (MONDAY if whole else min(times))


def test_a_range_that_was_asked_for_is_kept(events):
    table = events(acts(office(0)))
    for since in (MONDAY, MONDAY + HOUR, MONDAY - HOUR):
        assert whole_since(table, "week", since) == since
    assert whole_since(events([]), "week", MONDAY + HOUR) == MONDAY + HOUR


def test_a_filter_does_not_lose_the_week_of_the_first_event(tmp_path):
    """The range begins with an event that the filter leaves out."""
    load_builtins()
    times = [MONDAY + timedelta(minutes=7 + 20 * i) for i in range(3 * 7 * 72)]
    lines = [
        {**line, "id": f"{n}", "topic": "a.b.c.wiki.edit" if n % 9 else "a.b.c.git.push"}
        for n, line in enumerate(acts(times), 5)  # the first is of the wiki
    ]
    with Store.open(tmp_path / "store") as store:
        frames = (
            Frame("jsonl:t", 0, b"", json.dumps(line).encode(), n) for n, line in enumerate(lines)
        )
        put(store, *frames, load=True)
        now = MONDAY + 3 * WEEK
        runner = Runner(store, clock=lambda: now)
        weeks = runner.query("diff", per="week", category=["git"], until=now)
        assert weeks.data["labels"] == ["2026-W02", "2026-W03", "2026-W04"]
        cut = runner.query("diff", per="week", category=["git"], until=now, since=MONDAY + HOUR)
        assert cut.data["labels"] == ["2026-W03", "2026-W04"]
        drawing = runner.view("active_users", per="w", until=now)
        assert [row[1] for row in drawing.rows] == [1, 1, 1]


def test_the_complete_week_of_the_first_event_is_not_lost(events):
    times = [MONDAY + timedelta(minutes=7 + 20 * i) for i in range(4 * 7 * 72)]
    table, since, until = events(acts(times)), min(times), MONDAY + 4 * WEEK
    weeks, _ = diff(table, since, until, per="week")
    assert weeks["labels"] == ["2026-W02", "2026-W03", "2026-W04", "2026-W05"]
    assert weeks["counts"]["a.b.c.git"] == [504] * 4
    assert len(year_over_year(table, since, until)) == 4
    assert len(cohorts(table, since, until, window=4 * WEEK)[0]) == 1
    assert briefing(table, since, MONDAY + DAY)[1]["day"] == "2026-01-05"
