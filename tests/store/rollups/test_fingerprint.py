"""Fingerprints are equal exactly where sums are."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hubbub.store import Store
from hubbub.store.rollups import refresh
from hubbub.store.rollups.fingerprint import added, has_fingerprint, of_events, of_sums, zero
from hubbub.store.rollups.refresh import DAY, Rollup
from tests.support.stores.rollup_events import START, add, make

NAMES = ("ann", "bob", "ü", "c" * 300)


@pytest.fixture
def full(store: Store) -> Store:
    """A store with random events in three commits."""
    chance = random.Random(7)
    for part in range(3):
        events = (
            make(
                100 * part + n,
                chance.randrange(-3 * DAY, 20 * DAY),
                users=tuple(chance.sample(NAMES, chance.randrange(4))),
                agent=chance.choice([None, *NAMES]),
                topic=chance.choice(["a.b.git.receive", "a.b.wiki.edit"]),
                size=chance.randrange(9999),
            )
            for n in range(100)
        )
        add(store, *events)
    refresh.catch_up(store)
    return store


def rows_of(table: Any) -> list[Any]:
    return [
        pq.read_table(file.uri, partitioning=None).select(table.schema.names).cast(table.schema)
        for file in table.files()
    ]


def plain(store: Store) -> list[Rollup]:
    return [rollup for rollup in store.rollups if has_fingerprint(rollup)]


def counted(store: Store, rollup: Rollup, since: int = 0) -> tuple[int, ...]:
    source = refresh.source(store, rollup)[0]
    total = zero(rollup)
    for rows in rows_of(source):
        events = source is store.table
        part = of_events(rollup, rows, since) if events else of_sums(rollup, rows, since)
        total = added(total, part)
    return total


def stored(rollup: Rollup, parts: list[Any] | None = None, since: int = 0) -> tuple[int, ...]:
    total = zero(rollup)
    for rows in rows_of(rollup) if parts is None else parts:
        total = added(total, of_sums(rollup, rows, since))
    return total


def test_a_rollup_has_the_fingerprint_of_its_source(full: Store) -> None:
    assert {"hourly_users", "daily_users", "weekly_users", "daily_topics"} <= {
        rollup.name for rollup in plain(full)
    }
    for rollup in plain(full):
        expected = counted(full, rollup)
        assert any(expected)
        assert stored(rollup) == expected
        together = rollup.combined(pa.concat_tables(rows_of(rollup)))
        assert stored(rollup, [together]) == expected, "adding rows up changes nothing"


def test_rows_before_a_time_are_left_out(full: Store) -> None:
    since = START // DAY * DAY + 5 * DAY
    for rollup in plain(full):
        if rollup.name != "weekly_users":
            assert counted(full, rollup, since) == stored(rollup, since=since) != stored(rollup)


def test_any_other_rows_have_another_fingerprint(full: Store) -> None:
    for rollup in plain(full):
        rows = pa.concat_tables(rows_of(rollup))
        right = stored(rollup, [rows])
        name = rollup.sums[0]
        place = rows.column_names.index(name)
        values = rows[name].to_pylist()
        most = values.index(max(values))
        for change in (1, 1 << 40, -values[most]):
            other = [*values]
            other[most] += change
            changed = rows.set_column(place, name, pa.array(other, pa.int64()))
            assert stored(rollup, [changed])[0] != right[0]
        assert stored(rollup, [rows.slice(1)]) != right
        assert stored(rollup, [rows, rows.slice(0, 1)]) != right
        key = rollup.keys[1]
        names = rows[key].to_pylist()
        other_name = next(n for n in names if n != names[most])
        swapped = [*names]
        swapped[most] = other_name
        moved = rows.set_column(rows.column_names.index(key), key, pa.array(swapped, pa.string()))
        assert stored(rollup, [moved]) != right


def test_a_saturated_sum_has_none(full: Store) -> None:
    rollup = plain(full)[0]
    (rollup.folder / "saturated").touch()
    assert not has_fingerprint(rollup)
