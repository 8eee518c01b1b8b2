"""`hubbub explain`: the events of a cell, as text and as JSON, and what cannot be explained."""

from pathlib import Path

import pytest

from hubbub.analyzers.explained import REASONS
from tests.support.commandline import SINCE, UNTIL, Run


def test_a_cell_and_its_events(hubbub: Run, made_store: Path) -> None:
    options = ["--store", made_store, "--since", SINCE, "--until", UNTIL]
    result = hubbub("explain", "volume", *options, "--row", "start=2026-01-02", "--json")
    assert result.code == 0, result.err
    assert (result.json["cell"], result.json["total"], result.json["equal"]) == (2, 2, True)
    assert [event["id"] for event in result.json["events"]] == ["e4", "e3"]
    assert result.json["column"] == "messages"
    by_bytes = [*options, "--row", "start=2026-01-02", "--column", "bytes", "--json"]
    assert hubbub("explain", "volume", *by_bytes).json["cell"] == sum(
        event["size"] for event in result.json["events"]
    )


def test_filters_are_those_of_the_query_and_are_said(hubbub: Run, made_store: Path) -> None:
    options = ["--store", made_store, "--object", "kernel", "--row", "user=alice"]
    result = hubbub("explain", "users", *options)
    assert result.code == 0, result.err
    assert "object matches 'kernel'" in result.out
    assert "known programs are not people" in result.out
    assert "messages of user alice: 1, counted from 1 event:" in result.out
    assert "e1" in result.out


def test_without_a_row_the_rows_are_listed(hubbub: Run, made_store: Path) -> None:
    result = hubbub("explain", "tail", "--store", made_store)
    assert result.code == 0
    assert "choose a row with --row user=…" in result.out
    assert "alice" in result.out


@pytest.mark.parametrize("name", sorted(REASONS))
def test_a_query_without_explanation_says_why(name: str, hubbub: Run, made_store: Path) -> None:
    result = hubbub("explain", name, "--store", made_store)
    assert result.code == 2
    assert f"query '{name}' cannot be explained: {REASONS[name][0]}" in result.err


def test_a_query_of_a_plugin_says_so(hubbub: Run, made_store: Path, tmp_path: Path) -> None:
    plugin = tmp_path / "mine.py"
    plugin.write_text("from hubbub import query\n@query\ndef mine(events):\n    return 1\n")
    result = hubbub("explain", "mine", "--store", made_store, "--plugins", plugin)
    assert result.code == 2
    assert "it belongs to a plugin" in result.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--row", "user"], "write --row KEY=VALUE"),
        (["--row", "user=nobody"], "user is for example alice"),
        (["--row", "name=alice"], "there are: user"),
        (["--row", "user=alice", "--row", "user=bob"], "given twice"),
        (["--row", "user=alice", "--page", "2"], "there is no page 2"),
        (["--row", "user=alice", "--column", "rank"], "explain one of messages"),
    ],
)
def test_mistakes(hubbub: Run, made_store: Path, options: list[str], words: str) -> None:
    result = hubbub("explain", "users", "--store", made_store, *options)
    assert result.code == 2
    assert words in result.err
