"""The tables that the explorer reads: messages by period and topic, people by period and category.

A third, messages by category in the periods with which the page begins, is small: it is what the
page loads at first. All are bounded. A store of many days gets weeks or months instead; topics
beyond the busiest are one row of their category. Without names, topics that fewer than `least`
people use are such a row too, and fewer people than that are not counted: the cell is empty.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Literal

from hubbub.analyzers.people.active_users import last_day, period_number
from hubbub.charts.picture.text import clean
from hubbub.errors import UsageError
from hubbub.language import N_
from hubbub.publish import explore_texts
from hubbub.publish.tables import Column, Table
from hubbub.store.query.times import clock
from hubbub.store.rollups.tables import DAY

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["OTHER", "UNNAMED", "Explorer", "explorer"]

Per = Literal["day", "week", "month"]
#: Stands for the topics of a category that have no row of their own, and for other categories.
OTHER = "(other)"
UNNAMED = "(no name)"
_MONDAY = 4  # days from 1970-01-01 to the first Monday, from which weeks are counted
_ROWS = 60_000  # of the table of topics
_PEOPLE_ROWS = 50_000  # of the table of people
_TOPICS = 150  # with rows of their own
_CATEGORIES = 60
_PERIODS: Sequence[Per] = ("day", "week", "month")
#: Periods and numbers of topics, until there are few enough rows.
_STEPS: Sequence[tuple[Per, int]] = (
    *(("day", _TOPICS), ("day", 60)),
    *(("week", _TOPICS), ("week", 60)),
    *(("month", _TOPICS), ("month", 60)),
)
_NAME = 200  # characters
_FEW_DAYS = 90  # that are shown as days
_FIRST_ROWS = 12_000  # of the table of categories, about 40 kB


@dataclass(frozen=True, slots=True)
class Explorer:
    """The tables, and what was left out of them.

    Attributes:
        topics: columns start, category, topic, messages, bytes.
        people: columns per, start, category, people; an empty category is all of them.
        categories: columns start, category, messages; `topics` added up.
        per: the periods of `topics`.
        shown: the periods of `categories`.
        people_per: the periods of `people`, the shortest first.
        notes: sentences for the reader.
    """

    topics: Table
    people: Table
    categories: Table
    per: Per
    shown: Per
    people_per: Sequence[Per]
    notes: Sequence[str] = field(default=())

    @property
    def tables(self) -> tuple[Table, Table, Table]:
        """All tables."""
        return self.topics, self.people, self.categories


@dataclass(frozen=True, slots=True)
class _Listed:
    """The topics and categories that have rows of their own."""

    topics: tuple[str, ...]  # the busiest first
    categories: frozenset[str]
    rare: int  # topics that too few people use
    beyond: int  # topics beyond the busiest

    def first(self, number: int) -> _Listed:
        """Return it with at most so many topics, the busiest."""
        dropped = max(0, len(self.topics) - number)
        return replace(self, topics=self.topics[:number], beyond=self.beyond + dropped)


def explorer(
    events: Events,
    facts: Mapping[str, Any],
    *,
    least: int,
    hide: Callable[[str], str] | None,
) -> Explorer:
    """Count messages and people for the explorer.

    Args:
        events: of the range.
        facts: metadata of both tables; the number of events is added.
        least: fewer people are not counted.
        hide: replaces accounts in a topic; None: people may be named, and any number is counted.

    Raises:
        UsageError: the range is too long.
    """
    per, listed, rows = _messages(events, _listed(events, least if hide else 0))
    named = hide or (lambda text: text)
    topics = [
        (_first_day(per, row["number"]), _name(row["category"]), _name(named(row["topic"])),
         int(row["messages"]), int(row["bytes"]))
        for row in rows
    ]  # fmt: skip
    topics = _joined(topics)
    facts = {**facts, "events": sum(row[3] for row in topics)}
    people_per, people = _people(events, per, listed, least if hide else 0)
    shown, categories = _categories(per, topics)
    return Explorer(
        Table("topics", explore_texts.topics(per), _TOPIC_COLUMNS, topics, facts),
        Table("people", explore_texts.people(), _PEOPLE_COLUMNS, people, facts),
        Table("categories", explore_texts.categories(shown), _CATEGORY_COLUMNS, categories, facts),
        per,
        shown,
        people_per,
        tuple(
            explore_texts.notes(
                per, people_per, beyond=listed.beyond, rare=listed.rare, least=least
            )
        ),
    )


_START = Column("start", "date", about=N_("first day of the period"))
_CATEGORY = Column("category", "string", about=N_("category of the topic"))
_MESSAGES = Column("messages", "integer", "messages")
_CATEGORY_COLUMNS = (_START, _CATEGORY, _MESSAGES)
_TOPIC_COLUMNS = (
    _START,
    _CATEGORY,
    Column("topic", "string", about=N_("(other): the other topics of the category together")),
    _MESSAGES,
    Column("bytes", "integer", "bytes"),
)
_PEOPLE_COLUMNS = (
    Column("per", "string", about=N_("length of the period: day, week or month")),
    _START,
    Column("category", "string", about=N_("category of the messages; empty: all of them")),
    Column(
        "people", "integer", "people",
        about=N_("different people whom messages name; empty: too few to be published"),
    ),
)  # fmt: skip


def _name(text: str) -> str:
    return clean(text, _NAME) or UNNAMED


def _first_day(per: Per, number: int) -> date:
    return last_day(per, number - 1) + timedelta(days=1)


def _listed(events: Events, least: int) -> _Listed:
    """Choose the busiest topics and categories; of the topics those of enough people."""
    from ibis import _

    days = events.daily_topics(summed=False)
    totals = days.group_by("topic", "category").agg(messages=_.messages.sum())
    busiest = totals.order_by(_.messages.desc(), "topic").limit(_TOPICS).to_pyarrow().to_pylist()
    categories = (
        days.group_by("category").agg(messages=_.messages.sum())
        .order_by(_.messages.desc(), "category").limit(_CATEGORIES).to_pyarrow()
    )  # fmt: skip
    kept = frozenset(categories["category"].to_pylist())
    topics = [row["topic"] for row in busiest if row["category"] in kept]
    rare: set[str] = set()
    if least and topics:
        users = events.unnest_users("topic").filter(_.topic.isin(topics))
        counts = users.group_by("topic").agg(n=_.user.nunique()).to_pyarrow().to_pylist()
        rare = {row["topic"] for row in counts if row["n"] < least}
    number = int(totals.count().to_pyarrow().as_py()) if len(busiest) == _TOPICS else len(busiest)
    often = tuple(topic for topic in topics if topic not in rare)
    return _Listed(often, kept, len(rare), max(0, number - len(topics)))


def _folded(column: ir.StringColumn, kept: Collection[str]) -> ir.StringValue:
    import ibis

    if not kept:
        return ibis.literal(OTHER)
    return ibis.ifelse(column.isin(sorted(kept)), column, OTHER)


def _messages(events: Events, listed: _Listed) -> tuple[Per, _Listed, list[dict[str, Any]]]:
    """Return the periods, the listed topics, and a row for each period, category and topic.

    Raises:
        UsageError: even by month these are too many.
    """
    from ibis import _

    from hubbub.store.query.sums import exact_sum

    days = events.daily_topics(summed=False)
    for per, most in _STEPS:
        shown = listed.first(most)
        grouped = days.select(
            "messages",
            "bytes",
            number=period_number(per, events, days.time),
            category=_folded(days.category, shown.categories),
            topic=_folded(days.topic, shown.topics),
        ).group_by("number", "category", "topic")
        sums = grouped.agg(messages=_.messages.sum(), bytes=exact_sum(_.bytes))
        rows = sums.order_by("number", "category", "topic").limit(_ROWS + 1).to_pyarrow()
        if rows.num_rows <= _ROWS:
            return per, shown, rows.to_pylist()
    raise UsageError(
        "the range is too long for the explorer, even by month",
        hint="begin later with --data-since",
    )


def _joined(rows: Sequence[tuple[date, str, str, int, int]]) -> list[tuple[Any, ...]]:
    """Add up rows whose topics became equal when their texts were cleaned; sort them."""
    sums: dict[tuple[date, str, str], list[int]] = {}
    for start, category, topic, messages, size in rows:
        found = sums.setdefault((start, category, topic), [0, 0])
        found[0] += messages
        found[1] += size
    return [(*key, *values) for key, values in sorted(sums.items())]


def _categories(
    per: Per, topics: Sequence[tuple[Any, ...]]
) -> tuple[Per, list[tuple[date, str, int]]]:
    """Return the period with which the page begins, and the messages of each category in it.

    Few days are shown as days, more as weeks, very many as months; periods that are already longer
    stay as they are.
    """
    many = len({row[0] for row in topics}) > _FEW_DAYS
    lengths: Sequence[Per] = ("week", "month") if per == "day" and many else (per,)
    for shown in lengths:
        sums: Counter[tuple[date, str]] = Counter()
        for start, category, _, messages, _ in topics:
            sums[_start(shown, start), category] += messages
        if len(sums) <= _FIRST_ROWS:
            break
    return shown, [(*key, number) for key, number in sorted(sums.items())]


def _start(per: Per, day: date) -> date:
    """Return the first day of the period that a day lies in."""
    if per == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if per == "month" else day


def _number(per: Per, day: ir.IntegerValue) -> ir.IntegerValue:
    """Return the number of the period that each day lies in, as `period_number` counts."""
    if per == "day":
        return day
    if per == "week":
        week: ir.IntegerValue = (day - _MONDAY) // 7
        return week
    at = clock(day * DAY)
    month: ir.IntegerValue = at.year() * 12 + at.month() - 1
    return month


def _people(
    events: Events, per: Per, listed: _Listed, least: int
) -> tuple[Sequence[Per], list[tuple[Any, ...]]]:
    """Return the lengths of the periods, and a row for each period and category."""
    import ibis
    from ibis import _

    chosen: list[Per] = list(_PERIODS) if per == "day" else [per]
    users = events.unnest_users("time", "category")
    users = users.filter(_.category.isin(sorted(listed.categories)))
    days = users.select("user", "category", day=period_number("day", events, users.time)).distinct()
    # one query for all lengths, in which the events are read once
    parts = [
        days.group_by("category", number=_number(length, days.day))
        .agg(people=_.user.nunique())
        .mutate(per=ibis.literal(length))
        for length in chosen
    ]
    by_category = ibis.union(*parts) if len(parts) > 1 else parts[0]
    if per == "day":
        by_category = by_category.limit(_PEOPLE_ROWS + 1)
    # weeks or months are at most as many rows as those of topics
    rows = by_category.to_pyarrow().to_pylist()
    if per == "day" and len(rows) > _PEOPLE_ROWS:
        chosen = ["month"]
        rows = parts[-1].limit(_PEOPLE_ROWS).to_pyarrow().to_pylist()
    counted = [
        (
            row["per"],
            _first_day(row["per"], row["number"]),
            None if row["category"] is None else _name(row["category"]),
            row["people"] if row["people"] >= least else None,
        )
        for row in (*rows, *(row for length in chosen for row in _everybody(events, length)))
    ]
    order = {length: i for i, length in enumerate(_PERIODS)}
    return chosen, sorted(counted, key=lambda row: (order[row[0]], row[1], row[2] or ""))


def _everybody(events: Events, per: Per) -> list[dict[str, Any]]:
    """Count all people of each period, from rollups where they can answer."""
    from ibis import _

    sums = events.daily_users() if per == "day" else events.weekly_users()
    rows = sums.select("user", number=period_number(per, events, sums.time)).group_by("number")
    counts = rows.agg(people=_.user.nunique()).to_pyarrow().to_pylist()
    return [{**row, "per": per, "category": None} for row in counts]
