"""A store with a few weeks of events of several users, topics and objects."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hubbub.collector.event import Frame
from hubbub.store import Store
from tests.support.stores.filling import put

__all__ = ["START", "USERS", "fill", "frames", "lines"]

START = 1_767_225_600  # 2026-01-01T00:00:00Z, seconds
USERS = ("ann", "bob", "cid", "dora", "eve", "fay", "gus", "hal")
_TOPICS = ("git.receive", "bodhi.update.comment", "wiki.article.edit", "copr.build.end")


def lines(number: int = 400, days: float = 28, seed: int = 1) -> list[dict[str, Any]]:
    """Return events as lines of jsonl, in order of time; users further back act less often."""
    chance = random.Random(seed)
    weights = [1 / (rank + 1) for rank in range(len(USERS))]
    found = []
    for n in range(number):
        agent = chance.choices(USERS, weights)[0]
        topic = chance.choice(_TOPICS)
        found.append(
            {
                "id": f"small-{seed}-{n}",
                "timestamp": START + int(n * days * 86_400 / number),
                "topic": f"org.example.prod.{topic}",
                "agent": agent,
                "users": sorted({agent, chance.choice(USERS)}),
                "objects": [f"rpms/p{chance.randrange(5)}"],
                "action": topic.rpartition(".")[2],
            }
        )
    return found


def frames(events: Sequence[Mapping[str, Any]], source: str = "jsonl:small") -> list[Frame]:
    """Return lines as the frames of a file."""
    now = time.time_ns() // 1000
    return [
        Frame(source, now, b"", json.dumps(event).encode(), n) for n, event in enumerate(events, 1)
    ]


def fill(folder: Path, events: Sequence[Mapping[str, Any]] | None = None) -> None:
    """Create a store of these events, and load them."""
    with Store.open(folder) as store:
        put(store, *frames(lines() if events is None else events), load=True)
