"""What a site shows of whom, before it is published.

All texts of the finished site are searched for the accounts of the store, so that also a name in a
topic or an object is found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hubbub.charts.picture import text
from hubbub.language import _
from hubbub.language.plurals import plural
from hubbub.publish import catalogue
from hubbub.publish.pictures import Picture
from hubbub.publish.settings import Settings
from hubbub.publish.site import Site

__all__ = ["Visible", "document", "lines", "visible"]

_PARTS = re.compile(r"[^\w.~@+-]+|(?<=\w)[./]")
_NAMES = 12  # that are listed
_NUMBERS = "feed, badges"


@dataclass(frozen=True, slots=True)
class Visible:
    """What one part of a site shows of people.

    Attributes:
        part: a view, or `explorer`.
        numbered: how many people it shows under a number.
        columns: what it tells of each of them.
        found: accounts that occur in its texts.
    """

    part: str
    numbered: int
    columns: Sequence[str]
    found: Sequence[str]


def visible(site: Site, accounts: Iterable[str], bots: Iterable[str]) -> list[Visible]:
    """Return what each part of a site shows of people.

    Args:
        site: the finished site.
        accounts: all accounts of the store.
        bots: globs of known programs, which are no people.
    """
    from hubbub.collector.names import is_bot

    globs = tuple(bots)
    known = {name.casefold(): name for name in accounts if not is_bot(name, globs)}
    parts = [_part(picture, known) for picture in site.pictures]
    found: set[str] = set()
    for row in site.explorer.topics.rows:
        found |= _found(row[2], known)
    return [*parts, Visible("explorer", 0, (), sorted(found))]


def _part(picture: Picture, known: Mapping[str, str]) -> Visible:
    number = re.escape(_("person {number}", number="#")).replace(r"\#", r"\d+")
    numbered: set[str] = set()
    found: set[str] = set()
    for one in _texts(picture):
        numbered.update(re.findall(number, one))
        found |= _found(one, known)
    columns = [c.name for c in picture.table.columns if c.name != "user"] if numbered else []
    return Visible(picture.name, len(numbered), columns, sorted(found))


def _texts(picture: Picture) -> Iterator[str]:
    drawing = picture.drawing
    yield from (drawing.title, drawing.description, str(drawing.metadata))
    yield from (column.name for column in picture.table.columns)
    yield from (cell for row in picture.table.rows for cell in row if isinstance(cell, str))
    yield from re.findall(r">([^<>]+)</text>", drawing.svg().decode("utf-8", "replace"))


def _found(one: str, known: Mapping[str, str]) -> set[str]:
    """Return the accounts that a text names: it as a whole, or a word or part of it."""
    if one in {"", None}:
        return set()
    words = {one, *re.split(r"[^\w.~@+-]+", one), *_PARTS.split(one)}
    stripped = {word.strip(".~@+-").casefold() for word in words}
    return {known[word] for word in stripped if word in known}


def document(site: Site, settings: Settings, parts: Sequence[Visible]) -> dict[str, Any]:
    """Return it for programs."""
    return {
        "names": settings.names,
        "least": 0 if settings.names else settings.least,
        "parts": [
            {"part": p.part, "numbered": p.numbered, "columns": list(p.columns),
             "accounts": list(p.found)}
            for p in parts
        ],
        "not_drawn": {each.name: each.why for each in site.missing},
    }  # fmt: skip


def lines(site: Site, settings: Settings, parts: Sequence[Visible]) -> Iterator[str]:
    """Yield it for readers."""
    named = "People would be named." if settings.names else "People would be counted, not named."
    yield f"{named} The site would show of people:"
    names = [_NUMBERS, *(part.part for part in parts), *(each.name for each in site.missing)]
    width = max(map(len, names)) + 2
    for part in parts:
        yield f"  {part.part:<{width}}{_words(part, settings)}"
    for each in site.missing:
        yield f"  {each.name:<{width}}not drawn: {text.clean(each.why, 160)}"
    if settings.names:
        everybody = sorted({name for part in parts for name in part.found})
        yield f"Accounts that are named: {_listed(everybody)}"
        return
    yield (f"  {_NUMBERS:<{width}}numbers of messages and people")
    where: dict[str, list[str]] = {}
    for part in parts:
        for name in part.found:
            where.setdefault(name, []).append(part.part)
    if not where:
        yield "No account of the store occurs in a text of the site."
        return
    yield "These accounts occur in texts of the site, perhaps as an ordinary word:"
    for name, places in sorted(where.items())[:_NAMES]:
        yield f"  {text.clean(name, 60)}  (in {', '.join(places[:4])})"
    if len(where) > _NAMES:
        yield f"  and {len(where) - _NAMES:,} more: --json lists all"
    yield "Leave them out with --not-user NAME, choose --views, or forget them: hubbub forget NAME."


def _words(part: Visible, settings: Settings) -> str:
    if part.part == "explorer":
        if settings.names:
            return "numbers of messages by topic, and of people by category"
        return (
            "numbers of messages by topic, and of people by category, "
            f"where they are at least {settings.least}"
        )
    if part.part in catalogue.PROFILES and part.found:
        return f"what {plural(len(part.found), 'person', 'people')} did: {_listed(part.found)}"
    if part.numbered:
        return (
            f"{plural(part.numbered, 'person', 'people')} without names, of each: "
            f"{', '.join(part.columns)}"
        )
    if settings.names and part.found:
        return f"{plural(len(part.found), 'account')} by name: {_listed(part.found)}"
    return "nothing of single people"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(text.clean(name, 40) for name in names[:_NAMES])
    return f"{shown} and {len(names) - _NAMES:,} more" if len(names) > _NAMES else shown or "none"
