"""Medians of pauses where those of the busiest people are not read, against all pauses."""

import random
import statistics
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from hubbub.analyzers.people import pauses
from hubbub.store import Selection, Store
from hubbub.store.query.actions.intervals import Intervals
from hubbub.store.rollups import refresh
from hubbub.store.rollups.refresh import DAY, HOUR
from tests.support.stores.rollup_events import START, add, make

WITHIN = Intervals(START + 3 * HOUR, 10 * DAY, 6)  # the last one has no events


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store") as store:
        yield store


def fill(store: Store, often: list[int], quick: int = 0) -> dict[int, float]:
    """Add so many events of each user; return the medians of the intervals.

    They are in 50 days, those of the first `quick` users in the second of these.
    """
    rng = random.Random(5)
    rows: list[Any] = []
    starts: dict[tuple[int, str], list[int]] = defaultdict(list)
    for n, number in enumerate(often):
        minutes = range(1440, 2 * 1440, 15) if n < quick else range(0, 50 * 1440, 15)
        for minute in sorted(rng.sample(minutes, number)):  # actions of their own
            time = minute * 60_000_000
            rows.append(make(len(rows), time, users=(f"u{n}",)))
            starts[(START + time - WITHIN.origin) // WITHIN.size, f"u{n}"].append(time)
    add(store, *rows)
    refresh.catch_up(store)
    medians = defaultdict(list)
    for (interval, _), times in starts.items():
        if interval >= 0 and len(times) > 1:
            medians[interval].append(statistics.median(b - a for a, b in pairwise(times)))
    return {interval: statistics.median(each) for interval, each in medians.items()}


@pytest.mark.parametrize(
    ("often", "quick", "read_again"),
    [
        ([*range(20, 56), 600, 700, 800, 900], 0, False),
        ([20] * 30 + [600, 700], 30, True),
        ([20] * 14 + [60] * 16 + [600, 600], 14, True),
        ([20] * 13 + [60] * 16 + [600, 600], 13, False),
        ([60] * 40, 0, False),
        ([30, 40], 0, False),
    ],
    ids=[
        "a few do most",
        "the others act in a day",
        "half of them act in a day",
        "fewer act in a day",
        "all do the same",
        "two people",
    ],
)
def test_the_busiest_are_not_read_where_they_cannot_matter(
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    often: list[int],
    quick: int,
    read_again: bool,
) -> None:
    expected = fill(store, often, quick)
    again: list[Any] = []
    of_all = pauses._of_all

    def noted(events, within, parts):
        again.extend(parts := list(parts))
        return of_all(events, within, parts)

    monkeypatch.setattr(pauses, "_of_all", noted)
    for held in (2_000_000, 60, 1):
        monkeypatch.setattr(pauses, "_HELD", held)
        again.clear()
        assert pauses.median_pauses(store.events(Selection()), WITHIN) == pytest.approx(expected)
        assert bool(again) == read_again


def test_without_the_rollup_all_are_read(store: Store) -> None:
    expected = fill(store, [*range(20, 56), 600])
    events = store.events(Selection())
    events.rollups = None
    assert pauses.median_pauses(events, WITHIN) == pytest.approx(expected)
