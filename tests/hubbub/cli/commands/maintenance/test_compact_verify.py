"""`hubbub compact` and `hubbub verify`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commandline import Run


def add_events(hubbub: Run, store: Path, folder: Path, *names: str) -> None:
    file = folder / "added.jsonl"
    rows = [{"id": n, "timestamp": 1767261600, "topic": "a.b.prod.git.receive", "users": ["x"]}
            for n in names]  # fmt: skip
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert hubbub("import", file, "--format", "jsonl", "--store", store).code == 0


def test_compact(hubbub: Run, store: Path, tmp_path: Path) -> None:
    for name in ("m1", "m2"):
        add_events(hubbub, store, tmp_path, name)
    before = hubbub("query", "users", "--json", "--store", store).json
    result = hubbub("compact", "--json", "--store", store)
    assert result.code == 0
    assert result.json["files"] > result.json["into"] >= 1
    assert hubbub("query", "users", "--json", "--store", store).json["data"] == before["data"]
    result = hubbub("compact", "--rebuild", "--json", "--store", store)
    assert result.json["deleted"] == 0
    assert {p.name for p in (store / "rollups").iterdir()} == {
        "actions", "daily_topics", "daily_users", "hourly_users", "monthly_objects",
        "monthly_touches", "monthly_users", "weekly_users",
    }  # fmt: skip
    result = hubbub("compact", "--store", store)
    assert (result.code, result.out) == (
        0, "0 files into 0, 0 rows, 0 bytes saved\n0 old files deleted\n",
    )  # fmt: skip


def test_an_interrupted_verification_is_continued(
    hubbub: Run, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("hubbub.store.maintenance.verify.compare", interrupt)
        assert hubbub("verify", "--store", store).code == 130
    result = hubbub("verify", "--json", "--store", store)
    assert (result.code, result.json["clean"], result.json["skipped"]) == (0, True, 1)
    assert result.json["continued"].endswith("Z")
    assert "continues the verification of" in result.err
    result = hubbub("verify", "--since", "2026-01-01", "--json", "--store", store)
    assert (result.json["continued"], result.json["skipped"]) == (None, 0)
    assert result.json["checked"]["events:rows"] == 5


def test_what_cannot_be_restarted(hubbub: Run, store: Path) -> None:
    result = hubbub("compact", "--restart", "--store", store)
    assert result.code == 2
    assert "--rebuild --restart" in result.err


def test_verify_reports_faults_and_repairs(hubbub: Run, store: Path) -> None:
    result = hubbub("verify", "--store", store)
    assert (result.code, result.out.splitlines()[-1]) == (0, "no faults")
    (run,) = (store / "ids").iterdir()
    run.write_bytes(bytes(run.stat().st_size))
    result = hubbub("verify", "--store", store)
    assert result.code == 5
    assert "ids: 5 ids of the table are not in the id index" in result.out
    result = hubbub("verify", "--repair", "--json", "--store", store)
    assert (result.code, result.json["clean"]) == (0, True)
    assert [fault["part"] for fault in result.json["repaired"]] == ["ids"]
    file = next((store / "events").glob("month=*/*.parquet"))
    file.write_bytes(file.read_bytes()[:-9])
    result = hubbub("verify", "--json", "--store", store)
    assert (result.code, result.json["clean"]) == (5, False)
    assert result.json["faults"][0]["where"] == str(file)


@pytest.mark.parametrize("command", ["compact", "verify"])
def test_a_missing_store_is_not_a_fault(hubbub: Run, tmp_path: Path, command: str) -> None:
    result = hubbub(command, "--store", tmp_path / "none")
    assert result.code == 0
    assert "there is no store" in result.err
    assert not (tmp_path / "none").exists()
