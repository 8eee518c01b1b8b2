"""Events in the custom log format of Gource, which draws them as a growing tree.

A line is `unixtime|user|A or M|category/topic/object|RRGGBB`. Gource ends at a first line that it
cannot read and drops later ones silently; it expects times that never decrease.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from hashlib import blake2b

from hubbub.collector.event import Event
from hubbub.formats.tables import clean
from hubbub.live.stream.people import Numbered

__all__ = ["GourceLog", "caption", "colour"]

#: Colours that are told apart on black, also with the common colour vision deficiencies.
_COLOURS = (
    "56B4E9", "E69F00", "009E73", "F0E442", "CC79A7", "D55E00", "0072B2", "B8B8B8",
    "8DD3C7", "BEBADA", "FB8072", "B3DE69",
)  # fmt: skip
_MAX_OBJECTS = 20  # lines of one event
_NAMED = 3  # objects of a caption
_MAX_TEXT = 200  # characters of a user or of one part of a path
_MAX_PATHS = 200_000  # that are remembered as added
_MAX_TINTS = 10_000  # categories whose colours are remembered
_RESERVED = re.compile(r"[|\s]+")


def _text(value: str) -> str:
    """Return a field: no separator, no line break, nothing that changes a terminal or the order."""
    return _RESERVED.sub(" ", clean(value))[:_MAX_TEXT].strip()


def colour(category: str) -> str:
    """Return the colour of a category, RRGGBB; always the same for the same name."""
    digest = blake2b(category.encode(), digest_size=4).digest()
    return _COLOURS[int.from_bytes(digest, "big") % len(_COLOURS)]


def caption(time: int, text: str) -> str:
    """Return a line of Gource's caption file.

    Args:
        time: seconds since the epoch.
        text: of the caption; Gource leaves out a caption without a text.
    """
    return f"{max(time, 1)}|{_text(text) or '?'}\n"


def _path(category: str, happened: str, name: str) -> str:
    """Return where an object grows: category, what happened, object."""
    parts = [category, happened.replace(".", "-"), *name.split("/")]
    texts = (_text(part).replace("/", "-") for part in parts)
    return "/".join(text for text in texts if text and text not in {".", ".."}) or "messages"


class GourceLog:
    """Formats events, in order of time, as lines of a log.

    Args:
        names: whether users are named; otherwise they are `person 1`, `person 2`, ….
    """

    def __init__(self, *, names: bool = True) -> None:
        self._people = Numbered(names=names)
        self._tints: dict[str, str] = {}  # by category
        self._paths: OrderedDict[str, None] = OrderedDict()
        self._last = 1  # seconds since the epoch, of the last line

    @property
    def names(self) -> bool:
        """Whether people are named."""
        return self._people.names

    def caption(self, event: Event) -> str:
        """Return the text of a message's caption: what happened, and to what."""
        hide = self._people.hide
        happened = hide(event.topic.rpartition(".")[2], event)
        return " ".join((happened, *(hide(name, event) for name in event.objects[:_NAMED])))

    def lines(self, event: Event) -> Iterator[str]:
        """Yield the lines of an event: one for each object, or one for none.

        An event without a user is done by its category; one that is older than the last line gets
        the time of that line.
        """
        self._last = max(self._last, event.time // 1_000_000)
        user = self._user(event)
        tint = self._tint(event.category)
        objects = event.objects[:_MAX_OBJECTS] or ("messages",)
        _, _, happened = event.topic.partition(f".{event.category}.")
        happened = self._people.hide(happened or event.topic, event)
        names = (self._people.hide(name, event) for name in objects)
        for path in dict.fromkeys(_path(event.category, happened, name) for name in names):
            yield f"{self._last}|{user}|{self._modifier(path)}|{path}|{tint}\n"

    def all_lines(self, events: Iterable[Event]) -> Iterator[str]:
        """Yield the lines of events."""
        for event in events:
            yield from self.lines(event)

    def _user(self, event: Event) -> str:
        name = self._people.actor(event)
        return _text(event.category if name is None else name) or "?"

    def _tint(self, category: str) -> str:
        """Return the category's colour: its own, or if another one has that the next free one."""
        known = self._tints.get(category)
        if known is None:
            own = _COLOURS.index(colour(category))
            used = set(self._tints.values())
            known = next((c for c in (*_COLOURS[own:], *_COLOURS[:own]) if c not in used), None)
            known = known or _COLOURS[own]
            if len(self._tints) < _MAX_TINTS:
                self._tints[category] = known
        return known

    def _modifier(self, path: str) -> str:
        """Return A for a path that is new, else M."""
        known = path in self._paths
        self._paths[path] = None
        self._paths.move_to_end(path)
        if len(self._paths) > _MAX_PATHS:
            self._paths.popitem(last=False)
        return "M" if known else "A"
