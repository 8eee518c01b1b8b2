"""The tables of built-in functions are true, and a command imports only what it runs."""

import json
import subprocess
import sys

import pytest

from hubbub.cli.root import execute
from hubbub.plugins import load_builtins
from hubbub.registry import REGISTRY
from hubbub.registry.builtins import JOBS, QUERIES, VIEWS, modules_for
from tests.support.commandline import LINES

TABLES = {
    "query": ("hubbub.analyzers", QUERIES),
    "view": ("hubbub.charts.views", VIEWS),
    "cron": ("hubbub", JOBS),
}
IMPORTED = """
import json, sys
from hubbub.cli.root import execute
code = execute(sys.argv[1:])
print(json.dumps([code, sorted(sys.modules)]))
"""


@pytest.mark.parametrize("kind", TABLES)
def test_the_tables_name_the_modules_that_register(kind: str) -> None:
    load_builtins()
    package, table = TABLES[kind]
    functions = REGISTRY.of(kind)
    registered = {name: f.module for name, f in functions.items() if f.built_in}
    assert {name: f"{package}.{module}" for name, module in table.items()} == registered


def test_a_view_needs_the_queries_and_an_unknown_name_nothing() -> None:
    assert modules_for("view", "volume")[:2] == [
        "hubbub.charts.views.activity", "hubbub.analyzers.people.active_users"
    ]  # fmt: skip
    assert modules_for("query", "volume") == ["hubbub.analyzers.activity.volume"]
    assert modules_for("query", "none") == modules_for("event_handler", "volume") == []


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (["query", "volume"], ("hubbub.charts", "hubbub.analyzers.people", "pandas", "structlog")),
        (["status"], ("hubbub.charts", "hubbub.analyzers.people", "ibis", "duckdb", "structlog")),
        (["import", "lines.jsonl", "--format", "jsonl"], ("ibis", "duckdb", "pandas")),
        (["--help"], ("hubbub.run", "hubbub.store", "pyarrow", "structlog", "rich")),
    ],
)
def test_a_command_imports_what_it_needs(
    tmp_path, arguments: list[str], absent: tuple[str, ...]
) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in LINES))
    store = ["--store", str(tmp_path / "store")]
    assert execute(["import", str(path), "--format", "jsonl", *store]) == 0
    run = subprocess.run(
        [sys.executable, "-c", IMPORTED, *arguments, *store],
        check=True, capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    code, modules = json.loads(run.stdout.splitlines()[-1])
    assert code == 0
    assert [name for name in modules if name.startswith(absent)] == []


DIRECT = """
from hubbub.run.runner import Runner
from hubbub.registry import REGISTRY, query
from hubbub.store import Store
from pathlib import Path
import sys

@query
def traffic() -> str:
    return "of a plugin"

runner = Runner(Store.open(Path(sys.argv[1])))
assert "volume" not in REGISTRY.queries
assert len(runner.query("volume").data) == 1
assert runner.view("volume").svg().startswith(b"<?xml")
assert runner.query("traffic").bare == "of a plugin"
"""


def test_a_runner_imports_built_in_functions_which_replace_no_plugin(tmp_path) -> None:
    path, store = tmp_path / "lines.jsonl", tmp_path / "store"
    path.write_text(json.dumps(LINES[0]) + "\n")
    assert execute(["import", str(path), "--format", "jsonl", "--store", str(store)]) == 0
    subprocess.run([sys.executable, "-c", DIRECT, str(store)], check=True)
