"""A store at size: load, bytes an event, every built-in query, rollups against events, memory.

    python bench/scale.py [--events 100000000] [--days 730] [--queries users,radar,…]
    python bench/scale.py --store FOLDER …    fill it where it is not there, ask it, and leave it

Events of up to 30,000 users are written through the store's own tables, in commits of a million
rows; ids are dated UUIDs. Each query runs in a process of its own, so that its memory is its own.
`--queries ""` only loads. CPU seconds are those of the question, without the loading of the engine.

Budgets: new and unique users of each day from rollups at most 0.1 times the same from events; at
100 M events every query that the rollups answer at most 1 s of CPU.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import _events
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hubbub import plugins
from hubbub.errors import HubbubError
from hubbub.registry import REGISTRY
from hubbub.run import CommonOptions, Runner
from hubbub.store import Selection, Store, compact, rollups
from hubbub.store.ids import Ids
from hubbub.store.lookup import Lookup
from hubbub.times import from_micros

COMMIT = 1_000_000  # rows
#: Queries that the rollups answer wholly, where days are whole and nothing else is filtered.
ROLLED = ("tail", "active_users", "daily_users", "returning", "diff", "volume", "year_over_year",
          "cohorts")  # fmt: skip


def parts(folder: Path, number: int, length: timedelta) -> Iterator[tuple[str, Any]]:
    """(month, rows) with ids as a bus has them."""
    rng = np.random.default_rng(1)
    for file in _events.write(folder, number, length):
        with pq.ParquetFile(file) as one:
            for batch in one.iter_batches(COMMIT):
                text = rng.bytes(16 * batch.num_rows).hex()
                ids = [
                    f"2026-{text[i : i + 8]}-{text[i + 8 : i + 12]}-{text[i + 12 : i + 16]}-"
                    f"{text[i + 16 : i + 20]}-{text[i + 20 : i + 32]}"
                    for i in range(0, len(text), 32)
                ]
                rows = pa.Table.from_batches([batch])
                rows = rows.set_column(1, rows.schema.field("id"), pa.array(ids))
                yield f"{rows['time'][0].as_py():%Y-%m}", rows
        Path(file).unlink()


def size(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def fill(path: Path, scratch: Path, number: int, length: timedelta) -> None:
    """Load, and print what it took."""
    with Store.open(path) as store, store.loader_lock():
        wall = 0.0
        for batch, (month, rows) in enumerate(parts(scratch, number, length), 1):
            start = time.perf_counter()
            store.table.append_rows([(month, rows)], batch)
            wall += time.perf_counter() - start
        print(f"load into the table     {number / wall:>12,.0f} events/s")
        lookup = Lookup(store.table)
        start = time.perf_counter()
        Ids(path / "ids", scan=lookup.scan, exact=lookup.exact).catch_up(store.table.version())
        print(f"set of ids              {number / (time.perf_counter() - start):>12,.0f} events/s")
        lookup.close()
        start = time.perf_counter()
        rollups.catch_up(store)
        print(f"rollups                 {number / (time.perf_counter() - start):>12,.0f} events/s")
    with Store.open(path) as store:
        start = time.perf_counter()
        done = compact.compact(store)
        took = time.perf_counter() - start
        print(f"compaction              {done.rows / max(took, 1e-9):>12,.0f} rows/s")
        with store.loader_lock():
            compact.clean(store, 0.0)
    print(f"memory of all that      {peak():>12,.0f} MB")
    for name in ("events", "ids", "rollups"):
        print(f"{name:<23} {size(path / name) / number:>12.1f} bytes an event")
    print(
        f"files of events         {len(list((path / 'events').rglob('month=*/*'))):>12,}",
        flush=True,
    )


def measured(path: Path, name: str, pipe: Any) -> None:
    """One query over everything; sends seconds of CPU, seconds, MB, and what went wrong."""
    plugins.load_builtins()
    with Store.open(path) as store:
        bounds = store.bounds()
        assert bounds is not None
        common = CommonOptions(since=from_micros(bounds[0]), until=from_micros(bounds[1] + 1))
        runner = Runner(store, common=common)
        store.backend  # noqa: B018 - loads the engine
        cpu, wall = time.process_time(), time.perf_counter()
        wrong = ""
        try:
            if name.startswith(("events:", "rollups:")):
                asked(store, *name.split(":"))
            else:
                runner.query(name)
        except HubbubError as e:
            wrong = e.what
        pipe.send((time.process_time() - cpu, time.perf_counter() - wall, peak(), wrong))


def asked(store: Store, way: str, name: str) -> None:
    """New and unique users of each day, or totals of users or topics."""
    events = store.events(Selection())
    if way == "events":
        events.rolled = None
    if name == "new-and-unique":
        days = events.daily_users()  # a row for each day and user
        first = days.group_by("user").agg(time=days.time.min())
        first.group_by("time").agg(new=first.count()).to_pyarrow()
        days.group_by("time").agg(unique=days.count()).to_pyarrow()
    elif name == "users":
        days = events.daily_users(summed=False)
        days.group_by("user").agg(n=days.messages.sum()).to_pyarrow()
    else:
        topics = events.daily_topics(summed=False)
        topics.group_by("category").agg(n=topics.messages.sum()).to_pyarrow()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000_000)
    parser.add_argument("--days", type=int, default=730)
    parser.add_argument("--store", type=Path, help="keep it here; default: a temporary one")
    parser.add_argument("--queries", help="names, with commas between them; default: every one")
    parser.add_argument("--patience", type=float, default=600.0, help="seconds for each query")
    options = parser.parse_args()
    plugins.load_builtins()
    pairs = [f"{way}:{what}" for what in ("new-and-unique", "users", "topics")
             for way in ("events", "rollups")]  # fmt: skip
    queries = [*pairs, *sorted(REGISTRY.queries)]
    if options.queries is not None:
        queries = list(filter(None, options.queries.split(",")))
    spawn = multiprocessing.get_context("spawn")
    folder = Path(tempfile.mkdtemp(dir=options.store and options.store.parent))
    try:
        path = options.store or folder / "store"
        if not path.exists():
            length = timedelta(days=options.days)
            filling = spawn.Process(target=fill, args=(path, folder, options.events, length))
            filling.start()
            filling.join()
            assert filling.exitcode == 0
        print(f"\n{'query over everything':<24}{'CPU s':>8}{'s':>8}{'MB':>8}")
        spent: dict[str, float] = {}
        for name in queries:
            mine, theirs = spawn.Pipe(duplex=False)
            process = spawn.Process(target=measured, args=(path, name, theirs))
            process.start()
            theirs.close()
            try:
                found = mine.recv() if mine.poll(options.patience) else None
            except EOFError:
                found = None
            process.kill()
            process.join()
            if found is None:
                print(f"{name:<24} no answer", flush=True)
                continue
            cpu, wall, memory, wrong = found
            spent[name] = cpu
            print(f"{name:<24}{cpu:>8.2f}{wall:>8.2f}{memory:>8,.0f} {wrong}", flush=True)
        judge(spent)
    finally:
        shutil.rmtree(folder)


def judge(spent: dict[str, float]) -> None:
    """The budgets, as far as they were measured."""
    rolled, direct = (spent.get(f"{way}:new-and-unique") for way in ("rollups", "events"))
    if rolled is not None and direct is not None:
        print(f"new and unique users a day from rollups: {rolled / direct:.3f} times the same "
              f"from events ({rolled:.2f} s against {direct:.2f} s; budget 0.1)")  # fmt: skip
    answered = [(spent[name], name) for name in ROLLED if name in spent]
    if answered:
        slowest, name = max(answered)
        print(f"slowest query that rollups answer: {name}, {slowest:.2f} s of CPU "
              "(budget 1 s at 100 M events)")  # fmt: skip


if __name__ == "__main__":
    main()
