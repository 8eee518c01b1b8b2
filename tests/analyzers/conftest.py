"""Make events tables from rows as the golden files contain them."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any, Literal

import ibis
import pyarrow as pa
import pytest

from hubbub.store import Store
from hubbub.store.query.events import Events
from hubbub.store.query.selection import Selection
from hubbub.store.tables.event_rows import SCHEMA
from tests.support import paths

GOLDEN = paths.GOLDEN
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def category(topic: str) -> str:
    parts = topic.split(".")
    return parts[3] if len(parts) > 3 else topic


def when(seconds: float) -> datetime:
    """Seconds since the epoch, rounded to whole microseconds."""
    return EPOCH + timedelta(microseconds=round(seconds * 1_000_000))


def make(rows: Iterable[Mapping[str, Any]], by: Literal["users", "agent"] = "users") -> Any:
    filled = [
        {
            "id": str(number),
            "category": category(row["topic"]),
            "agent": None,
            "objects": [],
            "action": None,
            "size": 0,
            "source": "test",
            "seq": number,
            "extra": None,
            **{k: v for k, v in row.items() if k in SCHEMA.names},
            "time": when(row["timestamp"]),
        }
        for number, row in enumerate(rows)
    ]
    table = ibis.memtable(pa.Table.from_pylist(filled, schema=SCHEMA))
    return Events(table, Selection(by=by))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="session")
def events() -> Callable[..., Any]:
    """Make an `Events` from rows `{timestamp, topic, users, …}`."""
    return make


@pytest.fixture(scope="session")
def month() -> list[dict[str, Any]]:
    """The 28 days of events that come with the golden vectors."""
    return lines(GOLDEN / "longtail" / "events.jsonl")


@pytest.fixture
def copied(filled: Path, tmp_path: Path) -> Iterator[Store]:
    """A copy of the module's store, `filled`, that the test may change."""
    with Store.open(copytree(filled, tmp_path / "store")) as store:
        yield store
