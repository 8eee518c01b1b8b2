"""Topics without a rule, and topics whose rule found nothing: counted while loading.

Comes in: topics and ids of new events, and why nothing was found in them (`people.MISSED`). Goes
out: a short list, most frequent first. It is kept in the state as one checkpoint, bounded: a bus
with an endless tail of topics adds to a common rest once `MOST` topics are kept.

A topic is cut behind its verb, since what follows there are names of repositories and branches:
`org.example.prod.builds.done.python3.8.main` counts as `org.example.prod.builds.done.*`, which is
also the glob that a rule for it needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["KEY", "MOST", "REST", "Unmapped", "add", "cut", "tally", "unmapped"]

KEY = "unmapped"  # of the checkpoint
MOST = 500  # topics that are kept
REST = "*"  # stands for the topics beyond these
_PARTS = 5  # of a topic: prefix (two), environment, category, verb

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
    """A topic up to its verb; `*` for what follows."""
    parts = topic.split(".", _PARTS)
    return topic if len(parts) <= _PARTS else ".".join((*parts[:_PARTS], "*"))


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
    out = {key: list(value) for key, value in (kept or {}).items()}
    for key, (n, identity, topic) in more.items():
        name = key
        if name not in out and len(out) >= MOST:
            name = f"{key.partition(' ')[0]} {REST}"
        if name in out:
            out[name][0] += n
        else:
            out[name] = [n, identity, topic]
    return out


def unmapped(kept: Mapping[str, Sequence[Any]] | None) -> list[Unmapped]:
    """The list, most frequent first."""
    lines = [
        Unmapped(topic, why, n, identity, whole)
        for key, (n, identity, whole) in (kept or {}).items()
        for why, _, topic in [key.partition(" ")]
    ]
    return sorted(lines, key=lambda one: (-one.messages, one.topic, one.why))
