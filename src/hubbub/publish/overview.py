"""The first page of a site: what the pictures say, with the pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from hubbub.charts.picture.sheet import SEVERAL
from hubbub.charts.picture.text import clean
from hubbub.language import _
from hubbub.publish import catalogue, pages
from hubbub.publish.pictures import Missing, Picture
from hubbub.publish.settings import Settings

__all__ = ["body", "description", "grouped", "missing_words"]

_EAGER = 2  # pictures that are loaded at once
#: Bytes of all pictures on the page: with the page itself a first load of at most 150 kB, also
#: where a browser loads pictures that are far down. The others are on their pages.
_BUDGET = 125_000


def description(pictures: Sequence[Picture], span: str) -> str:
    """Return the main finding with its range: how few people do half of the work."""
    first = next((p for p in pictures if p.name == "tail"), pictures[0] if pictures else None)
    if first is None:
        return _("There is nothing to show of {range}.", range=span)
    finding = first.drawing.title
    if (several := _(SEVERAL)) in first.drawing.description:
        return _("{finding} ({remark}), {range}.", finding=finding, remark=several, range=span)
    return _("{finding}, {range}.", finding=finding, range=span)


def grouped(pictures: Sequence[Picture]) -> list[tuple[str, list[Picture]]]:
    """Return the headings that have pictures, each with them."""
    found, rest = [], {picture.name: picture for picture in pictures}
    for heading, names in catalogue.GROUPS:
        here = [rest.pop(name) for name in names if name in rest]
        if here:
            found.append((_(heading), here))
    if rest:
        found.append((_(catalogue.MORE), list(rest.values())))
    return found


def missing_words(missing: Sequence[Missing]) -> str:
    """Return a paragraph that names the views that were not drawn, and why; empty if all were."""
    if not missing:
        return ""
    reasons: dict[str, list[str]] = {}
    for each in missing:
        reasons.setdefault(each.why, []).append(each.label)
    parts = [
        _("{views}: {reason}", views=", ".join(names), reason=why) for why, names in reasons.items()
    ]
    listed = _("Not drawn. {views}.", views=clean("; ".join(parts), 2000))
    return f'<p class="quiet">{escape(listed)}</p>'


def body(
    settings: Settings,
    pictures: Sequence[Picture],
    missing: Sequence[Missing],
    span: str,
    facts: Mapping[str, Any],
) -> str:
    """Return the body.

    Args:
        settings: of the site.
        pictures: in the order of the page.
        missing: views that were not drawn.
        span: the range in words.
        facts: metadata of the range, with its coverage.
    """
    number, room, sections = 0, _BUDGET, []
    for heading, here in grouped(pictures):
        items = []
        for picture in here:
            length = len(picture.drawing.data)
            items.append(_item(picture, lazy=number >= _EAGER, image=length <= room))
            room -= length if length <= room else 0
            number += 1
        joined = "\n".join(items)
        sections.append(f'<h2>{escape(heading)}</h2>\n<div class="grid">\n{joined}\n</div>')
    parts = [
        f"<h1>{escape(clean(settings.title, 200))}</h1>",
        f'<p class="lead">{escape(description(pictures, span))}</p>',
        f"<p>{_about(settings, span)}</p>",
        pages.coverage_words(facts),
        *sections,
        missing_words(missing),
    ]
    return "\n".join(filter(None, parts))


def _about(settings: Settings, span: str) -> str:
    """Return what the page shows, and where the rest is; HTML."""
    explore = f'<a href="explore.html">{_("Explore")}</a>'
    data = f'<a href="data.html">{_("the data")}</a>'
    sentences = [_("The pictures show {range}.", range=escape(span))]
    if not settings.names:
        sentences.append(_("People are counted, and not named."))
    sentences.append(
        _("{explore} other times and topics, or take {data}.", explore=explore, data=data)
    )
    return " ".join(sentences)


def _item(picture: Picture, *, lazy: bool, image: bool) -> str:
    link = f"views/{picture.name}.html"
    shown = (
        f'<a class="thumb" href="{link}" tabindex="-1" aria-hidden="true">'
        f"{pages.figure(picture, '', lazy=lazy)}</a>\n"
    )
    return (
        f'<figure>{shown if image else ""}<figcaption><h3><a href="{link}">'
        f"{escape(picture.label)}</a></h3>\n<p>{escape(picture.drawing.title)}</p></figcaption>"
        "</figure>"
    )
