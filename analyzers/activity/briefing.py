"""The query `briefing`: one day compared with the day before and with the same weekday.

It returns a record for each number, and sentences that say the same.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.common.limits import require_minimum
from hubbub.analyzers.common.periods import Calendar, whole_since
from hubbub.analyzers.common.times import DAY, micros
from hubbub.errors import UsageError
from hubbub.registry import query
from hubbub.times import EPOCH, from_micros

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import ibis.expr.types as ir

    from hubbub.store.query.events import Events
    from hubbub.zones import Zone

__all__ = ["briefing"]

#: What is usual is the mean of the same weekday in this many weeks before.
_WEEKS = 4
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
#: New users are compared if so many days are known before each of the compared days.
_LOOK_BACK = 28
_MICROS = DAY // timedelta(microseconds=1)

#: Days ago → count.
Counts = dict[int, int]


@query(
    names_people=False,
    columns=("what", "name", "value", "yesterday", "change", "usual", "change_usual"),
)
def briefing(
    events: Events,
    since: datetime,
    until: datetime,
    day: datetime | None = None,
    top: int = 5,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What changed since the day before and against the same weekday, in numbers and sentences.

    The day is the last whole day of the range, or the one that holds `--day`. Rows are
    `messages`, `users`, `objects` (distinct), `new users`, and messages of the `--top` categories
    (`name`) that differ most from the usual number. `yesterday` is the value of the day before,
    `usual` the mean of the same weekday in the four weeks before, as far as the range contains
    these days and its first event does not lie after them; `change` and `change_usual` are the
    relative differences to them (value / other - 1). Values that are unknown or would divide by
    zero are null. `--format text` prints the sentences.

    New users were not seen in the `look_back` (diagnostics), which is equally long before
    each of the days that are compared. With less than 28 days it is the whole range before the day,
    and `yesterday` and `usual` of new users are null, as `new_users` in the diagnostics says.

    Args:
        events: The selected events.
        since: Start of the range.
        until: End of the range, exclusive.
        day: A time in the day; by default the last whole day of the range.
        top: How many categories are listed.
    """
    require_minimum(top, "--top", minimum=0)
    since = whole_since(events, "day", since)
    zone = events.zone
    today = _day(since, until, day, zone)
    if today is None:
        return [], {"note": "not enough data: the range holds no whole day"}
    if not events.count_events():
        return [], {}
    begin = max(since, zone.floor(_oldest(events), "day"))
    first = zone.day(begin)  # of which the range may hold a part only
    whole = (today - first).days - (zone.midnight(first) < begin)  # days before the day
    weekdays = [7 * week for week in range(1, _WEEKS + 1) if 7 * week <= whole]
    yesterday = [1] if whole >= 1 else []
    days = [0, *yesterday, *weekdays]
    end = (today - EPOCH.date()).days + 1
    look_back = whole - max(days)
    equal = look_back >= _LOOK_BACK
    if not equal:
        look_back = max(0, (today - first).days)

    def compared(
        quantity: str, name: str | None, counts: Counts, *, known: bool = True
    ) -> dict[str, Any]:
        value, before = counts.get(0, 0), counts.get(1, 0) if yesterday and known else None
        usual = None
        if weekdays and known:
            usual = sum(counts.get(ago, 0) for ago in weekdays) / len(weekdays)
        return {
            "what": quantity,
            "name": name,
            "value": value,
            "yesterday": before,
            "change": value / before - 1 if before else None,
            "usual": usual,
            "change_usual": value / usual - 1 if usual else None,
        }

    categories = _by_category(events, end, days)
    totals = {ago: sum(counts.get(ago, 0) for counts in categories.values()) for ago in days}
    by_category = [compared("messages", name, counts) for name, counts in categories.items()]
    by_category.sort(key=lambda row: (-_difference(row), row["name"]))
    data = [
        compared("messages", None, totals),
        compared("users", None, _users(events, end, days)),
        compared("new users", None, _new_users(events, end, days, look_back), known=equal),
        compared("objects", None, _objects(events, end, days)),
        *[row for row in by_category if _difference(row)][:top],
    ]
    notes: dict[str, Any] = {
        "day": today.isoformat(),
        "same_weekdays": len(weekdays),
        "look_back": look_back * DAY,
        "text": "\n".join(_sentences(today, zone, data, len(weekdays), look_back)),
    }
    if not equal:
        notes["new_users"] = (
            f"not compared: {_LOOK_BACK} days are needed before each of the compared days"
        )
    return data, notes


def _oldest(events: Events) -> datetime:
    """Return the time of the first event; the days before its day are unknown."""
    from ibis import _

    [first] = events.stored.agg(first=micros(_.time.min())).to_pyarrow()["first"].to_pylist()
    return from_micros(first)


