"""`hubbub forget`, `hubbub retention` and --bodies."""

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hubbub.store import Store
from tests.support.commandline import Run
from tests.support.stores.filled_store import places


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """A file in a folder named like an account that its lines name."""
    file = tmp_path / "mallory" / "lines.jsonl"
    file.parent.mkdir()
    rows = [
        {"id": f"m{n}", "timestamp": 1767261600 + n, "topic": "org.example.prod.git.receive",
         "users": ["mallory", "bob"], "objects": ["forks/mallory/x"], "body": {"by": "mallory"}}
        for n in range(3)
    ]  # fmt: skip
    file.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{mallory\n")
    return file


def test_forget_and_import_again(hubbub: Run, store: Path, lines: Path) -> None:
    args = ("import", lines, "--format", "jsonl", "--json", "--store", store)
    assert hubbub(*args, "--bodies").json == {
        "read": 4, "new": 3, "known": 0, "refused": {"not-json": 1},
    }  # fmt: skip
    before = hubbub("query", "tail", "--format", "json", "--store", store).json["data"]
    planned = hubbub("forget", "MALLORY", "--dry-run", "--json", "--store", store).json
    assert (planned["events"], planned["bodies"]) == (3, 3)
    assert places(store, "mallory")
    result = hubbub("forget", "mallory", "--why", "mallory asked", "--json", "--store", store)
    assert (result.code, result.err) == (0, "")
    assert result.json["events"] == 3
    name = result.json["pseudonym"]
    assert places(store, "mallory") == []
    imported = hubbub(*args)
    assert imported.json == {"read": 4, "new": 0, "known": 3, "refused": {"not-json": 1}}
    assert places(store, "mallory") == []
    after = hubbub("query", "tail", "--format", "json", "--store", store).json["data"]
    counts = [{**row, "user": name if row["user"] == "mallory" else row["user"]} for row in before]
    assert sorted(after, key=lambda r: r["user"]) != []
    assert sorted(map(str, (r["count"] for r in after))) == sorted(
        map(str, (r["count"] for r in before))
    )
    assert {(r["user"], r["count"]) for r in after} == {(r["user"], r["count"]) for r in counts}
    journal = hubbub("forget", "--list", "--json", "--store", store).json
    assert [(entry["pseudonym"], entry["why"], entry["done"]) for entry in journal] == [
        (name, f"{name} asked", True)
    ]
    assert name in hubbub("forget", "--list", "--store", store).out
    source = hubbub("status", "--json", "--store", store).json["sources"]
    assert any(name in entry for entry in source)


def test_the_name_from_standard_input(
    hubbub: Run, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("alice\n"))
    result = hubbub("forget", "-", "--store", store)
    assert result.code == 0
    assert "events: 2" in result.out
    assert places(store, "alice") == []


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("forget",), "which account?"),
        (("forget", "--list", "bob"), "takes no NAME"),
        (("forget", "forgotten-0123456789abcdef"), "already the pseudonym"),
        (("forget", "--", "--"), "without a letter"),
        (("retention", "--events", "soon"), "soon"),
    ],
)
def test_wrong_usage(hubbub: Run, store: Path, args: tuple[str, ...], message: str) -> None:
    result = hubbub(args[0], "--store", store, *args[1:])
    assert result.code == 2
    assert message in result.err


def test_forget_creates_no_store(hubbub: Run, tmp_path: Path) -> None:
    result = hubbub("forget", "bob", "--store", tmp_path / "none")
    assert result.code == 2
    assert not (tmp_path / "none").exists()


def test_bodies_by_option_and_configuration(hubbub: Run, lines: Path, tmp_path: Path) -> None:
    def stored_bodies(store: str, *args: str | Path) -> int:
        hubbub("import", lines, "--format", "jsonl", "--store", tmp_path / store, *args)
        with Store.open(tmp_path / store) as opened:
            return sum(f.rows for f in opened.bodies.files())

    config = tmp_path / "hubbub.toml"
    config.write_text("bodies = true\n")
    assert stored_bodies("a") == 0
    assert stored_bodies("b", "--bodies") == 3
    assert stored_bodies("c", "--config", config) == 3
    assert stored_bodies("d", "--config", config, "--no-bodies") == 0


