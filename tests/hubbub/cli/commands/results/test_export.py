"""`hubbub export`; what it writes is imported as the same events."""

from __future__ import annotations

import csv
import gzip
import json
import os
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubbub.cli.root import execute
from hubbub.collector.event import Frame
from hubbub.store import Selection, Store
from hubbub.store.query.event_files import export, rows
from tests.support.commandline import HOSTILE, Run
from tests.support.examples import examples
from tests.support.stores.filling import put

#: Columns that differ after another import: the source and the position of an event in it.
PLACE = ("source", "seq")


def events(store: Path) -> list[dict[str, Any]]:
    with Store.open(store) as opened:
        stored = [row for part in rows(opened, Selection()) for row in part.to_pylist()]
    assert [r["time"] for r in stored] == sorted(r["time"] for r in stored)
    return sorted(
        ({k: v for k, v in row.items() if k not in PLACE} for row in stored), key=lambda r: r["id"]
    )


NAMES = st.text("abcdefgh-_ü", min_size=1, max_size=8)
LINE = st.fixed_dictionaries(
    {"timestamp": st.integers(0, 10**15).map(lambda n: n / 1e6),
     "topic": st.sampled_from(["org.fedoraproject.prod.git.receive", "a", "x.y.dev.z", "log.GET"])},
    optional={"agent": NAMES, "users": st.lists(NAMES, max_size=3), "action": NAMES,
              "objects": st.lists(NAMES, max_size=2), "size": st.integers(0, 2**40)},
)  # fmt: skip


@settings(
    max_examples=examples(6),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(lines=st.lists(LINE, min_size=1, max_size=12))
def test_exported_events_are_imported_unchanged(
    tmp_path_factory: pytest.TempPathFactory, lines: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("trip")
    with Store.open(folder / "a") as store:
        bodies = [json.dumps({"id": f"e{n}", **line}) for n, line in enumerate(lines, 1)]
        frames = [
            Frame("jsonl:test", 10**15, b"", body.encode(), n) for n, body in enumerate(bodies, 1)
        ]
        put(store, *frames, load=True)
        written = export(store, Selection(), str(folder / "out.jsonl.gz"), "jsonl")
    code = execute(["import", str(folder / "out.jsonl.gz"), "--format", "jsonl",
                    "--store", str(folder / "b")])  # fmt: skip
    assert code == 0
    assert len(events(folder / "a")) == written
    assert events(folder / "b") == events(folder / "a")


def test_range_and_filters(hubbub: Run, store: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    every = events(store)
    times = sorted(row["time"] for row in every)
    result = hubbub("export", "-o", out, "--store", store)
    assert (result.code, result.out) == (0, f"5 events in {out}\n")
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert {line["id"] for line in lines} == {row["id"] for row in every}
    hubbub("export", "-o", out, "--store", store, "--since", times[1].isoformat(),
           "--until", times[3].isoformat())  # fmt: skip
    assert len(out.read_text().splitlines()) == 2, "half open"
    topic = every[0]["topic"]
    hubbub("export", "-o", out, "--store", store, "--topic", topic)
    assert {json.loads(x)["topic"] for x in out.read_text().splitlines()} == {topic}
    result = hubbub("export", "-o", "-", "--store", store)
    assert len(result.out.splitlines()) == 5
    assert result.err == "5 events written to standard output\n"


def test_accounts_are_written_as_stored(hubbub: Run, store: Path, tmp_path: Path) -> None:
    before = hubbub("export", "-o", "-", "--store", store).out
    names = sorted({u for row in events(store) for u in row["users"]})
    merged = hubbub("identity", "merge", names[1], names[0], "--why", "x", "--store", store)
    assert merged.code == 0
    assert hubbub("export", "-o", "-", "--store", store).out == before


def test_csv_and_parquet(hubbub: Run, store: Path, tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    bad = {
        "id": "=1+1",
        "timestamp": 1767261600,
        "topic": "a.b",
        "users": ["x"],
        "action": "-" + HOSTILE,
    }
    file.write_text(json.dumps(bad))
    assert hubbub("import", file, "--format", "jsonl", "--store", store).code == 0
    out = tmp_path / "out.csv"
    assert hubbub("export", "-o", out, "--store", store).code == 0
    with out.open(newline="") as text:
        table = list(csv.DictReader(text))
    assert len(table) == 6
    (row,) = [r for r in table if "1+1" in r["id"]]
    assert row["id"] == "'=1+1"
    assert row["users"] == '["x"]'
    assert row["action"].startswith("'-") or not row["action"]
    out = tmp_path / "out.parquet"
    assert hubbub("export", "-o", out, "--store", store).code == 0
    assert sorted(pq.read_table(out)["id"].to_pylist()) == sorted(r["id"] for r in events(store))
    result = hubbub("export", "-o", "-", "--format", "parquet", "--store", store)
    assert result.code == 2


def test_an_export_is_complete_or_leaves_no_file(
    hubbub: Run, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text("before")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = hubbub("export", "-o", out, "--store", store)
    assert result.code == 2
    assert "No space left" in result.err
    assert out.read_text() == "before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.jsonl", "store"]
    assert hubbub("export", "-o", tmp_path / "no" / "x", "--store", store).code == 2


def test_gzip_is_the_same_each_time(hubbub: Run, store: Path, tmp_path: Path) -> None:
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        assert hubbub("export", "-o", tmp_path / name, "--store", store).code == 0
    a, b = ((tmp_path / n).read_bytes() for n in ("a.jsonl.gz", "b.jsonl.gz"))
    assert a == b
    assert len(gzip.decompress(a).splitlines()) == 5
