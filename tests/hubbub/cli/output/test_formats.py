"""Output formats of results, with hostile names."""

import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
import termios
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hubbub.analyzers.result import Result
from hubbub.cli.output.formats import FORMATS, dumps
from hubbub.formats.encode import page, parquet
from hubbub.formats.tables import clean, table
from tests.support.commandline import Run

HOSTILE = "=1+1\x1b[31m\u202e<script>[bold]"
WHEN = datetime(2026, 1, 1, tzinfo=UTC)


def result(data: Any, columns: tuple[str, ...] = ()) -> Result:
    return Result("q", {}, data, WHEN, WHEN, 1, columns=columns)


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "parquet"])
@pytest.mark.parametrize("name", ["users", "radar", "diff"])
def test_every_format_of_every_shape(hubbub: Run, made_store: Path, form: str, name: str) -> None:
    outcome = hubbub("query", name, "--format", form, "--store", made_store)
    assert outcome.code == 0
    assert outcome.out.endswith("\n")
    harmful = set("\x1b\u202e\x9b")
    assert not harmful & set(outcome.out)
    if form in {"json", "jsonl"}:
        for line in [outcome.out] if form == "json" else outcome.out.splitlines():
            json.loads(line)


def test_table_is_text_and_never_markup(hubbub: Run, made_store: Path) -> None:
    outcome = hubbub("query", "users", "--store", made_store)
    lines = outcome.out.splitlines()
    assert lines[0].split() == ["user", "messages", "bytes", "first", "last"]
    assert lines[1].split()[:2] == ["alice", "2"]
    assert "[bold]<b>&" in outcome.out
    assert "unproven" in outcome.err


def test_formulas_are_escaped_and_numbers_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    from hubbub.cli.output.formats import write

    names = [(HOSTILE, -3), ("@x", None), ("a-b", 1.5)]
    write(result([{"user": user, "n": n} for user, n in names]), "csv")
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows == [
        ["user", "n"],
        ["'=1+1[31m<script>[bold]", "-3"],
        ["'@x", ""],
        ["a-b", "1.5"],
    ]


def test_nested_cells_of_csv_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    from hubbub.cli.output.formats import write

    write(result([{"shares": [0.5, None], "names": ["a, b"], "ok": True}]), "csv")
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows == [["shares", "names", "ok"], ["[0.5, null]", '["a, b"]', "yes"]]


def test_a_narrow_terminal_gets_the_columns_that_fit() -> None:
    """A real terminal of 60 columns, with and without NO_COLOR."""
    program = (
        "from hubbub.cli.output.formats import show_table\n"
        "from hubbub.formats.tables import Table\n"
        "show_table(Table(['user', *(f'number {n}' for n in range(20))],"
        " [['[bold]eve', *range(20)]]))"
    )
    for colours in ({}, {"NO_COLOR": "1"}):
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (24, 60))
        outcome = subprocess.Popen(
            [sys.executable, "-c", program], stdout=theirs, stderr=subprocess.PIPE,
            env={"TERM": "xterm", "PATH": "", **colours},
        )  # fmt: skip
        _, err = outcome.communicate(timeout=60)
        os.close(theirs)
        shown = os.read(ours, 1 << 16).decode()
        os.close(ours)
        assert "[bold]eve" in shown
        plain = re.sub(r"\x1b\[[\d;]*m", "", shown)
        assert 40 < max(map(len, plain.splitlines())) <= 60
        assert ("\x1b" in shown) is not bool(colours)
        assert b"more columns (--wide shows all): number" in err


def test_a_table_rounds_floats(capsys: pytest.CaptureFixture[str]) -> None:
    from hubbub.cli.output.formats import write

    write(result([{"shares": [0.123456789, 0.5], "n": 1 / 3, "names": ["a", "b"]}]), "table")
    assert capsys.readouterr().out.splitlines()[1].split() == [
        "0.1235,",
        "0.5",
        "0.3333",
        "a,",
        "b",
    ]


def test_a_table_without_rows_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    from hubbub.cli.output.formats import write

    write(result([]), "table")
    assert capsys.readouterr().err.splitlines()[0] == "no rows"
    write(result([{"n": 1}]), "table")
    assert "no rows" not in capsys.readouterr().err


