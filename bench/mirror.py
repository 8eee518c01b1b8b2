"""The CPU time of a mirror: copying, looking up what another store brought, kept sums.

    python bench/mirror.py [--events 300000]

The mirror lies in a folder, so that no object store takes part. The baseline is copying the rows
from one Parquet file into another, by pyarrow.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq

from hubbub.collector.event import Event
from hubbub.store import Store
from hubbub.store.mirror.mirror import Mirror
from hubbub.store.mirror.reading import prepare
from hubbub.store.rollups import refresh
from hubbub.store.tables.event_rows import SCHEMA

START = 1_768_435_200_000_000
BATCH = 20_000


def events(n: int) -> list[Event]:
    random = Random(1)
    return [
        Event(
            id=f"2026-{i:032x}", time=START + i * 1_400_000,
            topic=f"org.fedoraproject.prod.t{i % 300}.x", category=f"t{i % 300}",
            agent=(user := f"u{int(random.paretovariate(1)) % 3000}"), users=(user,),
            objects=(f"o{random.randrange(20_000)}",), action="x", size=500, source="zmq:x",
            seq=i, extra=None,
        )
        for i in range(n)
    ]  # fmt: skip


def cpu(function: Callable[[], Any]) -> float:
    started = time.process_time()
    function()
    return time.process_time() - started


def drain(mirror: Mirror) -> None:
    while mirror.step().waiting:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=300_000)
    n = parser.parse_args().events
    with tempfile.TemporaryDirectory() as temporary:
        folder, rows = Path(temporary), events(n)
        url = f"file://{folder}/mirror"
        stores = [Store.open(folder / name) for name in ("one", "two")]
        for store in stores:
            for start in range(0, n, BATCH):
                store.table.append(rows[start : start + BATCH], store.table.batch() + 1)
        one, two = (Mirror(store, url) for store in stores)
        files = [file.uri for file in stores[0].table.files()]

        def copy() -> None:
            with pq.ParquetWriter(folder / "copy.parquet", SCHEMA, compression="zstd") as out:
                for path in files:
                    out.write_table(pq.read_table(path, partitioning=None).cast(SCHEMA))

        baseline = cpu(copy)
        print(f"{n:,} events; pyarrow copies them in {baseline:.2f} s of CPU")
        new, known = cpu(lambda: drain(one)), cpu(lambda: drain(two))
        for text, seconds in (("new events", new), ("events of another store", known)):
            print(f"{text}: {seconds:.2f} s, {seconds / baseline:.1f} times; {n / seconds:,.0f}/s")
        prepare(url, folder / "reader")
        stores[0].events().count_events()  # loads the engine
        before = cpu(lambda: read(folder / "reader"))
        one.tables.refresh()
        sums: Any = one.tables
        counted = cpu(lambda: refresh.catch_up(sums))
        after = cpu(lambda: read(folder / "reader"))
        print(f"kept sums: counted in {counted:.2f} s, {counted / n * 1e6:.1f} µs an event;")
        print(f"people by week: {before:.3f} s from events, {after:.3f} s from kept sums")
        for store in stores:
            store.close()


def read(folder: Path) -> None:
    with Store.open(folder, reading=True) as store:
        rows = store.events().weekly_users()
        rows.group_by("user").agg(n=rows.messages.sum()).to_pyarrow()


if __name__ == "__main__":
    main()
