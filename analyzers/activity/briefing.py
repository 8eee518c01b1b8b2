"""The query `briefing`: what one day was like, beside the day before and the same weekday.

Comes in: events. Goes out: a record for each number, and the same in sentences.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.common.periods import Calendar
from hubbub.analyzers.common.times import DAY, micros
from hubbub.errors import UsageError
from hubbub.registry import query
from hubbub.times import from_micros, iso, to_micros

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["briefing"]

#: The same weekday of so many weeks before is what is usual.
_WEEKS = 4
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MICROS = DAY // timedelta(microseconds=1)

#: Days ago → how many.
Counts = dict[int, int]


@query
def briefing(
    events: Events,
    since: datetime,
    until: datetime,
    day: datetime | None = None,
    top: int = 5,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What changed since yesterday, and against the same weekday: numbers, and text.

    The day is the last whole UTC day of the range, or the one that holds `--day`. Rows are
    `messages`, `users`, `objects` (distinct), `new users` (never seen before in the range), and
    messages of the `--top` categories (`name`) that differ most from what is usual. `yesterday` is
    the day before that day, `usual` the mean of the same weekday in the four weeks before, as far
    as the range holds these days; `change` and `change_usual` are value / other - 1. What is not
    known or would divide by zero is null. `--format text` gives the sentences.
    """
    if top < 0:
        raise UsageError(f"there is no top {top}", where="--top", hint="write 0 or more")
    start = _day(since, until, day)
    if start is None:
        return [], {"note": "not enough data: the range holds no whole day"}
    if not events.count_events():
        return [], {}
    weekdays = [7 * week for week in range(1, _WEEKS + 1) if start - 7 * week * DAY >= since]
    other = [1] if start - DAY >= since else []
    wanted = [0, *other, *weekdays]
    end = to_micros(start + DAY)

    def compared(what: str, name: str | None, found: Counts) -> dict[str, Any]:
        value, before = found.get(0, 0), found.get(1, 0) if other else None
        usual = sum(found.get(ago, 0) for ago in weekdays) / len(weekdays) if weekdays else None
        return {
            "what": what,
            "name": name,
            "value": value,
            "yesterday": before,
            "change": value / before - 1 if before else None,
            "usual": usual,
            "change_usual": value / usual - 1 if usual else None,
        }

    categories = _by_category(events, end, wanted)
    whole = {ago: sum(its.get(ago, 0) for its in categories.values()) for ago in wanted}
    each = [compared("messages", name, its) for name, its in categories.items()]
    each.sort(key=lambda row: (-_apart(row), row["name"]))
    data = [
        compared("messages", None, whole),
        compared("users", None, _users(events, end, wanted)),
        compared("new users", None, _new_users(events, end)),
        compared("objects", None, _objects(events, end, wanted)),
        *[row for row in each if _apart(row)][:top],
    ]
    return data, {
        "day": f"{start:%Y-%m-%d}",
        "same_weekdays": len(weekdays),
        "text": "\n".join(_sentences(start, data, len(weekdays))),
    }


def _day(since: datetime, until: datetime, asked: datetime | None) -> datetime | None:
    """When the day begins; None where the range holds no whole one."""
    if asked is None:
        days = Calendar.inside("day", since, until)
        return days.starts[-1] if days.number else None
    start = Calendar.touched("day", asked, asked + timedelta(microseconds=1)).first
    if not since <= start or start + DAY > until:
        raise UsageError(
            f"the day of {iso(asked)} does not lie wholly between {iso(since)} and {iso(until)}",
            where="--day",
            hint="choose another day, or a longer range with --since and --until",
        )
    return start


def _apart(row: Mapping[str, Any]) -> float:
    """How far a number lies from what is usual; where that is not known, from the day before."""
    other = row["usual"] if row["usual"] is not None else row["yesterday"]
    return 0.0 if other is None else abs(row["value"] - other)


def _placed(rows: ir.Table, end: int, days: Iterable[int], *names: str) -> ir.Table:
    """The rows of some days, with `ago`: days before the one that ends at `end` (µs)."""
    from ibis import _

    return rows.select(*names, ago=(end - 1 - micros(rows.time)) // _MICROS).filter(
        _.ago.isin(list(days))
    )


def _counted(table: ir.Table) -> Counts:
    return {row["ago"]: row["n"] for row in table.to_pyarrow().to_pylist()}


def _by_category(events: Events, end: int, days: list[int]) -> dict[str, Counts]:
    from ibis import _

    topics = events.daily_topics(summed=False)
    rows = _placed(topics, end, days, "category", "messages").group_by("category", "ago")
    found: dict[str, Counts] = {}
    for row in rows.agg(n=_.messages.sum()).to_pyarrow().to_pylist():
        found.setdefault(row["category"], {})[row["ago"]] = row["n"]
    return found


def _users(events: Events, end: int, days: list[int]) -> Counts:
    from ibis import _

    rows = _placed(events.daily_users(summed=False), end, days, "user")
    return _counted(rows.group_by("ago").agg(n=_.user.nunique()))


def _objects(events: Events, end: int, days: list[int]) -> Counts:
    import ibis
    from ibis import _

    first = from_micros(end - (max(days) + 1) * _MICROS)  # what is older need not be read
    near = events.filter(events.time >= ibis.timestamp(first))
    rows = _placed(near.unnest_objects(), end, days, "object")
    return _counted(rows.group_by("ago").agg(n=_.object.nunique()))


def _new_users(events: Events, end: int) -> Counts:
    from ibis import _

    people = events.daily_users(summed=False)
    rows = people.select("user", ago=(end - 1 - micros(people.time)) // _MICROS)
    first = rows.group_by("user").agg(ago=_.ago.max())
    return _counted(first.group_by("ago").agg(n=_.count()))


def _sentences(start: datetime, data: Iterable[Mapping[str, Any]], weekdays: int) -> Iterator[str]:
    """The day, and a line for each number."""
    weekday = _WEEKDAYS[start.weekday()]
    yield f"{weekday}, {start:%Y-%m-%d} (UTC)"
    for row in data:
        what = row["what"] if row["value"] != 1 else row["what"][:-1]
        what += f" of {row['name']}" if row["name"] is not None else ""
        said = (
            _than(row["value"], row["yesterday"], "the day before"),
            _than(row["value"], row["usual"], f"on a usual {weekday}"),
        )
        yield ", ".join([f"{row['value']:,} {what}", *filter(None, said)])
    if not weekdays:
        yield f"not enough data to say what is usual on a {weekday}"


def _than(value: int, other: float | None, when: str) -> str:
    """`30 % more than the day before (317)`; empty where the other is not known."""
    if other is None:
        return ""
    if not other:
        return f"none {when}" if value else f"as {when}"
    known = f"({other:,.1f})".replace(".0)", ")")
    percent = round(abs(value / other - 1) * 100)
    if not percent:
        return f"{'as' if value == other else 'about as'} many as {when} {known}"
    if value < other:
        percent = min(percent, 99 if value else 100)  # all of them only where none is left
    return f"{percent:,} % {'more' if value > other else 'fewer'} than {when} {known}"
