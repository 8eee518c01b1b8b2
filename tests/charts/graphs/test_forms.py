"""Chart types: which one is chosen for which data, and that it does not mislead."""

from __future__ import annotations

import random
import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hubbub.analyzers.result import Result
from hubbub.charts.chart import Chart
from hubbub.charts.graphs.changes import draw_all_changes, draw_last_change
from hubbub.charts.graphs.line import simplify
from hubbub.charts.graphs.radar import draw_radar
from hubbub.charts.picture import text
from hubbub.charts.picture.calendar import about_midnight, sparse_labels
from hubbub.charts.views.activity import weekly_diff
from hubbub.charts.views.evenness import longtail
from hubbub.charts.views.overload import overload
from hubbub.charts.views.people import active_users, daily_users
from hubbub.times import iso
from tests.support.charts.chart_answers import Answers, view
from tests.support.charts.chart_samples import START, VIEWS, Queries, events, picture
from tests.support.charts.svg_faults import SVG

DAY = timedelta(days=1)


def shapes(svg: bytes, role: str) -> list[str]:
    return [
        p.get("d") or "" for p in ET.fromstring(svg).iter(f"{SVG}path") if p.get("class") == role
    ]


def texts(svg: bytes, roles: str = "") -> list[str]:
    nodes = ET.fromstring(svg).iter(f"{SVG}text")
    return [n.text or "" for n in nodes if not roles or n.get("class") == roles]


def test_without_two_calendar_weeks_seven_days_are_compared_with_seven() -> None:
    since, until = START + 6 * DAY, START + 20 * DAY  # from a Sunday to the second Saturday
    here = [e for e in events("simulated") if since <= e[0] < until]
    drawing = weekly_diff(Queries("simulated"), Chart(), since, until)
    assert "18–24 Jan 2026 against 11–17 Jan 2026" in drawing.svg().decode()
    middle = since + 7 * DAY
    for row in drawing.table():
        days = [t for t, topic, _ in here if topic.endswith(f".{row['topic']}")]
        assert row["before"] == sum(t < middle for t in days)
        assert row["now"] == sum(t >= middle for t in days)
        assert row["change"] == row["now"] - row["before"]


def test_thirteen_days_are_not_compared() -> None:
    since, until = START + 6 * DAY, START + 19 * DAY
    drawing = weekly_diff(Queries("simulated"), Chart(), since, until)
    assert drawing.title == "Not enough complete weeks for a comparison"


def test_the_others_are_in_the_subtitle_and_not_a_bar() -> None:
    counts = {f"t{i:02}": [10, 10 + i] for i in range(20)}
    diff = {name: [None, b - a] for name, (a, b) in counts.items()}
    data = {"labels": ["2026-W02", "2026-W03"], "counts": counts, "diff": diff}
    svg = draw_last_change(
        Chart(), Result("diff", {}, data, START, START + 14 * DAY, 9), axis="topic"
    ).svg()
    assert "the others +28 (+35%) together" in svg.decode()
    assert not shapes(svg, "fo")


def carried(axes: int) -> bytes:
    share = [1.0] + [0.1] * (axes - 1)
    data = {
        "axes": [f"a{i}" for i in range(axes)],
        "totals": [10] * axes,
        "users": {"al": {"counts": [10] + [1] * (axes - 1), "share": share}},
    }
    result = Result("radar", {}, data, START, START + DAY, 9)
    return draw_radar(Chart(), result, subtitle="", most=20).svg()


@pytest.mark.parametrize(
    ("axes", "web"), [(1, False), (3, False), (4, True), (10, True), (11, False)]
)
def test_a_web_needs_four_to_ten_spokes(axes: int, web: bool) -> None:
    assert bool(shapes(carried(axes), "ba hair")) is web


def test_one_in_five_hundred_does_not_look_like_all() -> None:
    def wide(share: float) -> float:
        rows = [{"sign": "alone", "people": 1, "of": 500, "share": share}]
        [bar] = shapes(view(overload, rows, 28).svg(), "f0")
        return float(re.findall(r"h([\d.]+)", bar)[0])

    assert wide(0.002) < 0.02 * wide(0.25)
    assert wide(0.125) == pytest.approx(wide(0.25) / 2, abs=0.5)
    assert wide(0.5) > 300


def crowd(total: int, most: int = 10, days: int = 4) -> bytes:
    rows = [
        {"start": iso(START + n * DAY), "users": most - n, "new": 1, "total": total - days + n + 1}
        for n in range(days)
    ]
    return bytes(view(daily_users, rows, days).svg())


def test_people_so_far_get_their_own_scale_if_they_are_many_more() -> None:
    shared, separate = crowd(40), crowd(41)
    assert "on a scale of its own" not in shared.decode()
    assert "on a scale of its own" in separate.decode()
    assert texts(shared, "mu e").count("0") == 1
    assert texts(separate, "mu e").count("0") == 2

    def heights(svg: bytes, role: str) -> list[float]:
        points = re.findall(r"([\d.]+) ([\d.]+)", "".join(shapes(svg, role)))
        return [float(y) for _, y in points]

    # the upper panel holds the active and the new, the lower one those seen so far
    active, new = heights(separate, "s0 l"), heights(separate, "s1 l d1")
    assert max(active + new) < min(heights(separate, "s2 l d2"))
    assert active == sorted(active)
    assert active[0] == 0  # ten of ten


def test_the_highest_column_is_labelled() -> None:
    days = [[f"2026-01-{5 + n:02}", users] for n, users in enumerate((3, 7, 5))]
    assert "7" in texts(view(active_users, days, 3, per="day").svg(), "t m halo")
    same = [[label, 4] for label, _ in days]
    assert not texts(view(active_users, same, 3, per="day").svg(), "t m halo")


