"""`hubbub identity`; pictures with and without bots."""

import json
import re
from pathlib import Path

import pytest

from tests.support.commandline import Run


def picture_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("how", [(), ("--by", "agent", "--no-bots")])
def test_merge_report_undo_report(
    hubbub: Run, store: Path, tmp_path: Path, how: tuple[str, ...]
) -> None:
    def report(name: str) -> dict[str, bytes]:
        command: tuple[str | Path, ...]
        if how:  # the queries behind all pictures read the accounts in the same way
            (tmp_path / name).mkdir()
            command = ("chart", "tail", "-o", tmp_path / name / "tail.svg")
        else:
            command = ("report", "-o", tmp_path / name, "--views", "longtail,tail,users_per_object")
        result = hubbub(*command, "--store", store, *how)
        assert result.code == 0, result.err
        return picture_files(tmp_path / name)

    before = report("before")
    merged = hubbub("identity", "merge", "bob", "alice", "--why", "same keys", "--store", store)
    assert merged.code == 0
    tail = tmp_path / "tail.svg"
    assert hubbub("chart", "tail", "-o", tail, "--store", store, *how).code == 0
    assert tail.read_bytes() != before["tail.svg"]
    assert b"bob" in before["tail.svg"]
    assert b"bob" not in tail.read_bytes()
    assert hubbub("identity", "undo", "1", "--store", store).code == 0
    assert report("after") == before


def test_the_journal(hubbub: Run, store: Path) -> None:
    at = ("--store", store)
    result = hubbub("identity", "merge", "bob", "alice", "--why", "keys", "--who", "kevin", *at,
                    "--json")  # fmt: skip
    assert result.json == {"entry": 1, "person": "alice", "accounts": ["alice", "bob"]}
    assert result.err == ""
    users = hubbub("query", "users", "--json", *at).json["data"]
    assert {row["user"]: row["messages"] for row in users}["alice"] == 2, "one message named both"
    named = hubbub("query", "users", "--user", "bob", "--json", *at).json["data"]
    assert [row["user"] for row in named] == ["alice"]
    assert hubbub("identity", "undo", "1", "--why", "mistaken", *at, "--json").json == {
        "entry": 2, "undoes": 1, "persons": {"bob": "bob", "alice": "alice"},
    }  # fmt: skip
    listed = hubbub("identity", "list", "--json", *at).json
    assert listed["persons"] == {}
    first = listed["entries"][0]
    assert (first["who"], first["why"], first["state"]) == ("kevin", "keys", "undone by 2")
    assert listed["entries"][1]["state"] == "undoes 1"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", listed["entries"][0]["time"])
    assert "mistaken" in hubbub("identity", "list", *at).out


def test_possible_mistakes_are_noted(hubbub: Run, store: Path) -> None:
    result = hubbub("identity", "merge", "alcie", "releng", "--why", "typo", "--store", store)
    assert result.code == 0
    assert "no event in the store has the account 'alcie' yet" in result.err
    assert "'releng' yet" not in result.err
    assert "the whole person is left out" in result.err


@pytest.mark.parametrize(
    "args",
    [
        ("merge", "a", "b"),
        ("merge", "a", "--why", "x"),
        ("merge", "a", "a", "--why", "x"),
        ("undo", "1"),
        ("undo", "x"),
        ("undoo",),
    ],
)
def test_wrong_usage(hubbub: Run, store: Path, args: tuple[str, ...]) -> None:
    result = hubbub("identity", *args, "--store", store)
    assert result.code == 2
    assert result.err


def test_merge_and_undo_create_no_store(hubbub: Run, tmp_path: Path) -> None:
    for args in (("merge", "a", "b", "--why", "x"), ("undo", "1")):
        result = hubbub("identity", *args, "--store", tmp_path / "none")
        assert result.code == 2
        assert "there is no store here" in result.err
    assert not (tmp_path / "none").exists()
    assert hubbub("identity", "list", "--json", "--store", tmp_path / "none").json["entries"] == []


