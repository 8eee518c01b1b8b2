"""Queries that do not fit into memory answer the same, by way of the disk."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from hubbub.errors import NoMemoryError
from hubbub.run.runner import CommonOptions, Runner
from hubbub.store import Store
from hubbub.store.tables.event_rows import SCHEMA

EVENTS = 700_000
SINCE, UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
LITTLE = 64 << 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store in which most pairs of a user and an object occur once."""
    chance = np.random.default_rng(3)
    first, last = (int(time.timestamp() * 1e6) for time in (SINCE, UNTIL))

    def lists(prefix: str, number: int) -> Any:
        names = pa.array([f"{prefix}-of-a-community-{n:06}" for n in range(number)])
        offsets = pa.array(np.arange(EVENTS + 1, dtype=np.int32))
        chosen = names.take(pa.array(chance.integers(0, number, EVENTS)))
        return pa.ListArray.from_arrays(offsets, chosen, type=SCHEMA.field("users").type)

    numbers = np.arange(EVENTS)
    columns = {
        "time": pa.array(np.sort(chance.integers(first, last, EVENTS)), pa.timestamp("us", "UTC")),
        "id": pa.array([f"2026-{n:08}" for n in range(EVENTS)]),
        "topic": pa.array(["a.b.git.receive"] * EVENTS),
        "category": pa.array(["git"] * EVENTS),
        "users": lists("person", 20_000),
        "objects": lists("package", 50_000),
        "size": pa.array(numbers),
        "source": pa.array(["jsonl:x"] * EVENTS),
        "seq": pa.array(numbers),
    }
    rows = {f.name: columns.get(f.name, pa.nulls(EVENTS, f.type)) for f in SCHEMA}
    path = tmp_path / "store"
    with Store.open(path) as store:
        store.table.append_rows([("2026-01", pa.table(rows, schema=SCHEMA))], 1)
    return path


def ask(store: Store, name: str, memory: int | None = None, disk: int | None = None) -> Any:
    store.engine_memory, store.engine_disk = memory, disk
    common = CommonOptions(since=SINCE, until=UNTIL)
    return Runner(store, common=common).query(name).data


def test_a_query_that_spills_gives_the_same_rows(folder: Path) -> None:
    name = "objects_per_user"  # without rollups it groups events by user and object
    with Store.open(folder) as store:
        expected = ask(store, name)
    with Store.open(folder) as store, pytest.raises(NoMemoryError):
        ask(store, name, LITTLE, disk=0)
    with Store.open(folder) as store:
        assert ask(store, name, LITTLE) == expected
        assert len(expected) > 0
    assert list((folder / "spill").iterdir()) == []
