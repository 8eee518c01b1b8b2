"""The picture `alerts` with configured rules: a lane for each, and a title that is true."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hubbub.analyzers.alerts.judged import Averages, JudgedRule, RaisedSpan
from hubbub.charts.views.alert_rules import MOST, finding, lane, shown
from hubbub.charts.views.alerts import alerts
from hubbub.config import AlertConfig, Config
from hubbub.live.alerts.judged import judged_rules
from hubbub.store import Store
from tests.support.charts.chart_answers import view
from tests.support.commandline import Run
from tests.support.stores.filling import put
from tests.support.stores.small_store import frames

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = datetime(2026, 1, 5, tzinfo=UTC)
UNTIL = START + 10 * DAY


def rule(
    name: str, *hours: tuple[float, float | None], judged: float | None = 24, per: str = "none"
) -> JudgedRule:
    """A rule with alerts from and to some hours after the start, each of a subject of its own."""
    spans = tuple(
        RaisedSpan(START + a * HOUR, None if b is None else START + b * HOUR, i)
        for i, (a, b) in enumerate(hours)
    )
    since = None if judged is None else START + judged * HOUR
    return JudgedRule(name, per, None, since, spans)


@pytest.mark.parametrize(
    ("rules", "title"),
    [
        ([rule("busy", judged=None)], "No alert could be raised: the rule needs more history"),
        (
            [rule("a", judged=None), rule("b", judged=None)],
            "No alert could be raised: the rules need more history",
        ),
        ([rule("busy")], "No alert of the rule busy in 9 days"),
        ([rule("a", judged=48), rule("b")], "No alert of 2 rules in 8 days"),
        (
            [rule("a"), rule("b", judged=None), rule("c")],
            "No alert of the 2 of 3 rules that could be judged in 9 days",
        ),
        (
            [rule("a"), rule("busy", (30, 31))],
            "One alert in 9 days: busy, from 6 January, 06:00 UTC",
        ),
        ([rule("busy", (48, None))], "One alert in 9 days: busy, from 7 January, still on"),
        (
            [rule("a", (30, 31)), rule("b", (30, 31), (40, None), judged=48), rule("c")],
            "3 alerts in 9 days: 2 of b and 1 of a; one still on",
        ),
        (
            [rule(name, *[(30, 31)] * n) for name, n in zip("abcd", (1, 4, 2, 3), strict=True)],
            "10 alerts in 9 days: 4 of b, 3 of d and 3 of 2 other rules",
        ),
    ],
)
def test_the_title(rules: list[JudgedRule], title: str) -> None:
    assert finding(rules, UNTIL, year=False) == title


@pytest.mark.parametrize("seed", range(40))
def test_the_title_of_any_rules_is_true(seed: int) -> None:
    choose = random.Random(seed)
    rules = []
    for n in range(choose.randrange(1, 6)):
        judged = choose.choice([None, choose.randrange(1, 200)])
        begins = sorted(
            choose.uniform(judged or 0, 239) for _ in range(choose.choice([0, 0, 1, 4]))
        )
        ends = [choose.choice([None, begin + choose.uniform(0.1, 50)]) for begin in begins]
        spans = list(zip(begins, ends, strict=True)) if judged is not None else []
        rules.append(rule(f"rule{n}", *spans, judged=judged))
    title = finding(rules, UNTIL, year=False)
    able = [each for each in rules if each.judged_since]
    total = sum(len(each.spans) for each in able)
    still = sum(span.end is None for each in able for span in each.spans)
    if not able:
        assert title.startswith("No alert could be raised")
    elif not total:
        # in this time every rule that is counted could have raised one
        hours = min((UNTIL - each.judged_since) / HOUR for each in able if each.judged_since)
        assert _hours(title.rpartition(" in ")[2]) == pytest.approx(hours, rel=0.06)
        assert title.startswith("No alert of")
    else:
        number = "One" if total == 1 else f"{total:,}"
        assert title.startswith(f"{number} alert{'s' if total > 1 else ''} in ")
        hours = max((UNTIL - each.judged_since) / HOUR for each in able if each.judged_since)
        said = re.search(r" in ([\d.]+ \w+):", title)
        assert said is not None
        assert _hours(said[1]) == pytest.approx(hours, rel=0.06)
        if total > 1:
            assert sum(int(n) for n in re.findall(r"(\d+) of (?:rule|\d)", title)) == total
        assert ("still on" in title) == bool(still)


def _hours(text: str) -> float:
    number, unit = text.split()
    return float(number) * {"days": 24, "h": 1, "min": 1 / 60}[unit]


def test_alerts_of_several_subjects_that_overlap_are_one_bar() -> None:
    spans = lane(rule("busy", (24, 30), (28, 36), (48, 60), (200, None), per="topic"), START, UNTIL)
    assert [(round(span.start * 240), round(span.end * 240), span.open) for span in spans] == [
        (24, 36, False), (48, 60, False), (200, 240, True)
    ]  # fmt: skip
    assert [span.says[0] for span in spans] == ["2 topics, 12 h", "12 h", "on"]


def test_of_many_rules_those_with_alerts_have_lanes() -> None:
    rules = [rule(f"r{n}", *([(30, 31)] if n >= 10 else [])) for n in range(14)]
    names = [each.name for each in shown(rules)]
    assert len(names) == MOST
    assert names == ["r0", "r1", "r2", "r3", "r10", "r11", "r12", "r13"]


def notes() -> dict[str, object]:
    times = [START + n * 6 * HOUR for n in range(41)]
    points = [{"time": f"{t:%FT%TZ}", "short_rate": 2.0, "long_rate": 1.0} for t in times]
    return {"averages": points, "peaks": [], "judged_since": f"{START:%FT%TZ}"}


def test_each_rule_has_a_lane_and_the_first_average_is_drawn() -> None:
    averages = Averages("bytes", 2, 8, 3.0, HOUR)
    rules = [
        rule("silent <b>\u202e", (30, 40)),
        JudgedRule("large", "none", averages, START, (RaisedSpan(START + DAY, START + 2 * DAY),)),
    ]
    asked: list[tuple[datetime, datetime]] = []

    def judge(since: datetime, until: datetime) -> list[JudgedRule]:
        asked.append((since, until))
        return rules

    drawing = view(alerts, [], 10, notes(), alert_rules=judge)
    svg = drawing.svg().decode()
    assert asked == [(START, UNTIL)]
    assert "silent &lt;b&gt;" in svg
    assert ">large<" in svg
    assert "compares the mean of 2 h with 3× that of the 8 h before" in svg
    assert 'class="dn area"' in svg
    assert drawing.title == "2 alerts in 10 days: 1 of silent <b> and 1 of large"


def test_rules_without_averages_have_lanes_and_no_threshold() -> None:
    drawing = view(alerts, [], 10, notes(), alert_rules=lambda _s, _u: [rule("silent", (30, 40))])
    svg = drawing.svg().decode()
    assert "threshold" not in svg
    assert "area" not in svg.partition("</style>")[2]
    assert "below it, when each rule had an alert" in svg


def test_with_parameters_of_its_own_the_picture_has_no_lane_of_a_rule() -> None:
    def judge(_since: datetime, _until: datetime) -> list[JudgedRule]:
        raise AssertionError

    drawing = view(alerts, [], 10, notes(), alert_rules=judge, threshold=2.0)
    assert drawing.title.startswith("No traffic alert")


def test_the_configured_rules_are_judged_over_the_range(tmp_path: Path, hubbub: Run) -> None:
    config = Config(
        alerts=(
            AlertConfig("busy", per="category", short=2, long=6, threshold=2.0, resolution="1h"),
            AlertConfig("load", measure="overload"),
        )
    )
    judge = judged_rules(config)
    assert judge is not None
    lines = [
        {"id": f"{category}{hour}-{i}", "timestamp": START.timestamp() + 3600 * hour,
         "topic": f"org.fedoraproject.prod.{category}.x", "users": []}
        for hour in range(72)
        for category, busy in (("git", (30,)), ("wiki", (31, 71)))
        for i in range(20 if hour in busy else 2)
    ]  # fmt: skip
    with Store.open(tmp_path / "store") as store:
        put(store, *frames(lines))
        store.load()
        [busy] = judge(store, START, START + 3 * DAY)
    assert busy.judged_since == START + 9 * HOUR
    assert [(s.start - START) / HOUR for s in busy.spans] == [31, 32, 72]
    assert [None if s.end is None else (s.end - START) / HOUR for s in busy.spans] == [33, 34, None]
    assert [span.subject for span in busy.spans] == [0, 1, 1]
    path = tmp_path / "hubbub.toml"
    path.write_text(
        '[[alerts]]\nname = "busy"\nper = "category"\nshort = 2\nlong = 6\nthreshold = 2\n'
        'resolution = "1h"\n'
    )
    done = hubbub(
        "chart", "alerts", "--store", tmp_path / "store", "--config", path, "-o",
        tmp_path / "alerts.svg", "--since", "2026-01-05", "--until", "2026-01-08",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "3 alerts in 2.6 days: 3 of busy; one still on" in re.sub(
        r"<[^>]+>|\s+", " ", (tmp_path / "alerts.svg").read_text()
    ).replace("  ", " ")
