"""`Chart` and the chart types: titles, gaps in lines, errors; and helpers of the layout."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hubbub.analyzers.result import Coverage, Gap, Result
from hubbub.charts.chart import Chart
from hubbub.charts.graphs.changes import draw_last_change
from hubbub.charts.graphs.line import runs, thin
from hubbub.charts.graphs.radar import draw_radar
from hubbub.charts.graphs.tail import draw_tail
from hubbub.charts.picture.canvas import spread
from hubbub.charts.picture.sheet import badge, source
from hubbub.charts.views.evenness import weekly_mean
from hubbub.errors import UsageError
from tests.support.charts.chart_samples import CASES, START, drawn, picture
from tests.support.charts.svg_faults import faults


def rows(**counts: int) -> list[dict[str, Any]]:
    return [{"user": u, "comments": n} for u, n in counts.items()]


@pytest.mark.parametrize(
    ("data", "title"),
    [
        (rows(alice=12, bob=20, eve=8), "Karma: bob leads with 20 of 40 comments"),
        (rows(alice=4, bob=4, eve=2), "Karma: alice and bob lead with 4 of 10 comments each"),
        (rows(alice=4, bob=4), "Karma: all 2 have 4 comments each"),
        (rows(alice=7), "Karma: alice has all 7 comments"),
        (rows(alice=0, bob=0), "Karma: no comments"),
        (rows(alice=3, bob=-5), "Karma: from +3 (alice) to −5 (bob)"),
        ([], "Karma: no comments"),
    ],
)
def test_the_title_of_bars_states_who_leads(data: list[dict[str, Any]], title: str) -> None:
    drawing = Chart(title="Karma").bars(data, x="user", y="comments")
    assert drawing.title == title
    assert faults(drawing.svg()) == []


def test_a_given_title_replaces_the_computed_one() -> None:
    drawing = Chart(title="Karma").bars(rows(a=1, b=2), x="user", y="comments", title="Mine")
    assert drawing.title == "Mine"


def test_more_rows_than_fit_become_other() -> None:
    data = [{"user": f"u{i:03}", "n": 1000 - i} for i in range(1000)]
    drawing = Chart().bars(data, x="user", y="n", top=10)
    svg = drawing.svg().decode()
    assert "other (990)" in svg
    assert "the top 10 of 1,000; the rest is other" in svg
    rest = sum(1000 - i for i in range(10, 1000))
    assert f">{rest:,}<" in svg
    assert len(drawing.rows) == 1000


def test_rows_without_a_number_are_left_out_and_counted() -> None:
    data = [{"u": n, "v": v} for n, v in zip("abcd", [1.0, math.nan, math.inf, None], strict=True)]
    drawing = Chart().bars(data, x="u", y="v")
    assert faults(drawing.svg()) == []
    assert "3 rows without a number left out" in drawing.svg().decode()


def test_bars_over_times_are_columns_in_their_order() -> None:
    data = [{"day": f"2026-01-{d:02}", "n": d} for d in (3, 1, 2)]
    drawing = Chart().bars(data, x="day", y="n")
    assert [row["day"] for row in drawing.table()] == ["2026-01-01", "2026-01-02", "2026-01-03"]


def paths(svg: bytes, role: str) -> list[str]:
    return re.findall(rf'<path d="([^"]+)" class="{role}[ "]', svg.decode())


def test_a_gap_is_never_bridged_and_a_single_point_is_a_dot() -> None:
    values = [1, 2, None, 4, math.nan, 5, 6, math.inf, 7]
    data = [{"t": f"2026-01-{i + 1:02}", "v": v} for i, v in enumerate(values)]
    svg = Chart().line(data, x="t", y="v").svg()
    assert paths(svg, "s0")[0].count("M") == 2  # 1–2 and 5–6
    assert paths(svg, "f0")[0].count("M") == 2  # 4 and 7


def test_points_are_at_their_times_in_order() -> None:
    data = [{"t": t, "v": 1} for t in ("2026-01-11", "2026-01-01", "2026-01-02")]
    points = [float(v) for v in paths(Chart().line(data, x="t", y="v").svg(), "s0")[0][1:].split()]
    assert points[2] == pytest.approx(points[4] / 10, abs=0.01)


def test_the_title_of_lines_states_the_peak() -> None:
    data = [{"t": f"2026-01-{d:02}", "a": d, "b": 10 - d} for d in range(1, 10)]
    drawing = Chart().line(data, x="t", y=["a", "b"])
    assert drawing.title == "b peaked at 9 on 1 January"
    assert ">a</text>" in drawing.svg().decode()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: c.bars(rows(a=1), x="user", y="karma"), "no column 'karma'"),
        (lambda c: c.bars([{"u": "a", "n": "many"}], x="u", y="n"), "not the text 'many'"),
        (lambda c: c.bars({"a": 1}, x="u", y="n"), "needs rows, not dict"),
        (lambda c: c.bars([1, 2], x="u", y="n"), "row 0 is int"),
        (lambda c: c.line(rows(a=1), x="user", y=list("abcdefg")), "1 to 6 lines"),
        (lambda c: draw_radar(c, rows(a=1), subtitle=""), "axes, totals and users"),
        (lambda c: draw_last_change(c, rows(a=1), axis="topic"), "labels, counts and diff"),
        (lambda _: Chart(theme="purple"), "unknown theme 'purple'"),
    ],
)
def test_wrong_use_is_explained(call: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call(Chart())


def test_radar_takes_three_users_and_states_who_is_missing() -> None:
    with pytest.raises(UsageError, match="at most 3"):
        drawn("radar", "simulated", Chart(), user=["a", "b", "c", "d"])
    svg = drawn("radar", "simulated", Chart(), user=["kevin", "nobody"]).svg().decode()
    assert "no messages of nobody" in svg
    assert ">kevin</text>" in svg


def test_radar_is_bars_above_ten_axes() -> None:
    axes = [f"c{i:02}" for i in range(14)]
    people = {"al": {"counts": [1] * 14, "share": [0.5] * 14}}
    data = {"axes": axes, "totals": list(range(2, 16)), "users": people}
    result = Result("radar", {}, data, START, START + timedelta(days=1), 9)
    assert "8 of 14 axes" in draw_radar(Chart(), result, subtitle="").svg().decode()
    with pytest.raises(UsageError, match="1 to 20 axes"):
        draw_radar(Chart(), result, subtitle="", most=0)
    drawing = draw_radar(Chart(), result, subtitle="", most=11)
    assert "11 of 14 axes" in drawing.svg().decode()
    assert drawing.svg().decode().count(">50% al<") == 11
    assert faults(drawing.svg()) == []


def test_radar_shows_the_axes_that_its_users_touch() -> None:
    axes = [f"c{i:02}" for i in range(14)]
    counts = [0, 3, 0, 0, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0]
    people = {"al": {"counts": counts, "share": [n / 9 for n in counts]}}
    data = {"axes": axes, "totals": [9] * 14, "users": people}
    svg = draw_radar(
        Chart(), Result("radar", {}, data, START, START + timedelta(days=1), 9), subtitle=""
    ).svg()
    shown = [axis for axis in axes if f">{axis} (9)<" in svg.decode()]
    assert shown == ["c01", "c04", "c09"]
    assert faults(svg) == []


def test_radar_is_clockwise_from_the_top() -> None:
    data = {
        "axes": list("abcd"), "totals": [1] * 4,
        "users": {"al": {"counts": [1, 1, 0, 0], "share": [1.0, 1.0, 0.0, 0.0]}},
    }  # fmt: skip
    svg = draw_radar(
        Chart(), Result("radar", {}, data, START, START + timedelta(days=1), 9), subtitle=""
    ).svg()
    up, right, middle, _ = [
        tuple(map(float, p)) for p in re.findall(r"([\d.]+) ([\d.]+)", paths(svg, "s0")[0])
    ]
    assert up[0] == middle[0]
    assert up[1] < middle[1]
    assert right[0] > middle[0]
    assert right[1] == middle[1]
    assert right[0] - middle[0] == pytest.approx(middle[1] - up[1], abs=0.02)  # square


def test_weekly_diff_shows_sign_value_and_percent() -> None:
    data = {
        "labels": ["2026-W02", "2026-W03"],
        "counts": {"a": [10, 30], "b": [40, 10], "c": [0, 5], "d": [7, 7]},
        "diff": {"a": [None, 20], "b": [None, -30], "c": [None, 5], "d": [None, 0]},
    }
    drawing = draw_last_change(
        Chart(), Result("diff", {}, data, START, START + timedelta(days=14), 9), axis="topic"
    )
    svg = drawing.svg().decode()
    assert re.findall(r">([+−±][^<]*)</text>", svg) == [
        "+20 (+200%)", "+5 (from 0)", "±0", "−30 (−75%)",
    ]  # fmt: skip
    assert "12–18 Jan 2026 against 5–11 Jan 2026" in svg
    assert drawing.title == "Week on week: 2 topics up, 1 down; b changed most, −30"


def test_volume_has_an_empty_column_for_an_empty_bucket() -> None:
    drawing = picture("volume", "one")
    assert len(drawing.rows) == 14
    assert sum(row["git.receive"] for row in drawing.table()) == 1


@pytest.mark.parametrize("metric", ["effective_people", "gini", "longtail_scaled", "pielou"])
def test_longtail_draws_one_metric_at_a_time(metric: str) -> None:
    drawing = drawn("longtail", "crowd", Chart(), metric=metric)
    assert faults(drawing.svg()) == []
    read = "higher where more people|compare windows|0 for equal counts"
    assert re.search(read, drawing.description)
    assert "least even" not in drawing.title


def test_the_title_of_longtail_names_the_day_of_the_peak() -> None:
    drawing = drawn("longtail", "simulated", Chart(), step=timedelta(days=1), metric="longtail")
    worst = max(drawing.table(), key=lambda row: row["per day"])
    assert drawing.title.startswith("The long-tail metric was highest on 25 February, ")
    assert str(worst["start"]).startswith("2026-02-25")


def test_longtail_states_how_many_people_share_the_work() -> None:
    pattern = (
        r"in all, as if [\d.]+ people had equally many messages \(90% interval [\d.]+–[\d.]+\)"
    )
    assert re.search(pattern, picture("longtail", "simulated").description)
    assert "effective people in all: not enough data" in picture("longtail", "alone").description


def test_weekly_mean_is_centred_and_needs_half_of_the_days() -> None:
    times = [START + timedelta(days=i) for i in range(15)]
    assert weekly_mean(times, [float(i) for i in range(15)])[7] == 7
    assert weekly_mean(times, [1.0] * 15)[0] is None  # half of its week is not there
    assert weekly_mean(times, [None] * 10 + [1.0] * 5)[7] is None  # too little is known


def test_badge() -> None:
    end = START + timedelta(days=7)
    assert badge(Coverage("complete"), START, end) == ""
    assert "unproven" in badge(Coverage("unproven"), START, end)
    healed = badge(Coverage("healed"), START, end)
    assert healed == "Complete; what the bus missed is covered by history"
    twice = tuple(
        Gap(START - timedelta(hours=1), START + timedelta(hours=3), s, "") for s in ("a", "b")
    )
    assert badge(Coverage("unproven", twice), START, end) == "Incomplete: 3 h of 7 days missing"


def test_source_names_the_filters() -> None:
    parameters = {"category": ["git"], "user": None, "by": "agent", "bots": False}
    result = Result("tail", parameters, [], START, START + timedelta(days=1), 1)
    assert source(result) == "Source: 1 message, 5 Jan 2026; category git; by agent"
    result = Result(
        "heatmap", {"bots": True}, [], START, START + timedelta(days=1), 9, naming=2, touching=True
    )
    assert source(result) == (
        "Source: 2 of 9 messages name a person and an object, 5 Jan 2026; "
        "known programs count as people"
    )


def test_spread_keeps_order_distance_and_bounds() -> None:
    at = spread([10, 11, 12, 200], 14, 0, 200)
    assert at == [10, 24, 38, 200]
    low = spread([199, 200], 14, 0, 200)
    assert low == [186, 200]


def test_thin_keeps_the_peaks() -> None:
    points = [(float(i), 0.0) for i in range(5000)]
    points[3333] = (3333.0, 9.0)
    kept = thin(points)
    assert len(kept) <= 600
    assert (3333.0, 9.0) in kept
    assert kept == sorted(kept)


def test_runs_split_at_gaps() -> None:
    assert runs([(0, 1), (1, None), (2, 3)]) == [[(0, 1)], [(2, 3)]]


def test_drawing_in_a_notebook_and_as_a_page() -> None:
    drawing = picture("tail", "hostile")
    assert drawing._repr_svg_() == drawing.svg().decode()
    page = drawing.html()
    assert "<script>alert" not in page
    assert "</style><b>" not in page
    assert not re.search(r'(src|href)="(https?:)?//', page)


def test_png_or_a_hint_to_the_extra() -> None:
    try:
        import resvg_py  # noqa: F401
    except ImportError:
        with pytest.raises(UsageError, match=r"hubbub\[png\]"):
            picture("tail", "one").png()
        return
    png = picture("tail", "one").png(400)
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(png[16:20], "big") == 400
    with pytest.raises(UsageError, match="out of range"):
        picture("tail", "one").png(0)


def test_the_cases_include_the_required_ones() -> None:
    assert set(CASES) >= {"simulated", "empty", "one", "year", "crowd", "hostile", "world"}
    assert datetime(2026, 1, 5, tzinfo=UTC) == START


def test_stacked_series_stand_on_each_other() -> None:
    data = [
        {"t": f"2026-01-0{d}", "n": n, "by": by} for d in (1, 2) for by, n in (("a", 30), ("b", 10))
    ]
    svg = Chart().stacked(data, x="t", y="n", by="by").svg()
    below = re.findall(r"M[\d.]+ ([\d.]+)h[\d.]+v([\d.]+)", paths(svg, "f0")[0])
    above = re.findall(r"M[\d.]+ ([\d.]+)h[\d.]+v([\d.]+)", paths(svg, "f1")[0])
    for (top, high), (top_above, high_above) in zip(below, above, strict=True):
        assert float(top_above) + float(high_above) == pytest.approx(float(top), abs=0.02)
        assert float(high) == pytest.approx(3 * float(high_above), abs=0.03)


@pytest.mark.parametrize(
    ("counts", "title"),
    [
        ([4, 3, 2, 1], "2 of 4 people have half of all mentions"),
        ([9, 1, 1], "u0 alone, of 3 people, has 82% of all mentions"),
        ([5, 5, 5], "All 3 people have 5 messages each"),
        ([5], "All mentions are of one person, u0"),
        ([], "Nobody is named by the messages of this range"),
    ],
)
def test_tail_states_how_few_do_half(counts: list[int], title: str) -> None:
    data = [
        {"rank": i + 1, "user": f"u{i}", "count": c, "ideal": float(c)}
        for i, c in enumerate(counts)
    ]
    drawing = draw_tail(Chart(), data)
    assert drawing.title == title
    assert faults(drawing.svg()) == []


def test_labels_that_would_touch_are_left_out() -> None:
    few = [{"x": f"a rather long label of point {i}", "v": i} for i in range(9)]
    svg = Chart().line(few, x="x", y="v").svg().decode()
    assert 2 <= len(re.findall('class="mu m"[^>]*>a rather', svg)) <= 4


def test_titles_name_the_year_where_a_day_comes_twice() -> None:
    for view in ("daily_diff", "volume"):
        assert re.search(r"[A-Z][a-z]+ 20(2|3)\d", picture(view, "decade").title), view
        assert not re.search(r"20\d\d", picture(view, "simulated").title), view


def test_the_weekly_mean_needs_a_point_per_day() -> None:
    assert picture("longtail", "simulated").columns[1:] == ("per 24 h", "7-day mean")
    assert picture("longtail", "decade").columns[1:] == ("per day",)
