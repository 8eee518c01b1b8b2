"""The views of objects: positions of squares, bins and columns, and titles."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from hubbub.charts.chart import Chart
from hubbub.charts.graphs.heatmap import bins
from hubbub.charts.graphs.histogram import binned
from hubbub.charts.views.objects import heatmap, objects_per_user
from tests.support.charts.chart_answers import view
from tests.support.charts.chart_samples import drawn, picture
from tests.support.charts.svg_faults import SVG


def cell(user: str, thing: str, n: int) -> dict[str, Any]:
    return {"user": user, "object": thing, "messages": n}


def test_heatmap_has_one_path_per_bin_and_names_the_pair() -> None:
    rows = [cell("al", "x", 9), cell("al", "y", 1), cell("bo", "y", 100)]
    drawing = view(heatmap, rows, notes={"users": 50, "objects": 2, "messages": 200})
    assert drawing.title == "Among the busiest, bo and y meet most often: 100 messages"
    assert (
        "; 2 of the 24 busiest of 50 people, the rest without these objects; 2 objects;"
        in drawing.description
    )
    root = ET.fromstring(drawing.svg())
    squares = [p.get("d") or "" for p in root.iter(f"{SVG}path") if "q" in (p.get("class") or "")]
    assert sum(d.count("M") for d in squares) == 3 + 7  # and the key
    names = [t.text for t in root.iter(f"{SVG}text")]
    assert names.index("y") < names.index("x")  # the object with most messages first
    assert picture("heatmap", "crowd").svg().count(b"rotate(-45 ") == 30


@pytest.mark.parametrize("largest", [1, 3, 7, 8, 20, 765, 10**6])
def test_bins_hold_every_value(largest: int) -> None:
    edges = bins(largest)
    assert edges[0] == 1
    assert edges[-1] <= largest
    assert len(edges) == min(7, largest)
    assert edges == sorted(set(edges))


@pytest.mark.parametrize(
    ("counts", "title"),
    [
        ([(1, 2), (2, 3), (9, 2)], "A median of 2 objects per person with any; the most is 9"),
        ([(1, 1), (2, 1)], "50% of the 2 people with an object touched just one"),
        (
            [(1, 4), (2, 5), (3, 1)],
            "40% of the 10 people with an object touched just one; the median is 2 objects",
        ),
        ([(2, 2), (3, 2)], "A median of 2.5 objects per person with any; the most is 3"),
        ([(3, 4)], "Each of 4 people touched 3 objects"),
        ([(3, 1)], "One person touched an object: 3 objects in all"),
        ([], "No message in this range names both a person and an object"),
    ],
)
def test_objects_per_user_states_the_median(counts: list[tuple[int, int]], title: str) -> None:
    assert view(objects_per_user, [{"objects": k, "users": n} for k, n in counts]).title == title


def test_histograms_count_everyone() -> None:
    assert binned([(1, 5), (3, 2)]) == ([("1", 5), ("2", 0), ("3", 2)], False)
    columns, ranges = binned([(1, 5), (3, 2), (4, 1), (700, 3)])
    assert ranges
    assert dict(columns)["3–4"] == 3
    assert columns[-1] == ("257+", 3)
    assert len(columns) == 10
    assert binned([(1, 5), (40, 2)])[0][-1] == ("33–64", 2)
    assert sum(n for _, n in columns) == 11


def test_options_reach_the_queries() -> None:
    drawing = drawn("heatmap", "crowd", Chart(), top=3, top_objects=4)
    assert len({r["user"] for r in drawing.table()}) <= 3
    assert len({r["object"] for r in drawing.table()}) <= 4


def test_a_square_has_its_row_its_column_and_the_colour_of_its_bin() -> None:
    rows = [cell("al", "x", 9), cell("al", "y", 1), cell("bo", "y", 100), cell("cy", "x", 2)]
    root = ET.fromstring(view(heatmap, rows).svg())
    plot = next(g for g in root.iter(f"{SVG}g") if g.get("transform"))
    at = {
        p.get("class"): [(float(x), float(y)) for x, y in
                         re.findall(r"M([\d.]+) ([\d.]+)h", p.get("d") or "")]
        for p in plot.iter(f"{SVG}path")
    }  # fmt: skip
    # bins of 1…100: 1, 2–3, 4–6, 7–13, 14–26, 27–51, 52+
    assert {role: len(squares) for role, squares in at.items()} == {
        "q0": 1, "q1": 1, "q3": 1, "q6": 1,
    }  # fmt: skip
    [al_y], [al_x], [bo_y], [cy_x] = at["q0"], at["q3"], at["q6"], at["q1"]
    assert al_y[1] == al_x[1] < bo_y[1] < cy_x[1]  # al, bo, cy from the top
    assert al_y[0] == bo_y[0] == 0 < al_x[0] == cy_x[0]  # y has the most messages
