"""A store at size: load, bytes an event, upkeep, every built-in query, rollups against events.

    python bench/scale.py [--events 100000000] [--days 730]
    python bench/scale.py --store FOLDER [--stages verify] [--queries tail,events:tail,health]

Events of up to 30,000 users are written through the store's own tables, in commits of a million
rows; ids are dated UUIDs. Each stage and each query runs in a process of its own, so that its
memory is its own. CPU seconds of a query are without those of loading the engine. `events:NAME` is
the query NAME without rollups.

With `--store` the store is made where it is not there, asked, and left; one that is there goes
through no stage but those that are named. `""` names none.

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
from hubbub.run.runner import CommonOptions, Runner
from hubbub.store import Store
from hubbub.store.maintenance import compaction
from hubbub.store.maintenance.verify import verify
from hubbub.store.query.from_rollups import RollupReader
from hubbub.store.rollups import refresh
from hubbub.store.tables.id_index import IdIndex
from hubbub.store.tables.id_lookup import Lookup
from hubbub.times import from_micros

COMMIT = 1_000_000  # rows
#: Queries that the rollups answer wholly, where days are whole and nothing else is filtered.
ROLLED = ("tail", "active_users", "daily_users", "returning", "diff", "volume", "year_over_year",
          "cohorts")  # fmt: skip

#: What queries ask for that have no default.
PARAMETERS: dict[str, dict[str, Any]] = {
    "what_if": {"without": ["user00007"]},
    "event_activity": {"from_": "2026-01-05T00:00:00Z", "to": "2026-01-12T00:00:00Z"},
}


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


def load(path: Path, options: argparse.Namespace) -> str:
    """Commits of a million rows; what it takes to make them is not counted."""
    spent = 0.0
    scratch = Path(tempfile.mkdtemp(dir=path.parent))
    try:
        with Store.open(path) as store, store.loader_lock():
            made = parts(scratch, options.events, timedelta(days=options.days))
            for batch, part in enumerate(made, 1):
                start = time.process_time()
                store.table.append_rows([part], batch)
                spent += time.process_time() - start
    finally:
        shutil.rmtree(scratch)
    return f"{spent:,.1f} s of it the table's"


def ids(path: Path, _options: argparse.Namespace) -> str:
    """The set of ids, read again from the table."""
    with Store.open(path) as store, store.loader_lock():
        lookup = Lookup(store.table)
        IdIndex(path / "ids", scan=lookup.scan, exact=lookup.exact).catch_up(store.table.version())
    return ""


def roll(path: Path, _options: argparse.Namespace) -> str:
    """The rollups, as a loader counts them."""
    with Store.open(path) as store, store.loader_lock():
        refresh.catch_up(store)
        rows = (f"{one.name} {sum(f.rows for f in one.files()):,}" for one in store.rollups)
        return "rows: " + ", ".join(rows)


def fold(path: Path, _options: argparse.Namespace) -> str:
    """Small files become large ones; the old ones are deleted at once."""
    before = files(path)
    with Store.open(path) as store:
        done = compaction.compact(store)
        with store.loader_lock():
            compaction.clean(store, 0.0)
    return f"{done.rows:,} rows written again; files {before} before, {files(path)} after"


def rebuild(path: Path, _options: argparse.Namespace) -> str:
    """What `compact --rebuild` does before it folds."""
    with Store.open(path) as store, store.loader_lock():
        refresh.rebuild(store)
    return ""


def prove(path: Path, _options: argparse.Namespace) -> str:
    """What `verify` does."""
    with Store.open(path) as store:
        found = verify(store).faults
    return "; ".join(f"{fault.part}: {fault.what}" for fault in found) or "clean"


STAGES = {"load": load, "ids": ids, "rollups": roll, "compact": fold, "rebuild": rebuild,
          "verify": prove}  # fmt: skip


def files(path: Path) -> str:
    """How many data files each part has."""
    tables = {"events": path / "events", "rollups": path / "rollups"}
    found = {name: len(list(at.rglob("month=*/*.parquet"))) for name, at in tables.items()}
    return ", ".join(f"{number:,} of {name}" for name, number in found.items())


def staged(path: Path, name: str, options: argparse.Namespace, pipe: Any) -> None:
    """One stage; sends seconds of CPU, MB, and what there is to say."""
    told = STAGES[name](path, options)
    pipe.send((time.process_time(), peak(), told))


def measured(path: Path, name: str, _options: argparse.Namespace, pipe: Any) -> None:
    """One query over everything; sends seconds of CPU, MB, and what went wrong."""
    plugins.load_builtins()
    way, _, query = name.rpartition(":")
    if way == "events":
        RollupReader.rollup = lambda _self, _name: None  # type: ignore[method-assign]
    with Store.open(path) as store:
        bounds = store.bounds()
        assert bounds is not None
        common = CommonOptions(since=from_micros(bounds[0]), until=from_micros(bounds[1] + 1))
        runner = Runner(store, common=common)
        store.backend  # noqa: B018 - loads the engine
        cpu = time.process_time()
        wrong = ""
        try:
            runner.query(query, **PARAMETERS.get(query, {}))
        except HubbubError as e:
            wrong = e.what
        pipe.send((time.process_time() - cpu, peak(), wrong))


def apart(work: Any, name: str, path: Path, options: argparse.Namespace) -> float | None:
    """Do it in a process of its own, and print what it took; its seconds of CPU."""
    spawn = multiprocessing.get_context("spawn")
    mine, theirs = spawn.Pipe(duplex=False)
    process = spawn.Process(target=work, args=(path, name, options, theirs))
    process.start()
    theirs.close()
    patience = None if work is staged else options.patience
    try:
        found = mine.recv() if mine.poll(patience) else None
    except EOFError:
        found = None
    process.kill()
    process.join()
    if found is None:
        print(f"{name:<28} no answer", flush=True)
        return None
    cpu, memory, told = found
    print(f"{name:<28}{cpu:>8.2f}{memory:>8,.0f} {told}", flush=True)
    return float(cpu)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000_000)
    parser.add_argument("--days", type=int, default=730)
    parser.add_argument("--store", type=Path, help="keep it here; default: a temporary one")
    parser.add_argument("--stages", help=f"of {', '.join(STAGES)}; default: all of a new store")
    parser.add_argument("--queries", help="names, with commas between them; default: every one")
    parser.add_argument("--patience", type=float, default=600.0, help="seconds for each query")
    options = parser.parse_args()
    plugins.load_builtins()
    queries = [*sorted(REGISTRY.queries), *(f"events:{name}" for name in ROLLED)]
    if options.queries is not None:
        queries = list(filter(None, options.queries.split(",")))
    folder = Path(tempfile.mkdtemp(dir=options.store and options.store.parent))
    try:
        path = options.store or folder / "store"
        stages = [] if path.exists() else list(STAGES)
        if options.stages is not None:
            stages = list(filter(None, options.stages.split(",")))
        print(f"{'stage':<28}{'CPU s':>8}{'MB':>8}")
        for name in stages:
            apart(staged, name, path, options)
        with Store.open(path, create=False) as store:
            number = store.rows()
        for name in ("events", "ids", "rollups"):
            print(f"{name:<28}{size(path / name) / number:>8.1f} bytes an event")
        print(f"\n{'query over everything':<28}{'CPU s':>8}{'MB':>8}")
        spent = {name: apart(measured, name, path, options) for name in queries}
        judge({name: cpu for name, cpu in spent.items() if cpu is not None})
    finally:
        shutil.rmtree(folder)


def judge(spent: dict[str, float]) -> None:
    """The budgets, as far as they were measured."""
    rolled, direct = spent.get("daily_users"), spent.get("events:daily_users")
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
