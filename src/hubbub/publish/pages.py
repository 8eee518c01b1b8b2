"""The frame of the pages of a site, and parts that several of them have.

Everything that a message can contain is escaped. Pages load nothing from elsewhere, and all links
are relative, so that a site works in any folder, also from a disk.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from html import escape
from typing import Any

from hubbub.charts.picture.html import image, rows_table
from hubbub.charts.picture.text import clean
from hubbub.language import ENGLISH, N_, _, current_language, ngettext
from hubbub.language.dates import numeric_date
from hubbub.language.numbers import amount
from hubbub.publish.pictures import Picture
from hubbub.publish.settings import Settings
from hubbub.publish.tables import FORMS, Table

__all__ = [
    "POLICY",
    "Head",
    "coverage_words",
    "days",
    "downloads",
    "figure",
    "file_links",
    "link",
    "page",
    "range_words",
    "shown",
    "size",
]

#: What a page may load: files of its site.
POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'"
)
_PAGES = (
    ("index.html", N_("Overview")),
    ("explore.html", N_("Explore")),
    ("data.html", N_("Data")),
    ("feed.atom", N_("Feed")),
)
#: What the button says that `copy.js` adds.
_COPYING = (N_("Copy"), N_("Copied"), N_("Selected"))
_GAPS = 10  # that a page lists
_WORDS: Mapping[str, str] = {
    "complete": N_("Complete: every message of this range was counted."),
    "healed": N_("Complete: what the bus missed of this range came from history."),
    "unproven": N_("Completeness unproven: only what was heard or imported is counted."),
}


@dataclass(frozen=True, slots=True)
class Head:
    """What the head of a page says.

    Attributes:
        title: plain text.
        path: of the page in the site.
        description: one or two sentences.
        image: path of the social card in the site; empty if there is none.
        extra: more HTML.
    """

    title: str
    path: str
    description: str = ""
    image: str = ""
    extra: str = ""


def page(settings: Settings, head: Head, body: str, *, scripts: Sequence[str] = ()) -> str:
    """Return a whole page.

    Args:
        settings: of the site.
        head: what its head says.
        body: HTML.
        scripts: paths in the site; each runs once the page is there.
    """
    up = "../" * head.path.count("/")
    title = clean(settings.title, 200)
    whole = title if head.path == "index.html" else f"{clean(head.title, 200)} · {title}"
    links = " ".join(_link(up, path, _(name), head.path) for path, name in _PAGES)
    data = _(
        "{data} behind every picture can be downloaded.",
        data=f'<a href="{up}data.html">{_("The data")}</a>',
    )
    loaded = "".join(f'<script src="{up}{path}" defer></script>\n' for path in scripts)
    return (
        f'<!DOCTYPE html>\n<html lang="{current_language()}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(whole)}</title>\n"
        f'<link rel="icon" type="image/svg+xml" href="{up}static/icon.svg">\n'
        f'<link rel="stylesheet" href="{up}static/site.css">\n'
        f'<link rel="alternate" type="application/atom+xml" title="{escape(title)}" '
        f'href="{up}feed.atom">\n'
        f"{_social(settings, head)}{head.extra}{loaded}</head>\n"
        f'<body{_words()}>\n<a class="skip" href="#content">{_("Skip to the content")}</a>\n'
        f'<header><nav aria-label="{_("Site")}">'
        f'<a href="{up}index.html"><b>{escape(title)}</b></a> {links}</nav></header>\n'
        f'<main id="content" tabindex="-1">\n{body}\n</main>\n'
        f"<footer><p>{_('Made with hubbub from the messages of a project.')} {data}</p></footer>"
        "\n</body>\n</html>\n"
    )


def _words() -> str:
    """Return the attribute of the body from which the script that copies takes its words."""
    if current_language() == ENGLISH:
        return ""
    words = json.dumps({text: _(text) for text in _COPYING}, ensure_ascii=False)
    return f' data-words="{escape(words)}"'


def _link(up: str, path: str, name: str, here: str) -> str:
    current = ' aria-current="page"' if path == here else ""
    return f'<a href="{up}{path}"{current}>{name}</a>'


def _social(settings: Settings, head: Head) -> str:
    """Return what social media read; they need whole addresses."""
    description = escape(clean(head.description, 300))
    lines = [f'<meta name="description" content="{description}">'] if description else []
    if settings.url:
        here = escape(settings.url + ("" if head.path == "index.html" else head.path))
        lines += [
            f'<link rel="canonical" href="{here}">',
            f'<meta property="og:url" content="{here}">',
            '<meta property="og:type" content="website">',
            f'<meta property="og:site_name" content="{escape(clean(settings.title, 200))}">',
            f'<meta property="og:title" content="{escape(clean(head.title, 200))}">',
            f'<meta property="og:description" content="{description}">',
        ]
        if head.image:
            lines += [
                f'<meta property="og:image" content="{escape(settings.url + head.image)}">',
                '<meta property="og:image:width" content="1200">',
                '<meta property="og:image:height" content="630">',
                f'<meta property="og:image:alt" content="{description}">',
                '<meta name="twitter:card" content="summary_large_image">',
            ]
    return "".join(f"{line}\n" for line in lines)


def figure(picture: Picture, up: str, *, lazy: bool) -> str:
    """Return a picture as an image with its description."""
    return image(f"{up}views/{picture.name}.svg", picture.drawing, lazy=lazy)


def coverage_words(facts: Mapping[str, Any]) -> str:
    """Say how complete a range is, with its known gaps.

    Args:
        facts: metadata of a picture or table, with `coverage`.
    """
    coverage = facts.get("coverage")
    if not isinstance(coverage, Mapping):
        return ""
    state, gaps = str(coverage.get("state")), list(coverage.get("gaps") or ())
    words = _(_WORDS[state]) if state in _WORDS else state
    if gaps:
        words = ngettext("Incomplete: {n} known gap.", "Incomplete: {n} known gaps.", len(gaps))
    items = "".join(f"<li>{escape(_gap(gap))}</li>" for gap in gaps[:_GAPS])
    hidden = len(gaps) - _GAPS
    more = f"<li>{_('and {n} more', n=amount(hidden))}</li>" if hidden > 0 else ""
    listed = f"<ul>{items}{more}</ul>" if items else ""
    return (
        f'<div class="coverage" data-state="{escape(state)}"><p>{escape(words)}</p>{listed}</div>'
    )


def _gap(gap: Mapping[str, Any]) -> str:
    """Say when messages are missing, and why."""
    return _(
        "{start} to {end}: {why}", start=gap["start"], end=gap["end"], why=clean(gap["why"], 200)
    )


def range_words(facts: Mapping[str, Any]) -> str:
    """Return the first and the last day of a range for readers."""
    start, end = (numeric_date(date.fromisoformat(day)) if day else "" for day in days(facts))
    return _("{start} to {end}", start=start, end=end)


def days(facts: Mapping[str, Any]) -> tuple[str, str]:
    """Return the first and the last day of a range, ISO 8601; empty if it is not known."""
    since, until = (str(facts.get(name, "")) for name in ("since", "until"))
    if not since or not until:
        return since[:10], until[:10]
    last = datetime.fromisoformat(until) - timedelta(microseconds=1)
    return since[:10], last.date().isoformat()


def size(number: int) -> str:
    """Return a number of bytes for readers."""
    if number < 1000:  # noqa: PLR2004 - a kilobyte
        return _("{n} B", n=amount(number))
    return _("{n} kB", n=amount(round(number / 1000)))


def link(path: str, name: str, length: int, up: str) -> str:
    """Return a link to a file to download, with its size.

    Args:
        path: in the site.
        name: of the format.
        length: bytes.
        up: from the page to the site's folder.
    """
    return (
        f'<a href="{up}{escape(path)}" download>{escape(name)}</a>&nbsp;'
        f'<span class="quiet unit">({size(length)})</span>'
    )


def file_links(table: Table, files: Mapping[str, bytes], up: str) -> str:
    """Return links to the files of a table, as `link` does."""
    return " ".join(
        link(path, form, len(files[path]), up)
        for suffix, (form, _) in FORMS.items()
        if (path := f"data/{table.name}.{suffix}") in files
    )


def downloads(links: str) -> str:
    """Return a paragraph with links to files."""
    return f'<p class="links">{_("Download: {files}", files=links)}</p>'


def shown(table: Table) -> str:
    """Return the rows of a table as HTML, at most a thousand."""
    return rows_table(table.title, [column.name for column in table.columns], table.rows)
