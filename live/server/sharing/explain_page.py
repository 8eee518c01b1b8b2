"""The page of an explanation: definition, filters, and the events or the rows to choose from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request

from hubbub.formats.tables import cell
from hubbub.language.plurals import plural
from hubbub.live.server import pages
from hubbub.live.server.answers.parameters import Parameters
from hubbub.run.explained import Explained

__all__ = ["page"]

_EVENT = ("time", "topic", "agent", "users", "objects", "action", "size", "id")


def page(request: Request, explained: Explained, values: Parameters) -> str:
    """Return the page.

    Args:
        request: whose address the links vary.
        explained: the explanation.
        values: the parameters of the request.
    """
    name = explained.result.query
    parts = [
        f"<h1>{escape(name)}: what is counted</h1>",
        *(f"<p>{escape(cell(text))}</p>" for text in explained.definition.split("\n\n")),
        "<h2>Filters</h2>",
        "<ul>",
        *(f"<li>{escape(cell(line))}</li>" for line in explained.filters),
        f"<li>coverage of the range: {escape(explained.result.coverage.state)}</li>",
        "</ul>",
        *(_rows(request, explained, values) if explained.row is None
          else _events(request, explained, values)),
    ]  # fmt: skip
    return pages.page(request, f"explain {name}", "\n".join(parts))


def _address(request: Request, explained: Explained, values: Parameters, **changes: Any) -> str:
    """Return the address of this explanation with other parameters, escaped for HTML.

    The range is absolute, so that the address means the same events later.
    """
    result = explained.result
    kept = {n: v for n, v in values.items() if n not in {"since", "until", "content_type"}}
    absolute = {"since": [result.zone.iso(result.since)], "until": [result.zone.iso(result.until)]}
    query = urlencode({**kept, **absolute, **changes}, doseq=True)
    return pages.link(request, f"/explain/{result.query}?{query}")


def _key(explained: Explained, row: Mapping[str, Any]) -> list[str]:
    return [f"{key}={'' if row[key] is None else row[key]}" for key in explained.keys]


def _rows(request: Request, explained: Explained, values: Parameters) -> Iterable[str]:
    """Yield the first rows of the table; each number links to its events."""
    yield "<h2>Choose a number</h2>"
    yield "<ul>"
    for name, means in explained.columns.items():
        yield f"<li><b>{escape(name)}</b>: {escape(means)}</li>"
    yield "</ul>"
    columns = [*explained.keys, *explained.columns]
    lines = []
    for row in explained.rows:
        cells = [f"<td>{escape(cell(row[key]))}</td>" for key in explained.keys]
        for name in explained.columns:
            if row[name] is None:
                cells.append("<td></td>")
                continue
            address = _address(
                request, explained, values, row=_key(explained, row), column=[name], page=["1"]
            )
            cells.append(f'<td><a href="{address}">{escape(cell(row[name]))}</a></td>')
        lines.append(f"<tr>{''.join(cells)}</tr>")
    yield _table("The first rows", columns, lines)


def _events(request: Request, explained: Explained, values: Parameters) -> Iterable[str]:
    """Yield the events of the chosen cell, and links to the other pages of them."""
    row = explained.row or {}
    key = ", ".join(f"{k} {cell(row[k]) or '(none)'}" for k in explained.keys)
    yield (f"<h2>{escape(explained.column)} of {escape(key)}: {escape(cell(explained.cell))}</h2>")
    yield (
        f"<p>Counted from {plural(explained.total, 'event')}: "
        f"{escape(explained.columns[explained.column])}.</p>"
    )
    if explained.note:
        number = escape(cell(explained.number))
        yield f'<p role="alert">The events give {number}: {escape(explained.note)}.</p>'
    others = [(n, explained.page + step) for n, step in (("Newer events", -1), ("Older events", 1))]
    links = [
        f'<a href="{_address(request, explained, values, page=[str(number)])}">{name}</a>'
        for name, number in others
        if 1 <= number <= explained.pages
    ]
    shown = f"Page {explained.page:,} of {explained.pages:,}, newest first."
    yield f'<nav aria-label="Pages">{" ".join([shown, *links])}</nav>'
    lines = [
        f"<tr>{''.join(f'<td>{escape(cell(event.get(name)))}</td>' for name in _EVENT)}</tr>"
        for event in explained.events
    ]
    yield _table("Events", _EVENT, lines)


def _table(caption: str, columns: Sequence[str], lines: Iterable[str]) -> str:
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "\n".join(lines)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"><table>\n'
        f"<caption>{escape(caption)}</caption>\n"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )
