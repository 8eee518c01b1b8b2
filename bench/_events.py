"""Synthetic events for the benchmarks: Parquet files by month, with the store's schema.

200 topics, up to 30,000 users and 20,000 objects, all by Zipf's law; 5 % of the messages name no
user, 80 % one, 15 % two or three. The same arguments give the same events.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hubbub.store.query import engine
from hubbub.store.query.events import Events
from hubbub.store.tables.event_rows import SCHEMA
from hubbub.times import to_micros

UNTIL = datetime(2026, 7, 1, tzinfo=UTC)
USERS, OBJECTS, TOPICS = 30_000, 20_000, 200


def write(folder: Path, number: int, length: timedelta) -> list[str]:
    """Write `number` events over the `length` before UNTIL; return the files, oldest first."""
    rng = np.random.default_rng(7)
    end, span = to_micros(UNTIL), length // timedelta(microseconds=1)
    times = np.sort(end - 1 - rng.integers(0, span, number))
    months = times.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
    edges = [0, *(np.flatnonzero(np.diff(months)) + 1).tolist(), number]
    files = []
    for part, (low, high) in enumerate(pairwise(edges)):
        file = folder / f"part-{part:03}.parquet"
        pq.write_table(
            _rows(rng, times[low:high], low), file, compression="zstd", compression_level=3
        )
        files.append(str(file))
    return files


def _rows(rng: np.random.Generator, times: np.ndarray, first: int) -> pa.Table:
    n = len(times)
    topic = _zipf(rng, TOPICS, 1.2, n)
    names = pa.array([f"org.fedoraproject.prod.{_category(i)}.t{i}" for i in range(TOPICS)])
    categories = pa.array([_category(i) for i in range(TOPICS)])
    users = _lists(rng, "user", USERS, 1.05, rng.choice(4, n, p=[0.05, 0.80, 0.12, 0.03]))
    return pa.table(
        {
            "time": pa.array(times, pa.timestamp("us", "UTC")),
            "id": pa.array([f"2026-{i:012x}" for i in range(first, first + n)]),
            "topic": names.take(pa.array(topic)),
            "category": categories.take(pa.array(topic)),
            "agent": pa.nulls(n, pa.string()),
            "users": users,
            "objects": _lists(rng, "pkg", OBJECTS, 0.9, rng.choice(3, n, p=[0.2, 0.6, 0.2])),
            "action": pa.nulls(n, pa.string()),
            "size": pa.array(rng.lognormal(6.2, 1.1, n).astype(np.int64)),
            "source": pa.array(np.full(n, "bench:")),
            "seq": pa.array(np.arange(first, first + n)),
            "extra": pa.nulls(n, SCHEMA.field("extra").type),
        },
        schema=SCHEMA,
    )


def _category(topic: int) -> str:
    return ("git", "bodhi", "buildsys", "copr", "wiki", "badges", "pagure", "meetbot")[topic % 8]


def _zipf(rng: np.random.Generator, ranks: int, exponent: float, n: int) -> np.ndarray:
    weights = np.cumsum(1 / np.arange(1, ranks + 1) ** exponent)
    return np.searchsorted(weights / weights[-1], rng.random(n))


def _lists(
    rng: np.random.Generator, prefix: str, number: int, exponent: float, lengths: np.ndarray
) -> pa.Array:
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    names = pa.array([f"{prefix}{i:05}" for i in range(number)])
    codes = pa.array(_zipf(rng, number, exponent, int(lengths.sum())))
    return pa.ListArray.from_arrays(
        pa.array(offsets), names.take(codes), type=SCHEMA.field("users").type
    )


def events(files: list[str]) -> Events:
    """Open the files as a store opens its events."""
    backend = engine.connect()
    return Events(backend.read_parquet(files, table_name="events"))


def seconds(
    calls: dict[str, Callable[[], object]],
    rounds: int = 5,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Measure the median of each call; calls alternate, so that other load disturbs all alike."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for name, call in [*calls.items()] * rounds:
        start = clock()
        call()
        times[name].append(clock() - start)
    return {name: statistics.median(each) for name, each in times.items()}


def user_lists(events: Events) -> Iterator[tuple[int, list[str]]]:
    """Return (µs, users) of every event, in the order of time."""
    table = events.table.select("time", "users").order_by("time").to_pyarrow()
    times = table["time"].cast(pa.int64()).to_pylist()
    return zip(times, table["users"].to_pylist(), strict=True)
