"""Import and query of system counts, against golden vectors; the table of samples."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hubbub.collector.decode.notebooks import COLUMNS
from hubbub.store import Store
from hubbub.store.tables.samples import Sample
from hubbub.times import to_micros
from tests.support import paths
from tests.support.commandline import CommandResult, Run

GOLDEN = paths.GOLDEN / "nbhosting"
CASES = sorted(path.stem for path in GOLDEN.glob("ct*.json"))


def imported(hubbub: Run, tmp_path: Path, source: Path, *options: str) -> CommandResult:
    return hubbub(
        "import", source, "--format", "notebook-counts", "--store", tmp_path / "s", *options
    )


def query_counts(hubbub: Run, tmp_path: Path, *options: str) -> CommandResult:
    result = hubbub("query", "monitor_counts", "--store", tmp_path / "s", "--json", *options)
    assert result.code == 0, result.err
    return result


def written(tmp_path: Path, text: str, name: str = "x.raw") -> Path:
    (tmp_path / name).write_text(text)
    return tmp_path / name


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str, hubbub: Run, tmp_path: Path) -> None:
    case = json.loads((GOLDEN / f"{name}.json").read_text())
    assert list(COLUMNS[case["rules"]]) == case["known_counts"]
    file = GOLDEN / case["file"] if case["file"] else written(tmp_path, "")
    assert imported(hubbub, tmp_path, file, "--columns", case["rules"]).code == 0
    result = query_counts(hubbub, tmp_path)
    expected = case["expected"]
    assert result.json["data"] == expected["monitor_counts"]
    assert list(result.json["data"]) == [f"{name}s" for name in case["known_counts"]] + [
        "timestamps"
    ]
    memory = {key: expected[key] for key in ("memory_percent",) if key in expected}
    if case["rules"] == "later" and not memory:
        memory = {"memory_percent": {f"memory_{n}_percent": [] for n in ("free", "available")}}
    assert result.json["diagnostics"] == expected["diagnostics"] | memory


def test_custom_columns(hubbub: Run, tmp_path: Path) -> None:
    lines = [
        "2020-01-01T00:00:00 +1 -2",
        "2020-01-01T00:00:00 007",
        "2019-12-31T00:00:00",  # earlier than the line before, and without values
        "2020-01-01T00:01:00 1 2 3",
        "2020-01-01T00:01:00 1.5",
        "2020-01-01T00:01 1",
        "2020-01-01T00:02:00 9223372036854775807 9223372036854775808",
        "2020-01-01T00:02:00 9223372036854775807",
    ]
    result = imported(hubbub, tmp_path, written(tmp_path, "\n".join(lines)), "--columns", "a, b")
    assert result.code == 0
    answer = query_counts(hubbub, tmp_path).json
    assert answer["data"] == {
        "as": [1, 7, None, 2**63 - 1],
        "bs": [-2, None, None, None],
        "timestamps": [
            *("2020-01-01T00:00:00", "2020-01-01T00:00:00", "2019-12-31T00:00:00"),
            "2020-01-01T00:02:00",
        ],
    }
    assert answer["diagnostics"] == {"malformed_lines": [4, 5, 6, 7]}


def test_the_columns_of_an_empty_file_are_known(hubbub: Run, tmp_path: Path) -> None:
    assert imported(hubbub, tmp_path, written(tmp_path, "# a b\n"), "--columns", "a,b").code == 0
    assert query_counts(hubbub, tmp_path).json["data"] == {"as": [], "bs": [], "timestamps": []}


@pytest.mark.parametrize("text", ["", "a,", "a,a", "timestamp", "a b,c", "a\u202e"])
def test_invalid_columns(text: str, hubbub: Run, tmp_path: Path) -> None:
    result = imported(hubbub, tmp_path, written(tmp_path, ""), f"--columns={text}")
    assert result.code == 2
    assert "--columns" in result.err


def test_columns_are_for_counts_only(hubbub: Run, tmp_path: Path) -> None:
    file = written(tmp_path, "")
    result = hubbub(
        "import", file, "--format", "jsonl", "--columns", "a", "--store", tmp_path / "s"
    )
    assert result.code == 2
    assert "--columns" in result.err


def test_a_file_that_grows_and_a_second_one(hubbub: Run, tmp_path: Path) -> None:
    for text in ("2020-01-02T00:00:00 1\n", "2020-01-02T00:00:00 1\n2020-01-03T00:00:00 2\n"):
        assert imported(hubbub, tmp_path, written(tmp_path, text), "--columns", "a").code == 0
    other = written(tmp_path, "2020-01-01T00:00:00 8\n2020-01-02T00:00:00 9\n", "y.raw")
    assert imported(hubbub, tmp_path, other, "--columns", "b").code == 0
    data = query_counts(hubbub, tmp_path).json["data"]
    assert data["as"] == [None, None, 1, 2]
    assert data["bs"] == [8, 9, None, None]
    data = query_counts(hubbub, tmp_path, "--since", "2020-01-03").json["data"]
    assert data["as"] == [2]
    data = query_counts(hubbub, tmp_path, "--until", "2020-01-02").json["data"]
    assert data["bs"] == [8]


def test_samples_are_compacted_verified_and_kept_as_long_as_events(
    hubbub: Run, tmp_path: Path
) -> None:
    from hubbub.store.maintenance.retention import prune

    file = written(tmp_path, "2020-01-02T00:00:00 1\n2020-01-03T00:00:00 2\n")
    assert imported(hubbub, tmp_path, file, "--columns", "a").code == 0
    result = hubbub("verify", "--json", "--store", tmp_path / "s")
    assert result.code == 0, result.out
    assert result.json["checked"]["samples:rows"] == 2
    with Store.open(tmp_path / "s") as store:
        day = datetime(2020, 1, 3, tzinfo=UTC)
        pruned = prune(store, now=day, events=timedelta(0), bodies=None)
        assert {part.table: part.rows for part in pruned} == {
            "events": 1,
            "samples": 1,
            "bodies": 0,
        }
    assert query_counts(hubbub, tmp_path).json["data"]["as"] == [2]


def test_a_crash_between_samples_and_events_duplicates_nothing(hubbub: Run, tmp_path: Path) -> None:
    file = written(tmp_path, "2020-01-02T00:00:00 1\n")
    assert imported(hubbub, tmp_path, file, "--columns", "a").code == 0
    with Store.open(tmp_path / "s") as store:
        number = store.table.batch() + 1
        when = to_micros(datetime(2020, 1, 5, tzinfo=UTC))
        store.samples.append([Sample(when, 2, 0, "a", 5)], number)
        assert sum(f.rows for f in store.samples.files()) == 2
    file = written(tmp_path, "2020-01-02T00:00:00 1\n2020-01-05T00:00:00 5\n")
    assert imported(hubbub, tmp_path, file, "--columns", "a").code == 0
    assert query_counts(hubbub, tmp_path).json["data"]["as"] == [1, 5]


def test_values_are_stored_in_the_samples_table_only(hubbub: Run, tmp_path: Path) -> None:
    file = written(tmp_path, "2020-01-02T00:00:00 1\n")
    assert imported(hubbub, tmp_path, file, "--columns", "a").code == 0
    with Store.open(tmp_path / "s") as store:
        [row] = store.events().to_pyarrow().to_pylist()
        assert row["topic"] == "monitor.counts"
        assert row["extra"] is None
        assert not row["users"]
