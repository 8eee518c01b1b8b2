"""Pictures in a time zone: they say it, and are those of UTC without one."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

import pytest

from hubbub.charts.picture import calendar, scale
from hubbub.charts.picture.drawing import Drawing
from hubbub.registry import REGISTRY
from hubbub.zones import find, showing
from tests.support.charts.chart_samples import runner

BERLIN = find("Europe/Berlin")
VIEWS = sorted(
    name for name, f in REGISTRY.views.items() if f.module.startswith("hubbub.") and f.public
)


def draw(view: str, tz: str | None, **options: object) -> Drawing:
    since, until = "2026-02-01", "2026-04-05"
    drawing = runner("simulated", web=view == "traffic").view(
        view, since=since, until=until, tz=tz, **options
    )
    assert isinstance(drawing, Drawing)
    return drawing


@pytest.mark.parametrize("view", VIEWS)
def test_every_picture_says_its_zone(view: str) -> None:
    drawing = draw(view, "Europe/Berlin")
    assert "Europe/Berlin" in drawing.svg().decode()
    assert "UTC" not in drawing.title


@pytest.mark.parametrize("view", VIEWS)
def test_utc_is_as_without_a_zone(view: str) -> None:
    without = draw(view, None)
    assert draw(view, "Etc/UTC").svg() == without.svg()
    for when in re.findall(r"\d\d:\d\d.{4}", without.title):
        assert when.endswith(" UTC")


def test_the_columns_of_a_day_with_a_change_of_clocks() -> None:
    queries = runner("simulated")
    drawing = queries.view(
        "volume", since="2026-03-28", until="2026-03-30", tz="Europe/Berlin", per="hour"
    )
    assert drawing.rows
    times = list(dict.fromkeys(row[0] for row in drawing.rows))
    assert len(times) == 24 + 23
    assert "2026-03-29T03:00:00+02:00" in times
    assert not [t for t in times if t.startswith("2026-03-29T02")]


def test_axis_labels_are_dates_of_the_zone() -> None:
    since = datetime.fromisoformat("2026-03-27T23:00Z")
    with showing(BERLIN):
        labels = scale.calendar(since, since + timedelta(days=4), timedelta(hours=23))
        assert [label for label, _ in labels][:2] == ["28 Mar 2026", "29 Mar"]
        assert [BERLIN.local(t).hour for _, t in labels] == [0] * len(labels)
    labels = scale.calendar(since, since + timedelta(days=4), timedelta(hours=23))
    assert [t.hour for _, t in labels] == [0] * len(labels)


def test_ranges_and_periods_are_named_by_the_dates_of_the_zone() -> None:
    since, until = (BERLIN.midnight(date(2026, 3, day)) for day in (28, 30))
    assert scale.span(since, until) == "27 Mar 2026 23:00 – 29 Mar 22:00 UTC"
    with showing(BERLIN):
        assert scale.span(since, until) == "28–29 Mar 2026"
        assert scale.zoned_span(since, until) == "28–29 Mar 2026, Europe/Berlin"
        hour = scale.zoned_span(since, since + timedelta(hours=1))
        assert hour == "28 Mar 2026 00:00 – 01:00 Europe/Berlin"
        assert calendar.named_period(since, "day") == "on 28 March 2026"
        assert calendar.named_period(since, "hour").endswith("28 March 2026, 00:00 Europe/Berlin")
        assert calendar.last_day(since, "day") == date(2026, 3, 28)
        assert calendar.starts(since, until, "day")[1] - since == timedelta(hours=24)
        assert calendar.narrowed(since, until, "day") == calendar.Whole(since, until)
        assert scale.as_time("2026-03-29") == BERLIN.midnight(date(2026, 3, 29))
        assert scale.as_time("2026-W13") == BERLIN.midnight(date(2026, 3, 23))
