"""The sums that rollups consist of are those that DuckDB computes from the same files."""

from collections.abc import Callable
from typing import Any

import duckdb
import pytest

from hubbub.store import Store
from hubbub.store.rollups import aggregate
from hubbub.store.rollups.refresh import DAY, HOUR
from tests.support.stores.filling import MakeEvent

START = 1_768_435_200_000_000  # 2026-01-15
FILES = "read_parquet($files, hive_partitioning = false)"
BY_USER = f"""
    SELECT epoch_us(time) // $unit * $unit AS at, user, sum(named), sum(named_bytes),
        sum(acted), sum(acted_bytes)
    FROM (
        SELECT time, unnest(users) AS user, 1 AS named, size AS named_bytes, 0 AS acted,
            0 AS acted_bytes FROM {FILES}
        UNION ALL SELECT time, agent, 0, 0, 1, size FROM {FILES} WHERE agent IS NOT NULL)
    WHERE epoch_us(time) >= $since GROUP BY ALL ORDER BY ALL"""
BY_TOPIC = f"""
    SELECT epoch_us(time) // $unit * $unit AS at, topic, category, count(*), sum(size)
    FROM {FILES} WHERE epoch_us(time) >= $since GROUP BY ALL ORDER BY ALL"""
USERS: list[tuple[str, ...]] = [(), ("anna",), ("anna", "bob"), ("ßtraße", "anna", "z"), ("bob",)]


@pytest.fixture
def files(store: Store, event: MakeEvent) -> list[str]:
    """Two files of three days; messages that name no, one or several users."""
    for batch, numbers in enumerate((range(320), range(320, 600)), 1):
        events = [
            event(
                i,
                time=START + i * 7 * 60_000_000,
                users=USERS[i % 5],
                agent=(None, "anna", "robot")[i % 3],
                topic=f"org.example.t{i % 4}",
                size=i,
            )
            for i in numbers
        ]
        store.table.append(events, batch)
    return [file.uri for file in store.table.files()]


@pytest.mark.parametrize("part", [7, 1 << 16])
@pytest.mark.parametrize("since", [0, START + DAY, START + 99 * DAY])
@pytest.mark.parametrize(
    ("count", "query", "unit"),
    [
        (aggregate.by_user, BY_USER, HOUR),
        (aggregate.by_user, BY_USER, DAY),
        (aggregate.by_topic, BY_TOPIC, DAY),
    ],
)
def test_sums_are_those_of_sql(
    files: list[str],
    monkeypatch: pytest.MonkeyPatch,
    count: Callable[[list[str], int, int], Any],
    query: str,
    unit: int,
    since: int,
    part: int,
) -> None:
    monkeypatch.setattr(aggregate, "_PART", part)
    monkeypatch.setattr(aggregate, "_HELD", 10 * part)
    with duckdb.connect() as db:
        expected = db.execute(query, {"files": files, "unit": unit, "since": since}).fetchall()
    rows = count(files, unit, since).to_pylist()
    assert [tuple(row.values()) for row in rows] == expected
    assert bool(expected) == (since < START + 99 * DAY)
