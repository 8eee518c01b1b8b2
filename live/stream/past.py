"""Stored events in order of time, and the part of the past that a replay shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hubbub.collector.event import Event
from hubbub.errors import UsageError
from hubbub.live.stream.clock import Replay
from hubbub.live.stream.events import with_persons
from hubbub.store import Store
from hubbub.store.query.event_files import rows
from hubbub.store.query.selection import Selection
from hubbub.store.tables.event_rows import to_events
from hubbub.times import parse_time, to_micros
from hubbub.zones import Zone

__all__ = ["SPEEDS", "replay_range", "replay_speed", "start_replay", "stored_events"]

_HOUR = 3_600_000_000  # µs
#: Seconds of the past in a second, the least and the most.
SPEEDS = 1.0, 3600.0


def stored_events(store: Store, selection: Selection) -> Iterator[Event]:
    """Yield stored events in order of time, under persons' names; a day in memory at once.

    Raises:
        StoreError: the store cannot be read.
    """
    persons = store.persons
    for part in rows(store, selection):
        for event in to_events(part):
            yield with_persons(event, persons)


def _hour_by_hour(store: Store, selection: Selection) -> Iterator[Event]:
    """Yield stored events with an hour in memory at once, so that a busy day begins soon."""
    assert selection.since is not None
    assert selection.until is not None
    start = selection.since
    while start < selection.until:
        end = min(start // _HOUR * _HOUR + _HOUR, selection.until)
        yield from stored_events(store, replace(selection, since=start, until=end))
        start = end


def start_replay(store: Store, selection: Selection, speed: float) -> Replay:
    """Return a replay of the stored events of a selection, which has both ends.

    Args:
        store: an open store.
        selection: which events.
        speed: seconds of the past in a second.
    """
    assert selection.since is not None
    assert selection.until is not None
    return Replay(
        lambda since: _hour_by_hour(store, replace(selection, since=since)),
        selection.since,
        selection.until,
        speed,
    )


def replay_range(day: str, zone: Zone, at: str = "") -> tuple[int, int]:
    """Return where a replay starts and ends, µs since the epoch.

    Args:
        day: the day, or the time from which one day is shown: to the same time of the next day.
        zone: in which days begin.
        at: where to start, if not at the beginning of the day.

    Raises:
        UsageError: one of them is no time.
    """
    begin = _time(day, "replay", zone)
    start = _time(at, "at", zone) if at else begin
    try:
        end = zone.plus(begin, timedelta(days=1))
    except OverflowError:
        raise UsageError(f"replay cannot be {day[:40]!r}: there is no day after it") from None
    return to_micros(start), to_micros(end)


def _time(text: str, name: str, zone: Zone) -> datetime:
    try:
        return parse_time(text, zone.local(datetime.now(UTC)))
    except ValueError as error:
        raise UsageError(f"{name} cannot be {text[:40]!r}: {error}") from None


def replay_speed(text: str) -> float:
    """Return a speed, seconds of the past in a second.

    Raises:
        UsageError: it is none of `SPEEDS`.
    """
    low, high = SPEEDS
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not low <= value <= high:
        raise UsageError(
            f"speed cannot be {text[:40]!r}", hint=f"a number from {low:g} to {high:g}"
        )
    return value
