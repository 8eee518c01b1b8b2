"""A finding is never cut: titles fit three lines, whatever the names."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from hubbub.charts.chart import Chart
from hubbub.charts.graphs.radar import draw_radar
from hubbub.charts.picture import text
from hubbub.charts.picture.drawing import Drawing
from tests.support.charts.chart_samples import VIEWS, picture
from tests.support.charts.svg_faults import SVG

LONG = "a-very-long-account-name-of-somebody"


def lines(drawing: Drawing) -> list[str]:
    texts = ET.fromstring(drawing.svg()).iter(f"{SVG}text")
    return [node.text or "" for node in texts if node.get("class") == "t t1"]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("case", ["world", "simulated"])
def test_the_title_of_a_picture_is_whole(view: str, case: str) -> None:
    drawing = picture(view, case)
    assert " ".join(lines(drawing)) == drawing.title
    assert not drawing.title.endswith("…")


def test_a_radar_of_long_names_tells_of_as_many_as_fit() -> None:
    users = {f"{LONG}{i}": {"counts": [9 - i, 1], "share": [0.3, 0.05]} for i in range(3)}
    data = {"axes": [f"{LONG} a", f"{LONG} b"], "totals": [30, 20], "users": users}
    drawing = draw_radar(Chart(), data, subtitle="")
    assert " ".join(lines(drawing)) == drawing.title
    assert drawing.title.count("30% of") == 2  # of three
    assert drawing.title.startswith(LONG[:12])


def test_a_long_name_does_not_make_three_balanced_lines_cut() -> None:
    name = f"{LONG}-of-a-program-0001"
    sentence = f"The busiest of 3 people, {name}, has 62% of all mentions in the 7 days to 22 May"
    found = text.balanced(sentence, 768, 19, bold=True, most=3)
    assert " ".join(found) == sentence


def test_names_that_do_not_fit_a_line_are_counted() -> None:
    assert text.leading(["a", "b"], "5") == "a and b lead with 5 each"
    assert text.leading([f"{LONG}1", f"{LONG}2"], "5") == "2 lead with 5 each"
    assert text.leading(["x" * 80], "5").endswith("… leads with 5")
