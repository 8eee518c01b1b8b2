"""Where days and hours of a zone begin, computed by the engine."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import ibis
import pyarrow as pa
import pytest

from hubbub.store import Selection, Store
from hubbub.store.query.engine import connect
from hubbub.store.query.times import wall_start
from hubbub.store.rollups.tables import DAY, HOUR
from hubbub.times import from_micros, to_micros
from hubbub.zones import find
from tests.support.stores.rollup_events import add, make

#: Zones that change their clocks by day, over midnight, by half an hour, and skip a day.
ZONES = ("Europe/Berlin", "America/St_Johns", "America/Santiago", "Australia/Lord_Howe",
         "Pacific/Apia", "Africa/Casablanca")  # fmt: skip


@pytest.mark.parametrize("unit", [DAY, HOUR])
@pytest.mark.parametrize("name", ZONES)
def test_periods_begin_where_the_zone_begins_them(name: str, unit: int) -> None:
    """Around every change of the clocks in a range without an end."""
    zone, per = find(name), "day" if unit == DAY else "hour"
    offsets = Selection(zone=zone).offsets(days=unit == DAY)
    changes = [start for start, _ in offsets if to_micros(datetime(1910, 1, 1, tzinfo=UTC)) < start]
    near = (-26 * HOUR, -DAY // 2, -HOUR, -1, 0, 1, HOUR // 2, HOUR, DAY // 2, 25 * HOUR)
    times = [change + shift for change in changes[:: len(changes) // 100 + 1] for shift in near]
    rows = ibis.memtable(pa.table({"at": pa.array(times, pa.int64())}))
    placed = rows.select("at", start=wall_start(rows["at"], unit, offsets))
    found = connect().to_pyarrow(placed).to_pylist()
    assert len(found) == len(times) > 100
    for row in found:
        start = zone.floor(from_micros(row["at"]), per)
        assert from_micros(row["start"] * 1_000_000) == start, from_micros(row["at"])


def test_a_statement_grows_with_the_changes_of_the_clocks_not_with_their_square(
    tmp_path: Path,
) -> None:
    """A selection without a range has those of three centuries."""
    with Store.open(tmp_path) as store:
        add(store, make(0, users=("ann",)))
        chosen = Selection(zone=find("Europe/Berlin"))
        changes = len(chosen.offsets())
        assert changes > 400
        for rows in (store.events(chosen).daily_users(), store.events(chosen).daily_topics()):
            statement = str(ibis.to_sql(rows, dialect="duckdb"))
            assert statement.count("CASE") < 3 * changes
            [row] = store.backend.to_pyarrow(rows).to_pylist()
            assert row["messages"] == 1
