"""The key of a heat map."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from hubbub.charts.chart import Chart
from hubbub.charts.graphs.heatmap import bins, draw_heatmap
from tests.support.charts.svg_faults import SVG


def key(*values: int) -> list[str]:
    rows = [{"who": "x", "what": f"y{i}", "times": n} for i, n in enumerate(values)]
    drawing = draw_heatmap(
        Chart(), rows, row="who", column="what", value="times", finding="", subtitle="", empty=""
    )
    texts = [n.text or "" for n in ET.fromstring(drawing.svg()).iter(f"{SVG}text")]
    return texts[texts.index("times:") + 1 :][: len(bins(max(values)))]


def test_a_key_ends_with_the_largest_value() -> None:
    assert key(1, 6) == ["1", "2", "3", "4", "5", "6"]
    assert key(1, 8)[-1] == "7–8"
    assert key(1, 40)[-1] == "24–40"
