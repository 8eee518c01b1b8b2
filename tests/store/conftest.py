"""Fixtures of the store's tests: a store, and frames that the real collector decodes."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hubbub.collector.event import Event, Frame
from hubbub.store import Store
from tests.support.stores.filling import MakeEvent, MakeFrame, ReadIds

#: 2026-01-15T00:00:00Z in µs.
START = 1_768_435_200_000_000


@pytest.fixture
def frame() -> MakeFrame:
    """Make the jsonl frame number `n`, with its own id and time; a second apart."""

    def make(n: int, source: str = "jsonl:test", **fields: Any) -> Frame:
        line = {
            "id": f"id-{n}",
            "timestamp": START / 1e6 + n,
            "topic": "org.fedoraproject.prod.git.receive",
            "agent": "alice",
            "users": ["alice", "bob"],
            "objects": [f"rpms/p{n % 3}"],
        }
        line.update(fields)
        return Frame(source, time.time_ns() // 1000, b"", json.dumps(line).encode(), n)

    return make


@pytest.fixture
def event() -> MakeEvent:
    """Make the event number `n`, with its own id and time; a second apart."""

    def make(n: int, **fields: Any) -> Event:
        defaults: dict[str, Any] = {
            "id": f"id-{n}",
            "time": START + n * 1_000_000,
            "topic": "org.fedoraproject.prod.git.receive",
            "category": "git",
            "agent": "alice",
            "users": ("alice", "bob"),
            "objects": ("rpms/p",),
            "action": "receive",
            "size": 10,
            "source": "jsonl:test",
            "seq": n,
        }
        return Event(**(defaults | fields))

    return make


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store") as store:
        yield store


@pytest.fixture
def ids() -> ReadIds:
    """Return every stored id, with repeats, sorted."""

    def read(store: Store) -> list[str]:
        return sorted(store.events().select("id").to_pyarrow().column(0).to_pylist())

    return read
