"""Events for rollup tests, and the sums of all rollup queries, from rollups or from events."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hubbub.collector.event import Event
from hubbub.store import Selection, Store

Row = tuple[Any, ...]
START = 1_768_435_200_000_000  # 2026-01-15
NAMES = ("daily_users", "hourly_users", "daily_topics", "weekly_users")


def start_of_week(time: datetime) -> datetime:
    """Return the start of the week, or of its part in this month."""
    day = time.replace(hour=0, minute=0, second=0, microsecond=0)
    while day.weekday() and day.day > 1:
        day -= timedelta(days=1)
    return day


def sum_by_week(rows: list[Row]) -> list[Row]:
    """Add rows up: one for each week and user."""
    sums: dict[tuple[Any, str], list[int]] = {}
    for time, user, messages, size in rows:
        totals = sums.setdefault((start_of_week(time), user), [0, 0])
        totals[0] += messages
        totals[1] += size
    return sorted((*key, *values) for key, values in sums.items())


def answers(store: Store, chosen: Selection, *, direct: bool = False) -> dict[str, list[Row]]:
    """Return the rows of the four queries; `direct`: counted from events, without the rollups."""
    events = store.events(chosen)
    if direct:
        events.rollups = None
    rows = {
        name: sorted(tuple(r.values()) for r in getattr(events, name)().to_pyarrow().to_pylist())
        for name in NAMES
    }
    return {**rows, "weekly_users": sum_by_week(rows["weekly_users"])}


def add(store: Store, *events: Event) -> None:
    """Add events as one batch, like a commit of the loader."""
    store.table.append(list(events), store.table.batch() + 1)


def batches(store: Store) -> list[int]:
    """Return the version of events up to which each rollup is complete."""
    return [rollup.batch() for rollup in store.rollups]


def make(n: int, time: int = 0, **changes: Any) -> Event:
    """Make event `n`, `time` µs after `START`; other fields by name."""
    fields: dict[str, Any] = {
        "id": f"e{n}", "time": START + time, "topic": "a.b.prod.git.receive", "category": "git",
        "agent": "alice", "users": ("alice", "bob"), "objects": (), "action": None, "size": 10 + n,
        "source": "s", "seq": n,
    }  # fmt: skip
    return Event(**(fields | changes))
