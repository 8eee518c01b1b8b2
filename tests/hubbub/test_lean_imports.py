"""What commands import and collect: no pandas, no compilers of other engines, Arrow if needed."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hubbub.lazy import lazy_module
from hubbub.store import Store
from tests.support.commandline import Run

PANDAS = """
import sys
import pyarrow as pa
from hubbub.store.query.engine import connect
backend = connect()
backend.raw_sql("CREATE TABLE t AS SELECT unnest([1, 2]) AS n")
table = backend.table("t")
assert table.to_pyarrow()["n"].to_pylist() == [1, 2]
assert table.n.sum().as_scalar().to_pyarrow().as_py() == 3
assert "pandas" not in sys.modules
assert table.execute()["n"].tolist() == [1, 2]
assert table.to_pyarrow().to_pandas()["n"].tolist() == [1, 2]
assert table.to_pyarrow()["n"].to_pylist() == [1, 2]
import pandas
assert pa.array(pandas.Series([3])).to_pylist() == [3]
print("done")
"""
COMPILERS = """
import gc, sys
from hubbub.store.query.engine import connect
backend = connect()
backend.raw_sql("CREATE TABLE t AS SELECT 1 AS n")
table = backend.table("t")
assert table.to_pyarrow()["n"].to_pylist() == [1]
others = {"postgres", "bigquery", "snowflake", "pyspark"}
name = "ibis.backends.sql.compilers"
assert not {f"{name}.{other}" for other in others} & sys.modules.keys()
assert gc.isenabled()
import ibis
assert '"t"' in ibis.to_sql(table, dialect="postgres")
from ibis.backends.sql.compilers import BigQueryCompiler, DuckDBCompiler
from ibis.backends.sql.compilers.duckdb import DuckDBCompiler as same
assert DuckDBCompiler is same and BigQueryCompiler.__module__.endswith("bigquery")
assert ibis.memtable({"n": [2]}).n.sum().to_pyarrow().as_py() == 2
print("done")
"""
FROZEN = """
import gc
from hubbub.store.delta.lean_imports import duckdb_backend
gc.freeze()
frozen = gc.get_freeze_count()
duckdb_backend()
print(gc.isenabled(), gc.get_freeze_count() > frozen // 2 > 0)
"""
COLLECTED = """
import gc
from hubbub.cli.root import execute
gc.set_debug(gc.DEBUG_STATS)
code = execute()
gc.set_debug(0)
raise SystemExit(code)
"""
COMMAND = """
import json, sys
from hubbub.cli.root import execute
code = execute()
print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""


def run(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_data_frames_are_made_where_they_are_asked_for() -> None:
    pytest.importorskip("pandas")
    done = run(PANDAS)
    assert done.stdout == "done\n", done.stderr


def test_other_engines_are_imported_where_they_are_asked_for() -> None:
    done = run(COMPILERS)
    assert done.stdout == "done\n", done.stderr


def test_what_was_kept_from_the_garbage_collector_stays_so() -> None:
    done = run(FROZEN)
    assert done.stdout == "True True\n", done.stderr


@pytest.fixture
def folder(tmp_path: Path, hubbub: Run) -> Path:
    """The folder of a store with events, whose log has a checkpoint."""
    line = {"id": "1", "timestamp": "2026-01-01T00:00:00Z", "topic": "a.b", "users": ["alice"]}
    (tmp_path / "day.jsonl").write_text(json.dumps(line))
    folder = tmp_path / "s"
    done = hubbub("import", tmp_path / "day.jsonl", "--format", "jsonl", "--store", folder)
    assert done.code == 0, done.err
    with Store.open(folder) as store:
        store.table.table().create_checkpoint()
    return folder


@pytest.mark.parametrize(
    ("command", "absent"),
    [
        (["status"], {"pyarrow", "numpy", "ibis", "duckdb"}),
        (["query", "volume"], {"pyarrow.compute", "pyarrow.parquet", "pandas", "asyncio"}),
    ],
)
def test_commands_import_what_they_need(folder: Path, command: list[str], absent: set[str]) -> None:
    done = run(COMMAND, *command, "--store", folder)
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code == 0
    assert absent.isdisjoint(modules)


def test_a_lazy_module_has_the_names_of_the_module() -> None:
    module = lazy_module("json.tool")
    sys.modules.pop("json.tool", None)
    assert module.main.__name__ == "main"
    assert module.main is sys.modules["json.tool"].main
    with pytest.raises(AttributeError, match="nothing"):
        _ = module.nothing


def test_imported_modules_are_not_looked_through_for_garbage(folder: Path) -> None:
    done = run(COLLECTED, "query", "volume", "--store", folder)
    assert done.returncode == 0
    passes = re.findall(r"collecting generation (\d)\D+each generation: (.*)", done.stderr)
    objects = [sum(map(int, sizes.split()[: int(age) + 1])) for age, sizes in passes]
    assert 0 < max(objects) < 20_000
