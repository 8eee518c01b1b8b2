"""pandas is imported by what asks for a data frame, and by nothing else."""

import subprocess
import sys

import pytest

pytest.importorskip("pandas")

PROGRAM = """
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


def test_data_frames_are_made_where_they_are_asked_for() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.stdout == "done\n", done.stderr
