"""From a result to what stands around its plot: records, source line, badge, metadata.

Comes in: a `Result`, or a plain list of records. Goes out: a `Sheet`, and cleaned records. It never
computes a number of the data.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from hubbub.analyzers.result import Coverage, Result
from hubbub.charts.picture import scale, text
from hubbub.charts.picture.drawing import Drawing, Sheet, digest
from hubbub.charts.picture.theme import USUAL, Style, Theme
from hubbub.errors import UsageError
from hubbub.store.query.selection import FILTERS
from hubbub.times import iso

__all__ = ["Data", "badge", "column", "duration", "finite", "records", "sheet", "source"]

Data = Result | Sequence[Mapping[str, Any]]
_TITLE = 150  # characters; two lines of the canvas hold about as many


def records(data: Data) -> list[Mapping[str, Any]]:
    """The rows of a result.

    Raises:
        UsageError: the data is no list of records.
    """
    rows = data.data if isinstance(data, Result) else data
    name = f"query {data.query}" if isinstance(data, Result) else "the data"
    if isinstance(rows, str | Mapping) or not isinstance(rows, Sequence):
        raise UsageError(
            f"a chart needs rows, and got {type(rows).__name__}",
            where=name,
            hint="return a table or a list of records from the query",
        )
    for i, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise UsageError(f"row {i} is {type(row).__name__}, not a record", where=name)
    return list(rows)


def column(rows: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    """One column.

    Raises:
        UsageError: there is no such column.
    """
    if rows and not any(name in row for row in rows):
        have = ", ".join(sorted({str(k) for row in rows[:100] for k in row}))
        raise UsageError(f"there is no column {name!r}", hint=f"the columns are: {have}")
    return [row.get(name) for row in rows]


def finite(value: object) -> float | None:
    """A number that can be drawn; None for NaN, infinite, too large, or what is no number.

    Raises:
        UsageError: text where a number belongs.
    """
    if isinstance(value, str):
        raise UsageError(f"{text.clean(value, 40)!r} is a text where a number belongs")
    if value is None:
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise UsageError(f"{type(value).__name__} where a number belongs") from None
    except OverflowError:
        return None
    return number if math.isfinite(number) and abs(number) < 1e300 else None  # noqa: PLR2004


def duration(d: timedelta) -> str:
    """`24 h`, `7 days`, `20 min`: the largest unit that leaves at least one, or two days."""
    seconds = d.total_seconds()
    for size, least, unit in ((86400, 2, "days"), (3600, 1, "h"), (60, 1, "min")):
        if seconds >= size * least:
            return f"{text.amount(round(seconds / size, 1))} {unit}"
    return f"{text.amount(round(seconds, 3))} s"


def badge(coverage: Coverage, since: Any, until: Any) -> str:
    """What is not proven, in words; empty where the range is complete."""
    if coverage.state == "complete" and not coverage.gaps:
        return ""
    missing = timedelta()
    end = since
    for gap in sorted(coverage.gaps, key=lambda g: g.start):  # overlapping gaps count once
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
    """`Source: 18,505 events, 5 Jan – 29 Mar 2026; category bodhi`."""
    out = f"Source: {text.plural(result.events, 'event')}, {scale.span(result.since, result.until)}"
    parts: list[str] = []
    for name in FILTERS:
        value = result.parameters.get(name)
        if value:
            many = [value] if isinstance(value, str) else list(value)
            parts.append(f"{name.replace('_', ' ')} {', '.join(map(str, many))}")
    if result.parameters.get("by") == "agent":
        parts.append("by agent")
    if result.parameters.get("bots") is False:
        parts.append("without bots")
    return text.clean("; ".join([out, *parts]), 220)


def _with_bots(other: Drawing | None, title: str, data: str) -> str:
    """What the finding would be with bots."""
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
    description: str = "",
    empty: str = "No data in this range",
    theme: Theme = "auto",
    style: Style = USUAL,
    height: int = 450,
) -> Sheet:
    """The texts around one result, cleaned; metadata with query, range, coverage, data hash.

    `with_bots` is the same picture with bots, where this one is without them.
    """
    rows = data.data if isinstance(data, Result) else list(data)
    metadata: dict[str, Any] = {"data_sha256": digest(rows)}
    foot = mark = ""
    if isinstance(data, Result):
        foot, mark = source(data), badge(data.coverage, data.since, data.until)
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
    said = text.clean(description or ". ".join(filter(None, (title, subtitle, note))), 800)
    return Sheet(
        title=title or "Untitled",
        subtitle=text.clean(subtitle, 360),
        note=note,
        description=f"{said}. {mark}." if mark else f"{said}.",
        source=foot,
        badge=mark,
        empty=text.clean(empty),
        theme=theme,
        style=style,
        height=height,
        metadata=metadata,
    )
