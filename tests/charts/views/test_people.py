"""The views of people: titles, periods, and the parameters of the queries."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from datetime import timedelta
from typing import Any

import pytest

from hubbub.charts.chart import Chart
from hubbub.charts.picture.calendar import last_day, narrowed, starts
from hubbub.charts.views.evenness import headline, lorenz
from hubbub.charts.views.overload import overload
from hubbub.charts.views.people import active_users, daily_users
from hubbub.charts.views.staying import cohorts, returning
from tests.support.charts.chart_answers import Answers, view
from tests.support.charts.chart_samples import START, picture
from tests.support.charts.svg_faults import SVG

DAY = timedelta(days=1)


def counted(*counts: int) -> dict[str, Any]:
    rows = [{"rank": i + 1, "user": f"u{i}", "count": c} for i, c in enumerate(counts)]
    return {"tail": rows, "longtail": [{"gini": 0.25, "absence_factor": 2}]}


@pytest.mark.parametrize(
    ("counts", "title"),
    [
        ([6, 2, 2], "The busiest of 3 people, u0, has 60% of all mentions"),
        (
            [50, 30, *[1] * 18, 2],
            "The busiest 3 of 21 people have 82% of all mentions",
        ),
        ([4, 4], "All 2 people have 4 messages each"),
        ([4], "All mentions are of one person, u0"),
        ([], "Nobody is named by the messages of this range"),
    ],
)
def test_lorenz_states_the_share_of_the_busiest_tenth(counts: list[int], title: str) -> None:
    assert view(lorenz, counted(*counts)).title == title


def test_lorenz_accumulates_from_the_least() -> None:
    drawing = view(lorenz, counted(6, 1, 3))
    assert [(r["user"], r["share"]) for r in drawing.table()] == [
        ("u1", 0.1), ("u2", pytest.approx(0.4)), ("u0", 1.0),
    ]  # fmt: skip
    svg = drawing.svg().decode()
    assert "2 people suffice for half of them; Gini index 0.25" in svg
    assert ">2 people: 40%<" in svg


def test_a_number_without_an_interval_is_about() -> None:
    people = {"value": 12.34, "low": None, "high": None, "level": 0.9, "note": "about"}
    said = headline({"effective_people": people})
    assert said == "in all, as if about 12.3 people had equally many messages"
    said = headline({"effective_people": people | {"low": 9, "high": 20.06}})
    assert said == "in all, as if 12.3 people had equally many messages (90% interval 9.0–20.1)"


def test_lorenz_queries_the_whole_range_as_one_window() -> None:
    answers = Answers(counted(2, 1))
    lorenz(answers, Chart(), START, START + 3 * DAY)
    calls = dict(answers.calls)
    assert calls["longtail"]["window"] == calls["longtail"]["step"] == 3 * DAY
    assert calls["longtail"]["interval"]


def daily(*rows: tuple[int, int]) -> list[dict[str, Any]]:
    out, total = [], 0
    for i, (users, new) in enumerate(rows):
        total += new
        start = f"{START + i * DAY:%Y-%m-%d}T00:00:00Z"
        out.append({"start": start, "users": users, "new": new, "total": total})
    return out


@pytest.mark.parametrize(
    ("rows", "title"),
    [
        ([(3, 3), *[(3, 0)] * 8], ("A median of 3 people are active each day; 3 different people "
         "in all")),
        ([(2, 2), (1, 0), (1, 0), (2, 1), (1, 1)], ("A median of 1 person is active each day; 4 "
         "different people in all")),
        ([(1, 1), (0, 0)], "One person is active, first on 5 January"),
        ([(4, 4)], "4 people are active on 5 January"),
        ([(0, 0)], "Nobody is named by the messages of this range"),
        ([], "Nobody is named by the messages of this range"),
    ],
)  # fmt: skip
def test_daily_users_states_how_many_and_since_when(rows: list[Any], title: str) -> None:
    assert view(daily_users, daily(*rows), 9).title == title


def test_days_that_the_range_cuts_are_not_drawn() -> None:
    answers = Answers([])
    daily_users(answers, Chart(), START - DAY / 2, START + 4.5 * DAY)
    assert answers.calls == [
        ("daily_users", {"since": START, "until": START + 4 * DAY, "per": "day"})
    ]
    short = Answers([])
    daily_users(short, Chart(), START, START + 2 * DAY)
    assert short.calls[0][1]["per"] == "hour"
    long = Answers([])
    daily_users(long, Chart(), START, START + 500 * DAY)
    assert long.calls[0][1] == {"since": START, "until": START + 497 * DAY, "per": "week"}


@pytest.mark.parametrize(
    ("per", "labels", "title"),
    [
        ("w", [("2026-01-11", 4), ("2026-01-18", 9), ("2026-02-01", 6)],
         "A median of 5 people are active each week; the peak was 9 in the week of 12 January"),
        ("w", [("2026-01-11", 1)],
         "In most weeks nobody is active; the peak was 1 in the week of 5 January"),
        ("w", [(f"2026-01-{d}", 3) for d in (11, 18, 25)] + [("2026-02-01", 3)],
         "3 people are active each week"),
        ("m", [("2026-01-31", 2)], "2 people are active from 5 January to 31 January, 12:00 UTC"),
        ("y", [("2026-12-31", 2)], "2 people are active from 5 January to 31 January, 12:00 UTC"),
        ("q", [("2026-03-31", 2)], "2 people are active from 5 January to 31 January, 12:00 UTC"),
        ("d", [], "Nobody is named by the messages of this range"),
    ],
)  # fmt: skip
def test_active_users_states_the_median_and_the_peak(per: str, labels: Any, title: str) -> None:
    assert view(active_users, [list(label) for label in labels], 26.5 if per in "mqy" else 28,
                per=per).title == title  # fmt: skip


def test_active_users_draws_periods_without_people() -> None:
    drawing = view(active_users, [["2026-01-18", 9]], 28, per="week")
    assert [r["people"] for r in drawing.table()] == [0, 9, 0, 0]


@pytest.mark.parametrize(
    ("days", "per"),
    [(14, "day"), (84, "week"), (365, "week"), (3652, "month"), (10_000, "quarter")],
)
def test_active_users_chooses_the_period(days: int, per: str) -> None:
    answers = Answers([])
    active_users(answers, Chart(), START, START + days * DAY)
    assert answers.calls[0][1]["per"] == per


def share(n: int, top: float | None, end: str) -> dict[str, Any]:
    rest = None if top is None else (1 - top) / 3
    shares = {"top_1": top, "next_9": rest, "next_40": rest, "rest": rest}
    return {"start": "2026-01-05T00:00:00Z", "end": end, "n": n, **shares}


def test_cohorts_say_where_it_began_and_ended() -> None:
    rows = [share(500, 0.2, "2026-04-06T00:00:00Z"), share(0, None, "2026-04-13T00:00:00Z"),
            share(500, 0.31, "2026-04-20T00:00:00Z")]  # fmt: skip
    drawing = view(cohorts, rows, 105)
    assert drawing.title == (
        "The busiest 5 of 500 people have 31% of all mentions in the 13 weeks to 19 April; "
        "2 weeks earlier the busiest 5 of 500 people had 20%"
    )
    paths = re.findall(r'<path d="([^"]+)" class="f0"', drawing.svg().decode())
    assert paths[0].count("Z") == 2  # the gap is not bridged
    alone = view(cohorts, [share(9, 0.4, "2026-01-19T00:00:00Z")], 14)
    assert alone.title == (
        "The busiest of 9 people has 40% of all mentions in the 7 days to 18 January"
    )
    alike = view(cohorts, [share(4, 0.25, "2026-01-19T00:00:00Z")], 14)
    assert alike.title == "All 4 people have equally many mentions in the 7 days to 18 January"
    assert "the top 1% is one person" in alone.description


@pytest.mark.parametrize(
    ("days", "window", "step"),
    [(365, 91, 7), (3652, 91, 28), (84, 28, 1), (14, 7, 1), (3, 3, 1)],
)
def test_cohorts_fit_the_range(days: int, window: int, step: int) -> None:
    answers = Answers([])
    cohorts(answers, Chart(), START, START + days * DAY)
    assert answers.calls[0][1]["window"] == window * DAY
    assert answers.calls[0][1]["step"] == step * DAY


def test_areas_fill_the_whole() -> None:
    svg = picture("cohorts", "simulated").svg()
    root = ET.fromstring(svg)
    rims = [p.get("d") or "" for p in root.iter(f"{SVG}path") if p.get("class") == "rim"]
    assert len(rims) == 4
    assert {y for _, y in re.findall(r"([\d.]+) ([\d.]+)", rims[-1])} == {"0"}


def group(name: str, people: int, *active: int, cut: int = 0) -> list[dict[str, Any]]:
    last = len(active)
    return [
        {"group": name, "people": people, "after": i, "active": n, "share": n / people,
         "complete": i <= last - cut}
        for i, n in enumerate((people, *active))
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "title"),
    [
        ([*group("2026-02", 8, 2, 4), *group("2026-03", 4, 1)],
         "25% of 12 newcomers were active in the month after"),
        ([*group("2026-02", 8, 2, 4, 6), *group("2026-03", 12, 3)],
         "25% of 20 newcomers were active in the month after, 75% of 8 three months later"),
        (group("2026-01", 1, 1), "100% of one newcomer was active in the month after"),
        (group("2026-01", 10, 4, cut=1), "The range is too short to see who returns"),
        ([], "Nobody is named by the messages of this range"),
    ],
)  # fmt: skip
def test_returning_counts_newcomers(rows: list[Any], title: str) -> None:
    assert view(returning, rows, 90).title == title


def test_returning_leaves_out_what_the_range_cuts() -> None:
    table = view(returning, group("2026-01", 10, 4, 3, cut=1), 80).table()
    assert [(r["months later"], r["share"]) for r in table] == [(1, 0.4)]


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        (0, 2, ()),
        (0.5, 2, ("the range cuts the first day",)),
        (0, 1.5, ("the range cuts the last day",)),
        (0.5, 1.5, ("the range cuts the first and the last day",)),
        (0.2, 0.9, ("the range holds only a part of the day",)),
        (0.005, 1.995, ()),  # not to be seen
        (0, 0, ()),
    ],
)
def test_what_a_short_range_cuts_is_stated(start: float, end: float, said: tuple[str, ...]) -> None:
    assert narrowed(START + start * DAY, START + end * DAY, "day").notes == said


def test_periods_that_a_range_touches() -> None:
    half = DAY / 2
    assert starts(START + half, START + 2 * DAY + half, "day") == [
        START + i * DAY for i in range(3)
    ]
    for per in ("hour", "day", "week", "month", "quarter", "year"):
        times = starts(START, START + 800 * DAY, per)
        assert all(last_day(a, per) <= b.date() for a, b in itertools.pairwise(times))
        assert last_day(times[0], per) >= times[0].date()


def rate(sign: str, people: int | None, of: int) -> dict[str, Any]:
    share = None if people is None else people / of
    return {"sign": sign, "people": people, "of": of, "share": share}


@pytest.mark.parametrize(
    ("rows", "title"),
    [
        ([rate("load", 3, 40), rate("no_pause", 8, 80), rate("alone", None, 4)],
         "8 of 80 people had no two free days in three weeks or more"),
        ([rate("load", 0, 40), rate("no_pause", 0, 40)],
         "Nobody shows a sign of too much work"),
        ([rate("load", None, 40), rate("no_pause", 0, 40)],
         "Too short to tell: 1 of 2 signs cannot be judged, nobody shows the others"),
        ([rate("load", None, 4)],
         "Too little is known of too few people to see signs of too much work"),
        ([], "Nobody was active in this time"),
    ],
)  # fmt: skip
def test_overload_states_how_many_and_has_no_names(rows: list[Any], title: str) -> None:
    assert view(overload, rows).title == title


def test_overload_states_where_data_are_missing() -> None:
    svg = view(overload, [rate("load", None, 4), rate("alone", 2, 40)]).svg().decode()
    assert ">too short to tell (4 people)<" in svg
    assert ">5% (2 of 40)<" in svg


def test_overload_names_people_only_on_request() -> None:
    answers = Answers([])
    overload(answers, Chart(), START, START + 90 * DAY)
    assert answers.calls[0][1]["people"] is False
    assert "ralph" not in picture("overload", "simulated").svg().decode()
    rows = [{"user": f"u{i}", "signs": ["load", "alone"][: 2 - i], "load": 1, "usual": None}
            for i in range(3)]  # fmt: skip
    drawing = view(overload, rows, people=True)
    assert drawing.title == "u0 shows 2 signs of too much work"
    assert ">more work than usual for them, alone with something<" in drawing.svg().decode()
    assert ">u2<" not in drawing.svg().decode()  # people without signs are not drawn
    calm = view(overload, [{"user": "u", "signs": [], "load": 1, "usual": None}], people=True)
    assert calm.title == ("No sign of too much work; the data tell all signs of 0 of 1 person")
