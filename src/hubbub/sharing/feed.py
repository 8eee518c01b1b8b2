"""What changed in each complete week, as an Atom feed (RFC 4287)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from xml.etree import ElementTree as ET

from hubbub.charts.picture.text import clean
from hubbub.language import current_language
from hubbub.sharing.weeks import Week
from hubbub.times import iso

__all__ = ["MEDIA_TYPE", "Feed", "document"]

MEDIA_TYPE = "application/atom+xml; charset=utf-8"
_ATOM = "http://www.w3.org/2005/Atom"
_NEVER = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Feed:
    """What a feed says of itself.

    Attributes:
        identity: at least 32 hexadecimal digits, from which its ids are made.
        title: plain text.
        own: its address; empty if it is not known.
        page: the address of the page that it belongs to.
        week: returns the address of the page of a week.
    """

    identity: str
    title: str
    own: str
    page: str
    week: Callable[[Week], str]


def document(weeks: Sequence[Week], feed: Feed) -> bytes:
    """Return the feed, in the current language; each week, the newest first, is an entry."""
    ET.register_namespace("", _ATOM)
    language = {"{http://www.w3.org/XML/1998/namespace}lang": current_language()}
    root = ET.Element(f"{{{_ATOM}}}feed", language)
    _add(root, "id", _urn(feed.identity, "feed"))
    _add(root, "title", clean(feed.title, 200))
    _add(root, "updated", iso(weeks[0].end) if weeks else _NEVER)
    _add(_add(root, "author"), "name", "hubbub")
    if feed.own:
        _link(root, "self", feed.own, "application/atom+xml")
    _link(root, "alternate", feed.page, "text/html")
    for week in weeks:
        entry = _add(root, "entry")
        _add(entry, "id", _urn(feed.identity, iso(week.start)))
        _add(entry, "title", week.title)
        _add(entry, "updated", iso(week.end))
        _add(entry, "published", iso(week.end))
        _link(entry, "alternate", feed.week(week), "text/html")
        sentences = "".join(f"<p>{escape(sentence)}</p>" for sentence in week.sentences)
        _add(entry, "content", sentences, type="html")
    encoded: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return encoded


def _add(parent: ET.Element, name: str, text: str = "", **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, f"{{{_ATOM}}}{name}", attributes)
    if text:
        element.text = text
    return element


def _link(parent: ET.Element, relation: str, address: str, media_type: str) -> None:
    _add(parent, "link", rel=relation, href=address, type=media_type)


def _urn(identity: str, part: str) -> str:
    """Return an id that no other feed has, and that does not change."""
    return uuid.uuid5(uuid.UUID(identity[:32]), part).urn
