"""Reports in another language: nothing escapes the catalogue; German sentences are true."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hubbub.charts.report import comparison
from hubbub.charts.report.comparison import Numbers
from hubbub.cli.root import execute
from hubbub.language import catalogue, use_language
from tests.support.charts import pseudo
from tests.support.charts.chart_samples import START
from tests.support.stores.published_store import lines, people_store
from tests.support.visible import visible

#: One with names, one with topics, and three without data.
VIEWS = "tail,volume,returning,traffic,coverage"
SINCE, UNTIL = datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 2, 3, tzinfo=UTC)
SPACE = "\u00a0"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "store"
    people_store(folder)
    return folder


def made(store: Path, out: Path, lang: str) -> Path:
    range_ = ("--since", SINCE.isoformat(), "--until", UNTIL.isoformat())
    command = ("report", "--store", store, "-o", out, *range_, "--compare", "previous")
    options = ("--views", VIEWS, "--lang", lang, "--allow-incomplete")
    assert execute([*map(str, (*command, *options))]) == 0
    return out


def test_a_report_says_nothing_outside_of_the_catalogue(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pseudo.write(tmp_path)
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    out = made(store, tmp_path / "report", pseudo.NAME)
    document = json.loads((out / "data.json").read_text())
    data = ["data.json", "HTML", *VIEWS.split(",")]
    for row in (*document["views"]["tail"]["rows"], *document["views"]["volume"]["rows"]):
        data += [cell for cell in row if isinstance(cell, str)]
    for view in document["views"].values():
        data += [c for c in view["columns"] if "." in c]
    page = (out / "index.html").read_text()
    found = visible(page)
    assert len(found) > 20
    assert not {left for line in found if (left := pseudo.unwrapped(line, data))}
    assert f'<html lang="{pseudo.NAME}">' in page
    assert document["language"] == pseudo.NAME
    assert not [text for text in document["previous"]["changes"] if pseudo.unwrapped(text, data)]
    markdown = re.sub(r"\\(.)", r"\1", (out / "index.md").read_text())
    written = re.sub(r"^!\[(.*)\]\([\w.-]+\)$", r"\1", markdown, flags=re.MULTILINE)
    assert not {left for line in written.splitlines() if (left := pseudo.unwrapped(line, data))}


def in_range(since: datetime, until: datetime) -> list[dict[str, Any]]:
    return [e for e in lines() if since.timestamp() <= e["timestamp"] < until.timestamp()]


def people(events: list[dict[str, Any]]) -> int:
    return len({user for event in events for user in event["users"]})


def test_the_german_comparison_has_the_numbers_of_the_events(store: Path, tmp_path: Path) -> None:
    out = made(store, tmp_path / "report", "de")
    now, then = in_range(SINCE, UNTIL), in_range(SINCE - (UNTIL - SINCE), SINCE)
    said = json.loads((out / "data.json").read_text())["previous"]["changes"]
    changes = [sentence.replace(SPACE, " ") for sentence in said]
    assert changes[0].startswith("Verglichen mit 27. Dez. 2025 – 14. Jan. 2026. ")
    found = re.fullmatch(r"(\d+) Nachrichten, (\d+) % mehr als (\d+)\.", changes[1])
    assert found
    more, before = len(now) - len(then), len(then)
    assert [*map(int, found.groups())] == [len(now), round(100 * more / before), before]
    assert people(now) == people(then)
    assert changes[2] == f"{people(now)} Personen, so viele wie zuvor."
    categories = [Counter(e["topic"].split(".")[3] for e in events) for events in (now, then)]
    moved = {name: categories[0][name] - categories[1][name] for name in categories[0]}
    most = sorted(moved.items(), key=lambda each: (-abs(each[1]), each[0]))[:3]
    assert re.findall(r"(\w+) ([+−]\d+)", changes[-1]) == [(n, f"{v:+}") for n, v in most]
    assert changes[-1].startswith("Am meisten verändert: ")
    page = (out / "index.html").read_text().replace(SPACE, " ")
    assert "<h1>Wer trägt die Last, 15. Jan. – 2. Feb. 2026</h1>" in page
    missing = re.search(r"<p>(Nicht gezeichnet: .*)\.</p>", page)
    assert missing
    assert re.findall(r"(\w+) \(([A-Z])", missing[1]) == [
        ("returning", "E"), ("traffic", "K"), ("coverage", "D"),
    ]  # fmt: skip
    before_, files = {p: p.read_bytes() for p in out.iterdir()}, sorted(out.iterdir())
    made(store, out, "de")
    assert {p: p.read_bytes() for p in files} == before_


@pytest.mark.parametrize(
    ("now", "then", "messages", "persons"),
    [
        ((12345, 1), (10000, 0), "12.345 Nachrichten, 23 % mehr als 10.000.",
         "1 Person, 1 mehr als keine."),
        ((1, 1), (2000, 3), "1 Nachricht, 99,9 % weniger als 2.000.",
         "1 Person, 67 % weniger als 3."),
        ((7, 2), (7, 2), "7 Nachrichten, so viele wie zuvor.", "2 Personen, so viele wie zuvor."),
        ((1001, 1100), (1000, 1000), "1.001 Nachrichten, 0,1 % mehr als 1.000.",
         "1.100 Personen, 10 % mehr als 1.000."),
    ],
)  # fmt: skip
def test_german_numbers(
    now: tuple[int, int], then: tuple[int, int], messages: str, persons: str
) -> None:
    range_ = comparison.before(START, START + timedelta(weeks=1))
    with use_language("de"):
        found = comparison.changes(Numbers(*now), Numbers(*then), *range_)
    assert [text.replace(SPACE, " ") for text in found[1:3]] == [messages, persons]


def test_german_intervals_and_what_is_not_proven() -> None:
    range_ = comparison.before(START, START + timedelta(weeks=1))
    then = Numbers(9, 1, (2.5, 2, 3), incomplete="Unvollständig: 3 h von 7 Tagen fehlen")
    with use_language("de"):
        found = comparison.changes(Numbers(9, 1, (6.04, 5, 7)), then, *range_)
    assert found[0].endswith("Zu dieser Zeit: Unvollständig: 3 h von 7 Tagen fehlen.")
    assert found[3] == (
        "Als ob sich 6 Personen die Arbeit gleichmäßig teilten, zuvor 2,5: deutlich mehr."
    )
