"""A store with events of all kinds that built-in queries read, some of them not in the rollups."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hubbub.collector.event import Event, Frame
from hubbub.store import Store
from hubbub.store.rollups import refresh
from hubbub.times import to_micros
from tests.support.stores.filling import put

__all__ = ["DAYS", "START", "USERS", "fill"]

START = datetime(2025, 12, 1, tzinfo=UTC)  # a Monday
DAYS = 56
USERS = ("ann", "bob", "cy", "dora", "eve", "fay", "bodhi", "koji")
TOPICS = ("git.receive", "wiki.article.edit", "bodhi.update.comment", "git.tag")


def some_event(chance: random.Random, n: int) -> Event:
    """Return an event at any time of the range, often at the edges of hours and days."""
    offset = chance.choice([0, -1, *(chance.randrange(24 * 3_600_000_000) for _ in range(5))])
    at = START + chance.randrange(1, DAYS) * timedelta(days=1) + timedelta(microseconds=offset)
    kind = chance.random()
    objects: tuple[str, ...]
    users = chance.choices(USERS, [1 / rank for rank in range(1, 9)], k=chance.choice((0, 1, 1, 2)))
    if kind < 0.1:
        topic = category = "notebook.access"
        users, objects = users[:1] or ["ann"], (f"b/c{chance.randrange(3)}//x.ipynb",)
        action = chance.choice(["open", "open", "killing"])
    elif kind < 0.2:
        topic, category, users, action = "http.access", "http.access", [], "GET"
        objects = (f"/s{chance.randrange(4)}",)
    else:
        topic = f"org.example.prod.{chance.choice(TOPICS)}"
        category, action = topic.split(".")[3], topic.rpartition(".")[2]
        objects = tuple(sorted({f"p{chance.randrange(6)}" for _ in range(chance.randrange(3))}))
    return Event(
        f"e{n}", to_micros(at), topic, category, users[0] if users else None,
        tuple(sorted(set(users))), objects, action, chance.randrange(2_000), f"s{n % 2}", n,
    )  # fmt: skip


def fill(folder: Path) -> None:
    """Fill a store: most events are in the rollups, late ones and new ones are not."""
    chance = random.Random(7)
    events = sorted((some_event(chance, n) for n in range(700)), key=lambda event: event.time)
    late, events = events[100:120], events[:100] + events[120:]
    # a run of actions by which a zone can be estimated, and a person who acts like a machine
    events += [
        Event(f"z{n}", to_micros(START + timedelta(days=n % 50, hours=9 + n % 7, minutes=n % 50)),
              "org.example.prod.git.receive", "git", "gus", ("gus",), ("p1",), "push", 5, "s", n)
        for n in range(120)
    ]  # fmt: skip
    events.sort(key=lambda event: event.time)
    with Store.open(folder) as store:
        text = "".join(f"{hour:02}:10:00 {hour} {hour + 1}\n" for hour in range(9))
        now = time.time_ns() // 1000
        lines = [f"2026-01-02T{line}".encode() for line in text.splitlines()]
        counts = [Frame("notebook-counts:c", now, b"", x, n) for n, x in enumerate(lines, 1)]
        put(store, *counts, load=True)
        for number, commit in enumerate((events[:500], late, events[500:700], events[700:]), 10):
            store.table.append(commit, number)
            if number == 10:
                with store.loader_lock():
                    refresh.catch_up(store)
