"""Results that an engine holds: computed once, of the expression's types, dropped when unused."""

import gc

import ibis
import pyarrow as pa

from hubbub.store.query.engine import connect, hold, rows_in_memory


def test_what_is_held_stays_while_an_expression_refers_to_it() -> None:
    backend = connect()
    rows = rows_in_memory(backend, "numbers", pa.table({"n": [1, 2, 3]}))
    sums = rows.agg(total=rows.n.sum(), middle=rows.n.median())
    held = hold(backend, sums)
    assert held.schema() == sums.schema(), "a sum of the engine has more bits"
    doubled = held.mutate(total=held.total * 2)
    del held
    gc.collect()
    hold(backend, ibis.memtable({"m": [1]}))
    assert doubled.to_pyarrow().to_pylist() == [{"total": 12, "middle": 2.0}]
    del doubled
    gc.collect()
    last = hold(backend, ibis.memtable({"m": [1]}))
    tables = backend.raw_sql("SELECT table_name FROM duckdb_tables()").fetchall()
    assert sum("held" in name for (name,) in tables) == 1
    assert last.count().to_pyarrow().as_py() == 1


def test_rows_from_memory_stay_while_an_expression_refers_to_them() -> None:
    backend = connect()

    def ask(rows: ibis.Table) -> int:
        hold(backend, rows)
        total: int = backend.to_pyarrow(rows.n.sum()).as_py()
        return total

    def names() -> int:
        views = backend.raw_sql("SELECT view_name FROM duckdb_views() WHERE NOT internal")
        return len(views.fetchall())

    kept = ibis.memtable({"n": [1, 2]})
    for n in range(5):
        assert ask(ibis.memtable({"n": [n]})) == n
        gc.collect()
        assert ask(kept) == 3
    assert names() <= 2
    copied = kept.op().copy().to_expr()
    del kept
    gc.collect()
    assert backend.to_pyarrow(copied.n.sum()).as_py() == 3
    assert ask(copied) == 3, "the copy has the name of what is gone"
    del copied
    gc.collect()
    hold(backend, ibis.memtable({"n": [0]}))
    assert names() == 1
