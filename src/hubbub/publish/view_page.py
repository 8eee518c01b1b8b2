"""The page of one view: the picture, what it shows, its table, its files, and code to embed it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape

from hubbub.charts.picture.text import clean
from hubbub.charts.report.selection import readings
from hubbub.language import _
from hubbub.publish import pages
from hubbub.publish.pictures import CARD, Picture
from hubbub.publish.settings import Settings
from hubbub.sharing import embed

__all__ = ["PLACEHOLDER", "body", "oembed"]

#: The address in code to embed where the site does not know its own; a script replaces it.
PLACEHOLDER = "https://example.org/stats/"


def _embedded(settings: Settings, picture: Picture) -> embed.Embedded:
    base = settings.url or PLACEHOLDER
    return embed.Embedded(
        picture=f"{base}views/{picture.name}.svg",
        page=f"{base}views/{picture.name}.html",
        label=f"{picture.label} ({clean(settings.title, 100)})",
        width=picture.size[0],
        height=picture.size[1],
    )


def oembed(settings: Settings, picture: Picture) -> bytes:
    """Return the oEmbed document of a picture: its card if there is one, else the SVG."""
    one = _embedded(settings, picture)
    if picture.card:
        card = f"{settings.url}cards/{picture.name}.png"
        one = embed.Embedded(card, one.page, one.label, *CARD)
    found = embed.oembed(
        one, title=picture.drawing.title, site=clean(settings.title, 100), home=settings.url
    )
    return (json.dumps(found, indent=1, sort_keys=True) + "\n").encode("ascii")


def body(settings: Settings, picture: Picture, files: Mapping[str, bytes]) -> str:
    """Return the body.

    Args:
        settings: of the site.
        picture: the picture.
        files: of the site so far: those of the picture and its table.
    """
    drawn = " ".join(
        pages.link(path, form, len(files[path]), "../")
        for path, form in (
            (f"views/{picture.name}.svg", "SVG"),
            (f"cards/{picture.name}.png", _("PNG for social media")),
        )
        if path in files
    )
    overview = f'<a href="../index.html">{_("Overview")}</a>'
    table = f"<summary>{_('Show the table')}</summary>\n{pages.shown(picture.table)}\n"
    parts = [
        f'<p class="quiet">{overview} · {escape(picture.label)}</p>',
        f"<h1>{escape(picture.drawing.title)}</h1>",
        f"<p>{escape(picture.about.replace('`', ''))}</p>" if picture.about else "",
        _figure(picture),
        pages.downloads(drawn),
        pages.coverage_words(picture.drawing.metadata),
        _reading(picture.name),
        f"<h2>{_('The data')}</h2>",
        pages.downloads(pages.file_links(picture.table, files, "../")),
        f"<details>{table}</details>",
        _embedding(settings, picture),
    ]
    return "\n".join(filter(None, parts))


def _reading(view: str) -> str:
    """Return how to read a view, and when not to trust it; empty for a view of a plugin."""
    reading = readings().get(view)
    if reading is None:
        return ""
    return (
        f"<h2>{_('How to read it')}</h2>\n<p>{escape(_(reading.how))}</p>\n"
        f"<h2>{_('When not to trust it')}</h2>\n<p>{escape(_(reading.when))}</p>"
    )


def _figure(picture: Picture) -> str:
    """Return the picture; on small screens its description stands below it."""
    return (
        '<figure><div class="scroll picture" tabindex="0" role="region" '
        f'aria-label="{_("Picture")}">'
        f"{pages.figure(picture, '../', lazy=False)}</div>\n"
        f'<figcaption class="said">{escape(picture.drawing.description)}</figcaption></figure>'
    )


def _embedding(settings: Settings, picture: Picture) -> str:
    one = _embedded(settings, picture)
    base = settings.url or PLACEHOLDER
    page = f"{base}views/{picture.name}.html"
    badge = embed.markdown(
        embed.Embedded(f"{base}badges/{picture.name}.svg", page, picture.label, 0, 0)
    )
    note = (
        ""
        if settings.url
        else '<p class="quiet place">'
        f"{_('Write the address of this site for {address}', address=PLACEHOLDER)}</p>"
    )
    codes = (("HTML", embed.html(one)), ("Markdown", embed.markdown(one)),
             (_("Badge, Markdown"), badge))  # fmt: skip
    blocks = "\n".join(embed.field(f"code-{n}", *each) for n, each in enumerate(codes, 1))
    shown = _(
        "The picture follows each update of this site: {badge}.",
        badge=f'<img class="badge" src="../badges/{picture.name}.svg" alt="{_("Badge")}">',
    )
    return f"<h2>{_('Show it elsewhere')}</h2>\n<p>{shown}</p>\n{note}{blocks}"
