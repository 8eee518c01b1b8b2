"""The pages of usage reports: all topics, and one report with its form, picture and table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from hubbub.analyzers.result import Coverage
from hubbub.config import Config
from hubbub.errors import UsageError
from hubbub.live.server import failures, pages
from hubbub.live.server.answers.parameters import read_parameters
from hubbub.live.server.html.forms import Field, address, alert, field, table
from hubbub.live.server.html.results import coverage_words, downloads, figure, notes, share
from hubbub.live.server.usage.answers import Topics
from hubbub.live.server.usage.reports import (
    AGGREGATES,
    Period,
    Report,
    draw,
    period,
    report,
    unique,
    usage_runner,
)
from hubbub.times import from_micros

if TYPE_CHECKING:
    from hubbub.charts.picture.drawing import Drawing
    from hubbub.live.server.server import Server
    from hubbub.store import Store

__all__ = ["handle", "topics"]

_MOST = 1_000  # topics and periods of a page; the files have all
#: Links to ranges: name, start, and period.
_SPANS = (
    ("30 days", "30d", "d"), ("90 days", "90d", "w"), ("year", "1y", "m"), ("5 years", "5y", "q")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a page shows of a report."""

    chosen: Period
    rows: Sequence[tuple[str, int]]
    drawing: Drawing
    coverage: Coverage
    notes: Sequence[str]
    stored: tuple[str, str] | None  # from the oldest to the newest event


def _compute(
    store: Store, config: Config, counted: Report, chosen: Period, style: Path | None
) -> _Shown:
    runner = usage_runner(store, config, counted, style=style)
    result = unique(runner, counted, chosen)
    rows = [(str(row["timestamp"]), int(row["user"])) for row in result.data]
    drawing = draw(runner, counted, chosen)
    said = ["the range ends before it begins: nothing lies in it"] if chosen.backwards else []
    extent, zone = runner.extent, chosen.zone
    stored = None
    if extent.oldest is not None and extent.newest is not None:
        after = from_micros(extent.newest) + timedelta(seconds=1)
        stored = zone.iso(from_micros(extent.oldest)), zone.iso(after)
    return _Shown(chosen, rows, drawing, result.coverage, [*said, *runner.notes], stored)


async def handle(server: Server, request: Request, counted: Report) -> Response:
    """Answer with the page of a report; an error of the form is shown in it."""
    values = await read_parameters(request)
    given = {name: texts[-1] for name, texts in values.items()}
    title = f"Usage: {counted.heading}"
    head = f'<h1>{escape(title)}</h1>\n<p class="quiet">{escape(counted.definition())}</p>'
    try:
        chosen = period(values, server.config, server.clock())
        shown = await server.engines.run(
            _compute, server.config, counted, chosen, server.settings.style, request=request
        )
    except UsageError as error:
        why = failures.shown(error)
        form = _form(request, counted, given, why.what)
        body = "\n".join((head, alert(why.what, why.hint), form))
        return pages.answer(request, title, body, status=400)
    form = _form(request, counted, given | {"aggregate": chosen.per})
    body = "\n".join((head, form, *_result(request, counted, shown)))
    return pages.answer(request, title, body, headers={"Hubbub-Coverage": shown.coverage.state})


def _form(request: Request, counted: Report, given: Mapping[str, str], wrong: str = "") -> str:
    fields = [
        Field("start", "From", about="2026-01-31, 2026-01-31T10:00, or 90d for 90 days ago",
              placeholder="90 days before the end"),
        Field("end", "Until, not included", about="the same, or now", placeholder="now"),
        Field("aggregate", "Count people per", "select", about="of a week: Monday to Sunday",
              choices=list(AGGREGATES.items())),
        Field("bots", "Known programs", "select", about="accounts that are known to be no people",
              choices=[("", "as configured"), ("no", "leave out"), ("yes", "count as people")]),
    ]  # fmt: skip
    filled = [
        replace(
            one,
            value=given.get(one.name, "w" if one.name == "aggregate" else ""),
            error=wrong if wrong.startswith(f"{one.name} ") else "",
        )
        for one in fields
    ]
    zone = given.get("tz", "")
    hidden = f'<input type="hidden" name="tz" value="{escape(zone)}">' if zone else ""
    spans = " ".join(
        pages.anchor(request, address(counted.path, {"start": [start], "aggregate": [per]}), name)
        for name, start, per in _SPANS
    )
    return (
        f'<form action="{pages.link(request, counted.path)}" method="get">\n'
        '<fieldset><legend>Range and period</legend><div class="fields">'
        f"{''.join(map(field, filled))}</div>{hidden}</fieldset>\n"
        '<p class="actions"><button>Show</button></p>\n'
        f'<p class="links">The last: {spans}</p></form>'
    )


def _result(request: Request, counted: Report, shown: _Shown) -> list[str]:
    chosen, values = shown.chosen, shown.chosen.address()
    files = {
        form: address(f"{counted.path}/{name}", values)
        for form, name in (
            ("CSV", "raw.csv"), ("JSON", "raw.json"), ("text", "raw.txt"), ("HTML", "raw.html"),
            ("SVG", "plot.svg"), ("PNG", "plot.png"),
        )
    }  # fmt: skip
    newest = list(reversed(shown.rows))
    more = "" if len(newest) <= _MOST else f"; the newest {_MOST:,} of {len(newest):,}"
    rows = [(escape(day), f'<td class="n">{users:,}</td>') for day, users in newest[:_MOST]]
    caption = f"Different people per {AGGREGATES[chosen.per]}, the newest first{more}"
    return [
        figure(shown.drawing),
        notes(shown.notes),
        coverage_words(shown.coverage, chosen.zone),
        downloads(request, files),
        share(request, address(counted.path, values)),
        "<h2>Table</h2>",
        table(caption, ("Last day", "People"), rows) if rows else _nobody(request, counted, shown),
    ]


def _nobody(request: Request, counted: Report, shown: _Shown) -> str:
    """Say that the range is empty, and link to one that holds all stored events."""
    said = "No event of this report has a user in this range."
    if shown.stored is None:
        return f"<p>{said} The store is empty.</p>"
    start, end = shown.stored
    every = address(counted.path, {"start": [start], "end": [end], "aggregate": ["m"]})
    link = pages.anchor(request, every, "all stored events")
    return f"<p>{said} Show {link}, {escape(start[:10])} to {escape(end[:10])}.</p>"


def topics(request: Request, found: Topics, config: Config) -> Response:
    """Answer with the page of all topics and reports."""
    reports = "".join(
        f"<li>{pages.anchor(request, counted.path, counted.heading)}</li>"
        for counted in (report(config, name) for name in sorted(config.usage))
    )
    rows = [
        (
            pages.anchor(request, report(config, topic).path, topic),
            f'<td class="n">{messages:,}</td>',
        )
        for topic, messages in found.messages[:_MOST]
    ]
    shown = "" if len(found.messages) <= _MOST else f"; the busiest {_MOST:,} topics"
    days = max(1, round((found.until - found.since) / timedelta(days=1)))
    caption = (
        f"Messages by topic in {'a day' if days == 1 else f'{days:,} days'} until "
        f"{found.until.date().isoformat()}{shown}"
    )
    parts = [
        "<h1>Usage</h1>",
        "<p>How many different people use something, per day, week, month, quarter or year.</p>",
        f"<h2>Reports</h2>\n<ul>{reports}</ul>" if reports else "",
        "<h2>Topics</h2>",
        table(caption, ("Topic", "Messages"), rows) if rows else "<p>There are no events yet.</p>",
    ]
    return pages.answer(request, "Usage", "\n".join(parts))
