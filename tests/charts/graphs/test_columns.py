"""Columns of any numbers: below zero, fractions, unknown ones, many of them, and at odd dates."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hubbub.charts.chart import Chart
from hubbub.language.numbers import amount, percent
from tests.support.charts.svg_faults import faults


def columns(*values: float | None, days: tuple[int, ...] = ()) -> list[dict[str, Any]]:
    dates = days or range(1, len(values) + 1)
    return [{"day": f"2026-03-{d:02}", "n": v} for d, v in zip(dates, values, strict=True)]


@pytest.mark.parametrize(
    ("values", "title"),
    [
        ((10, -8, 3, -9), "from +10 on 1 March to −9 on 4 March, adding up to −4"),
        ((0.12, 0.31, 0.27, 0.08), "between 0.080 and 0.310, highest on 2 March"),
        ((5, None, math.nan, 4), "adds up to 9; the peak was 5 on 1 March"),
        ((5, math.inf, 5, 4), "adds up to 14; the peak was 5 on 2 of 3 occasions"),
        ((3, 3), "is 3 throughout"),
    ],
)
def test_columns_of_any_numbers(values: tuple[float | None, ...], title: str) -> None:
    drawing = Chart().bars(columns(*values), x="day", y="n")
    assert drawing.title == f"n {title}"
    unknown = sum(v is None or not math.isfinite(v) for v in values)
    said = re.search(r"(\d+) rows? without a number left out", drawing.description)
    assert (int(said[1]) if said else 0) == unknown
    boxes = re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)", drawing.svg().decode())
    assert len(boxes) == len(values) - unknown
    assert faults(drawing.svg()) == []


def test_columns_stand_over_their_own_date() -> None:
    svg = Chart().bars(columns(1, 2, 3, days=(1, 2, 11)), x="day", y="n").svg().decode()
    boxes = re.findall(r"M([\d.]+) [\d.]+h([\d.]+)v", svg)
    first, second, last = (float(x) + float(wide) / 2 for x, wide in boxes)
    assert last - first == pytest.approx(10 * (second - first), rel=0.01)


def test_stacked_values_below_zero_are_drawn_and_told() -> None:
    rows_ = [{"day": f"2026-03-0{i}", "n": v, "who": w}
             for i, v, w in ((1, 10, "a"), (1, -30, "b"), (2, 5, "a"))]  # fmt: skip
    drawing = Chart().stacked(rows_, x="day", y="n", by="who")
    assert drawing.title == "From +15 (a) to −30 (b)"
    assert len(re.findall(r"h[\d.]+v[\d.]+h-", drawing.svg().decode())) >= 3


def test_a_last_group_of_fewer_columns_is_no_drop() -> None:
    first = datetime(2025, 1, 1, tzinfo=UTC)
    data = [{"day": (first + timedelta(days=i)).isoformat(), "n": 6} for i in range(401)]
    table = Chart().bars(data, x="day", y="n").table()
    assert len(table) <= 200
    assert {row["n"] for row in table} == {6}


def test_numbers_are_never_minus_zero() -> None:
    assert [amount(v) for v in (-0.0001, -0.0, 0.00004)] == ["−0.0001", "0", "4e−05"]
    assert percent(-0.0004) == ">−0.1%"
