"""An answer without rows has the columns that it would have with rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from hubbub import plugins
from hubbub.registry import REGISTRY
from hubbub.run.runner import Runner
from hubbub.store import Store
from tests.support.commandline import Run
from tests.support.stores.varied_store import START, fill

plugins.load_builtins()

NAMES = sorted(name for name, query in REGISTRY.queries.items() if query.columns)
PARAMETERS: dict[str, dict[str, Any]] = {
    "alerts": {"short": 2, "long": 5, "resolution": "6h", "averages": 10},
    "cohorts": {"window": "14d"},
    "event_activity": {
        "from_": START + timedelta(days=30),
        "to": START + timedelta(days=34),
    },
    "health": {"window": "21d"},
    "traffic": {"period": "6h"},
    "what_if": {"without": ["ann"]},
}
#: The job has stored no day.
WITHOUT_ROWS = {"usage"}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("columns") / "store"
    fill(folder)
    with Store.open(folder) as store:
        yield store


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(tmp_path_factory.mktemp("columns") / "empty") as store:
        yield store


def columns(store: Store, name: str) -> tuple[bool, list[str]]:
    result = Runner(store).query(name, **PARAMETERS.get(name, {}))
    return bool(result.data), list(result.columns)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_columns_without_rows(name: str, filled: Store, empty: Store) -> None:
    found = columns(empty, name)
    assert found == (False, list(REGISTRY.queries[name].columns))
    if name not in WITHOUT_ROWS:
        assert columns(filled, name) == (True, found[1])


def test_a_csv_file_without_rows_has_a_header(hubbub: Run, empty: Store) -> None:
    answer = hubbub("query", "returning", "--format", "csv", "--store", empty.path)
    assert answer.out == "group,people,after,active,share,complete\n"
