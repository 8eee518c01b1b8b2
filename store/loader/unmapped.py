"""Count, while loading, topics that no rule exists for or whose rule matched nothing.

The counts are kept in the state as one checkpoint. Its size is bounded: once it has `MOST` topics,
new ones are counted together, as `REST`.

After its verb a topic may continue with more words (`update.comment`), or with a repository's name,
which may contain dots, and a branch. The latter are cut off: the topic
`org.example.prod.builds.done.python3.8.main` counts as `org.example.prod.builds.done.*`, which is
also the glob that a rule for it needs. A name is recognised by a character that no verb has, or by
more than `VERBS` different values in its place.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hubbub.collector.topics import names_owner

__all__ = ["KEY", "MOST", "REST", "VERBS", "Unmapped", "add", "cut", "tally", "unmapped"]

KEY = "unmapped"  # of the checkpoint
MOST = 500  # topics that are counted separately
REST = "*"  # stands for all others
VERBS = 12  # different continuations after a topic's verb
_PARTS = 5  # of a topic: prefix (two), environment, category, verb
_OF_FORGE = 2  # of `opensuse.src.OWNER.push`: scope, category
_WORD = re.compile(r"[a-z_]+")

#: The checkpoint: "why topic" → [messages, id of the first one, its topic uncut].
Document = dict[str, list[Any]]


@dataclass(frozen=True, slots=True)
class Unmapped:
    """A topic, or several with a common prefix, that no rule matched."""

    topic: str  # cut, or `REST`
    why: str  # `no-rule` or `no-fit`
    messages: int
    example: str  # id of one of them
    example_topic: str  # its topic, uncut


@lru_cache(maxsize=4_096)  # topics of up to 1,000 characters
def cut(topic: str) -> str:
    """Cut a topic after its verb, with `*` for the rest, if a name follows the verb."""
    rest = topic.split(".")[_parts(topic) :]
    return topic if all(_WORD.fullmatch(part) for part in rest) else f"{_stem(topic)}.*"


def _stem(topic: str) -> str:
    parts = _parts(topic)
    return ".".join(topic.split(".", parts)[:parts])


def _key_stem(key: str) -> str:
    why, _, topic = key.partition(" ")
    return f"{why} {_stem(topic)}"


def _parts(topic: str) -> int:
    """Return how many parts of a topic precede the names in it."""
    return _OF_FORGE if names_owner(topic) else _PARTS


def tally(missed: Iterable[tuple[str, str, str]]) -> Document:
    """Count the (why, topic, id) of new events."""
    counts: Document = {}
    for why, topic, event_id in missed:
        key = f"{why} {cut(topic)}"
        if key in counts:
            counts[key][0] += 1
        else:
            counts[key] = [1, event_id, topic]
    return counts


def add(stored: Mapping[str, Sequence[Any]] | None, new: Mapping[str, Sequence[Any]]) -> Document:
    """Add new counts to the stored ones; topics beyond `MOST` are added to `REST`."""
    stored = stored or {}
    out: Document = {}
    stems = Counter(_key_stem(key) for key in {*stored, *new} if _key_stem(key) != key)
    for full_key, (n, event_id, topic) in [*stored.items(), *new.items()]:
        key, stem = full_key, _key_stem(full_key)
        glob = f"{stem}.*"
        if stem != key and (stems[stem] > VERBS or glob in new or glob in stored):
            key = glob
        if key not in out and len(out) >= MOST and key not in stored:
            key = f"{key.partition(' ')[0]} {REST}"
        if key in out:
            out[key][0] += n
        else:
            out[key] = [n, event_id, topic]
    return out


def unmapped(document: Mapping[str, Sequence[Any]] | None) -> list[Unmapped]:
    """Return the counted topics, most frequent first."""
    topics = [
        Unmapped(topic, why, n, event_id, uncut)
        for key, (n, event_id, uncut) in (document or {}).items()
        for why, _, topic in [key.partition(" ")]
    ]
    return sorted(topics, key=lambda t: (-t.messages, t.topic, t.why))
