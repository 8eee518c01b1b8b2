"""German pictures: as true as the English ones, with the same numbers, and legible."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from hubbub.analyzers.result import Result
from hubbub.charts.chart import Chart
from hubbub.charts.picture.drawing import Drawing
from hubbub.charts.picture.html import rows_table
from hubbub.charts.views.overload import _rates as rates
from hubbub.language import use_language
from hubbub.registry import REGISTRY
from tests.support.charts.chart_samples import START, VIEWS, Queries, drawn
from tests.support.charts.svg_faults import SVG, faults

_NUMBER = re.compile(r"\d[\d.,]*\d|\d")
_WORDS = {"k": "Tsd.", "M": "Mio."}


def german(view: str, case: str, **options: Any) -> Drawing:
    with use_language("de"):
        return drawn(view, case, Chart(), **options)


def numbers(text: str, decimal: str, thousands: str) -> Counter[float]:
    """The numbers of a text."""
    found = (n.rstrip(".,") for n in _NUMBER.findall(text))
    return Counter(float(n.replace(thousands, "").replace(decimal, ".")) for n in found)


def title(drawing: Drawing) -> str:
    """The title, with plain spaces."""
    return drawing.title.replace("\xa0", " ")


def bots_left_out(chart: Chart) -> Drawing:
    """Draw cohorts of a query that has left out ten known programs."""
    queries = Queries("simulated")
    until = START + timedelta(days=84)
    found = REGISTRY.views["cohorts"].call(
        query=LeavingOut(queries), chart=chart, since=START, until=until
    )
    assert isinstance(found, Drawing)
    return found


class LeavingOut:
    """Queries whose results have left out ten known programs."""

    def __init__(self, queries: Queries) -> None:
        self.queries = queries

    def cohorts(self, **parameters: object) -> Result:
        return replace(self.queries.cohorts(**parameters), left_out=10)


@pytest.mark.parametrize("case", ["simulated", "one", "alone", "crowd"])
@pytest.mark.parametrize("view", VIEWS)
def test_title_and_subtitle_have_the_numbers_of_the_english_ones(view: str, case: str):
    english = numbers(drawn(view, case, Chart()).description, ".", ",")
    # "am 5. Januar" has a point that is no sign of a number
    text = re.sub(r"(\d{1,2})\.(?=[\s–]|$)", r"\1", german(view, case).description)
    assert numbers(text, ",", ".") == english


@pytest.mark.parametrize("case", ["world", "simulated"])
@pytest.mark.parametrize("view", VIEWS)
def test_the_title_is_whole(view: str, case: str):
    drawing = german(view, case)
    nodes = ET.fromstring(drawing.svg()).iter(f"{SVG}text")
    lines = [node.text or "" for node in nodes if node.get("class") == "t t1"]
    assert " ".join(lines) == drawing.title
    assert not drawing.title.endswith("…")
    assert not faults(drawing.svg())


def test_the_picture_says_its_language():
    root = ET.fromstring(german("tail", "one").svg())
    assert root.get("{http://www.w3.org/XML/1998/namespace}lang") == "de"
    assert german("tail", "one").metadata["language"] == "de"
    plain = drawn("tail", "one", Chart())
    assert "language" not in plain.metadata
    assert b"xml:lang" not in plain.svg()


@pytest.mark.parametrize("view", VIEWS)
def test_the_data_have_the_columns_of_the_english_picture(view: str):
    assert german(view, "simulated").columns == drawn(view, "simulated", Chart()).columns


def test_rows_of_times_and_lines_have_english_columns():
    rows = [{"start": f"2026-01-0{n}", "messages": n, "first_seen": n} for n in (1, 2, 3)]
    with use_language("de"):
        bars = Chart().bars(rows, "start", "messages")
        lines = Chart().line(rows, "start", ["messages", "first_seen"])
    assert bars.columns == ("start", "messages")
    assert title(bars).startswith("Nachrichten")
    assert lines.columns == ("start", "messages", "first seen")
    assert "zuerst gesehen" in title(lines)


def test_the_headings_of_a_table_are_german():
    with use_language("de"):
        table = rows_table("Titel", ["start", "messages", "other (1,234)"], [])
    headings = re.findall(r'scope="col">([^<]+)<', table)
    assert headings == ["Beginn", "Nachrichten", "andere (1.234)"]


@pytest.mark.parametrize(("shown", "verb"), [(1, "hatte"), (2, "hatten")])
def test_the_verb_follows_the_number_of_people_with_a_sign(shown: int, verb: str):
    row = {"sign": "no_pause", "people": shown, "of": 12, "share": shown / 12}
    with use_language("de"):
        finding = rates([row], timedelta(weeks=4), None)[1].replace("\xa0", " ")
    assert finding.startswith(f"{shown} von 12 Personen {verb} drei Wochen")


def test_topics_with_more_messages_are_not_more_topics():
    english = re.search(
        r"(\d+) topics up, (\d+) down", drawn("weekly_diff", "simulated", Chart()).title
    )
    assert english
    up, down = english.groups()
    words = f"{up} Themen mit mehr, {down} mit weniger Nachrichten"
    assert words in title(german("weekly_diff", "simulated"))


def test_half_of_the_mentions():
    drawing = german("tail", "simulated")
    counts = sorted((row[2] for row in drawing.rows), reverse=True)
    half = next(n for n in range(len(counts)) if 2 * sum(counts[:n]) >= sum(counts))
    assert title(drawing) == f"{half} von {len(counts)} Personen haben die Hälfte aller Nennungen"


def test_the_busiest_day():
    drawing = german("volume", "simulated", per="day")
    totals = {row[0]: sum(row[1:]) for row in drawing.rows}
    day = max(totals, key=lambda start: totals[start])
    months = {"01": "Januar", "02": "Februar", "03": "März", "04": "April"}
    when = f"{int(day[8:10])}. {months[day[5:7]]}"
    most = f"{totals[day]:,.0f}".replace(",", ".")
    assert title(drawing).endswith(f"; der stärkste Tag war der {when}: insgesamt {most}")


def test_the_median_of_active_people():
    drawing = german("active_users", "simulated", per="day")
    values = sorted(row[1] for row in drawing.rows)
    middle = (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2
    median = f"{middle:g}".replace(".", ",")
    assert title(drawing).startswith(f"Im Median sind {median} Personen je Tag aktiv; ")
    assert f"Höchstwert war {values[-1]} " in title(drawing)


def test_the_busiest_tenth():
    drawing = german("lorenz", "simulated")
    counts = [row[2] for row in drawing.rows if row[1]]
    size = -(-len(counts) // 10)
    share = sum(sorted(counts, reverse=True)[:size]) / sum(counts)
    words = f"Die {size} Aktivsten von {len(counts)} Personen haben {share * 100:.0f} % aller"
    assert title(drawing).startswith(words)


def test_numbers_and_their_nouns_stay_on_one_line():
    drawing = german("cohorts", "simulated")
    words = drawing.title.split(" ")
    assert not [word for word in words if word.isdigit()]
    assert any("\xa0Personen" in word for word in words)


def test_the_finding_with_known_programs_is_whole():
    with use_language("de"):
        chart = Chart(with_bots=lambda: drawn("cohorts", "crowd", Chart()))
        drawing = bots_left_out(chart)
    lines = [
        node.text or ""
        for node in ET.fromstring(drawing.svg()).iter(f"{SVG}text")
        if node.get("class") == "mu t2"
    ]
    assert not [line for line in lines if line.endswith("…")]
    assert "bekannte Programme ausgelassen; als Personen gezählt: Die" in " ".join(lines)
