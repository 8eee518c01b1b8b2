"""The views `alerts` and `traffic`: titles, positions of alerts, no partial periods."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import datetime, timedelta
from typing import Any

import pytest

from hubbub.charts.chart import Chart
from hubbub.charts.graphs.alert_lanes import Raised
from hubbub.charts.views.alerts import alerts, resolution_of
from hubbub.charts.views.traffic import period_of, traffic
from hubbub.times import iso
from tests.support.charts.chart_answers import Answers, view
from tests.support.charts.chart_samples import START, drawn, picture
from tests.support.charts.svg_faults import SVG

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def change(hours: float, state: str) -> dict[str, Any]:
    return {"time": iso(START + hours * HOUR), "state": state}


def notes(*peaks: float | None, rate: float = 1.0, long: float | None = 0.5) -> dict[str, Any]:
    points = [
        {"time": iso(START + n * HOUR), "short_rate": rate, "long_rate": long} for n in range(25)
    ]
    judged = None if long is None else iso(START + 4 * HOUR)
    return {"averages": points, "peaks": list(peaks), "judged_since": judged}


@pytest.mark.parametrize(
    ("changes", "peaks", "title"),
    [
        ([], (), "No traffic alert in the 20 h that could be judged"),
        ([change(6, "raised"), change(9, "ended")], (3.21,),
         "One traffic alert in 20 h, from 5 January, 06:00 UTC; at most 3.21× the mean"),
        ([change(6, "raised")], (3,),
         "One traffic alert in 20 h, from 5 January, 06:00 UTC; at most 3× the mean, still open"),
        ([change(6, "raised")], (None,),
         "One traffic alert in 20 h: out of silence on 5 January, 06:00 UTC, still open"),
        ([change(1, "raised"), change(2, "ended"), change(6, "raised")], (2, 4),
         ("2 traffic alerts in 20 h, one still open; the strongest, from 5 January, 06:00 UTC, "
          "reached 4× the mean")),
        ([change(1, "raised"), change(2, "ended"), change(6, "raised"), change(7, "ended")],
         (None, None), "2 traffic alerts in 20 h; 2 out of silence"),
    ],
)  # fmt: skip
def test_the_title_states_the_number_of_alerts_and_the_strongest(
    changes: list[Any], peaks: tuple[Any, ...], title: str
) -> None:
    assert view(alerts, changes, 1, notes(*peaks)).title == title


def test_alerts_without_data_or_with_too_little() -> None:
    nothing = view(alerts, [], 1, {"averages": [], "peaks": []})
    assert nothing.title == "No messages in this range"
    zeros = view(alerts, [], 1, notes(rate=0.0, long=0.0), measure="bytes")
    assert zeros.title == "No bytes in this range"
    short = view(alerts, [], 1, notes(long=None))
    assert short.title == "No alert could be raised: the averages need more than 4.4 h of traffic"


def shapes(svg: bytes, role: str) -> list[list[float]]:
    """The numbers of each path of a role."""
    paths = [p for p in ET.fromstring(svg).iter(f"{SVG}path") if p.get("class") == role]
    return [list(map(float, re.findall(r"-?[\d.]+", p.get("d") or ""))) for p in paths]


def test_a_span_is_shaded_from_raised_to_ended_and_named_below() -> None:
    changes = [change(6, "raised"), change(9, "ended"), change(18, "raised")]
    drawing = view(alerts, changes, 1, notes(2, 3))
    [shade], [bars] = shapes(drawing.svg(), "dn area"), shapes(drawing.svg(), "dn")
    x, _, wide, high, _ = shade[:5]
    wave = shapes(drawing.svg(), "s0 l")[0]
    width = wave[-2]  # the line begins at 0 and ends at the right edge
    assert x == pytest.approx(width / 4, abs=0.01)
    assert wide == pytest.approx(width / 8, abs=0.01)
    assert bars[0] == x
    assert bars[1] > high  # the lane is below the plot
    text = drawing.svg().decode()
    assert ">2× for 3 h<" in text
    assert ">3×, open<" in text
    assert "l6 7l-6 7" in text  # the open one ends in an arrow
    labels = set(re.findall(r">([^<]*)</text>", text))
    assert {"24-min mean", "threshold 1.5×", "4-h mean"} <= labels


def test_the_threshold_is_a_multiple_of_the_long_mean_and_rates_are_readable() -> None:
    drawing = view(alerts, [], 1, notes(rate=0.01, long=0.008), threshold=2.5, short=3, long=10)
    row = drawing.table()[3]
    assert list(row)[1:] == ["6-min mean", "threshold 2.5×", "20-min mean"]
    assert row["threshold 2.5×"] == pytest.approx(2.5 * row["20-min mean"])
    assert row["6-min mean"] == pytest.approx(36)  # an hour
    assert "Messages per hour: " in drawing.svg().decode()


def test_no_lane_where_there_is_no_alert() -> None:
    assert ">alerts<" not in view(alerts, [], 1, notes()).svg().decode()
    assert Raised.foot == 0


@pytest.mark.parametrize(
    ("length", "tick"),
    [(HOUR, 10), (2 * HOUR, 10), (DAY, 120), (14 * DAY, 1800), (365 * DAY, 43_200),
     (3652 * DAY, 604_800), (500 * 365 * DAY, 2_592_000)],
)  # fmt: skip
def test_a_range_has_about_seven_hundred_ticks(length: timedelta, tick: int) -> None:
    assert resolution_of(length) == timedelta(seconds=tick)


def test_options_reach_the_query() -> None:
    answers = Answers([], notes())
    options: dict[str, Any] = {"short": 3, "long": 9, "threshold": 2.0, "measure": "bytes"}
    alerts(answers, Chart(), START, START + DAY, lambda _s, _u: (), resolution=HOUR, **options)
    [(name, parameters)] = answers.calls
    assert name == "alerts"
    assert parameters.items() >= {"resolution": HOUR, **options}.items()
    assert parameters["averages"] >= 700


def period(n: int, *sections: tuple[str, int], other: int = 0) -> dict[str, Any]:
    total = sum(hits for _, hits in sections) + other
    row = {"start": iso(START + n * HOUR), "sections": [list(s) for s in sections]}
    return {**row, "total_hits": total, "total_bytes": 1000 * total, "without_section": other}


@pytest.mark.parametrize(
    ("rows", "title"),
    [
        ([], "No requests of a web server in this range"),
        ([period(3, ("/wiki", 1))], "One request, to /wiki"),
        ([period(3, ("/wiki", 7))], "All 7 requests went to /wiki"),
        ([period(3, ("/wiki", 7), ("/docs", 3))], "/wiki leads with 70% of 10 requests"),
        ([period(3, ("/wiki", 3)), period(4), period(5, ("/docs", 5), other=2)],
         ("/docs leads with 50% of 10 requests; "
          "the busiest hour began on 5 January, 05:00 UTC: 7 in all")),
        ([period(3, other=4), period(4, ("/a", 1))],
         ("no section leads with 80% of 5 requests; "
          "the busiest hour began on 5 January, 03:00 UTC: 4 in all")),
    ],
)  # fmt: skip
def test_the_title_states_the_section_with_most_requests(rows: list[Any], title: str) -> None:
    assert view(traffic, rows, 1, period=HOUR).title == title


def test_traffic_leaves_out_what_the_range_cuts() -> None:
    for hours, left in ((2.5, 2), (2.995, 2.995), (1.5, 1.5)):  # without two whole ones all
        answers = Answers([])
        traffic(answers, Chart(), START, START + hours * HOUR, period=HOUR)
        [(_, asked)] = answers.calls
        assert (asked["since"], asked["until"]) == (START, START + left * HOUR)


def test_a_period_without_requests_is_an_empty_column() -> None:
    rows = [period(0, ("/wiki", 3)), period(1), period(2, ("/wiki", 5))]
    assert [r["/wiki"] for r in view(traffic, rows, 1, period=HOUR).table()] == [3, 0, 5]


def test_traffic_adds_up_bytes_and_sections() -> None:
    drawing = drawn("traffic", "one", Chart())
    assert "; 500 B answered in all" in drawing.svg().decode()
    assert " kB answered" in picture("traffic", "alone").svg().decode()
    many = picture("traffic", "crowd").table()
    assert len(many) <= 100
    assert len(many[0]) == 1 + 5 + 1  # the start, five sections, the others


@pytest.mark.parametrize("hours", [0.1, 1, 2, 24, 24 * 14, 24 * 365])
def test_at_most_a_hundred_periods(hours: float) -> None:
    length = hours * HOUR
    assert 20 <= length / period_of(length) <= 100


def test_a_given_period_is_used() -> None:
    answers = Answers([])
    traffic(answers, Chart(), START, datetime(2026, 2, 1, tzinfo=START.tzinfo), period=DAY)
    assert answers.calls[0][1].items() >= {"period": DAY, "root": False}.items()
