"""What the store's tests share: a store, and frames that the real collector understands."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hubbub.collector.event import Event, Frame
from hubbub.store import Store

#: 2026-01-15T00:00:00Z in µs.
START = 1_768_435_200_000_000


@pytest.fixture
def frame() -> Callable[..., Frame]:
    """A jsonl frame; by number, with an id and a time of its own."""

    def make(n: int, source: str = "jsonl:test", **more: Any) -> Frame:
        line = {
            "id": f"id-{n}",
            "timestamp": START / 1e6 + n,
            "topic": "org.fedoraproject.prod.git.receive",
            "agent": "alice",
            "users": ["alice", "bob"],
            "objects": [f"rpms/p{n % 3}"],
        }
        line.update(more)
        return Frame(source, time.time_ns() // 1000, b"", json.dumps(line).encode(), n)

    return make


@pytest.fixture
def event() -> Callable[..., Event]:
    """An event; by number, a second apart."""

    def make(n: int, **more: Any) -> Event:
        fields: dict[str, Any] = {
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
        return Event(**(fields | more))

    return make


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store") as one:
        yield one


@pytest.fixture
def ids() -> Callable[[Store], list[str]]:
    """Every stored id, with repeats, sorted."""

    def read(store: Store) -> list[str]:
        return sorted(store.events().select("id").to_pyarrow().column(0).to_pylist())

    return read
