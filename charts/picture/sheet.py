"""Read results for drawing: records, columns, numbers, and the texts around the plot.

Data is a `Result` or a plain list of records. `sheet` makes the source line, the badge for
incomplete coverage, and the metadata of a picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from hubbub.analyzers.result import Coverage, Result
from hubbub.charts.picture import scale, text
from hubbub.charts.picture.drawing import Sheet, digest
from hubbub.charts.picture.theme import DEFAULT_STYLE, Style, Theme
from hubbub.errors import UsageError
from hubbub.language import ENGLISH, current_language
from hubbub.store.query.selection import FILTERS
from hubbub.zones import showing

__all__ = [
    "SEVERAL",
    "Data",
    "badge",
    "column",
    "duration",
    "finite",
    "messages",
    "records",
    "several",
    "sheet",
    "source",
]

Data = Result | Sequence[Mapping[str, Any]]
#: What mentions are, where some messages name several people.
SEVERAL = "a message counts for each person that it names"
_TITLE = 200  # characters; about three lines of a picture


def records(data: Data) -> list[Mapping[str, Any]]:
    """Return the rows of a result.

    Raises:
        UsageError: the data is not a list of records.
    """
    rows = data.data if isinstance(data, Result) else data
    name = f"query {data.query}" if isinstance(data, Result) else "the data"
    if isinstance(rows, str | Mapping) or not isinstance(rows, Sequence):
        raise UsageError(
            f"a chart needs rows, not {type(rows).__name__}",
            where=name,
            hint="return a table or a list of records from the query",
        )
    for i, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise UsageError(f"row {i} is {type(row).__name__}, not a record", where=name)
    return list(rows)


def column(rows: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    """Return the values of a column, None where a row lacks it.

    Raises:
        UsageError: no row has this column.
    """
    if rows and not any(name in row for row in rows):
        names = ", ".join(sorted({str(k) for row in rows[:100] for k in row}))
        raise UsageError(f"there is no column {name!r}", hint=f"the columns are: {names}")
    return [row.get(name) for row in rows]


def finite(value: object) -> float | None:
    """Return a number that can be drawn; None for None, NaN, infinity and numbers beyond ±1e300.

    Raises:
        UsageError: the value is a text or of another type that is not a number.
    """
    if isinstance(value, str):
        raise UsageError(f"a number is needed, not the text {text.clean(value, 40)!r}")
    if value is None:
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise UsageError(f"a number is needed, not {type(value).__name__}") from None
    except OverflowError:
        return None
    return number if math.isfinite(number) and abs(number) < 1e300 else None  # noqa: PLR2004


def duration(d: timedelta) -> str:
    """Format a duration: `7 days`, `24 h`, `20 min`, `3 s`; days from two on."""
    seconds = d.total_seconds()
    for size, least, unit in ((86400, 2, "days"), (3600, 1, "h"), (60, 1, "min")):
        if seconds >= size * least:
            return f"{text.amount(round(seconds / size, 1))} {unit}"
    return f"{text.amount(round(seconds, 3))} s"


def badge(coverage: Coverage, since: Any, until: Any) -> str:
    """State what is missing or unproven in a range; empty if it is complete."""
    if coverage.state == "complete" and not coverage.gaps:
        return ""
    missing = timedelta()
    end = since  # of the gaps counted so far: overlaps count once
    for gap in sorted(coverage.gaps, key=lambda g: g.start):
        start, stop = max(gap.start, end), min(gap.end, until)
        if stop > start:
            missing += stop - start
            end = stop
    if missing:
        return f"Incomplete: {duration(missing)} of {duration(until - since)} missing"
    if coverage.state == "healed":
        return "Complete; what the bus missed is covered by history"
    return "Completeness unproven: only what was heard or imported"


def source(result: Result, project: str = "") -> str:
    """Return the source line: `Source: 18,505 events, 5 Jan – 29 Mar 2026; category bodhi`.

    Args:
        result: the result behind the picture.
        project: its name and address, in front of the number of messages.
    """
    events = text.plural(result.events, "message")
    if result.naming is not None:
        by_agent = result.parameters.get("by") == "agent"
        verb = ("tell" if by_agent else "name") + ("s" if result.naming == 1 else "")
        events = f"{text.amount(result.naming)} of {events} {verb} "
        events += "who acted" if by_agent else "a person"
        events += (" and name an object" if by_agent else " and an object") * result.touching
    with showing(result.zone):
        whose = f"{text.clean(project, 90)}, " if project else ""
        parts = [f"Source: {whose}{events}, {scale.zoned_span(result.since, result.until)}"]
    for name in FILTERS:
        value = result.parameters.get(name)
        if value:
            values = [value] if isinstance(value, str) else list(value)
            parts.append(f"{name.replace('_', ' ')} {', '.join(map(str, values))}")
    if result.parameters.get("by") == "agent":
        parts.append("by agent")
    if result.naming is not None and result.parameters.get("bots"):
        parts.append("known programs count as people")
    return text.clean("; ".join(parts), 220)


def messages(data: Data) -> str:
    """Return what people are counted by: mentions, of which a message may have several."""
    by_agent = isinstance(data, Result) and data.parameters.get("by") == "agent"
    return "messages that tell who acted" if by_agent else "mentions"


def several(data: Data) -> list[str]:
    """Say that messages count more than once, where some name several people."""
    if isinstance(data, Result) and data.naming is not None and (data.mentions or 0) > data.naming:
        return [SEVERAL]
    return []


def _with_bots(draw: Callable[[], Any] | None, data: Data, title: str, prefix: str = "") -> str:
    """State how many known programs were left out, and the finding with them."""
    if not isinstance(data, Result) or not data.left_out:
        return ""
    one = data.left_out == 1
    left = f"{text.plural(data.left_out, 'known program')} left out"
    other = getattr(draw(), "title", None) if draw else None
    if not isinstance(other, str):
        return left
    other = other.removeprefix(prefix)
    if other == title:
        them = "it" if one else "them"
        return f"{left}; the finding would be the same with {them}"
    they = "it counted as a person" if one else "they counted as people"
    return f"{left}; if {they}, it would be: {other}"


def sheet(
    data: Data,
    *,
    title: str,
    subtitle: str = "",
    with_bots: Callable[[], Any] | None = None,
    empty: str = "No data in this range",
    theme: Theme = "auto",
    style: Style = DEFAULT_STYLE,
    height: int = 450,
    project: str = "",
    prefix: str = "",
) -> Sheet:
    """Return the cleaned texts around a plot, and metadata: query, range, coverage, data hash.

    `with_bots` draws the same view with bots, if this one is without them; `project` is named by
    the source line, and `prefix` is put in front of the title.
    """
    rows = data.data if isinstance(data, Result) else list(data)
    metadata: dict[str, Any] = {"data_sha256": digest(rows)}
    if current_language() != ENGLISH:
        metadata["language"] = current_language()
    source_line = missing = ""
    if isinstance(data, Result):
        source_line = source(data, project)
        missing = badge(data.coverage, data.since, data.until)
        metadata |= {
            "query": data.query,
            "parameters": dict(data.parameters),
            "since": data.zone.iso(data.since),
            "until": data.zone.iso(data.until),
            "events": data.events,
            "coverage": data.coverage.document(data.zone),
        }
        if not data.zone.is_utc:
            subtitle = f"{text.clean(subtitle, 320)}; days and times of {data.zone.name}"
    title = text.clean(title, _TITLE)
    note = _with_bots(with_bots, data, title, prefix)
    title = f"{prefix}{title}" if title else prefix.removesuffix(": ")
    summary = text.clean(". ".join(filter(None, (title, subtitle, note))), 800)

    return Sheet(
        title=title or "Untitled",
        subtitle=text.clean(subtitle, 360),
        note=note,
        description=f"{summary}. {missing}." if missing else f"{summary}.",
        source=source_line,
        badge=missing,
        empty=text.clean(empty),
        theme=theme,
        style=style,
        height=height,
        metadata=metadata,
    )
