"""Topics without a rule, and topics whose rule found nothing: counted while loading.

Comes in: topics and ids of new events, and why nothing was found in them (`people.MISSED`). Goes
out: a short list, most frequent first. It is kept in the state as one checkpoint, bounded: a bus
with an endless tail of topics adds to a common rest once `MOST` topics are kept.

Behind its verb a topic may say more (`update.comment`), or hold the name of a repository, with dots
in it, and a branch. Those are cut: `org.example.prod.builds.done.python3.8.main` counts as
`org.example.prod.builds.done.*`, which is also the glob that a rule for it needs. A name is told by
a character that no verb has, or by there being more than `VERBS` different things in its place.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["KEY", "MOST", "REST", "VERBS", "Unmapped", "add", "cut", "tally", "unmapped"]

KEY = "unmapped"  # of the checkpoint
MOST = 500  # topics that are kept
REST = "*"  # stands for the topics beyond these
VERBS = 12  # different ends of a topic behind its verb
_PARTS = 5  # of a topic: prefix (two), environment, category, verb
_WORD = re.compile(r"[a-z_]+")

#: What the checkpoint holds: "why topic" → [messages, id and whole topic of the first one].
Document = dict[str, list[Any]]


@dataclass(frozen=True, slots=True)
class Unmapped:
    """One line of the list."""

    topic: str  # cut, or `REST`
    why: str  # `no-rule` or `no-fit`
    messages: int
    example: str  # id of one of them
    example_topic: str  # its topic, whole


def cut(topic: str) -> str:
    """A topic; up to its verb and `*`, if a name follows there."""
    more = topic.split(".")[_PARTS:]
    return topic if all(_WORD.fullmatch(part) for part in more) else f"{_stem(topic)}.*"


def _stem(topic: str) -> str:
    return ".".join(topic.split(".", _PARTS)[:_PARTS])


def tally(missed: Iterable[tuple[str, str, str]]) -> Document:
    """Count (why, topic, id) of new events."""
    found: Document = {}
    for why, topic, identity in missed:
        key = f"{why} {cut(topic)}"
        if key in found:
            found[key][0] += 1
        else:
            found[key] = [1, identity, topic]
    return found


def add(kept: Mapping[str, Sequence[Any]] | None, more: Mapping[str, Sequence[Any]]) -> Document:
    """What is kept, and more of it; topics beyond `MOST` go to the rest."""
    out: Document = {}
    stems = Counter(_stem(key) for key in {*(kept or {}), *more} if _stem(key) != key)
    for key, (n, identity, topic) in [*(kept or {}).items(), *more.items()]:
        stem = _stem(key)
        many = f"{stem}.*"
        if stem != key and (stems[stem] > VERBS or many in more or many in (kept or {})):
            key = many  # noqa: PLW2901
        if key not in out and len(out) >= MOST and key not in (kept or {}):
            key = f"{key.partition(' ')[0]} {REST}"  # noqa: PLW2901
        if key in out:
            out[key][0] += n
        else:
            out[key] = [n, identity, topic]
    return out


def unmapped(kept: Mapping[str, Sequence[Any]] | None) -> list[Unmapped]:
    """The list, most frequent first."""
    lines = [
        Unmapped(topic, why, n, identity, whole)
        for key, (n, identity, whole) in (kept or {}).items()
        for why, _, topic in [key.partition(" ")]
    ]
    return sorted(lines, key=lambda one: (-one.messages, one.topic, one.why))
