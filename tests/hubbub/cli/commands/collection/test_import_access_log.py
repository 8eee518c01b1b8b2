"""Access logs: import, traffic, alerts."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hubbub.analyzers.alerts.threshold import crossings
from hubbub.times import iso
from tests.support import paths
from tests.support.commandline import Run

GOLDEN = paths.GOLDEN / "statistician"
EXPECTED = json.loads((GOLDEN / "access.json").read_text())["expected"]
START = datetime(2015, 12, 22, 3, 31, tzinfo=UTC)


@pytest.fixture
def imported(hubbub: Run, tmp_path: Path) -> Path:
    result = hubbub("import", GOLDEN / "access.log", "--format", "access-log", "--json",
                    "--store", tmp_path / "store")  # fmt: skip
    assert result.code == 0, result.err
    assert result.json["new"] == EXPECTED["accepted"]
    assert result.json["refused"] == {"malformed": len(EXPECTED["malformed_lines"])}
    return tmp_path / "store"


def test_importing_a_log_twice_adds_nothing(hubbub: Run, imported: Path) -> None:
    result = hubbub("import", GOLDEN / "access.log", "--format", "access-log", "--json",
                    "--store", imported)  # fmt: skip
    assert (result.json["new"], result.json["known"]) == (0, EXPECTED["accepted"])


def test_golden_ticks(hubbub: Run, imported: Path) -> None:
    ticks = EXPECTED["ticks_10s"]
    result = hubbub("query", "traffic", "--json", "--store", imported)
    assert result.json["data"][0]["start"] == ticks["start"]
    assert [row["total_bytes"] for row in result.json["data"]] == ticks["bytes"]
    assert [row["total_hits"] for row in result.json["data"]] == ticks["hits"]


def test_golden_sections_of_the_whole_log(hubbub: Run, imported: Path) -> None:
    result = hubbub("query", "traffic", "--period", "1d", "--json", "--store", imported)
    (day,) = result.json["data"]
    total: dict[str, int] = {}
    for part in EXPECTED["per_500_lines"]:
        for name, hits in part["sections"]:
            total[name] = total.get(name, 0) + hits
    assert dict(day["sections"]) == total
    assert [hits for _, hits in day["sections"]] == sorted(total.values(), reverse=True)
    assert (day["total_hits"], day["without_section"]) == (EXPECTED["accepted"], 0)
    result = hubbub("query", "traffic", "--period", "1d", "--root", "--json", "--store", imported)
    (root,) = result.json["data"]
    files = total["/index.html"] + total["/picture.png"]
    assert 0 < dict(root["sections"])["/"] - total["/"] <= files


@pytest.mark.parametrize("measure", ["messages", "bytes"])
def test_alerts_of_the_log(hubbub: Run, imported: Path, measure: str) -> None:
    settings = {"short": 2, "long": 6, "threshold": 1.5, "resolution": 10}
    values = EXPECTED["ticks_10s"]["bytes" if measure == "bytes" else "hits"]
    expected = crossings(values, **settings, start=START)
    assert [crossing.state for crossing in expected][:2] == ["raised", "ended"]
    options = ["--short", "2", "--long", "6", "--resolution", "10s", "--measure", measure]
    result = hubbub("query", "alerts", *options, "--json", "--store", imported)
    assert [(row["tick"], row["state"], row["time"]) for row in result.json["data"]] == [
        (crossing.tick, crossing.state, iso(crossing.time) if crossing.time else None)
        for crossing in expected
    ]
    assert result.json["data"][0]["short_rate"] == pytest.approx(expected[0].short_rate)


def test_contradictory_options_of_alerts(hubbub: Run, imported: Path) -> None:
    result = hubbub("query", "alerts", "--short", "9", "--long", "9", "--store", imported)
    assert result.code == 2
    assert "must be longer than the short" in result.err
