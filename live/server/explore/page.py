"""The pages of `/explore`: the list of everything, and one query or view with its result."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

from starlette.requests import Request

from hubbub.formats.tables import cell, clean
from hubbub.language.numbers import amount
from hubbub.language.plurals import plural
from hubbub.live.server import pages
from hubbub.live.server.answers.parameters import Parameters
from hubbub.live.server.explore.command import command
from hubbub.live.server.explore.described import Described
from hubbub.live.server.explore.form import form, prose
from hubbub.live.server.explore.outcome import Outcome
from hubbub.live.server.html.forms import Field, address, alert, field, table
from hubbub.live.server.html.results import coverage_words, downloads, figure, linked, notes, share

__all__ = ["function_page", "index_page", "page_path"]

_ROWS = 1_000  # of a table in a page; the files have all
_CELL = 300  # characters of a cell
_LONG = 40  # characters of a cell that may take several lines
_TEXT = 200_000  # characters of a text in a page
_TITLES = {"query": "Queries", "view": "Views"}
_FILES: Mapping[str, Mapping[str, str]] = {
    "query": {
        "CSV": ".csv", "JSON": ".json", "JSON lines": ".jsonl", "text": ".txt", "HTML": ".html",
        "Parquet": ".parquet",
    },
    "view": {"SVG": ".svg", "PNG": ".png", "HTML": ".html", "CSV": ".csv", "JSON": ".json"},
}  # fmt: skip


def page_path(kind: str, name: str) -> str:
    """Return the path of the page of a query or view."""
    return f"/explore/{kind}/{quote(name, safe='')}"


def index_page(request: Request, found: Sequence[Described], words: str) -> str:
    """Return the list of all queries and views, or of those that have certain words.

    Args:
        request: whose prefix the links get.
        found: all queries and views.
        words: to search for; empty: everything is listed.
    """
    wanted = words.lower().split()
    matching = [one for one in found if all(w in f"{one.name} {one.text}".lower() for w in wanted)]
    search = field(Field("q", "Search names and descriptions", value=words))
    parts = [
        "<h1>Explore</h1>",
        (
            "<p>Every question that hubbub answers, with a form, its table or picture, and the "
            "address to share.</p>"
        ),
        (
            f'<form action="{pages.link(request, "/explore")}" method="get" role="search">{search}'
            '<p class="actions"><button>Search</button></p></form>'
        ),
    ]
    for kind, title in (("view", _TITLES["view"]), ("query", _TITLES["query"])):
        items = "".join(_item(request, one) for one in matching if one.kind == kind)
        if items:
            parts.append(f'<h2>{title}</h2>\n<ul class="functions">{items}</ul>')
    if not matching:
        parts.append("<p>Nothing has these words. An empty search lists everything.</p>")
    return "\n".join(parts)


def _item(request: Request, one: Described) -> str:
    link = pages.anchor(request, page_path(one.kind, one.name), one.name)
    where = (
        f' <span class="quiet">(of the server {escape(one.server)})</span>' if one.server else ""
    )
    about = prose(one.summary).removeprefix("<p>").removesuffix("</p>")
    return f'<li>{link}{where}<br><span class="quiet">{about}</span></li>'


def function_page(
    request: Request,
    described: Described,
    values: Parameters,
    *,
    answer: Outcome | None = None,
    error: tuple[str, str] = ("", ""),
    also: Iterable[str] = (),
    permanent: str = "",
    explained: str = "",
    embedding: str = "",
) -> str:
    """Return the page of a query or view.

    Args:
        request: whose prefix the links get.
        described: the query or view.
        values: its parameters, as `canonical` returns them.
        answer: the result; None: there is none.
        error: what is wrong, and what to do next; both empty if nothing is.
        also: other kinds that have a function of the same name.
        permanent: the address whose bytes never change; empty if there is none.
        explained: the address of the events behind the numbers; empty if there is none.
        embedding: the section with code to embed; empty if there is none.
    """
    path = page_path(described.kind, described.name)
    noun = described.kind.capitalize()
    others = " ".join(
        pages.anchor(request, page_path(kind, described.name), f"the {kind} of this name")
        for kind in also
    )
    whose = f" of the server {escape(described.server)}" if described.server else ""
    parts = [
        f'<p class="quiet">{noun}{whose}</p>',
        f"<h1>{escape(described.name)}</h1>",
        _about(described),
        f"<p>See also {others}.</p>" if others else "",
        alert(*error),
        form(request, described, path, values, error[0]),
    ]
    if answer is not None:
        if explained:
            link = pages.anchor(request, explained, "Which events are counted")
            explained = f"<p>{link}: each number down to its messages.</p>"
        parts += [
            *_result(request, described, values, answer, permanent),
            embedding,
            _command(described, values),
            explained,
        ]
    return "\n".join(filter(None, parts))


def _about(described: Described) -> str:
    """Return the description: its first paragraph, and the rest on demand."""
    first, _, rest = described.text.partition("\n\n")
    more = (
        f"<details><summary>What exactly it shows</summary>{prose(rest)}</details>"
        if rest.strip()
        else ""
    )
    return prose(first) + more


def _result(
    request: Request, described: Described, values: Parameters, answer: Outcome, permanent: str
) -> list[str]:
    fixed = {name: list(texts) for name, texts in values.items()}
    own = {asked.name for asked in described.own}
    if answer.range is not None and not own & {"since", "until"}:
        fixed |= {"since": [answer.range[0]], "until": [answer.range[1]]}
    base = f"/{described.kind}/{quote(described.name, safe='')}"
    files = {form: address(base + suffix, fixed) for form, suffix in _FILES[described.kind].items()}
    path = page_path(described.kind, described.name)
    kept = (
        '<p class="quiet">A permanent link to copy: it gives the same bytes, whatever is stored '
        f"later.</p>\n{linked(request, permanent)}"
        if permanent
        else ""
    )
    return [
        '<h2 id="result">Result</h2>',
        *_shown(request, described, answer, files, address(f"{base}.html", fixed)),
        notes(answer.notes),
        _measured(answer),
        _diagnostics(answer.diagnostics),
        downloads(request, files),
        share(request, address(path, fixed)),
        kept,
    ]


def _command(described: Described, values: Parameters) -> str:
    return (
        "<h2>The same on the command line</h2>\n"
        '<pre class="address" tabindex="0" data-copy><code>'
        f"{escape(command(described, values))}</code></pre>"
    )


def _shown(
    request: Request, described: Described, answer: Outcome, files: Mapping[str, str], page: str
) -> list[str]:
    if answer.page:
        title = f"The page of the view {described.name}"
        return [
            f'<iframe src="{pages.link(request, page)}" title="{escape(title)}" sandbox></iframe>'
        ]
    parts = [figure(answer.drawing)] if answer.drawing is not None else []
    if answer.table is not None:
        whole = next(iter(files.values())) if described.kind == "query" else ""
        rows = _table(request, answer, whole)
        if answer.drawing is not None:
            rows = f"<details><summary>The data as a table</summary>{rows}</details>"
        parts.append(rows)
    elif answer.text:
        shown = answer.text[:_TEXT]
        parts.append(f'<pre class="text" tabindex="0">{escape(shown)}</pre>')
        if len(shown) < len(answer.text):
            parts.append("<p>The text goes on; the files have all of it.</p>")
    elif answer.drawing is None:
        parts.append("<p>The answer is an empty text.</p>")
    return parts


def _table(request: Request, answer: Outcome, whole: str) -> str:
    assert answer.table is not None
    columns, rows = answer.table
    if not rows:
        return "<p>The result has no rows.</p>"
    number = plural(len(rows), "row")
    if len(rows) > _ROWS:
        every = pages.anchor(request, whole, "all of them") if whole else "the files have all"
        number = f"The first {_ROWS:,} of {number}; {every}"
    return table(
        number,
        [escape(clean(str(column))) for column in columns],
        [[_cell(value) for value in row] for row in rows[:_ROWS]],
    )


def _cell(value: Any) -> str:
    if value is None:
        return '<td class="n">&ndash;</td>'
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f'<td class="n">{amount(value)}</td>'
    text = cell(value)
    shown = text if len(text) <= _CELL else f"{text[: _CELL - 1]}…"
    return f"<td{' class=w' if len(shown) > _LONG else ''}>{escape(shown)}</td>"


def _measured(answer: Outcome) -> str:
    if answer.coverage is None:
        return ""
    facts = []
    if answer.range is not None:
        facts.append(f"{answer.range[0]} to {answer.range[1]}")
    if answer.events is not None:
        facts.append(plural(answer.events, "message"))
    said = f"<p>{escape('; '.join(facts))}.</p>" if facts else ""
    return said + coverage_words(answer.coverage, answer.zone)


def _diagnostics(found: Mapping[str, Any]) -> str:
    """Return what a query says of its result besides the data."""
    items = "".join(
        f"<dt>{escape(clean(str(name)).replace('_', ' '))}</dt><dd>{escape(_brief(value))}</dd>"
        for name, value in found.items()
        if value not in (None, "", [], {})
    )
    return f"<details><summary>Diagnostics</summary><dl>{items}</dl></details>" if items else ""


def _brief(value: Any) -> str:
    text = cell(value) if not isinstance(value, (dict, list)) else json.dumps(value)
    text = clean(text)
    return text if len(text) <= _CELL else f"{text[: _CELL - 1]}…"
