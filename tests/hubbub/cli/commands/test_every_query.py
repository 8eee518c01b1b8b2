"""Every registered query through the command line: on an empty store, and in words."""

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
    """Something for each option that has no default; times one after the other."""
    given = []
    for day, parameter in enumerate(p for p in REGISTRY.queries[name].parameters if p.required):
        time = shape(parameter.annotation).type is datetime
        given += [f"--{parameter.name}", f"2026-01-{day + 1:02}" if time else "alice"]
    return given


@pytest.fixture(scope="module")
def nothing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nothing")
    (folder / "none.jsonl").touch()
    return folder


def says_nothing(data: object) -> bool:
    """Records are none; a document has its parts, and these say nothing."""
    if isinstance(data, dict):
        return all(says_nothing(part) for key, part in data.items() if key != "labels")
    return not data


@pytest.mark.parametrize("name", QUERIES)
def test_an_empty_store_has_an_empty_answer(name: str, hubbub: Run, nothing: Path) -> None:
    store = nothing / "store"
    hubbub("import", nothing / "none.jsonl", "--format", "jsonl", "--store", store)
    ran = hubbub("query", name, "--json", "--store", store, *required(name))
    assert ran.code == 0, ran.err
    data = ran.json["data"]
    assert says_nothing(data)


@pytest.mark.parametrize("name", QUERIES)
def test_a_small_store_has_a_table(name: str, hubbub: Run, made_store: Path) -> None:
    ran = hubbub("query", name, "--store", made_store, *required(name))
    assert ran.code == 0, ran.err
    again = hubbub("query", name, "--format", "csv", "--store", made_store, *required(name))
    assert again.code == 0, again.err


def test_the_briefing_in_words(hubbub: Run, made_store: Path) -> None:
    asked = ["--store", str(made_store), "--since", "2026-01-01", "--until", "2026-01-03"]
    ran = hubbub("query", "briefing", "--format", "text", *asked)
    assert ran.out.splitlines()[:2] == [
        "Friday, 2026-01-02 (UTC)",
        "2 messages, as many as the day before (2)",
    ]
    ran = hubbub("query", "briefing", *asked)
    assert ran.out.startswith("what")
    assert "Friday" not in ran.out + ran.err  # the table, and not the same again
    assert hubbub("query", "briefing", "--json", *asked).json["diagnostics"]["text"]


def test_from_and_to(hubbub: Run, made_store: Path) -> None:
    asked = ["--from", "2026-01-01", "--to", "2026-01-02", "--store", str(made_store)]
    ran = hubbub("query", "event_activity", "--json", *asked)
    assert [row["messages"] for row in ran.json["data"]] == [0, 2, 2]
    assert ran.json["parameters"]["from"] == "2026-01-01T00:00:00Z"
