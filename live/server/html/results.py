"""Parts of pages that show a result: picture, coverage in words, notes, links to files."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from html import escape
from typing import TYPE_CHECKING

from starlette.requests import Request

from hubbub.analyzers.result import Coverage
from hubbub.charts.picture.html import image
from hubbub.docstrings import as_parameters
from hubbub.language.plurals import plural
from hubbub.live.server import pages
from hubbub.zones import Zone

if TYPE_CHECKING:
    from hubbub.charts.picture.drawing import Drawing

__all__ = ["coverage_words", "downloads", "figure", "linked", "notes", "share"]

_GAPS = 10  # that a page lists
_WORDS: Mapping[str, str] = {
    "complete": "Complete: the store has every message of this range.",
    "healed": "Complete: what the bus missed of this range came from history.",
    "unproven": "Completeness unproven: only what was heard or imported is counted.",
}


def figure(drawing: Drawing) -> str:
    """Return a picture; what it says is its alternative text, and below it on small screens.

    It brings its own styles, light and dark, and runs nothing.
    """
    source = f"data:image/svg+xml;base64,{base64.b64encode(drawing.svg()).decode('ascii')}"
    return (
        f'<figure><div class="scroll picture" tabindex="0" role="region" aria-label="Picture">'
        f"{image(source, drawing)}</div>\n"
        f'<figcaption class="said">{escape(drawing.description)}</figcaption></figure>'
    )


def coverage_words(coverage: Coverage, zone: Zone) -> str:
    """Say how complete the range is, with its known gaps."""
    words = _WORDS.get(coverage.state, coverage.state)
    if coverage.gaps:
        words = f"Incomplete: {plural(len(coverage.gaps), 'known gap')}."
    items = "".join(
        f"<li>{escape(zone.iso(gap.start))} to {escape(zone.iso(gap.end))}, {escape(gap.source)}: "
        f"{escape(gap.why)}</li>"
        for gap in coverage.gaps[:_GAPS]
    )
    hidden = len(coverage.gaps) - _GAPS
    more = f"<li>and {hidden:,} more</li>" if hidden > 0 else ""
    listed = f"<ul>{items}{more}</ul>" if items else ""
    state = escape(coverage.state)
    return f'<div class="coverage" data-state="{state}"><p>{escape(words)}</p>{listed}</div>'


def notes(texts: Iterable[str]) -> str:
    """Return remarks on a result, with options named as parameters; empty if there are none."""
    items = "".join(
        f"<li>{escape(text[:1].upper() + text[1:])}</li>" for text in map(as_parameters, texts)
    )
    return f'<ul class="notes">{items}</ul>' if items else ""


def downloads(request: Request, files: Mapping[str, str]) -> str:
    """Return links to files.

    Args:
        request: whose prefix the links get.
        files: paths by the name of the format.
    """
    links = " ".join(pages.anchor(request, path, form) for form, path in files.items())
    return f'<p class="links">Download: {links}</p>'


def share(request: Request, path: str) -> str:
    """Return the address that shows the same tomorrow, with a range of times."""
    return (
        '<h2>Address to share</h2>\n<p class="quiet">It shows the same range tomorrow.</p>\n'
        + linked(request, path)
    )


def linked(request: Request, path: str) -> str:
    """Return an address that is read and copied, as a link to itself."""
    shown = str(request.base_url).rstrip("/") + path
    link = pages.link(request, path)
    return f'<p class="address" data-copy><a href="{link}">{escape(shown)}</a></p>'
