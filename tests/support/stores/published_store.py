"""A store whose people are in accounts, objects and topics, to publish sites from."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from tests.support.stores.small_store import START, fill

__all__ = ["HOSTILE", "MARK", "lines", "people_store"]

#: In the name of every person, in no other text.
MARK = "zqx"
HOSTILE = "<img src=x onerror=alert(1)>\"'&"
_TOPICS = ("git.receive", "bodhi.update.comment", "wiki.article.edit")


def lines(number: int = 600, days: float = 35) -> list[dict[str, Any]]:
    """Return the events as lines of jsonl."""
    chance = random.Random(5)
    people = [f"{MARK}{n:02}" for n in range(30)]
    found = []
    for n in range(number):
        who = people[min(int(chance.expovariate(0.2)), 29)]
        topic = f"org.example.prod.{_TOPICS[n % 3]}"
        users = [who]
        if n % 20 == 0:  # many use a topic that names one of them, and few use another
            topic = f"org.example.prod.git.branch.{people[0]}.main"
        elif n % 33 == 0:
            users, topic = [people[n % 2]], "org.example.prod.fas.rare.thing"
        elif n % 50 == 1:
            users, topic = [], f"org.example.prod.{HOSTILE}.{HOSTILE}"
        found.append(
            {
                "id": f"p{n}",
                "timestamp": START + int(n * days * 86_400 / number),
                "topic": topic,
                "agent": users[0] if users else None,
                "users": users,
                "objects": [f"forks/{people[n % 4]}/rpms", f"rpms/{HOSTILE}", f"~{who}/home"],
                "size": 100 + n,
            }
        )
    return found


def people_store(folder: Path) -> None:
    """Create the store."""
    fill(folder, lines())
