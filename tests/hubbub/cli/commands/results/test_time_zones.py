"""`--tz` and `[project] timezone` on the command line."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hubbub.run.runner import CommonOptions, Runner
from hubbub.store import Store
from hubbub.store.maintenance.retention import prune
from hubbub.store.rollups import refresh
from hubbub.store.rollups.refresh import DAY, HOUR
from tests.support.stores.rollup_events import add, make

EVENTS = (  # times around midnight in Berlin, on the night in which its clocks go forward
    "2026-03-28T22:59:59Z", "2026-03-28T23:00:00Z", "2026-03-29T21:59:59Z", "2026-03-29T22:00:00Z",
)  # fmt: skip


@pytest.fixture
def berlin(hubbub: Any, tmp_path: Path) -> Path:
    """A store of `EVENTS`, and a configuration with a time zone."""
    lines = [
        json.dumps({"id": f"e{n}", "timestamp": time, "topic": "a.b.prod.git.x", "users": ["ann"]})
        for n, time in enumerate(EVENTS)
    ]
    (tmp_path / "events.jsonl").write_text("\n".join(lines) + "\n")
    (tmp_path / "hubbub.toml").write_text(
        'store = "store"\n[project]\ntimezone = "Europe/Berlin"\n'
    )
    result = hubbub(
        "import", tmp_path / "events.jsonl", "--format", "jsonl", "--store", tmp_path / "store"
    )
    assert result.code == 0, result.err
    return tmp_path


def test_dates_are_days_of_the_zone(berlin: Path, hubbub: Any) -> None:
    day = ("--since", "2026-03-29", "--until", "2026-03-30", "--format", "csv")
    store = ("--store", berlin / "store")
    local = hubbub("query", "volume", *day, *store, "--tz", "Europe/Berlin")
    [row] = local.out.splitlines()[1:]
    assert row.startswith("2026-03-29T00:00:00+01:00,,2,")
    universal = hubbub("query", "volume", *day, *store)
    assert universal.out.splitlines()[1].startswith("2026-03-29T00:00:00Z,,2,")


def test_the_configured_zone_and_the_option_that_wins(berlin: Path, hubbub: Any) -> None:
    config = ("--config", berlin / "hubbub.toml")
    ask = ("query", "volume", "--json", *config)
    configured = json.loads(hubbub(*ask).out)
    assert configured["parameters"]["tz"] == "Europe/Berlin"
    assert configured["parameters"]["since"] == "2026-03-28T23:59:59+01:00"
    assert [(row["start"], row["messages"]) for row in configured["data"]] == [
        ("2026-03-28T00:00:00+01:00", 1),
        ("2026-03-29T00:00:00+01:00", 2),
        ("2026-03-30T00:00:00+02:00", 1),
    ]
    chosen = json.loads(hubbub(*ask, "--tz", "Asia/Kathmandu").out)
    assert [row["start"][-6:] for row in chosen["data"]] == ["+05:45"] * 2
    assert "tz" not in json.loads(hubbub(*ask, "--tz", "UTC").out)["parameters"]


@pytest.mark.parametrize("command", [("query", "volume"), ("chart", "volume"), ("status",)])
def test_an_unknown_zone_is_refused_with_near_names(
    berlin: Path, hubbub: Any, command: tuple[str, ...]
) -> None:
    result = hubbub(*command, "--store", berlin / "store", "--tz", "Berlin")
    assert result.code == 2
    assert "did you mean Europe/Berlin?" in result.err


def test_an_unknown_zone_in_the_configuration(berlin: Path, hubbub: Any) -> None:
    config = berlin / "hubbub.toml"
    config.write_text('store = "store"\n[project]\ntimezone = "Berlin"\n')
    result = hubbub("query", "volume", "--config", config)
    assert result.code == 2
    assert "project.timezone" in result.err
    assert "did you mean Europe/Berlin?" in result.err


def test_exported_dates_are_days_of_the_zone_and_times_utc(berlin: Path, hubbub: Any) -> None:
    result = hubbub(
        "export", "-o", "-", "--config", berlin / "hubbub.toml",
        "--since", "2026-03-29", "--until", "2026-03-30",
    )  # fmt: skip
    assert [json.loads(line)["id"] for line in result.out.splitlines()] == ["e1", "e2"]


def test_a_report_says_its_zone(berlin: Path, hubbub: Any) -> None:
    report = ("report", "-o", berlin / "report", "--views", "volume")
    result = hubbub(*report, "--config", berlin / "hubbub.toml")
    assert result.code == 0, result.err
    assert "Europe/Berlin" in (berlin / "report" / "index.md").read_text().splitlines()[0]
    document = json.loads((berlin / "report" / "data.json").read_text())
    assert document["since"] == "2026-03-28T23:59:59+01:00"


@pytest.mark.parametrize(
    ("zone", "query", "said"),
    [
        ("Asia/Kathmandu", "volume", True),
        ("Asia/Kathmandu", "daily_users", True),
        ("Europe/Berlin", "daily_users", False),  # hours of rollups are days of this zone
        ("UTC", "volume", False),
    ],
)
def test_days_whose_events_were_deleted_are_not_missing_in_silence(
    tmp_path: Path, zone: str, query: str, said: bool
) -> None:
    with Store.open(tmp_path / "store") as store:
        add(store, *(make(n, n * DAY + 12 * HOUR) for n in range(4)))
        refresh.catch_up(store)
        now = datetime(2026, 1, 18, 12, tzinfo=UTC)
        prune(store, now=now, events=timedelta(days=1), bodies=None)
        options = CommonOptions(since="2026-01-15", until="2026-01-19", tz=zone)
        runner = Runner(store, common=options, clock=lambda: now)
        rows = runner.query(query).data
    days = sum(bool(row.get("messages") or row.get("users")) for row in rows)
    assert any("deleted by retention" in note for note in runner.notes) == said
    assert (days == 4) != said
