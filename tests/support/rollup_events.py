"""Events for rollups, and the answers of all of them, with and without."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hubbub.collector.event import Event
from hubbub.store import Selection, Store

Row = tuple[Any, ...]
START = 1_768_435_200_000_000  # 2026-01-15
NAMES = ("daily_users", "hourly_users", "daily_topics", "weekly_users")


def week(time: datetime) -> datetime:
    """Where the week, or the part of it in this month, began."""
    day = time.replace(hour=0, minute=0, second=0, microsecond=0)
    while day.weekday() and day.day > 1:
        day -= timedelta(days=1)
    return day


def summed(rows: list[Row]) -> list[Row]:
    """A row for each week and user."""
    sums: dict[tuple[Any, str], list[int]] = {}
    for time, user, messages, size in rows:
        found = sums.setdefault((week(time), user), [0, 0])
        found[0], found[1] = found[0] + messages, found[1] + size
    return sorted((*key, *values) for key, values in sums.items())


def answers(store: Store, chosen: Selection, *, direct: bool = False) -> dict[str, list[Row]]:
    """What the four say; `direct`: without the rollups."""
    events = store.events(chosen)
    if direct:
        events.rollups = None
    found = {
        name: sorted(tuple(r.values()) for r in getattr(events, name)().to_pyarrow().to_pylist())
        for name in NAMES
    }
    return {**found, "weekly_users": summed(found["weekly_users"])}


def add(store: Store, *events: Event) -> None:
    """A commit of the loader."""
    store.table.append(list(events), store.table.batch() + 1)


def numbers(store: Store) -> list[int]:
    return [one.batch() for one in store.rollups]


def make(n: int, time: int = 0, **more: Any) -> Event:
    fields: dict[str, Any] = {
        "id": f"e{n}", "time": START + time, "topic": "a.b.prod.git.receive", "category": "git",
        "agent": "alice", "users": ("alice", "bob"), "objects": (), "action": None, "size": 10 + n,
        "source": "s", "seq": n,
    }  # fmt: skip
    return Event(**(fields | more))
