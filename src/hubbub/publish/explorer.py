"""The tables that the explorer reads: messages by period and topic, people by period and category.

Both are bounded. A store of many days gets weeks or months instead; topics beyond the busiest are
one row of their category. Without names, topics that fewer than `least` people use are such a row
too, and fewer people than that are not counted: the cell is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Literal

from hubbub.analyzers.people.active_users import last_day, period_number
from hubbub.charts.picture.text import clean
from hubbub.errors import UsageError
from hubbub.publish.tables import Column, Table

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["OTHER", "Explorer", "explorer"]

Per = Literal["day", "week", "month"]
#: Stands for the topics of a category that have no row of their own, and for other categories.
OTHER = "(other)"
_ROWS = 150_000  # of the table of topics
_PEOPLE_ROWS = 50_000  # of the table of people
_TOPICS = 250  # with rows of their own
_CATEGORIES = 60
_PERIODS: Sequence[Per] = ("day", "week", "month")
_NAME = 200  # characters


@dataclass(frozen=True, slots=True)
class Explorer:
    """The tables, and what was left out of them.

    Attributes:
        topics: columns start, category, topic, messages, bytes.
        people: columns per, start, category, people; an empty category is all of them.
        per: the periods of `topics`.
        notes: sentences for the reader.
    """

    topics: Table
    people: Table
    per: Per
    notes: Sequence[str] = field(default=())


@dataclass(frozen=True, slots=True)
class _Listed:
    """The topics and categories that have rows of their own."""

    topics: frozenset[str]
    categories: frozenset[str]
    rare: int  # topics that too few people use
    beyond: int  # topics beyond the busiest


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
        facts: metadata of both tables.
        least: fewer people are not counted.
        hide: replaces accounts in a topic; None: people may be named, and any number is counted.

    Raises:
        UsageError: the range is too long.
    """
    listed = _listed(events, least if hide else 0)
    per, rows = _messages(events, listed)
    named = hide or (lambda text: text)
    topics = [
        (_first_day(per, row["number"]), _name(row["category"]), _name(named(row["topic"])),
         int(row["messages"]), int(row["bytes"]))
        for row in rows
    ]  # fmt: skip
    topics = _joined(topics)
    people_per, people = _people(events, per, listed, least if hide else 0)
    return Explorer(
        Table("topics", f"Messages by {per} and topic", _TOPIC_COLUMNS, topics, facts),
        Table("people", "Different people by period", _PEOPLE_COLUMNS, people, facts),
        per,
        tuple(_notes(per, people_per, listed, least)),
    )


_TOPIC_COLUMNS = (
    Column("start", "date", about="first day of the period"),
    Column("category", "string", about="category of the topic"),
    Column("topic", "string", about=f"{OTHER}: the other topics of the category together"),
    Column("messages", "integer", "messages"),
    Column("bytes", "integer", "bytes"),
)
_PEOPLE_COLUMNS = (
    Column("per", "string", about="length of the period: day, week or month"),
    Column("start", "date", about="first day of the period"),
    Column("category", "string", about="category of the messages; empty: all of them"),
    Column(
        "people", "integer", "people",
        about="different people whom messages name; empty: too few to be published",
    ),
)  # fmt: skip


def _notes(per: Per, people_per: Sequence[Per], listed: _Listed, least: int) -> list[str]:
    notes = []
    if per != "day":
        notes.append(f"Because the range is long, messages are counted by {per}, not by day.")
    if per not in people_per:
        notes.append(f"Because there are many, people are not counted by {per}.")
    if listed.beyond:
        notes.append(
            f"{listed.beyond:,} topics with fewer messages are added up as {OTHER} of their "
            "category."
        )
    if listed.rare:
        notes.append(
            f"{listed.rare:,} topics that fewer than {least} people use are added up as {OTHER} of "
            "their category."
        )
    return notes


def _name(text: str) -> str:
    return clean(text, _NAME) or "(no name)"


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
    return _Listed(frozenset(topics) - rare, kept, len(rare), max(0, number - len(topics)))


def _folded(column: ir.StringColumn, kept: Collection[str]) -> ir.StringValue:
    import ibis

    if not kept:
        return ibis.literal(OTHER)
    return ibis.ifelse(column.isin(sorted(kept)), column, OTHER)


def _messages(events: Events, listed: _Listed) -> tuple[Per, list[dict[str, Any]]]:
    """Return the periods and a row for each of them, category and topic.

    Raises:
        UsageError: even by month these are too many.
    """
    from ibis import _

    from hubbub.store.query.sums import exact_sum

    days = events.daily_topics(summed=False)
    for per in _PERIODS:
        grouped = days.select(
            "messages",
            "bytes",
            number=period_number(per, events, days.time),
            category=_folded(days.category, listed.categories),
            topic=_folded(days.topic, listed.topics),
        ).group_by("number", "category", "topic")
        sums = grouped.agg(messages=_.messages.sum(), bytes=exact_sum(_.bytes))
        rows = sums.order_by("number", "category", "topic").limit(_ROWS + 1).to_pyarrow()
        if rows.num_rows <= _ROWS:
            return per, rows.to_pylist()
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


def _people(
    events: Events, per: Per, listed: _Listed, least: int
) -> tuple[Sequence[Per], list[tuple[Any, ...]]]:
    """Return the lengths of the periods, and a row for each period and category."""
    from ibis import _

    chosen: list[Per] = list(_PERIODS) if per == "day" else [per]
    counted: list[tuple[Any, ...]] = []
    for length in reversed(chosen):  # the longest first: they are few
        daily = length == "day"
        sums = events.daily_users() if daily else events.weekly_users()
        number = period_number(length, events, sums.time)
        everybody = sums.select("user", number=number).group_by("number")
        rows = everybody.agg(people=_.user.nunique()).mutate(category=None)
        users = events.unnest_users("time", "category")
        users = users.filter(_.category.isin(sorted(listed.categories)))
        by_category = users.select(
            "user", "category", number=period_number(length, events, users.time)
        ).group_by("number", "category")
        counts = [
            *rows.to_pyarrow().to_pylist(),
            *by_category.agg(people=_.user.nunique()).limit(_PEOPLE_ROWS + 1).to_pyarrow()
            .to_pylist(),
        ]  # fmt: skip
        if len(counted) + len(counts) > _PEOPLE_ROWS:
            chosen = chosen[chosen.index(length) + 1 :]
            break
        counted += [
            (
                length,
                _first_day(length, row["number"]),
                None if row["category"] is None else _name(row["category"]),
                row["people"] if row["people"] >= least else None,
            )
            for row in counts
        ]
    order = {length: i for i, length in enumerate(_PERIODS)}
    return chosen, sorted(counted, key=lambda row: (order[row[0]], row[1], row[2] or ""))
