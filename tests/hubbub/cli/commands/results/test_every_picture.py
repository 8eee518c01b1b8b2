"""Reports of real stores through the command line: publishable, small, the same on another day."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hubbub.charts.report.selection import builtin
from hubbub.cli.root import execute
from hubbub.registry import REGISTRY
from tests.support.charts.chart_samples import messages, requests
from tests.support.charts.svg_faults import faults

#: More cases, with the same queries, are in tests/charts/test_checklist.py.
CASES = ("fortnight", "hostile")
LARGEST = {"heatmap": 25_000, "users_per_object": 40_000, "volume": 30_000, "longtail": 25_000}

#: A report 400 days later, with another date in pygal and without lxml.
LATER = """
import sys
from datetime import date, timedelta
import pygal.svg
import hubbub.run.runner
class Day(date):
    @classmethod
    def today(cls): return cls(2031, 7, 9)
pygal.svg.date = Day
class Meta(type):
    def __instancecheck__(cls, value): return isinstance(value, real)
    def __getattr__(cls, name): return getattr(real, name)
class Later(metaclass=Meta):
    @staticmethod
    def now(zone): return real.now(zone) + timedelta(days=400)
real, hubbub.run.runner.datetime = hubbub.run.runner.datetime, Later
from pygal.etree import etree
assert not etree.lxml
from hubbub.cli.root import execute
sys.exit(execute(sys.argv[1:]))
"""


def fill(case: str, folder: Path) -> None:
    """Import a case into a store."""
    store = ["--store", str(folder / "store")]
    if case == "fortnight":
        for form, days in (("fedmsg", "14"), ("access-log", "1")):
            log = str(folder / form)
            bus = ["simulate", "--days", days, "--until", "2026-03-29", "--format", form]
            assert execute([*bus, "--per-day", "120", "-o", log]) == 0
            assert execute(["import", log, "--format", form, *store]) == 0
        return
    lines = [*messages(case), *requests(case)] if case != "nothing" else []
    file = folder / "lines.jsonl"
    texts = (json.dumps({"id": f"e{n}", **line}) + "\n" for n, line in enumerate(lines))
    file.write_text("".join(texts))
    assert execute(["import", str(file), "--format", "jsonl", *store]) == 0


@pytest.fixture(scope="module", params=CASES)
def reported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a case, with its store and its report."""
    folder = tmp_path_factory.mktemp(request.param)
    fill(request.param, folder)
    assert execute([*command(folder), "-o", str(folder / "report")]) == 0
    return folder


def command(folder: Path) -> list[str]:
    """The command of a report, without a range: that of the data."""
    return ["report", "--store", str(folder / "store")]


def digests(folder: Path) -> dict[str, str]:
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in folder.iterdir()}


def test_every_view_may_be_published(reported: Path) -> None:
    pictures = {f.stem: f.read_bytes() for f in (reported / "report").glob("*.svg")}
    page = (reported / "report" / "index.html").read_text()
    empty = page.partition("Not drawn: ")[2].partition("</p>")[0]
    missing = set(builtin(REGISTRY)) - set(pictures)
    assert len(missing) <= 2
    assert missing == {name for name in builtin(REGISTRY) if re.search(rf"\b{name}\b", empty)}
    assert {name: faults(svg) for name, svg in pictures.items() if faults(svg)} == {}
    assert {
        name: len(svg) for name, svg in pictures.items() if len(svg) > LARGEST.get(name, 45_000)
    } == {}
    data = json.loads((reported / "report" / "data.json").read_bytes())
    assert set(data["views"]) == set(pictures)


def test_another_process_on_another_day_writes_the_same_bytes(reported: Path) -> None:
    """Also with another hash seed and time zone."""
    out = reported / "later"
    subprocess.run(
        [sys.executable, "-c", LATER, *command(reported), "-o", out],
        env={
            **os.environ, "PYTHONHASHSEED": "4711", "TZ": "Pacific/Auckland", "NO_LXML": "1",
        },
        capture_output=True, check=True, timeout=300,
    )  # fmt: skip
    assert digests(out) == digests(reported / "report")


def test_an_empty_store_has_a_report(tmp_path: Path) -> None:
    fill("nothing", tmp_path)
    arguments = [*command(tmp_path), "--compare", "previous", "-o", str(tmp_path / "report")]
    assert execute(arguments) == 0
    page = (tmp_path / "report" / "index.html").read_text()
    empty = page.partition("Not drawn: ")[2].partition("</p>")[0]
    assert list((tmp_path / "report").glob("*.svg")) == []
    assert all(name in empty for name in builtin(REGISTRY))