def test_suspects(hubbub: Run, tmp_path: Path) -> None:
    lines = [
        {"id": f"t{n}", "timestamp": 1767225600 + n * 3600, "agent": "timer", "users": ["timer"],
         "topic": "org.fedoraproject.prod.git.receive"} for n in range(200)
    ]  # fmt: skip
    file = tmp_path / "lines.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    at = ("--store", tmp_path / "s")
    hubbub("import", file, "--format", "jsonl", *at)
    answer = hubbub("identity", "suspects", "--json", *at).json
    assert [row["user"] for row in answer["data"]] == ["timer"]
    assert answer["parameters"]["by"] == "agent"
    assert answer == hubbub("query", "suspects", "--json", *at).json
    result = hubbub("identity", "suspects", *at)
    assert "regular pauses" in result.out
    assert "these accounts may be bots" in result.err
    assert hubbub("identity", "suspects", "--until", "2026-01-03", "--json", *at).json["data"] == []


def test_organisations_by_the_configured_file(hubbub: Run, store: Path, tmp_path: Path) -> None:
    (tmp_path / "who.csv").write_text("account,organisation,from,to\nalice,Example Corp,,\n")
    config = tmp_path / "hubbub.toml"
    config.write_text('[people]\naffiliations = "who.csv"\n')
    args = ("query", "organisations", "--per", "y", "--no-bots", "--json", "--store", store)
    rows = {r["organisation"]: r for r in hubbub(*args, "--config", config).json["data"]}
    assert rows["Example Corp"]["messages"] == 2
    assert rows["unknown"]["users"] == 2
    assert [r["organisation"] for r in hubbub(*args).json["data"]] == ["unknown"]
    (tmp_path / "who.csv").write_text("account,organisation\n")
    result = hubbub(*args, "--config", config)
    assert result.code == 2
    assert "who.csv:1" in result.err


def subtitle(hubbub: Run, store: Path, view: str, *options: str) -> str:
    result = hubbub("chart", view, "--store", store, "-o", "-", *options)
    assert result.code == 0, result.err
    assert "without bots" not in result.out
    match = re.search(r"\d+ known program[^<]*", result.out.partition("</desc>")[2])
    return match[0] if match else ""


def test_a_picture_states_who_is_left_out_and_the_finding_with_them(
    hubbub: Run, store: Path
) -> None:
    assert subtitle(hubbub, store, "tail", "--bots") == ""
    out = hubbub("chart", "tail", "--store", store, "-o", "-", "--bots").out
    title = re.search(r"<title[^>]*>([^<]*)", out)
    assert title
    expected = f"1 known program left out; if it counted as a person, it would be: {title[1]}"
    assert subtitle(hubbub, store, "tail") == subtitle(hubbub, store, "tail", "--no-bots")
    assert subtitle(hubbub, store, "tail") == expected
    assert subtitle(hubbub, store, "volume", "--no-bots") == "", "messages of bots count there"
    assert subtitle(hubbub, store, "tail", "--until", "2026-01-02") == ""


def test_a_radar_of_a_merged_account_draws_the_person(hubbub: Run, store: Path) -> None:
    hubbub("identity", "merge", "bob", "alice", "--why", "x", "--store", store)
    result = hubbub("chart", "radar", "--user", "bob", "--store", store, "-o", "-")
    assert "alice is named in" in result.out
    assert "no messages of" not in result.out


def test_coverage_of_one_account_is_not_coverage_of_the_person(hubbub: Run, store: Path) -> None:
    from hubbub.collector.history.client import Filters
    from hubbub.store import Store

    with Store.open(store) as opened:
        key = Filters((), (), ("alice",)).key
        since, until = 1767225600_000000, 1767484800_000000  # 2026-01-01 to 2026-01-04
        opened.state.span("https://history.example", key, since, until, "complete", "test")
    args = ("query", "users", "--user", "alice", "--since", "2026-01-01", "--until", "2026-01-04",
            "--json", "--store", store)  # fmt: skip
    assert hubbub(*args).json["coverage"]["state"] == "complete"
    hubbub("identity", "merge", "bob", "alice", "--why", "x", "--store", store)
    assert hubbub(*args).json["coverage"]["state"] == "unproven"
    hubbub("identity", "undo", "1", "--store", store)
    assert hubbub(*args).json["coverage"]["state"] == "complete"
