"""Every registered query through the command line, on an empty and on a small store."""

from datetime import datetime
from pathlib import Path

import pytest

from hubbub.parameters import shape
from hubbub.plugins import load_builtins
from hubbub.registry import REGISTRY
from tests.support.commandline import Run

load_builtins()
QUERIES = sorted(REGISTRY.queries)


def required(name: str) -> list[str]:
    """Return a value for each required option; times in increasing order."""
    options = []
    for day, parameter in enumerate(p for p in REGISTRY.queries[name].parameters if p.required):
        time = shape(parameter.annotation).type is datetime
        options += [f"--{parameter.name}", f"2026-01-{day + 1:02}" if time else "alice"]
    return options


@pytest.fixture(scope="module")
def nothing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nothing")
    (folder / "none.jsonl").touch()
    return folder


def is_empty(data: object) -> bool:
    """Whether there are no records; a document is empty if its parts are, except labels."""
    if isinstance(data, dict):
        return all(is_empty(part) for key, part in data.items() if key != "labels")
    return not data


@pytest.mark.parametrize("name", QUERIES)
def test_an_empty_store_has_an_empty_result(name: str, hubbub: Run, nothing: Path) -> None:
    store = nothing / "store"
    hubbub("import", nothing / "none.jsonl", "--format", "jsonl", "--store", store)
    result = hubbub("query", name, "--json", "--store", store, *required(name))
    assert result.code == 0, result.err
    data = result.json["data"]
    assert is_empty(data)


@pytest.mark.parametrize("name", QUERIES)
def test_a_small_store_has_a_table(name: str, hubbub: Run, made_store: Path) -> None:
    result = hubbub("query", name, "--store", made_store, *required(name))
    assert result.code == 0, result.err


def test_the_briefing_in_words(hubbub: Run, made_store: Path) -> None:
    options = ["--store", str(made_store), "--since", "2026-01-01", "--until", "2026-01-03"]
    result = hubbub("query", "briefing", "--format", "text", *options)
    assert result.out.splitlines()[:2] == [
        "Friday, 2026-01-02 (UTC)",
        "2 messages, as many as the day before (2)",
    ]
    result = hubbub("query", "briefing", *options)
    assert result.out.startswith("what")
    assert "Friday" not in result.out + result.err  # only the table, without the text
    assert hubbub("query", "briefing", "--json", *options).json["diagnostics"]["text"]


def test_from_and_to(hubbub: Run, made_store: Path) -> None:
    options = ["--from", "2026-01-01", "--to", "2026-01-02", "--store", str(made_store)]
    result = hubbub("query", "event_activity", "--json", *options)
    assert [row["messages"] for row in result.json["data"]] == [0, 2, 2]
    assert result.json["parameters"]["from"] == "2026-01-01T00:00:00Z"
