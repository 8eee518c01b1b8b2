"""What changed in each of the last weeks, in sentences with numbers and without names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from hubbub.analyzers.result import Result
from hubbub.charts.picture import scale
from hubbub.charts.picture.sheet import badge
from hubbub.charts.report.comparison import Numbers, changes
from hubbub.language import _, ngettext
from hubbub.run.runner import Runner
from hubbub.zones import Zone, showing

__all__ = ["Week", "last_weeks"]

_LOOK_BACK = timedelta(weeks=4)


@dataclass(frozen=True, slots=True)
class Week:
    """A complete week of the calendar, from Monday.

    Attributes:
        start, end: of the week, [start, end).
        title: the week, and how much happened.
        sentences: what changed since the week before, in the current language.
        coverage: complete, healed or unproven.
    """

    start: datetime
    end: datetime
    title: str
    sentences: tuple[str, ...]
    coverage: str


def last_weeks(runner: Runner, most: int, filters: Mapping[str, Any]) -> list[Week]:
    """Return the last weeks that lie wholly in the stored range, the newest first.

    Args:
        runner: answers the queries; it need not be allowed to see names.
        most: how many weeks at most.
        filters: common filters and the zone, by name.

    Raises:
        UsageError: a filter is not allowed.
    """
    zone = runner.common.updated(filters, runner.now).zone
    with showing(zone):
        stored = runner.range()
        edges = _edges(zone, stored.since, stored.until, most)
        if len(edges) < 2:  # noqa: PLR2004 - no week
            return []
        volumes = [
            runner.query("volume", **filters, since=start, until=end, per="day", axis="category")
            for start, end in pairwise(edges)
        ]
        people = [
            _people(runner, start, end, stored.since, filters) for start, end in pairwise(edges)
        ]
        numbers = [_numbers(volume, row) for volume, row in zip(volumes, people, strict=True)]
        weeks = []
        for i, volume in enumerate(volumes):
            start, end = edges[i], edges[i + 1]
            sentences = [_coverage(volume)]
            if i:
                sentences += changes(numbers[i], numbers[i - 1], edges[i - 1], start)
            else:
                sentences.append(_("It is the first whole week that is stored."))
            sentences += _arrivals(people[i][1])
            weeks.append(
                Week(
                    start=start,
                    end=end,
                    title=_title(start, end, numbers[i]),
                    sentences=tuple(sentences),
                    coverage=volume.coverage.state,
                )
            )
    return weeks[-most:][::-1]


def _edges(zone: Zone, since: datetime, until: datetime, most: int) -> list[datetime]:
    """Return the Mondays between the last weeks and the one before them, oldest first."""
    last = zone.floor(until, "week")
    edges = [last]
    while len(edges) < most + 2:
        before = zone.floor(edges[-1] - timedelta(hours=1), "week")
        if before < since:
            break
        edges.append(before)
    return edges[::-1]


def _people(
    runner: Runner,
    start: datetime,
    end: datetime,
    known_since: datetime,
    filters: Mapping[str, Any],
) -> tuple[int, int | None]:
    """Return how many people a week has, and how many of them were not seen in the look-back.

    The look-back is equally long for every week; None where it is not wholly stored.
    """
    before = runner.common.updated(filters, runner.now).zone.plus(start, -_LOOK_BACK)
    enough = before >= known_since
    since = before if enough else start
    result = runner.query("daily_users", **filters, since=since, until=end, per="week")
    last = result.data[-1] if result.data else {"users": 0, "new": 0}
    return int(last["users"]), int(last["new"]) if enough else None


def _numbers(volume: Result, people: tuple[int, int | None]) -> Numbers:
    categories: Counter[str] = Counter()
    for row in volume.data:
        if row["name"] is not None:
            categories[str(row["name"])] += int(row["messages"])
    return Numbers(
        messages=volume.events,
        people=people[0],
        categories=dict(categories),
        incomplete=badge(volume.coverage, volume.since, volume.until),
    )


def _title(start: datetime, end: datetime, numbers: Numbers) -> str:
    return _(
        "{week}: {messages}, {people}",
        week=scale.zoned_span(start, end),
        messages=ngettext("{n} message", "{n} messages", numbers.messages),
        people=ngettext("{n} person", "{n} people", numbers.people),
    )


def _coverage(volume: Result) -> str:
    missing = badge(volume.coverage, volume.since, volume.until)
    if missing:
        return _("{finding}.", finding=missing)
    return _("Complete: every message of the week is stored.")


def _arrivals(new: int | None) -> list[str]:
    """Say how many people were not seen in the weeks before, where these are known."""
    if new is None:
        return []
    return [
        ngettext(
            "{n} person was not seen in the {weeks} weeks before.",
            "{n} people were not seen in the {weeks} weeks before.",
            new,
            weeks=_LOOK_BACK.days // 7,
        )
    ]
