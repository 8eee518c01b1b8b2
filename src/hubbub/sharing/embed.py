"""Code with which other sites show a picture: HTML, Markdown, a frame, oEmbed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from typing import Any

__all__ = ["Embedded", "field", "frame", "html", "markdown", "oembed"]

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|~$<>&])")


@dataclass(frozen=True, slots=True)
class Embedded:
    """A picture that other sites show.

    Attributes:
        picture: address of the picture.
        page: address of its page, to which it links.
        label: alternative text; it is copied once, so it must be true of later data, too.
        width: px.
        height: px.
    """

    picture: str
    page: str
    label: str
    width: int
    height: int


def html(one: Embedded) -> str:
    """Return HTML: the picture with its size, linked to its page."""
    return (
        f'<a href="{escape(one.page)}"><img src="{escape(one.picture)}" alt="{escape(one.label)}" '
        f'width="{one.width}" height="{one.height}" style="max-width:100%;height:auto"></a>'
    )


def markdown(one: Embedded) -> str:
    """Return Markdown: the picture, linked to its page."""
    label = _MARKDOWN.sub(r"\\\1", one.label)
    return f"[![{label}](<{one.picture}>)](<{one.page}>)"


def frame(address: str, title: str, height: int) -> str:
    """Return HTML: a page in a frame as wide as its column.

    Args:
        address: of the page.
        title: what it shows, for screen readers.
        height: px.
    """
    return (
        f'<iframe src="{escape(address)}" title="{escape(title)}" width="100%" height="{height}" '
        'style="border:0" loading="lazy" sandbox="allow-downloads"></iframe>'
    )


def field(identity: str, label: str, code: str) -> str:
    """Return a field that holds code to copy: by keyboard, or by the button of `copy.js`.

    Args:
        identity: unique in the page.
        label: plain text.
        code: the code.
    """
    return (
        f'<div class="field"><label for="{escape(identity)}">{escape(label)}</label>'
        f'<textarea id="{escape(identity)}" class="code" rows="3" readonly spellcheck="false" '
        f"data-copy>\n{escape(code)}</textarea></div>"
    )


def oembed(one: Embedded, *, title: str, site: str, home: str) -> dict[str, Any]:
    """Return the oEmbed document of a picture (https://oembed.com, type photo).

    Args:
        one: the picture.
        title: what it shows.
        site: name of the site.
        home: address of the site.
    """
    return {
        "version": "1.0",
        "type": "photo",
        "title": title,
        "provider_name": site,
        "provider_url": home,
        "url": one.picture,
        "width": one.width,
        "height": one.height,
    }
