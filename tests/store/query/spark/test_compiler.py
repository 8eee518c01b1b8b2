"""SQL for Spark: what its dialect would compute otherwise than DuckDB."""

import ibis

from hubbub.store.query.spark.compiler import SailCompiler, SparkCompiler


def test_distinct_values_are_groups() -> None:
    """With DISTINCT, Spark also tells rows apart by the column to sort by."""
    rows = ibis.table({"user": "string", "time": "timestamp"}, name="rows")
    named = rows.select(value="user")
    few = named.filter(named.value.notnull()).distinct().order_by("value").limit(3)
    for compiler in (SparkCompiler(), SailCompiler()):
        sql = compiler.to_sqlglot(few).sql("spark")
        assert "DISTINCT" not in sql
        assert "GROUP BY" in sql
