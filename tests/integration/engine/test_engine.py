"""What an engine is asked besides queries, what it refuses, and what happens when it is gone."""

import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Timer
from typing import Any

import ibis
import pyarrow as pa
import pytest
from ibis import _

import hubbub as library
from hubbub.errors import EngineError, UsageError
from hubbub.plugins import load_file
from hubbub.run.runner import CommonOptions, Runner
from hubbub.store import Selection, Store
from hubbub.store.query import engine as engines
from tests.support.commandline import Run
from tests.support.engines import Server, sail, spark

PLUGIN = """\
import ibis
from ibis import _
from hubbub import query

@query
def karma(events, category: str = "git"):
    "Messages per user, with the team of each."
    teams = ibis.memtable({"user": ["ann", "bob"], "team": ["x", "y"]})
    counted = events.filter(events.category == category).unnest_users().group_by("user")
    counted = counted.agg(n=_.count(), objects=_.objects.length().sum(), last=_.time.max())
    return counted.left_join(teams, "user").drop("user_right").order_by("user")

@query
def words(events):
    "Objects in order, and a part of them."
    rows = events.filter(events.objects.length() > 0).stored
    return rows.group_by("topic").agg(
        first=_.objects[0].min(),
        all=_.id.collect(where=_.seq % 50 == 0, order_by=_.id),
        joined=_.objects.join("+").max(),
        mean=(_["size"].sum() / (_.seq - _.seq).sum()),
    ).order_by("topic")

@ibis.udf.scalar.python
def shout(text: str) -> str:
    return text.upper()

@query
def shouted(events):
    "With a function in Python."
    return events.select(topic=shout(events.topic)).distinct()

@query
def bucketed(events):
    "With what Spark does not have."
    return events.select(at=events.time.bucket(days=1))
"""


def endless() -> Any:
    """Return an expression that takes an engine minutes."""
    numbers = ibis.range(0, 300_000).unnest().name("n").as_table()
    return numbers.cross_join(numbers.view()).agg(n=(_.n * _.n_right % 7).sum())


@pytest.fixture
def runners(stores: Any, tmp_path: Path, registry: None) -> tuple[Runner, Runner]:
    """Runners with a plugin: on the built-in and on the other engine."""
    file = tmp_path / "karma.py"
    file.write_text(PLUGIN)
    load_file(file)
    return Runner(stores["plain", False]), Runner(stores["plain", True])


@pytest.mark.parametrize("name", ["karma", "words"])
def test_plugins_run_there(name: str, runners: tuple[Runner, Runner]) -> None:
    expected, answered = (runner.query(name) for runner in runners)
    assert answered == expected
    assert len(expected.data) > 3


@pytest.mark.parametrize("name", ["shouted", "bucketed"])
def test_what_cannot_run_there_is_refused_before_it_starts(
    name: str, runners: tuple[Runner, Runner], monkeypatch: pytest.MonkeyPatch
) -> None:
    _here, there = runners
    backend = there.store.backend
    asked: list[str] = []
    sql = backend._session.sql

    def ask(text: str) -> Any:
        asked.append(text)
        return sql(text)

    monkeypatch.setattr(backend._session, "sql", ask)
    with pytest.raises(UsageError, match=r"sc://127\.0\.0\.1") as caught:
        there.query(name)
    assert "--engine duckdb" in caught.value.hint
    assert not [text for text in asked if "topic" in text or "bucket" in text]