def test_diagnostic_records_have_a_line_each(hubbub: Run, made_store: Path) -> None:
    outcome = hubbub("query", "overload", "--people", "--store", made_store)
    assert outcome.code == 0
    lines = [line for line in outcome.err.splitlines() if line.startswith("base_rates: sign ")]
    assert len(lines) == 4
    assert "{" not in outcome.err


def test_html_is_escaped() -> None:
    html = page(result([{"user": "<script>alert('x')</script>", "n": 1}]))
    assert "<script>" not in html
    assert "&lt;script&gt;alert(&#x27;x&#x27;)" in html
    assert "<td class=n>1</td>" in html


def test_parquet_holds_rows_types_and_metadata() -> None:
    import pyarrow.parquet as pq

    rows = [{"user": "a", "n": 1, "odd": 1}, {"user": "b", "n": None, "odd": "x"}]
    read = pq.read_table(io.BytesIO(parquet(result(rows))))
    assert read.to_pylist() == [
        {"user": "a", "n": 1, "odd": "1"}, {"user": "b", "n": None, "odd": "x"}
    ]  # fmt: skip
    assert json.loads(read.schema.metadata[b"hubbub"])["query"] == "q"


def test_parquet_holds_sums_of_more_than_64_bits() -> None:
    import pyarrow.parquet as pq

    rows = [{"bytes": n, "mixed": n or "x"} for n in (2**64, None, -(2**70), 5)]
    read = pq.read_table(io.BytesIO(parquet(result(rows)))).to_pylist()
    assert [row["bytes"] for row in read] == [2**64, None, -(2**70), 5]
    assert [row["mixed"] for row in read] == [str(2**64), "x", str(-(2**70)), "5"]


def test_parquet_without_rows_has_its_columns() -> None:
    import pyarrow.parquet as pq

    read = pq.read_table(io.BytesIO(parquet(result([], ("user", "n")))))
    assert (read.num_rows, read.column_names) == (0, ["user", "n"])


def test_json_escapes_terminal_controls() -> None:
    text = dumps({"a": "\x9b31m\u202eé\ud800\x1b"})
    assert text == '{"a": "\\u009b31m\\u202eé\\ud800\\u001b"}'
    assert json.loads(text) == {"a": "\x9b31m\u202eé\ud800\x1b"}


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain", "plain"),
        ("a\tb\r\nc", "a b  c"),
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("\u202edrawkcab\u2066", "drawkcab"),
        ("\ufeffbom\u200b", "bom"),
        ("👩\u200d💻 عربي 漢字", "👩\u200d💻 عربي 漢字"),
        ("\ud800", ""),
    ],
)
def test_clean(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@pytest.mark.parametrize(
    ("data", "columns", "rows"),
    [
        ([{"a": 1, "b": 2}, {"b": 3}], ["a", "b"], [[1, 2], [None, 3]]),
        ([["x", 1], ["y", 2]], ["column 1", "column 2"], [["x", 1], ["y", 2]]),
        ([1, None], ["value"], [(1,), (None,)]),
        ([[1], [1, 2]], ["value"], [([1],), ([1, 2],)]),
        (3, ["value"], [(3,)]),
        ({"a": 1, "b": [2]}, ["name", "value"], [("a", 1), ("b", [2])]),
        (
            {"labels": ["d1", "d2"], "counts": {"t": [1, 2]}, "diff": {"t": [None, 1]}},
            ["name", "label", "counts", "diff"],
            [("t", "d1", 1, None), ("t", "d2", 2, 1)],
        ),
        (
            {"axes": ["g"], "totals": [4], "users": {"u": {"counts": [1], "share": [0.25]}}},
            ["user", "axis", "count", "total", "share"],
            [("u", "g", 1, 4, 0.25)],
        ),
        ({"axes": ["g"], "totals": [4], "users": {}}, ["axis", "total"], [("g", 4)]),
    ],
)
def test_every_shape_becomes_a_table(data: Any, columns: list[str], rows: list[Any]) -> None:
    converted = table(result(data))
    assert (list(converted.columns), list(converted.rows)) == (columns, rows)


def test_no_colours_without_a_terminal(hubbub: Run, made_store: Path) -> None:
    for args in (["query", "users"], ["status"], ["plugins"]):
        assert "\x1b" not in hubbub(*args, "--store", made_store).out
