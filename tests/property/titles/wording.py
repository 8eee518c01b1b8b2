"""Numbers, dates and lists as sentences write them."""

from __future__ import annotations

from datetime import datetime, timedelta

MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)
MINUS = "\N{MINUS SIGN}"
NOBODY = "Nobody is named by the messages of this range"
OF = "mentions"


def num(value: float) -> str:
    if value == int(value):
        written = f"{int(value):,}"
    elif abs(value) < 0.0005:
        written = f"{value:.1g}"
    else:
        digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 1 else 3
        written = f"{value:,.{digits}f}"
    return written.replace("-", MINUS)


def brief(value: float) -> str:
    for unit, name in ((1e6, "M"), (1e3, "k")):
        if value >= unit * 0.9995:
            return f"{value / unit:.3g}{name}"
    return f"{value:.3g}"


def pct(share: float) -> str:
    if 0 < share < 0.001:
        return "<0.1%"
    points = 100 * share
    written = f"{points:.0f}" if points >= 1 or not points else f"{points:.1f}"
    if written == "100" and share < 1:
        written = f"{int(points * 10) / 10:.1f}"
    return f"{written}%"


def signed(value: float) -> str:
    return "±0" if not value else ("+" if value > 0 else "") + num(value)


def many(n: float, one: str, more: str = "") -> str:
    return f"{num(n)} {one if n == 1 else more or one + 's'}"


def listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def leading(names: list[str], what: str) -> str:
    if len(names) == 1:
        return f"{names[0]} leads with {what}"
    return f"{listed(names) if len(names) <= 3 else len(names)} lead with {what} each"


def lasting(length: timedelta) -> str:
    """Days from two on, else hours, minutes or seconds; with one decimal."""
    seconds = length.total_seconds()
    if seconds >= 172_800:
        return f"{num(round(seconds / 86_400, 1))} days"
    if seconds >= 3600:
        return f"{num(round(seconds / 3600, 1))} h"
    if seconds >= 60:
        return f"{num(round(seconds / 60, 1))} min"
    return f"{num(round(seconds, 3))} s"


def date(when: datetime, *, year: bool = False) -> str:
    return f"{when.day} {MONTHS[when.month - 1]}" + (f" {when.year}" if year else "")


def moment(when: datetime, *, year: bool = False) -> str:
    return date(when, year=year) + (f", {when:%H:%M} UTC" if when.hour or when.minute else "")


def years(since: datetime, until: datetime) -> bool:
    """Whether dates need their year."""
    return since.year != until.year and until - since > timedelta(days=180)


def about_midnight(when: datetime) -> datetime:
    midnight = datetime(when.year, when.month, when.day, tzinfo=when.tzinfo)
    near = min((midnight, midnight + timedelta(days=1)), key=lambda m: abs(when - m))
    return near if abs(when - near) <= timedelta(days=1) / 100 else when


def period_name(start: datetime, per: str, *, year: bool) -> str:
    if per == "hour":
        return f"in the hour from {date(start, year=year)}, {start:%H:%M} UTC"
    if per == "day":
        return f"on {date(start, year=year)}"
    if per == "week":
        return f"in the week of {date(start, year=year)}"
    if per == "month":
        return f"in {MONTHS[start.month - 1]} {start.year}"
    if per == "quarter":
        return f"in quarter {start.month // 3 + 1} of {start.year}"
    return f"in {start.year}"


def part_name(
    start: datetime, end: datetime, per: str, since: datetime, until: datetime, *, year: bool
) -> str:
    """The name of a period, or of the part that lies in [since, until)."""
    slack = (end - start) / 100
    if since - start <= slack and end - until <= slack:
        return period_name(start, per, year=year)
    first, last = max(since, start), min(until, end)
    day = timedelta(days=1)
    midnight = datetime(first.year, first.month, first.day, tzinfo=first.tzinfo)
    if last <= midnight + day:
        closing = "24:00" if last == midnight + day else f"{last:%H:%M}"
        return f"on {date(first, year=year)}, {first:%H:%M}–{closing} UTC"
    closed = moment(last, year=year)
    if not (last.hour or last.minute):
        closed = date(last - timedelta(microseconds=1), year=year)
    return f"from {moment(first, year=year)} to {closed}"


def occasions(times: int, once: str, per: str) -> str:
    return once if times == 1 else f"{'on' if per == 'day' else 'in'} {times:,} {per}s"


def short(topics: list[str]) -> dict[str, str]:
    """Topics without organisation, project and environment where that is unambiguous."""
    cut = {t: ".".join(t.split(".")[3:]) if t.count(".") >= 3 else t for t in topics}
    return {t: s if list(cut.values()).count(s) == 1 else t for t, s in cut.items()}


def range_of(since: datetime, until: datetime) -> str:
    """A range with its last day, as in the source line."""

    def brief_date(t: datetime) -> str:
        return f"{t.day} {MONTHS[t.month - 1][:3]}"

    if since >= until:
        return "an empty range"
    last = until - timedelta(microseconds=1)
    if until - since < timedelta(days=2) and (until.hour or until.minute or since.hour):
        same = since.date() == last.date()
        end = f"{until:%H:%M}" if same else f"{brief_date(until)} {until:%H:%M}"
        return f"{brief_date(since)} {since.year} {since:%H:%M} – {end} UTC"
    if since.date() == last.date():
        return f"{brief_date(since)} {since.year}"
    if (since.year, since.month) == (last.year, last.month):
        return f"{since.day}–{brief_date(last)} {last.year}"
    first = brief_date(since) + ("" if since.year == last.year else f" {since.year}")
    return f"{first} – {brief_date(last)} {last.year}"
