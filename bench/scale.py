"""A large store: loading, bytes per event, maintenance, all queries, rollups against events.

    python bench/scale.py [--events 100000000] [--days 730]
    python bench/scale.py --store FOLDER [--stages verify] [--queries tail,events:tail,health]

Events of up to 30,000 users are written through the store's own tables, in commits of a million
rows; ids are dated UUIDs. Each stage and each query runs in a separate process, so that its memory
can be measured. The CPU seconds of a query do not include loading the engine. `events:NAME` is the
query NAME without rollups. The rows of a query are those of the largest result that it fetches from
the engine; one of others refuses more than a million.

With `--store` the store is created if it does not exist, queried, and kept; of an existing one only
the stages given by `--stages` are run. `""` stands for none.

Budgets: new and unique users of each day from rollups take at most 0.1 times as long as from
events; at 100 M events every query on rollups takes at most 1 s of CPU.
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
from hubbub.store.maintenance import compaction, rebuilding
from hubbub.store.maintenance.verify import verify
from hubbub.store.query.from_rollups import RollupReader
from hubbub.store.rollups import refresh
from hubbub.store.tables.id_lookup import open_index
from hubbub.times import from_micros

COMMIT = 1_000_000  # rows
#: Queries that read only rollups, for whole days and without other filters.
ROLLED = ("tail", "active_users", "daily_users", "returning", "diff", "volume", "year_over_year",
          "cohorts")  # fmt: skip

#: Parameters without a default.
PARAMETERS: dict[str, dict[str, Any]] = {
    "what_if": {"without": ["user00007"]},
    "event_activity": {"from_": "2026-01-05T00:00:00Z", "to": "2026-01-12T00:00:00Z"},
}


def parts(folder: Path, number: int, length: timedelta) -> Iterator[tuple[str, Any]]:
    """Yield (month, rows), with ids like those of a bus."""
    rng = np.random.default_rng(1)
    for file in _events.write(folder, number, length):
        with pq.ParquetFile(file) as parquet:
            for batch in parquet.iter_batches(COMMIT):
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
    """Load commits of a million rows; report the CPU time without generating them."""
    spent = 0.0
    scratch = Path(tempfile.mkdtemp(dir=path.parent))
    try:
        with Store.open(path) as store, store.loader_lock():
            commits = parts(scratch, options.events, timedelta(days=options.days))
            for batch, part in enumerate(commits, 1):
                start = time.process_time()
                store.table.append_rows([part], batch)
                spent += time.process_time() - start
    finally:
        shutil.rmtree(scratch)
    return f"{spent:,.1f} s of it for the table"


def ids(path: Path, _options: argparse.Namespace) -> str:
    """Rebuild the index of ids from the table."""
    with Store.open(path) as store, store.loader_lock():
        open_index(path / "ids", store.table).catch_up(store.table.version())
    return ""


def roll(path: Path, _options: argparse.Namespace) -> str:
    """Compute the rollups, as a loader does."""
    with Store.open(path) as store, store.loader_lock():
        refresh.catch_up(store)
        rows = (
            f"{rollup.name} {sum(f.rows for f in rollup.files()):,}" for rollup in store.rollups
        )
        return "rows: " + ", ".join(rows)


def compact(path: Path, _options: argparse.Namespace) -> str:
    """Compact the store and delete the old files at once."""
    before = files(path)
    with Store.open(path) as store:
        done = compaction.compact(store)
        with store.loader_lock():
            compaction.clean(store, 0.0)
    return f"{done.rows:,} rows rewritten; files {before} before, {files(path)} after"


def rebuild(path: Path, _options: argparse.Namespace) -> str:
    """Rebuild the rollups, as `compact --rebuild` does before compaction."""
    with Store.open(path) as store, store.loader_lock():
        rebuilding.rebuild(store)
    return ""


def check(path: Path, _options: argparse.Namespace) -> str:
    """Verify the store, as `hubbub verify` does."""
    with Store.open(path) as store:
        faults = verify(store).faults
    return "; ".join(f"{fault.part}: {fault.what}" for fault in faults) or "clean"


def quick(path: Path, _options: argparse.Namespace) -> str:
    """Verify the store, as `hubbub verify --quick` does."""
    with Store.open(path) as store:
        faults = verify(store, quick=True).faults
    return "; ".join(f"{fault.part}: {fault.what}" for fault in faults) or "clean"


STAGES = {"load": load, "ids": ids, "rollups": roll, "compact": compact, "rebuild": rebuild,
          "verify": check, "quick": quick}  # fmt: skip


def files(path: Path) -> str:
    """Count the data files of each part."""
    tables = {"events": path / "events", "rollups": path / "rollups"}
    numbers = {
        name: len(list(folder.rglob("month=*/*.parquet"))) for name, folder in tables.items()
    }
    return ", ".join(f"{number:,} of {name}" for name, number in numbers.items())


def run_stage(path: Path, name: str, options: argparse.Namespace, pipe: Any) -> None:
    """Run a stage; send CPU seconds, MB, and a remark."""
    remark = STAGES[name](path, options)
    pipe.send((time.process_time(), peak(), remark))


def count_rows(backend: Any) -> list[int]:
    """Let an engine count the rows of each result that it sends; return their list, from 0 on."""
    fetched = [0]
    send = type(backend).to_pyarrow

    def counted(self: Any, *args: Any, **options: Any) -> Any:
        rows = send(self, *args, **options)
        if isinstance(rows, pa.Table):
            fetched.append(rows.num_rows)
        return rows

    type(backend).to_pyarrow = counted
    return fetched


def run_query(path: Path, name: str, _options: argparse.Namespace, pipe: Any) -> None:
    """Run a query over the whole range; send CPU seconds, MB, and the rows fetched or an error."""
    plugins.load_builtins()
    source, _, query = name.rpartition(":")
    if source == "events":
        RollupReader.rollup = lambda _self, _name: None  # type: ignore[method-assign]
    with Store.open(path) as store:
        bounds = store.bounds()
        assert bounds is not None
        common = CommonOptions(since=from_micros(bounds[0]), until=from_micros(bounds[1] + 1))
        runner = Runner(store, common=common)
        fetched = count_rows(store.backend)  # loads the engine
        cpu = time.process_time()
        error = ""
        try:
            runner.query(query, **PARAMETERS.get(query, {}))
        except HubbubError as e:
            error = e.what
        pipe.send((time.process_time() - cpu, peak(), error or f"{max(fetched):,} rows"))


def in_process(work: Any, name: str, path: Path, options: argparse.Namespace) -> float | None:
    """Run a stage or query in another process, print its costs and return its CPU seconds."""
    spawn = multiprocessing.get_context("spawn")
    receiver, sender = spawn.Pipe(duplex=False)
    process = spawn.Process(target=work, args=(path, name, options, sender))
    process.start()
    sender.close()
    timeout = None if work is run_stage else options.patience
    try:
        report = receiver.recv() if receiver.poll(timeout) else None
    except EOFError:
        report = None
    process.kill()
    process.join()
    if report is None:
        print(f"{name:<28} no result", flush=True)
        return None
    cpu, memory, remark = report
    print(f"{name:<28}{cpu:>8.2f}{memory:>8,.0f} {remark}", flush=True)
    return float(cpu)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000_000)
    parser.add_argument("--days", type=int, default=730)
    parser.add_argument("--store", type=Path, help="folder to keep; default: a temporary one")
    parser.add_argument(
        "--stages", help=f"names of {', '.join(STAGES)}, with commas; default: all of a new store"
    )
    parser.add_argument("--queries", help="names with commas between them; default: all")
    parser.add_argument("--patience", type=float, default=600.0, help="timeout of a query, seconds")
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
            in_process(run_stage, name, path, options)
        with Store.open(path, create=False) as store:
            number = store.rows()
        for name in ("events", "ids", "rollups"):
            print(f"{name:<28}{size(path / name) / number:>8.1f} bytes per event")
        print(f"\n{'query':<28}{'CPU s':>8}{'MB':>8}")
        spent = {name: in_process(run_query, name, path, options) for name in queries}
        print_budgets({name: cpu for name, cpu in spent.items() if cpu is not None})
    finally:
        shutil.rmtree(folder)


def print_budgets(spent: dict[str, float]) -> None:
    """Print the measurements that have a budget."""
    rolled, direct = spent.get("daily_users"), spent.get("events:daily_users")
    if rolled is not None and direct is not None:
        print(f"new and unique users a day from rollups: {rolled / direct:.3f} times the same "
              f"from events ({rolled:.2f} s against {direct:.2f} s; budget 0.1)")  # fmt: skip
    on_rollups = [(spent[name], name) for name in ROLLED if name in spent]
    if on_rollups:
        slowest, name = max(on_rollups)
        print(f"slowest query on rollups: {name}, {slowest:.2f} s of CPU "
              "(budget 1 s at 100 M events)")  # fmt: skip


if __name__ == "__main__":
    main()
