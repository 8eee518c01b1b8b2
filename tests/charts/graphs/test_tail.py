"""The names at the head of a tail."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from hubbub.charts.chart import Chart
from hubbub.charts.graphs.tail import draw_tail
from tests.support.charts.svg_faults import SVG


def test_no_name_stands_after_one_without_room() -> None:
    """A name that follows one that is left out would be taken for the next in rank."""
    counts = [900, 300, 299, 298, 297, 120, 60, 30, *[3] * 60]
    rows = [
        {"rank": i, "user": f"somebody{i:02}", "count": n, "ideal": 900 - 14 * i}
        for i, n in enumerate(counts, 1)
    ]
    texts = [n.text or "" for n in ET.fromstring(draw_tail(Chart(), rows).svg()).iter(f"{SVG}text")]
    named = [int(t.split()[0].removeprefix("somebody")) for t in texts if t.startswith("somebody")]
    assert 0 < len(named) < len(counts)
    assert named == list(range(1, len(named) + 1))
