"""Same data, same bytes: across processes, hash seeds, days and XML back ends; snapshots."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import paths
from tests.support.chart_samples import VIEWS, picture

HERE = Path(__file__).parent
SNAPSHOTS = HERE / "snapshots"

PROGRAM = """
import datetime, hashlib, sys
class Day(datetime.date):
    @classmethod
    def today(cls): return cls(2031, 7, 9)
import pygal.svg
pygal.svg.date = Day
from tests.support.chart_samples import VIEWS, picture
from pygal.etree import etree
print(bool(etree.lxml))
for view in VIEWS:
    print(view, hashlib.sha256(picture(view, "hostile").svg()).hexdigest())
"""


def elsewhere(seed: str, no_lxml: str) -> list[str]:
    environment = {
        **os.environ,
        "PYTHONHASHSEED": seed,
        "NO_LXML": no_lxml,
        "PYTHONPATH": str(paths.ROOT),
        "TZ": "Pacific/Auckland",
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout.splitlines()


def test_the_same_bytes_everywhere() -> None:
    here = [f"{v} {hashlib.sha256(picture(v, 'hostile').svg()).hexdigest()}" for v in VIEWS]
    for seed, no_lxml in (("1", ""), ("4711", "1")):
        back_end, *there = elsewhere(seed, no_lxml)
        assert there == here
        if no_lxml:
            assert back_end == "False"


@pytest.mark.parametrize("theme", ["auto", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_snapshot(view: str, theme: str) -> None:
    svg = picture(view, "world", theme, gaps=True).svg()
    kept = SNAPSHOTS / f"{view}-{theme}.svg"
    if os.environ.get("HUBBUB_SNAPSHOTS") == "write":
        kept.write_bytes(svg)
    assert svg == kept.read_bytes(), "look at the picture, then run with HUBBUB_SNAPSHOTS=write"


def test_other_data_have_other_ids() -> None:
    ids = {picture(v, c).svg().split(b' id="')[1][:16] for v in VIEWS for c in ("world", "crowd")}
    assert len(ids) == 2 * len(VIEWS)
