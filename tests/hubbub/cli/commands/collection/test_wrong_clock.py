"""Messages of clocks that were wrong: default ranges leave them out, `status` names them."""

import json
from pathlib import Path

import pytest

from hubbub.collector.event import Frame
from hubbub.store import Store
from tests.support.commandline import Run
from tests.support.stores.filling import put


@pytest.fixture
def wrong(store: Path) -> Path:
    """The small store with a message of 1970 and one of 2128."""
    lines = [
        {
            "id": f"wrong-{stamp}",
            "timestamp": stamp,
            "topic": "org.x.prod.git.push",
            "users": ["eve"],
        }
        for stamp in (0, 5_000_000_000)
    ]
    with Store.open(store) as opened:
        put(opened, *(Frame("jsonl:w", 1, b"", json.dumps(x).encode()) for x in lines), load=True)
    return store


@pytest.mark.parametrize(
    "query",
    ["volume", "diff", "users", "longtail", "daily_users", "overload", "returning", "health"],
)
def test_a_wrong_clock_changes_no_answer(
    hubbub: Run, made_store: Path, wrong: Path, query: str
) -> None:
    before = hubbub("query", query, "--json", "--store", made_store)
    after = hubbub("query", query, "--json", "--store", wrong)
    assert (after.code, after.json) == (before.code, before.json)
    assert "1 from before the store began, 1 from after now; hubbub status names" in after.err
    assert "make no sense" not in before.err


def test_a_range_that_is_given_includes_them(hubbub: Run, wrong: Path) -> None:
    ran = hubbub("query", "users", "--json", "--store", wrong, "--since", "1970-01-01",
                 "--until", "2200-01-01")  # fmt: skip
    assert {row["user"]: row["messages"] for row in ran.json["data"]}["eve"] == 2
    assert "make no sense" not in ran.err


@pytest.mark.parametrize(
    "query", [["volume"], ["volume", "--axis", "topic"], ["diff"], ["daily_users"],
              ["active_users", "--per", "d"]],
)  # fmt: skip
def test_no_query_answers_with_57_000_days(hubbub: Run, wrong: Path, query: list[str]) -> None:
    bounds = ["--since", "1970-01-01", "--until", "2200-01-01"]
    ran = hubbub("query", *query, "--store", wrong, *bounds)
    assert ran.code == 2
    assert "days, more than 50,000" in ran.err
    assert "choose longer periods with --per, or a shorter range with --since" in ran.err


def test_status_names_them(hubbub: Run, made_store: Path, wrong: Path) -> None:
    before = hubbub("status", "--json", "--store", made_store).json
    ran = hubbub("status", "--json", "--store", wrong)
    assert ran.json["oldest"] == before["oldest"]
    assert ran.json["newest"] == before["newest"]
    assert ran.json["events"] == before["events"] + 2
    assert before["wrong_times"] == {"earlier": 0, "later": 0, "messages": []}
    found = ran.json["wrong_times"]
    assert (found["earlier"], found["later"]) == (1, 1)
    assert found["messages"] == [
        {"id": "wrong-0", "time": "1970-01-01T00:00:00Z", "topic": "org.x.prod.git.push",
         "source": "jsonl:w"},
        {"id": "wrong-5000000000", "time": "2128-06-11T08:53:20Z", "topic": "org.x.prod.git.push",
         "source": "jsonl:w"},
    ]  # fmt: skip
    text = hubbub("status", "--store", wrong).out
    assert "2 messages have times that make no sense (1 from before the store began, 1" in text
    assert "wrong-5000000000" in text
