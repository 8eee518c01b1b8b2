"""`hubbub compact` and `hubbub verify`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commandline import Run


def more(hubbub: Run, store: Path, folder: Path, *names: str) -> None:
    file = folder / "more.jsonl"
    rows = [{"id": n, "timestamp": 1767261600, "topic": "a.b.prod.git.receive", "users": ["x"]}
            for n in names]  # fmt: skip
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert hubbub("import", file, "--format", "jsonl", "--store", store).code == 0


def test_compact(hubbub: Run, store: Path, tmp_path: Path) -> None:
    for name in ("m1", "m2"):
        more(hubbub, store, tmp_path, name)
    before = hubbub("query", "users", "--json", "--store", store).json
    ran = hubbub("compact", "--json", "--store", store)
    assert ran.code == 0
    assert ran.json["files"] > ran.json["into"] >= 1
    assert hubbub("query", "users", "--json", "--store", store).json["data"] == before["data"]
    ran = hubbub("compact", "--rebuild", "--json", "--store", store)
    assert ran.json["deleted"] == 0
    assert {p.name for p in (store / "rollups").iterdir()} == {
        "daily_topics", "daily_users", "hourly_users", "weekly_users",
    }  # fmt: skip
    ran = hubbub("compact", "--store", store)
    assert (ran.code, ran.out) == (
        0, "0 files into 0, 0 rows, 0 bytes saved\n0 old files deleted\n",
    )  # fmt: skip


def test_verify_says_what_is_wrong_and_repairs(hubbub: Run, store: Path) -> None:
    ran = hubbub("verify", "--store", store)
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "no faults")
    (run,) = (store / "ids").iterdir()
    run.write_bytes(bytes(run.stat().st_size))
    ran = hubbub("verify", "--store", store)
    assert ran.code == 5
    assert "ids: 5 ids of the table are not in the set of ids" in ran.out
    ran = hubbub("verify", "--repair", "--json", "--store", store)
    assert (ran.code, ran.json["clean"]) == (0, True)
    assert [fault["part"] for fault in ran.json["repaired"]] == ["ids"]
    file = next((store / "events").glob("month=*/*.parquet"))
    file.write_bytes(file.read_bytes()[:-9])
    ran = hubbub("verify", "--json", "--store", store)
    assert (ran.code, ran.json["clean"]) == (5, False)
    assert ran.json["faults"][0]["where"] == str(file)


@pytest.mark.parametrize("command", ["compact", "verify"])
def test_no_store_is_no_fault(hubbub: Run, tmp_path: Path, command: str) -> None:
    ran = hubbub(command, "--store", tmp_path / "none")
    assert ran.code == 0
    assert "there is no store" in ran.err
    assert not (tmp_path / "none").exists()