def _day(since: datetime, until: datetime, requested: datetime | None, zone: Zone) -> date | None:
    """Return the day to report; None where the range has no whole day.

    Raises:
        UsageError: the requested day does not lie wholly in the range.
    """
    if requested is None:
        days = Calendar.inside("day", since, until, zone)
        return zone.day(days.starts[-1]) if days.number else None
    start = zone.floor(requested, "day")
    if since > start or zone.following(start, "day") > until:
        day, first, last = map(zone.iso, (requested, since, until))
        raise UsageError(
            f"the day of {day} is not wholly in the range {first} to {last}",
            where="--day",
            hint="choose another day, or a longer range with --since and --until",
        )
    return zone.day(requested)


def _difference(row: Mapping[str, Any]) -> float:
    """Absolute difference to the usual number; where that is unknown, to the day before."""
    other = row["usual"] if row["usual"] is not None else row["yesterday"]
    return 0.0 if other is None else abs(row["value"] - other)


def _ago(events: Events, rows: ir.Table, end: int) -> ir.IntegerValue:
    """Days before the one that `end`, a number of days since 1970, comes after."""
    ago: ir.IntegerValue = (end * _MICROS - 1 - events.wall(rows.time)) // _MICROS
    return ago


def _rows_of_days(
    events: Events, rows: ir.Table, end: int, days: Iterable[int], *names: str
) -> ir.Table:
    """Rows of some days, with `ago`."""
    from ibis import _

    return rows.select(*names, ago=_ago(events, rows, end)).filter(_.ago.isin(list(days)))


def _counts(table: ir.Table) -> Counts:
    return {row["ago"]: row["n"] for row in table.to_pyarrow().to_pylist()}


def _by_category(events: Events, end: int, days: list[int]) -> dict[str, Counts]:
    from ibis import _

    topics = events.daily_topics(summed=False)
    rows = _rows_of_days(events, topics, end, days, "category", "messages")
    rows = rows.group_by("category", "ago")
    categories: dict[str, Counts] = {}
    for row in rows.agg(n=_.messages.sum()).to_pyarrow().to_pylist():
        categories.setdefault(row["category"], {})[row["ago"]] = row["n"]
    return categories


def _users(events: Events, end: int, days: list[int]) -> Counts:
    from ibis import _

    rows = _rows_of_days(events, events.daily_users(summed=False), end, days, "user")
    return _counts(rows.group_by("ago").agg(n=_.user.nunique()))


def _objects(events: Events, end: int, days: list[int]) -> Counts:
    import ibis
    from ibis import _

    # older events need not be read
    first = events.zone.midnight(EPOCH.date() + (end - max(days) - 1) * DAY)
    recent = events.filter(events.time >= ibis.timestamp(first))
    rows = _rows_of_days(events, recent.unnest_objects(), end, days, "object")
    return _counts(rows.group_by("ago").agg(n=_.object.nunique()))


def _new_users(events: Events, end: int, days: Sequence[int], look_back: int) -> Counts:
    """Count the users of each day who were not seen in the `look_back` days before it."""
    from ibis import _

    people = events.daily_users(summed=False)
    visits = people.select("user", ago=_ago(events, people, end))
    there, earlier = ({day: f"{name}_{day}" for day in days} for name in ("there", "earlier"))
    on = {there[day]: (_.ago == day).any() for day in days}
    before = {earlier[day]: _.ago.between(day + 1, day + look_back).any() for day in days}
    each = visits.group_by("user").agg(**on, **before)
    new = each.agg(**{str(day): (_[there[day]] & ~_[earlier[day]]).sum() for day in days})
    [counts] = new.to_pyarrow().to_pylist()
    return {day: counts[str(day)] or 0 for day in days}


def _sentences(
    today: date, zone: Zone, data: Iterable[Mapping[str, Any]], weekdays: int, look_back: int
) -> Iterator[str]:
    """Yield a heading with the day, and a line for each number."""
    weekday = _WEEKDAYS[today.weekday()]
    yield f"{weekday}, {today} ({zone.name})"
    for row in data:
        quantity = row["what"] if row["value"] != 1 else row["what"][:-1]
        quantity += f" of {row['name']}" if row["name"] is not None else ""
        if row["what"] == "new users":
            days = "day" if look_back == 1 else f"{look_back:,} days"
            quantity += f" (not seen in the {days} before)" if look_back else ""
        comparisons = (
            _comparison(row["value"], row["yesterday"], "the day before"),
            _comparison(row["value"], row["usual"], f"on a usual {weekday}"),
        )
        yield ", ".join([f"{row['value']:,} {quantity}", *filter(None, comparisons)])
    if not weekdays:
        yield f"not enough data to say what is usual on a {weekday}"


def _comparison(value: int, other: float | None, when: str) -> str:
    """Format as `30 % more than the day before (317)`; empty where the other is unknown."""
    if other is None:
        return ""
    if not other:
        return f"none {when}" if value else f"as {when}"
    quoted = f"({other:,.1f})".replace(".0)", ")")
    percent = round(abs(value / other - 1) * 100)
    if not percent:
        return f"{'as' if value == other else 'about as'} many as {when} {quoted}"
    if value < other:
        percent = min(percent, 99 if value else 100)  # 100 % fewer only where the value is 0
    return f"{percent:,} % {'more' if value > other else 'fewer'} than {when} {quoted}"
