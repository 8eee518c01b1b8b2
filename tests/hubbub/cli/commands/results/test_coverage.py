"""Coverage in `query coverage`, `status` and exit codes."""

from datetime import UTC, datetime

import pytest

from hubbub.store import Store
from tests.support.commandline import Run

T0 = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()) * 10**6
HOUR = 3_600_000_000
BUS, HISTORY = "zmq:tcp://bus.example.org:9940", "history:https://history.example.org"


@pytest.fixture
def folder(tmp_path):
    """A day: received for 24 hours, proven for 12; one gap of an hour healed, one open."""
    with Store.open(tmp_path / "store") as store:
        for source, start, end, state in (
            (BUS, 0, 24, "unproven"),
            (BUS, 3, 4, "healed"),
            (BUS, 20, 21, "gap"),
            (HISTORY, 0, 12, "complete"),
        ):
            store.state.span(source, "", T0 + start * HOUR, T0 + end * HOUR, state, "why")
    return tmp_path / "store"


def test_the_query_also_shows_unproven_time(hubbub: Run, folder):
    done = hubbub("query", "coverage", "--format", "json", "--store", str(folder))
    assert done.code == 3
    answer = done.json
    assert answer["coverage"]["state"] == "unproven"
    assert {row["state"] for row in answer["data"]} == {"complete", "healed", "gap", "unproven"}
    done = hubbub("query", "coverage", "--per", "stretch", "--format", "json", "--store", folder)
    together = [(part["start"][11:16], part["state"]) for part in done.json["data"]]
    assert together == [
        ("00:00", "complete"),
        ("03:00", "healed"),
        ("04:00", "complete"),
        ("12:00", "unproven"),
        ("20:00", "gap"),
        ("21:00", "unproven"),
    ]
    done = hubbub("query", "coverage", "--per", "day", "--format", "json", "--store", folder)
    (day,) = done.json["data"]
    assert (day["percent"], day["gap"], day["healed"]) == (50, 3600, 3600)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--until", "2026-03-01T20:00Z"), 0),
        (("--until", "2026-03-01T20:01Z"), 3),
        (("--since", "2026-03-01T21:00Z"), 0),
        (("--allow-incomplete",), 0),
        (("--since", "2026-04-01"), 0),
    ],
)
def test_only_an_open_gap_in_the_range_gives_exit_code_3(hubbub: Run, folder, options, code):
    done = hubbub("query", "coverage", "--store", str(folder), *options)
    assert done.code == code, done.err


def test_a_healed_gap_gives_exit_code_0(hubbub: Run, folder):
    with Store.open(folder) as store:
        store.state.span(BUS, "", T0 + 20 * HOUR, T0 + 21 * HOUR, "healed", "history filled it")
    assert hubbub("query", "coverage", "--store", str(folder)).code == 0


def test_status_counts_a_gap_that_another_source_closes_as_closed(hubbub: Run, folder):
    with Store.open(folder) as store:
        store.state.span(HISTORY, "", T0 + 12 * HOUR, T0 + 24 * HOUR, "complete", "as counted")
    facts = hubbub("status", "--json", "--store", str(folder)).json
    assert (facts["gaps"], facts["open_gaps"], facts["healed"]) == (1, 0, 1)
    text = hubbub("status", "--store", str(folder)).out
    assert "coverage: 0 open gaps, 1 closed by another source, 1 healed" in text


def test_status_shows_how_much_of_each_day_is_proven(hubbub: Run, folder):
    facts = hubbub("status", "--json", "--store", str(folder)).json
    assert (facts["gaps"], facts["healed"]) == (1, 1)
    (day,) = facts["days"]
    assert (day["day"], day["percent"]) == ("2026-03-01", 50)
    text = hubbub("status", "--store", str(folder)).out
    assert "coverage: 1 open gap, 1 healed" in text
    assert "2026-03-01" in text


def test_nearly_complete_is_not_100_percent(hubbub: Run, folder):
    with Store.open(folder) as store:
        store.state.span(HISTORY, "", T0, T0 + 24 * HOUR - 1, "complete", "why")
    facts = hubbub("status", "--json", "--store", str(folder)).json
    assert facts["days"][0]["percent"] < 100


def test_an_empty_store_has_no_coverage(hubbub: Run, tmp_path):
    Store.open(tmp_path / "store").close()
    done = hubbub("query", "coverage", "--format", "json", "--store", str(tmp_path / "store"))
    assert (done.code, done.json["data"]) == (0, [])