def test_a_result_with_too_many_rows(stores: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = stores["plain", True].events().stored.select("id")
    number = rows.count().to_pyarrow().as_py()
    monkeypatch.setattr("hubbub.store.query.spark.backend.MOST_ROWS", number)
    assert rows.to_pyarrow().num_rows == number
    assert len(rows.execute()) == number
    monkeypatch.setattr("hubbub.store.query.spark.backend.MOST_ROWS", number - 1)
    with pytest.raises(UsageError, match=f"more than {number - 1} rows"):
        rows.to_pyarrow()
    assert rows.count().to_pyarrow().as_py() == number


def test_overlapping_windows_bring_a_row_for_each_user(
    stores: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody = CommonOptions(bots=True)
    here, there = (Runner(stores["plain", other], common=everybody) for other in (False, True))
    users = stores["plain", False].events().unnest_users().user.nunique().to_pyarrow().as_py()
    monkeypatch.setattr("hubbub.store.query.spark.backend.MOST_ROWS", users)
    options = {"window": "3d", "step": "6h"}
    expected = here.query("longtail", **options).data
    assert len(expected) > users
    assert there.query("longtail", **options).data == expected


@pytest.mark.parametrize("few", [0, 1_000_000])
def test_held_results_stay_there_unless_they_are_few(
    few: int, stores: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hubbub.store.query.spark.backend._FEW", few)
    tables = []
    for other in (False, True):
        store = stores["plain", other]
        held = engines.hold(store.backend, store.events().select("topic", "size", "time"))
        sums = held.group_by("topic").agg(n=_.count(), last=_.time.max()).order_by("topic")
        tables.append(store.backend.to_pyarrow(sums))
        kept = list(held.op().find(ibis.expr.operations.DatabaseTable))
        assert bool(kept) == (not other or not few)  # of DuckDB always: it spills
    assert tables[0].equals(tables[1])


def test_sums_beyond_64_bits(stores: Any) -> None:
    from hubbub.store.query.sums import exact_sum

    rows = pa.table({"n": pa.array([2**62] * 4)})
    backend = stores["plain", True].backend
    table = engines.rows_in_memory(backend, "large", rows)
    assert int(backend.to_pyarrow(exact_sum(table.n)).as_py()) == 2**64


def test_views_that_nothing_refers_to_are_dropped(stores: Any) -> None:
    store = stores["plain", True]
    for since in range(3):
        store.events(Selection(since=since)).count_events()
    store.events().count_events()
    views = [each.name for each in store.backend._session.catalog.listTables() if each.isTemporary]
    assert sum(name.startswith("events_") for name in views) <= 2


def test_a_notebook(folders: dict[str, Path], engine: Server) -> None:
    bus = library.open(folders["plain"], engine=engine.url)
    with bus, library.open(folders["plain"]) as here:
        assert bus.query("users").data == here.query("users").data
        assert bus.chart("tail").svg() == here.chart("tail").svg()


def test_the_command_line(folders: dict[str, Path], engine: Server, hubbub: Run) -> None:
    options = ["--store", folders["merged"], "--format", "csv"]
    there = hubbub("query", "users", *options, "--engine", engine.url)
    assert (there.code, there.err) == (0, hubbub("query", "users", *options).err)
    assert there.out == hubbub("query", "users", *options).out
    misspelt = [hubbub("query", "users", *options, "--user", "dorra", *more)
                for more in (["--engine", engine.url], [])]  # fmt: skip
    assert "near: dora" in misspelt[0].err
    assert misspelt[0].err == misspelt[1].err


@pytest.fixture
def own_sail() -> Iterator[Server]:
    """A server that the test may kill."""
    with sail() as server:
        yield server


@pytest.mark.service("sail")
def test_an_engine_that_goes_away_and_comes_back(
    folders: dict[str, Path], own_sail: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    retries = {"max_retries": 1, "initial_backoff": 10, "max_backoff": 10}
    monkeypatch.setattr("hubbub.store.query.spark.backend._RETRIES", retries)
    with Store.open(folders["plain"]) as store:
        store.engine_url = own_sail.url
        expected = Runner(store).query("volume").data
        Timer(1, own_sail.kill).start()
        with pytest.raises(EngineError, match="went away") as caught:
            store.backend.to_pyarrow(endless())
        assert str(own_sail.port) in caught.value.where
        with pytest.raises(EngineError, match="cannot connect"):
            Runner(store).query("volume")
        own_sail.start()
        assert Runner(store).query("volume").data == expected


@pytest.mark.service("spark")  # Sail finishes the step at which it is
def test_a_long_query_is_interrupted(folders: dict[str, Path]) -> None:
    with spark() as server, Store.open(folders["plain"]) as store:
        store.engine_url = server.url
        Runner(store).query("volume")
        Timer(1, engines.interrupt, (store.backend,)).start()
        with pytest.raises(EngineError, match="failed"):
            store.backend.to_pyarrow(endless())


def test_the_extra_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("hubbub.store.query.spark.backend", "pyspark"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "ibis.backends.pyspark", None)
    with pytest.raises(UsageError, match="extra `spark`") as caught:
        engines.connect_to("sc://127.0.0.1")
    assert "pip install 'hubbub[spark]'" in caught.value.hint
