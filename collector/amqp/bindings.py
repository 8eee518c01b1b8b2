"""Topics as AMQP binds them, and the queue that the store remembers.

A topic prefix ends anywhere, a binding pattern only at a dot. So a prefix is bound as far as its
last dot, and what does not begin with it is not kept. A topic with `*` or `#` is a pattern of AMQP.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from hubbub.collector.amqp.settings import Settings
from hubbub.collector.event import Ledger

__all__ = ["Topics", "queue_key", "remembered_queue"]

_MAX_KEY = 255  # bytes of a routing key


@dataclass(frozen=True, slots=True)
class Topics:
    """What to consume."""

    keys: tuple[str, ...]  # binding patterns
    prefixes: tuple[str, ...] = ()  # of topics to keep; empty: all

    @classmethod
    def of(cls, topics: Sequence[str], settings: Settings) -> Topics:
        """Return how to consume these topics; without any, those of the settings or all."""
        if not topics:
            return cls(settings.routing_keys or ("#",))
        keys = tuple(dict.fromkeys(_key(topic) for topic in topics))
        patterns = any(_is_pattern(topic) for topic in topics)
        return cls(keys, () if patterns else tuple(topics))

    def match(self, topic: str) -> bool:
        """Whether a message of this topic is to be kept."""
        return not self.prefixes or topic.startswith(self.prefixes)


def _is_pattern(topic: str) -> bool:
    return any(word in {"*", "#"} for word in topic.split("."))


def _key(topic: str) -> str:
    if _is_pattern(topic):
        return topic
    known, dot, _ = topic.rpartition(".")
    key = f"{known}{dot}#"
    return key if len(key.encode()) <= _MAX_KEY else "#"


def queue_key(source: str) -> str:
    """Return the ledger's key of the queue of a source: its name and its bindings."""
    return f"queue {source}"


def remembered_queue(settings: Settings, topics: Topics, ledger: Ledger) -> tuple[str, list[str]]:
    """Return the name of the queue to consume and its stale bindings; a new name is stored.

    The name is a UUID, as Fedora's public broker demands.
    """
    key = queue_key(settings.source)
    known = ledger.get(key) or {}
    name = settings.queue or known.get("name") or str(uuid4())
    bound = known.get("keys", []) if name == known.get("name") else []
    stale = [each for each in bound if each not in topics.keys]
    wanted = {"name": name, "keys": sorted({*bound, *topics.keys})}
    if wanted != known:
        ledger.set(key, wanted)
    return name, stale
