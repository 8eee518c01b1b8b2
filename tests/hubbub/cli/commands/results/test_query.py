"""Queries and views from the command line: common options, plugins, ranges."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support import paths
from tests.support.commandline import SINCE, UNTIL, Run
from tests.support.stores.filling import put

KARMA = paths.ROOT / "examples" / "karma.py"


def users(ran_json: Any) -> dict[str, int]:
    return {row["user"]: row["messages"] for row in ran_json["data"]}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], {"alice": 2, "bob": 1, "releng": 1, "=cmd": 1}),
        (["--by", "agent"], {"alice": 2, "bob": 1, "releng": 1}),
        (["--no-bots"], {"alice": 2, "bob": 1, "=cmd": 1}),
        (["--category", "bodhi"], {"alice": 1, "=cmd": 1}),
        (["--category", "b*"], {"alice": 1, "releng": 1, "=cmd": 1}),
        (["--topic", "*.git.*", "--topic", "*.tag"], {"alice": 1, "bob": 1, "releng": 1}),
        (["--user", "bo?"], {"alice": 1, "bob": 1}),
        (["--not-user", "alice", "--not-user", "=*"], {"bob": 1, "releng": 1}),
        (["--object", "kernel"], {"alice": 1, "bob": 1, "releng": 1}),
        (["--action", "push"], {"alice": 1, "bob": 1}),
        (["--since", "2026-01-01T11:00Z"], {"alice": 1, "releng": 1, "=cmd": 1}),
        (["--until", "2026-01-01T11:00Z"], {"alice": 1, "bob": 1}),
        (["--since", "2026-01-02T12:00+02:00", "--until", "2026-01-02T11:00Z"], {"releng": 1}),
    ],
)
def test_the_common_options_filter(
    hubbub: Run, made_store: Path, options: list[str], expected: dict[str, int]
) -> None:
    result = hubbub("query", "users", "--json", "--store", made_store, "--bots", *options)
    assert result.code == 0
    counts = users(result.json)
    assert {
        ("=cmd" if name.startswith("=cmd") else name): n for name, n in counts.items()
    } == expected


def test_people_are_counted_without_known_programs(hubbub: Run, made_store: Path) -> None:
    result = hubbub("query", "users", "--json", "--store", made_store)
    assert "releng" not in users(result.json)
    assert result.json["parameters"]["bots"] is False
    assert "note: 1 known program left out; --bots counts it too" in result.err
    assert "left out" not in hubbub("query", "volume", "--store", made_store).err


def test_the_json_document(hubbub: Run, made_store: Path) -> None:
    result = hubbub("query", "volume", "--json", "--store", made_store)
    assert set(result.json) >= {"query", "parameters", "coverage", "data"}
    assert result.json["query"] == "volume"
    assert result.json["coverage"] == {"state": "unproven", "gaps": []}
    stated = result.json["parameters"]
    # from the oldest event to just after the newest
    assert (stated["since"], stated["until"]) == ("2026-01-01T10:00:00Z", "2026-01-03T10:00:01Z")
    assert (stated["by"], stated["bots"]) == ("users", True)
    assert sum(row["messages"] for row in result.json["data"]) == 5


def test_durations_in_diagnostics_are_spelled_for_people_and_seconds_for_programs(
    hubbub: Run, made_store: Path
) -> None:
    command = ("query", "health", "--window", "1d", "--store", made_store)
    assert "window: 1d\n" in hubbub(*command).err
    assert hubbub(*command, "--json").json["diagnostics"]["window"] == 86400
    briefing = ("query", "briefing", "--store", made_store)
    assert "look_back: 1d\n" in hubbub(*briefing).err
    assert hubbub(*briefing, "--json").json["diagnostics"]["look_back"] == 86400


def test_a_parameter_hides_the_common_option_of_its_name(hubbub: Run, made_store: Path) -> None:
    result = hubbub("query", "radar", "--user", "alice", "--json", "--store", made_store)
    assert list(result.json["data"]["users"]) == ["alice"]
    assert sum(result.json["data"]["totals"]) == 5  # the totals stay those of all events


@pytest.mark.parametrize("before", [True, False])
def test_common_options_before_and_after_every_name(
    hubbub: Run, made_store: Path, registry: None, *, before: bool
) -> None:
    common = ["--store", str(made_store), "--plugins", str(KARMA), "-v", "--log-format", "json"]
    for args in (["query", "karma", "--json"], ["query", *common, "karma", "--json"]):
        result = hubbub(*common, *args) if before else hubbub(*args, *common)
        assert result.code == 0, result.err
        assert sorted(row["comments"] for row in result.json["data"]) == [1, 1]


def test_the_seven_line_example(
    hubbub: Run, made_store: Path, registry: None, tmp_path: Path
) -> None:
    options = ["--plugins", str(KARMA), "--store", str(made_store)]
    result = hubbub(
        *options, "query", "karma", "--category", "buildsys", "--bots", "--format", "csv"
    )
    assert (result.code, result.out) == (0, "user,comments\nreleng,1\n")
    assert "Comments per user." in hubbub(*options, "query", "karma", "--help").out
    picture = tmp_path / "k.svg"
    assert hubbub(*options, "chart", "karma_chart", "-o", picture).code == 0
    assert b"Karma" in picture.read_bytes()
    assert b"alice" in picture.read_bytes()


@pytest.mark.parametrize("name", ["longtail", "tail", "radar", "diff", "volume", "users"])
@pytest.mark.parametrize("there", [True, False])
def test_an_empty_or_missing_store_gives_empty_data(
    hubbub: Run, tmp_path: Path, name: str, *, there: bool
) -> None:
    store = tmp_path / "empty"
    if there:
        store.mkdir()
    result = hubbub("query", name, "--json", "--store", store)
    assert result.code == 0
    data = result.json["data"]
    assert not any(data.values()) if isinstance(data, dict) else data == []
    assert ("yet: gather, listen or import creates it" in result.err) is not there
    assert store.exists() is there  # a query creates no store


def test_diff_lists_the_days_of_an_empty_store(hubbub: Run, tmp_path: Path) -> None:
    result = hubbub("query", "diff", "--json", "--since", SINCE, "--until", UNTIL,
                    "--store", tmp_path / "empty")  # fmt: skip
    assert result.json["data"]["labels"] == ["2026-01-01", "2026-01-02", "2026-01-03"]


def test_a_query_includes_waiting_messages(hubbub: Run, store: Path) -> None:
    from hubbub.collector.event import Frame
    from hubbub.store import Store

    body = json.dumps({"id": "late", "timestamp": 1767434401, "topic": "a.b.c.d", "users": ["eve"]})
    with Store.open(store) as opened:
        put(opened, Frame("jsonl:test", 1767434402_000000, b"", body.encode(), 1))
    assert hubbub("status", "--json", "--store", store).json["waiting"]["records"] == 1
    assert users(hubbub("query", "users", "--json", "--store", store).json)["eve"] == 1
    after = hubbub("status", "--json", "--store", store).json
    assert (after["waiting"]["records"], after["events"]) == (0, 6)


def test_the_end_of_proven_coverage_ends_the_range(hubbub: Run, store: Path) -> None:
    from hubbub.store import Store

    day = 1767225600_000000
    with Store.open(store) as opened:
        opened.state.span("history:x", "", day, day + 2 * 86400_000000, "complete", "4 rows")
    result = hubbub("query", "volume", "--json", "--store", store)
    assert result.json["parameters"]["until"] == "2026-01-03T00:00:00Z"
    assert result.json["coverage"]["state"] == "complete"
    assert "add --until now" in result.err
    longer = hubbub("query", "volume", "--json", "--until", UNTIL, "--store", store)
    assert longer.json["coverage"]["state"] == "unproven"
    assert longer.err == ""


@pytest.mark.parametrize("suffix", [".svg", ".html"])
def test_the_suffix_determines_the_format_of_a_chart(
    hubbub: Run, made_store: Path, tmp_path: Path, suffix: str
) -> None:
    file = tmp_path / f"x{suffix}"
    result = hubbub("chart", "tail", "-o", file, "--store", made_store)
    assert (result.code, result.out) == (0, "")
    content = file.read_text()
    assert content.startswith({".svg": "<?xml", ".html": "<!DOCTYPE html>"}[suffix])
    assert "alice" in content
    if suffix == ".svg":
        assert hubbub("chart", "tail", "--store", made_store).out == content


def test_a_report_without_bots(hubbub: Run, made_store: Path, tmp_path: Path) -> None:
    result = hubbub("report", "-o", tmp_path / "out", "--store", made_store, "--since", SINCE,
                    "--until", UNTIL, "--no-bots", "--views", "longtail,tail,volume")  # fmt: skip
    assert result.code == 0
    pages = {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()}
    assert {"index.html", "index.md", "data.json", "longtail.svg", "volume.svg"} <= pages.keys()
    assert b"alice" in pages["data.json"]
    assert b"releng" not in pages["tail.svg"]


def test_a_report_in_which_a_view_fails(
    hubbub: Run, made_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr("hubbub.charts.graphs.heatmap.draw_heatmap", broken)
    result = hubbub("report", "-o", tmp_path / "r", "--store", made_store, "--since", SINCE,
                    "--until", UNTIL, "--allow-incomplete", "--views", "heatmap,tail")  # fmt: skip
    assert result.code == 1
    assert "not drawn: heatmap: " in result.err
    assert "view 'heatmap' failed: ZeroDivisionError: a fault of ours" in result.err
    assert (tmp_path / "r" / "tail.svg").exists()
    assert not (tmp_path / "r" / "heatmap.svg").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--topic", "*.git.recieve"],
         "note: no topic matches '*.git.recieve'; near: org.fedoraproject.prod.git.receive"),
        (["--category", "bodih", "--category", "bodhi"],
         "note: no category matches 'bodih'; near: bodhi"),
        (["--user", "Alice"], "note: no user matches 'Alice'; near: alice"),
        (["--not-user", "bobb"], "note: no user matches 'bobb' (--not-user); near: bob"),
        (["--category", "bodhi"], None),
        (["--category", "bodhi", "--since", "2026-01-03"], None),  # in the store, not the range
    ],
)  # fmt: skip
def test_a_filter_that_matches_nothing_in_the_store_is_said(
    hubbub: Run, made_store: Path, options: list[str], said: str | None
) -> None:
    ran = hubbub("query", "users", "--json", "--store", made_store, *options)
    notes = [line for line in ran.err.splitlines() if "matches" in line]
    assert (ran.code, notes) == (0, [] if said is None else [said])
    found = ran.json.get("diagnostics", {}).get("unmatched", [])
    assert [said] == [_sentence(x) for x in found] if said else found == []
    assert hubbub("query", "users", "--store", made_store, *options).err.count("matches") == len(
        notes
    )


def _sentence(found: dict[str, Any]) -> str:
    option = "" if found["filter"] == found["noun"] else f" (--{found['filter'].replace('_', '-')})"
    near = ", ".join(found["near"])
    return f"note: no {found['noun']} matches {found['value']!r}{option}; near: {near}"


def test_own_filters_of_queries_and_views_are_checked_too(
    hubbub: Run, made_store: Path, tmp_path: Path
) -> None:
    for command in (
        ["query", "radar", "--user", "Alice"],
        ["query", "what_if", "--without", "Alice"],
        ["chart", "radar", "--user", "Alice", "-o", tmp_path / "x.svg"],
        ["report", "--views", "radar,tail", "--user", "Alice", "-o", tmp_path / "report"],
    ):
        ran = hubbub(*command, "--store", made_store)
        assert ran.code == 0
        assert ran.err.count("no user matches 'Alice'") == 1
        assert "near: alice" in ran.err