def test_retention_by_option_and_configuration(
    hubbub: Run, lines: Path, store: Path, tmp_path: Path
) -> None:
    hubbub("import", lines, "--format", "jsonl", "--store", store, "--bodies")
    age = (datetime.now(UTC) - datetime(2026, 1, 2, 12, tzinfo=UTC)) // timedelta(seconds=1)
    config = tmp_path / "hubbub.toml"
    config.write_text(f'[retention]\nevents = "{age}s"\nbodies = "forever"\n')
    result = hubbub("retention", "--dry-run", "--json", "--config", config, "--store", store)
    assert {k: v["rows"] for k, v in result.json.items()} == {"events": 7, "bodies": 3}
    assert hubbub("status", "--json", "--store", store).json["events"] == 8
    result = hubbub("retention", "--events", "forever", "--bodies", "forever", "--store", store)
    assert result.out == "everything is kept forever\n"
    result = hubbub("retention", "--config", config, "--store", store)
    assert "events before 2026-01-02T" in result.out
    assert ": 7 deleted, " in result.out
    assert hubbub("status", "--json", "--store", store).json["events"] == 1


def test_state_leaves_no_free_page(hubbub: Run, store: Path) -> None:
    hubbub("forget", "alice", "--store", store)
    with sqlite3.connect(store / "state.sqlite") as db:
        assert db.execute("PRAGMA freelist_count").fetchone() == (0,)
    db.close()


def test_retention_with_a_doubtful_clock(hubbub: Run, store: Path) -> None:
    with Store.open(store) as opened:
        bounds = opened.bounds()
        assert bounds is not None
        opened.state.set("retention:last", bounds[1])
    args = ("retention", "--events", "1d", "--store", store)
    result = hubbub(*args)
    assert result.code == 2
    assert "nothing is deleted: the clock shows 20" in result.err
    assert "--trust-clock" in result.err
    assert hubbub(*args, "--dry-run").code == 0
    result = hubbub(*args, "--trust-clock")
    assert (result.code, "5 deleted" in result.out) == (0, True)
    assert hubbub(*args).code == 0


def test_dead_letters_are_kept_as_long_as_the_configuration_says(
    hubbub: Run, store: Path, tmp_path: Path, lines: Path
) -> None:
    config = tmp_path / "hubbub.toml"
    config.write_text('[retention]\nevents = "forever"\ndead_letters = "forever"\n')
    hubbub("import", lines, "--format", "jsonl", "--store", store)
    with Store.open(store) as opened, opened.state.transaction() as db:
        db.execute("UPDATE dead_letters SET buried = 1")  # 1970
    assert hubbub("retention", "--config", config, "--store", store).code == 0
    with Store.open(store) as opened:
        assert len(opened.dead_letters()) == 1
    config.write_text('[retention]\nevents = "forever"\ndead_letters_size = "2B"\n')
    assert hubbub("retention", "--config", config, "--store", store).code == 0
    with Store.open(store) as opened:
        assert opened.dead_letters() == []
    # the limit also applies to the next load
    hubbub("import", lines, "--format", "jsonl", "--store", store)
    with Store.open(store) as opened:
        assert opened.dead_letters() == []
    for wrong in ('dead_letters = "soon"', 'dead_letters_size = "much"', "dead_letter = '1d'"):
        config.write_text(f"[retention]\n{wrong}\n")
        result = hubbub("retention", "--config", config, "--store", store)
        assert result.code == 2
        assert "retention" in result.err


def test_forgetting_leaves_no_damaged_file_behind(hubbub: Run, store: Path) -> None:
    (store / "aside").mkdir()
    (store / "aside" / "spool-1.seg").write_text("mallory")
    assert hubbub("forget", "mallory", "--why", "asked", "--store", store).code == 0
    assert not (store / "aside").exists()
