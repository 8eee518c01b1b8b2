"""Read results for drawing: records, columns, numbers, and the texts around the plot.

Data is a `Result` or a plain list of records. `sheet` makes the source line, the badge for
incomplete coverage, and the metadata of a picture.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from hubbub.analyzers.result import Coverage, Result
from hubbub.charts.picture import scale, text
from hubbub.charts.picture.drawing import Drawing, Sheet, digest
from hubbub.charts.picture.theme import DEFAULT_STYLE, Style, Theme
from hubbub.errors import UsageError
from hubbub.store.query.selection import FILTERS
from hubbub.times import iso

__all__ = ["Data", "badge", "column", "duration", "finite", "records", "sheet", "source"]

Data = Result | Sequence[Mapping[str, Any]]
_TITLE = 150  # characters; about two lines of a picture


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
        return "Complete after gaps were filled from history"
    return "Completeness unproven: only what was heard or imported"


def source(result: Result) -> str:
    """Return the source line: `Source: 18,505 events, 5 Jan – 29 Mar 2026; category bodhi`."""
    events = text.plural(result.events, "event")
    parts = [f"Source: {events}, {scale.span(result.since, result.until)}"]
    for name in FILTERS:
        value = result.parameters.get(name)
        if value:
            values = [value] if isinstance(value, str) else list(value)
            parts.append(f"{name.replace('_', ' ')} {', '.join(map(str, values))}")
    if result.parameters.get("by") == "agent":
        parts.append("by agent")
    if result.parameters.get("bots") is False:
        parts.append("without bots")
    return text.clean("; ".join(parts), 220)


def _with_bots(other: Drawing | None, title: str, data: str) -> str:
    """State what the finding would be with bots."""
    if other is None:
        return ""
    if other.title != title:
        return f"with bots it would be: {other.title}"
    if other.metadata.get("data_sha256") == data:
        return "with bots it would be the same"
    return "with bots the finding would be the same"


def sheet(
    data: Data,
    *,
    title: str,
    subtitle: str = "",
    with_bots: Drawing | None = None,
    empty: str = "No data in this range",
    theme: Theme = "auto",
    style: Style = DEFAULT_STYLE,
    height: int = 450,
) -> Sheet:
    """Return the cleaned texts around a plot, and metadata: query, range, coverage, data hash.

    `with_bots` is the picture of the same view with bots, if this one is without them.
    """
    rows = data.data if isinstance(data, Result) else list(data)
    metadata: dict[str, Any] = {"data_sha256": digest(rows)}
    source_line = missing = ""
    if isinstance(data, Result):
        source_line = source(data)
        missing = badge(data.coverage, data.since, data.until)
        metadata |= {
            "query": data.query,
            "parameters": dict(data.parameters),
            "since": iso(data.since),
            "until": iso(data.until),
            "events": data.events,
            "coverage": data.coverage.document(),
        }
    title = text.clean(title, _TITLE)
    note = _with_bots(with_bots, title, metadata["data_sha256"])
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
