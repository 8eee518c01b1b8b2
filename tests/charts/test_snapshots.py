"""The bytes of every view equal the stored snapshots."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.charts.chart_samples import VIEWS, picture

SNAPSHOTS = Path(__file__).parent / "snapshots"


@pytest.mark.parametrize("theme", ["auto", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_snapshot(view: str, theme: str) -> None:
    svg = picture(view, "world", theme, gaps=True).svg()
    path = SNAPSHOTS / f"{view}-{theme}.svg"
    if os.environ.get("HUBBUB_SNAPSHOTS") == "write":
        path.write_bytes(svg)
    assert svg == path.read_bytes(), "look at the picture, then run with HUBBUB_SNAPSHOTS=write"


def test_pictures_of_other_data_have_other_ids() -> None:
    ids = {picture(v, c).svg().split(b' id="')[1][:16] for v in VIEWS for c in ("world", "crowd")}
    assert len(ids) == 2 * len(VIEWS)