def test_simplified_lines_pass_near_every_point() -> None:
    rng = random.Random(2)
    points = [(float(x), 100 + rng.choice((0, 0, 0, 0.2, 0.6)) + x / 7) for x in range(500)]
    kept = simplify(points)
    assert kept[0] == points[0]
    assert kept[-1] == points[-1]
    assert len(kept) < 400
    for x, y in points:
        left = max((p for p in kept if p[0] <= x), key=lambda p: p[0])
        right = min((p for p in kept if p[0] >= x), key=lambda p: p[0])
        wide = right[0] - left[0] or 1
        assert abs(left[1] + (right[1] - left[1]) * (x - left[0]) / wide - y) <= 0.25
    assert simplify(points[:1]) == points[:1]
    assert simplify([(0, 1), (1, 2), (2, 3)]) == [(0, 1), (2, 3)]


def test_a_title_breaks_at_punctuation() -> None:
    title = "A median of 135 people are active each day; the peak was 147 on 23 March, as expected"
    room = text.width(title, 19, bold=True) * 0.7
    first, second = text.balanced(title, room, 19, bold=True)
    assert first.endswith("day;")
    assert f"{first} {second}" == title
    dated = "The load was least even in the whole range on 30 January of that same very long year"
    pair = text.balanced(dated, text.width(dated, 19) * 0.55, 19)
    assert not pair[0][-1].isdigit()
    assert len(text.balanced("a" * 40 + " " + "b" * 40, text.width("b" * 41, 9), 9)) == 2


def test_an_empty_picture_is_small_and_incomplete_coverage_has_a_sign() -> None:
    for name in VIEWS:
        root = ET.fromstring(picture(name, "empty").svg())
        if name != "coverage":  # it has lanes also without events
            assert float(root.get("height", "0")) <= 250
    assert shapes(picture("tail", "crowd", gaps=True).svg(), "wa")
    assert not shapes(picture("tail", "crowd").svg(), "wa")


def test_a_window_that_ends_minutes_before_midnight_is_that_day() -> None:
    def title(end: timedelta, window: timedelta) -> str:
        row: dict[str, Any] = {
            "start": iso(START + end - window), "end": iso(START + end), "absence_factor": 7
        }  # fmt: skip
        answers = Answers([row])
        return str(longtail(answers, Chart(), START, START + 9 * DAY, window=window).title)

    ten = timedelta(minutes=10)
    assert title(3 * DAY - ten, DAY) == "The absence factor was 7 on 7 January"
    assert title(9 * DAY, 7 * DAY) == "The absence factor was 7 in the 7 days to 13 January"
    assert "to 8 January, 02:00" in title(3 * DAY + 12 * ten, DAY)
    assert about_midnight(START - ten) == START
    assert about_midnight(START - 2 * ten) == START - 2 * ten


def test_a_long_name_does_not_take_the_plot() -> None:
    long = "/" + "x" * 70
    rows = [
        {"start": iso(START + n * DAY), "name": name, "n": 3}
        for n in range(9)
        for name in (long, "/a")
    ]
    root = ET.fromstring(Chart().stacked(rows, x="start", y="n", by="name").svg())
    bars = [p.get("d") or "" for p in root.iter(f"{SVG}path") if p.get("class") == "f0"]
    assert max(float(x) for x in re.findall(r"M([\d.]+)", bars[0])) > 400
    assert any((n.text or "").endswith("…") for n in root.iter(f"{SVG}text"))
    table = [{"day": n, "a" * 70: n, "b": 2 * n} for n in range(5)]
    wave = shapes(Chart().line(table, x="day", y=["a" * 70, "b"]).svg(), "s0 l")[0]
    assert max(float(x) for x in re.findall(r"[M ]([\d.]+) [\d.]+", wave)) > 450


@pytest.mark.parametrize(
    ("per", "months", "labels"),
    [
        ("month", range(1, 6), ["Feb 2025", "Mar", "Apr", "May", "Jun"]),
        ("month", range(1, 14), ["Mar 2025", "May", "Jul", "Sep", "Nov", "Jan 2026"]),
        (
            "month",
            range(1, 60),
            [
                "Jul 2025",
                "Jan 2026",
                "Jul",
                "Jan 2027",
                "Jul",
                "Jan 2028",
                "Jul",
                "Jan 2029",
                "Jul",
            ],
        ),
        ("month", range(1, 121), ["2026", "2028", "2030", "2032", "2034"]),
        ("quarter", range(3, 36, 3), ["Q3 2025", "Q1 2026", "Q3", "Q1 2027", "Q3"]),
        ("year", range(0, 240, 12), ["2025", "2030", "2035", "2040"]),
    ],
)
def test_labels_of_periods_are_round(per: str, months: range, labels: list[str]) -> None:
    times = [datetime(2025 + m // 12, m % 12 + 1, 1, tzinfo=UTC) for m in months]
    assert [label for label, _ in sparse_labels(times, per)] == labels
    for label, at in sparse_labels(times, per):
        when = times[int(at * len(times))]
        assert (
            f"{when:%b}" in label or f"Q{when.month // 3 + 1}" in label or str(when.year) == label
        )


def test_a_single_day_has_no_change() -> None:
    data = {"labels": ["2026-01-05"], "counts": {"a": [3]}, "diff": {"a": [None]}}
    notes = {"names": 1, "largest": None}
    result = Result("diff", {}, data, START, START + timedelta(days=1), 3, diagnostics=notes)
    drawing = draw_all_changes(Chart(), result, axis="topic")
    assert drawing.title == "Two complete days are needed for a change"
