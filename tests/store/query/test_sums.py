"""Sums of bytes are exact beyond 64 bits, whatever was counted in between."""

from typing import Any

import pytest

from hubbub.collector.decode.reasons import LARGEST_SIZE
from hubbub.run.runner import Runner
from hubbub.store import Store
from hubbub.store.maintenance import compaction
from hubbub.store.maintenance.verify import verify
from hubbub.store.rollups import refresh
from tests.support.stores.rollup_events import START, add, make

HTTP = {"topic": "http.access", "category": "http", "objects": ("/a",), "users": ("jo",)}
OLD = 2**62 - 1  # sizes that earlier versions stored
SECOND = 1_000_000


def _sums(store: Store) -> dict[str, Any]:
    range_ = {"since": "2026-01-01", "until": "2026-02-01"}
    run = Runner(store).query
    volume = run("volume", **range_).data
    return {
        "volume": sum(row["bytes"] for row in volume),
        "hour": sum(row["bytes"] for row in run("volume", per="hour", **range_).data),
        "users": [row["bytes"] for row in run("users", **range_).data],
        "objects": [row["bytes"] for row in run("objects", **range_).data],
        "traffic": sum(row["total_bytes"] for row in run("traffic", period="1h", **range_).data),
    }


@pytest.mark.parametrize(("size", "number"), [(OLD, 3), (OLD, 2), (LARGEST_SIZE, 1100), (7, 3)])
def test_sums_are_exact(store: Store, size: int, number: int) -> None:
    total = size * number
    exact = {"volume": total, "hour": total, "users": [total], "objects": [total], "traffic": total}
    for first in range(0, number, -(-number // 2)):  # in two commits
        part = range(first, min(first + -(-number // 2), number))
        add(store, *(make(n, n * SECOND, size=size, **HTTP) for n in part))
        refresh.catch_up(store)
    assert _sums(store) == exact
    compaction.compact(store)
    assert _sums(store) == exact
    assert verify(store).faults == []
    assert verify(store, repair=True).faults == []
    assert _sums(store) == exact


def test_the_alert_of_sums_beyond_64_bits(store: Store) -> None:
    add(store, *(make(n, n * 10 * SECOND, size=1, **HTTP) for n in range(200)))
    add(store, *(make(300 + n, (1900 + n) * SECOND, size=OLD, **HTTP) for n in range(5)))
    result = Runner(store).query("alerts", measure="bytes", since="2026-01-15", until="2026-01-16")
    assert [row["state"] for row in result.data] == ["raised", "ended"]
    assert START % (10 * SECOND) == 0
    assert result.data[0]["short"] == pytest.approx((5 * OLD + 12) / 12)


def test_verify_finds_sums_that_wrapped(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an earlier version counted them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from hubbub.store.rollups import aggregate, tables

    def wrapping(rows: Any, keys: Any, names: Any) -> Any:
        sums = rows.group_by(list(keys)).aggregate([(name, "sum") for name in names])
        return sums.rename_columns([*keys, *names])

    add(store, *(make(n, n, size=OLD, **HTTP) for n in range(3)))
    with monkeypatch.context() as patch:
        patch.setattr(aggregate, "add_up", wrapping)
        patch.setattr(tables, "add_up", wrapping)
        refresh.catch_up(store)
    rows = pa.concat_tables(
        pa.parquet.read_table(file.uri, columns=["bytes"]) for file in store.rollups[3].files()
    )
    assert pc.min(rows["bytes"]).as_py() < 0
    assert {fault.part for fault in verify(store).faults} >= {"hourly_users", "daily_topics"}
    verify(store, repair=True)
    assert verify(store).faults == []
    assert _sums(store)["volume"] == 3 * OLD


def test_the_tables_of_days_and_hours_that_plugins_read(store: Store) -> None:
    add(store, *(make(n, n * SECOND, size=OLD, **HTTP) for n in range(2_000)))
    for catch_up in (False, True):
        if catch_up:
            refresh.catch_up(store)
            add(store, *(make(5_000 + n, n * SECOND, size=OLD, **HTTP) for n in range(2_000)))
        events = store.events()
        n = 4_000 if catch_up else 2_000
        for table in (events.daily_topics(), events.daily_users(), events.hourly_users()):
            rows = table.to_pyarrow().to_pylist()
            assert sum(row["messages"] for row in rows) == n
            assert sum(row["bytes"] for row in rows) == OLD * sum(row["messages"] for row in rows)
