"""Sentences that the samples of views do not say: none escapes the catalogue, some in German."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hubbub.analyzers.alerts.judged import JudgedRule, RaisedSpan
from hubbub.analyzers.result import Coverage
from hubbub.charts.chart import Chart
from hubbub.charts.graphs.general import leader
from hubbub.charts.picture.calendar import called_part, named_period, narrowed
from hubbub.charts.picture.scale import span
from hubbub.charts.picture.sheet import badge, source
from hubbub.charts.picture.text import leading, occasions
from hubbub.charts.views.alert_rules import finding, lane
from hubbub.charts.views.coverage import duration_words, estimated
from hubbub.charts.views.evenness import headline
from hubbub.language import catalogue, use_language
from tests.support.charts import pseudo
from tests.support.charts.chart_samples import Queries, drawn

START = datetime(2026, 1, 5, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
UNTIL = START + 10 * DAY
UNITS = ("hour", "day", "week", "month", "quarter", "year")
REPOSITORY = {
    "numbers": "issues and pull requests",
    "repository": "x/alice",
    "first": 1,
    "last": 9,
    "opened": 5,
    "missed": 4,
}


def rule(*hours: float | None, since: int | None = 24, per: str = "none") -> JudgedRule:
    """A rule with an alert of a day, or one that is still on, from each of some hours."""
    spans = tuple(
        RaisedSpan(START + abs(h) * HOUR, START + abs(h) * HOUR + DAY if h > 0 else None, i)
        for i, h in enumerate(hours)
        if h is not None
    )
    return JudgedRule("alice", per, None, None if since is None else START + since * HOUR, spans)


RULES = [
    [rule(since=None)],
    [rule(since=None)] * 2,
    [rule()],
    [rule()] * 2,
    [rule(), rule(since=None)],
    [rule(30)],
    [rule(-30)],
    [rule(30, -60), rule(40)],
    [rule(30, 60), rule(40), rule(50), rule(60)],
]


def sentences() -> list[str]:
    """Say everything, in the language of the test."""
    said = [finding(rules, UNTIL, year=True) for rules in RULES]
    for per in ("topic", "category", "user", "other"):
        for hours in ((30, 31), (-30, -31)):
            shown = lane(rule(*hours, per=per), START, UNTIL)
            said += [text for each in shown for text in each.says]
    for unit in UNITS:
        said += [named_period(START, unit), occasions(3, "", unit)]
        said += narrowed(START + HOUR / 3, UNTIL - HOUR / 3, unit).notes
        said += narrowed(START, START + HOUR / 3, unit).notes
        said += narrowed(START + HOUR / 3, UNTIL - HOUR / 3, unit, to_newest=True).notes
    for unit in ("hour", "day", "week"):
        said += [called_part(START, unit, START, UNTIL)]
        said += [called_part(START, unit, START + HOUR / 3, START + HOUR / 2)]
        said += [called_part(START, unit, START + HOUR / 3, START + 3 * DAY)]
    said += [duration_words(seconds) for seconds in (1, 90, 4000, 1e6)]
    said += [*estimated([REPOSITORY]), *estimated([REPOSITORY] * 2)]
    said += [headline({"effective_people": {"value": v, "note": n}}) for v, n in NOTES]
    said += [badge(Coverage("healed"), START, UNTIL), badge(Coverage(), START, UNTIL)]
    result = Queries("one").tail(since=START, until=UNTIL)
    for naming, by, touching in ((1, "agent", False), (2, "agent", True), (2, "users", True)):
        parameters = {**result.parameters, "by": by, "bots": True, "topic": ["alice"]}
        other = replace(result, naming=naming, touching=touching, parameters=parameters)
        said += [source(other, "alice")]
    said += [leading(["alice", "alice"], ""), span(START, START + HOUR), span(START, START)]
    said += [span(START, UNTIL), span(START, START + 40 * DAY), span(START, START + 400 * DAY)]
    for values in ([1.5, 2], [0, 0], [2, 2], [3, -1], [-1, -1], [2], [5, 5, 5, 5, 1]):
        said += [leader(["alice"] * len(values), values, "")]
    return said


NOTES = [(None, "not enough data"), (5, "")]


def test_no_sentence_escapes_the_catalogue(tmp_path, monkeypatch: pytest.MonkeyPatch):
    pseudo.write(tmp_path)
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    with use_language(pseudo.NAME):
        said = sentences()
    assert len(said) > 80
    assert {left for text in said if (left := pseudo.unwrapped(text, ["alice", "UTC"]))} == set()


def test_german_sentences():
    with use_language("de"):
        said = [text.replace("\xa0", " ") for text in sentences()]
    for sentence in (
        "3 Alarme in 9 Tagen: 2 von alice und 1 von alice; einer dauert an",
        "im 1. Quartal 2026",
        "der Teil eines Tages vor dem 6. Januar ist ausgelassen",
        "der Zeitraum umfasst nur einen Teil des Tages",
        "11,6 Tage",
        "vom 5. Januar 2026, 00:20 UTC bis zum 7. Januar 2026",
    ):
        assert sentence in said, sentence


def test_the_note_on_known_programs_and_the_zone(tmp_path, monkeypatch: pytest.MonkeyPatch):
    pseudo.write(tmp_path)
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    with use_language(pseudo.NAME):
        chart = Chart(with_bots=lambda: drawn("tail", "alone", Chart()))
        for n in (1, 2):
            result = replace(Queries("alone").tail(since=START, until=UNTIL), left_out=n)
            for title in ("", drawn("tail", "alone", Chart()).title):
                note = chart.sheet(result, title=title, finding="⟦x⟧").note
                assert note
                assert pseudo.unwrapped(note, ["ralph"]) == ""
