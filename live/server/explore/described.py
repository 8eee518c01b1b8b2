"""What a form needs to know of a function: its texts, and its parameters with type and default.

Everything comes from the function's entry in the schema, so that functions of plugins and of other
servers are described like built-in ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hubbub.docstrings import split_docstring
from hubbub.live.server.answers.parameters import Parameters
from hubbub.store.query.selection import FILTERS

__all__ = ["COMMON", "Asked", "Described", "canonical", "describe", "given_text"]

_LIST = "list of "
_YES = ("yes", "no")


@dataclass(frozen=True, slots=True)
class Asked:
    """A parameter.

    Args:
        name: as in an address.
        word: its type in a word: integer, number, text, time, duration, ….
        many: whether it takes several values.
        choices: the values that are allowed; empty: any.
        required: whether it has no default.
        default: as one would write it; empty if there is none to show.
        about: a sentence, or empty.
    """

    name: str
    word: str = "text"
    many: bool = False
    choices: Sequence[str] = ()
    required: bool = False
    default: str = ""
    about: str = ""


_FILTERS_ABOUT: Mapping[str, str] = {
    "topic": "only these topics",
    "category": "only these categories",
    "user": "only events of these users",
    "not_user": "leave out these users",
    "object": "only events that touch these objects",
    "action": "only these actions",
}
#: The parameters that every function takes besides its own.
COMMON: Sequence[Asked] = (
    Asked("since", "time", about="start of the range: 2026-01-31, or 7d for 7 days ago"),
    Asked("until", "time", about="end of the range, not included"),
    *(Asked(name, many=True, about=_FILTERS_ABOUT[name]) for name in FILTERS),
    Asked("by", choices=("agent", "users"), about="count who acted, or all whom a message names"),
    Asked("bots", "yes or no", choices=_YES, about="count known programs as people"),
    Asked("tz", "time zone", about="in which days begin and times are shown: Europe/Berlin"),
)


@dataclass(frozen=True, slots=True)
class Described:
    """A query or view."""

    kind: str
    name: str
    text: str  # paragraphs
    own: Sequence[Asked]
    server: str = ""

    @property
    def summary(self) -> str:
        """The first sentence or line."""
        return self.text.partition("\n\n")[0].replace("\n", " ").strip()

    @property
    def common(self) -> Sequence[Asked]:
        """The common parameters that its own do not hide."""
        hidden = {asked.name for asked in self.own}
        return [asked for asked in COMMON if asked.name not in hidden]

    @property
    def asked(self) -> Sequence[Asked]:
        """All parameters."""
        return [*self.own, *self.common]


def describe(entry: Mapping[str, Any]) -> Described:
    """Return the description of an entry of the schema."""
    text, arguments = split_docstring(str(entry.get("doc") or ""))
    parameters = entry.get("parameters") or ()
    found = (_asked(one, arguments) for one in parameters if isinstance(one, Mapping))
    return Described(
        kind=str(entry["class"]),
        name=str(entry["name"]),
        text=text,
        own=[one for one in found if one.word != "file"],  # the server reads no file for a request
        server=str(entry.get("server") or ""),
    )


def _asked(facts: Mapping[str, Any], arguments: Mapping[str, str]) -> Asked:
    name, word = str(facts.get("name", "")), str(facts.get("type", "text"))
    many = word.startswith(_LIST)
    word = word.removeprefix(_LIST)
    choices = _YES if word == "yes or no" else tuple(word.split("|")) if "|" in word else ()
    return Asked(
        name=name,
        word=word,
        many=many,
        choices=choices,
        required=facts.get("required") is True,
        default=given_text(facts.get("default")),
        about=arguments.get(name, ""),
    )


def given_text(value: Any) -> str:
    """Return a default as one would write it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return "\n".join(map(given_text, value))
    return str(value)


def canonical(described: Described, values: Parameters) -> dict[str, list[str]]:
    """Return the parameters of a submitted form as they stand in an address.

    Values of several lines are several values; empty ones and defaults are left out.
    """
    known = {asked.name: asked for asked in described.asked}
    kept: dict[str, list[str]] = {}
    for name, texts in values.items():
        asked = known.get(name)
        if asked is not None and asked.many:
            found = [line.strip() for text in texts for line in text.splitlines() if line.strip()]
        else:
            found = [text.strip() for text in texts[-1:] if text.strip()]
        if found and (asked is None or "\n".join(found) != asked.default):
            kept[name] = found
    order = {name: place for place, name in enumerate(known)}
    return dict(sorted(kept.items(), key=lambda item: order.get(item[0], len(order))))
