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
from hubbub.language import ENGLISH, N_, _, current_language, ngettext
from hubbub.language.wording import duration, duration_after_in
from hubbub.store.query.selection import FILTERS
from hubbub.zones import showing

__all__ = [
    "SEVERAL",
    "Data",
    "badge",
    "column",
    "finite",
    "messages",
    "records",
    "several",
    "sheet",
    "source",
]

Data = Result | Sequence[Mapping[str, Any]]
#: What mentions are, where some messages name several people.
SEVERAL = N_("a message counts for each person that it names")
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
        parts = {"missing": duration(missing), "length": duration_after_in(until - since)}
        return _("Incomplete: {missing} of {length} missing", **parts)
    if coverage.state == "healed":
        return _("Complete; what the bus missed is covered by history")
    return _("Completeness unproven: only what was heard or imported")


def source(result: Result, project: str = "") -> str:
    """Return the source line: `Source: 18,505 events, 5 Jan – 29 Mar 2026; category bodhi`.

    Args:
        result: the result behind the picture.
        project: its name and address, in front of the number of messages.
    """
    whose = text.clean(project, 90)
    with showing(result.zone):
        values = {"events": _counted(result), "range": scale.zoned_span(result.since, result.until)}
    parts = [
        _("Source: {project}, {events}, {range}", project=whose, **values)
        if whose
        else _("Source: {events}, {range}", **values)
    ]
    for name in FILTERS:
        value = result.parameters.get(name)
        if value:
            globs = [value] if isinstance(value, str) else list(value)
            parts.append(_(_FILTERED[name], names=", ".join(map(str, globs))))
    if result.parameters.get("by") == "agent":
        parts.append(_("by agent"))
    if result.naming is not None and result.parameters.get("bots"):
        parts.append(_("known programs count as people"))
    return text.clean("; ".join(parts), 220)


_FILTERED = {
    "category": N_("category {names}"),
    "topic": N_("topic {names}"),
    "user": N_("user {names}"),
    "not_user": N_("not user {names}"),
    "object": N_("object {names}"),
    "action": N_("action {names}"),
}


def _counted(result: Result) -> str:
    """State how many messages there are, and how many of them are counted."""
    events = ngettext("{n} message", "{n} messages", result.events)
    n = result.naming
    if n is None:
        return events
    if result.parameters.get("by") == "agent":
        if result.touching:
            return ngettext(
                "{n} of {messages} tells who acted and names an object",
                "{n} of {messages} tell who acted and name an object",
                n,
                messages=events,
            )
        return ngettext(
            "{n} of {messages} tells who acted",
            "{n} of {messages} tell who acted",
            n,
            messages=events,
        )
    if result.touching:
        return ngettext(
            "{n} of {messages} names a person and an object",
            "{n} of {messages} name a person and an object",
            n,
            messages=events,
        )
    return ngettext(
        "{n} of {messages} names a person",
        "{n} of {messages} name a person",
        n,
        messages=events,
    )


def messages(data: Data) -> str:
    """Return what people are counted by: mentions, of which a message may have several."""
    by_agent = isinstance(data, Result) and data.parameters.get("by") == "agent"
    return _("messages that tell who acted") if by_agent else _("mentions")


def several(data: Data) -> list[str]:
    """Say that messages count more than once, where some name several people."""
    if isinstance(data, Result) and data.naming is not None and (data.mentions or 0) > data.naming:
        return [_(SEVERAL)]
    return []


def _with_bots(draw: Callable[[], Any] | None, data: Data, title: str, prefix: str = "") -> str:
    """State how many known programs were left out, and the finding with them."""
    if not isinstance(data, Result) or not data.left_out:
        return ""
    n = data.left_out
    left = ngettext("{n} known program left out", "{n} known programs left out", n)
    other = getattr(draw(), "title", None) if draw else None
    if not isinstance(other, str):
        return left
    other = other.removeprefix(prefix)
    if other == title:
        return ngettext(
            "{n} known program left out; the finding would be the same with it",
            "{n} known programs left out; the finding would be the same with them",
            n,
        )
    return ngettext(
        "{n} known program left out; if it counted as a person, it would be: {finding}",
        "{n} known programs left out; if they counted as people, it would be: {finding}",
        n,
        finding=other,
    )


def sheet(
    data: Data,
    *,
    title: str,
    subtitle: str = "",
    with_bots: Callable[[], Any] | None = None,
    empty: str = "",
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
            subtitle = _(
                "{subtitle}; days and times of {zone}",
                subtitle=text.clean(subtitle, 320),
                zone=data.zone.name,
            )
    title = text.clean(title, _TITLE)
    note = _with_bots(with_bots, data, title, prefix)
    title = f"{prefix}{title}" if title else prefix.removesuffix(": ")
    summary = text.clean(". ".join(filter(None, (title, subtitle, note))), 800)

    return Sheet(
        title=title or _("Untitled"),
        subtitle=text.clean(subtitle, 360),
        note=note,
        description=f"{summary}. {missing}." if missing else f"{summary}.",
        source=source_line,
        badge=missing,
        empty=text.clean(empty or _("No data in this range")),
        theme=theme,
        style=style,
        height=height,
        metadata=metadata,
    )
