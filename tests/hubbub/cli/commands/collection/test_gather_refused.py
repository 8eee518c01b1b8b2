"""Rows of a history that cannot be read: a gap that every command states, until it is decided."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubbub.collector.history import client
from tests.support.commandline import Run
from tests.support.history.fake_history import FakeDatagrepper, FakeHistory, as_raw, message, steady

RANGE = ("--since", "2026-11-18T11:06:40Z", "--until", "2026-11-18T11:23:20Z")  # T0, T0 + 1000
REFUSED = "1 row was refused and is no event (see hubbub dead-letters)"


@pytest.fixture
def datagrepper(monkeypatch: pytest.MonkeyPatch) -> FakeDatagrepper:
    """A history with 150 messages and one without a topic, at T0 + 100.5."""
    when, row = message(100.5, "bad", topic="")
    datagrepper = FakeDatagrepper([*steady(150), (when, row)])
    monkeypatch.setattr(client, "History", lambda url: FakeHistory(datagrepper, url))
    return datagrepper


def gather(hubbub: Run, store: Path) -> tuple[int, str]:
    ran = hubbub("gather", "--url", "http://history.example", *RANGE, "--store", store)
    return ran.code, ran.err


def states(hubbub: Run, store: Path) -> list[tuple[str, str]]:
    spans = hubbub("status", "--json", "--store", store).json["spans"]
    return [(span["state"], span["proof"]) for span in spans]


def test_a_refused_row_is_a_gap_of_its_second(
    hubbub: Run, tmp_path: Path, datagrepper: FakeDatagrepper
) -> None:
    code, said = gather(hubbub, tmp_path)
    assert code == 0  # all rows came, and nothing is left to fetch
    assert f"2026-11-18T11:08:20Z to 2026-11-18T11:08:21Z: {REFUSED}" in said
    assert states(hubbub, tmp_path)[1] == ("gap", REFUSED)
    ran = hubbub("query", "users", *RANGE, "--store", tmp_path, "--json")
    assert ran.code == 3
    (gap,) = ran.json["coverage"]["gaps"]
    assert (gap["start"], gap["why"]) == ("2026-11-18T11:08:20Z", REFUSED)
    assert hubbub("query", "users", *RANGE, "--store", tmp_path, "--allow-incomplete").code == 0


def test_read_again_it_is_the_same_dead_letter(
    hubbub: Run, tmp_path: Path, datagrepper: FakeDatagrepper
) -> None:
    for _ in range(3):
        assert gather(hubbub, tmp_path)[0] == 0
    assert len(hubbub("dead-letters", "list", "--json", "--store", tmp_path).json) == 1


def test_the_gap_is_closed_once_the_row_can_be_read(
    hubbub: Run, tmp_path: Path, datagrepper: FakeDatagrepper
) -> None:
    gather(hubbub, tmp_path)
    datagrepper.rows[-1][1]["topic"] = "org.example.git.push"
    assert REFUSED not in gather(hubbub, tmp_path)[1]
    assert {state for state, _ in states(hubbub, tmp_path)} == {"complete"}


def test_the_gap_is_closed_once_the_dead_letter_is_dismissed(
    hubbub: Run, tmp_path: Path, datagrepper: FakeDatagrepper
) -> None:
    gather(hubbub, tmp_path)
    assert hubbub("dead-letters", "dismiss", "--store", tmp_path).code == 2
    assert hubbub("dead-letters", "dismiss", "7", "--store", tmp_path).code == 2
    ran = hubbub("dead-letters", "dismiss", "1", "--store", tmp_path, "--json")
    assert ran.json == {"dismissed": 1}
    assert REFUSED not in gather(hubbub, tmp_path)[1]
    assert {state for state, _ in states(hubbub, tmp_path)} == {"complete"}
    assert hubbub("query", "users", *RANGE, "--store", tmp_path).code == 0


@pytest.mark.parametrize("raw_first", [True, False])
def test_rows_without_an_id_are_the_same_events_by_both_interfaces(
    hubbub: Run, tmp_path: Path, datagrepper: FakeDatagrepper, *, raw_first: bool
) -> None:
    for _, row in datagrepper.rows[::3]:
        row["id"] = None
    datagrepper.rows.pop()
    for raw_only in (raw_first, not raw_first):
        datagrepper.raw_only = raw_only
        hubbub("gather", "--url", f"http://{raw_only}.example", *RANGE, "--store", tmp_path)
    assert hubbub("status", "--json", "--store", tmp_path).json["events"] == 150
    assert as_raw(*datagrepper.rows[0])["msg_id"] is None
