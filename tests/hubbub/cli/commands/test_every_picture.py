"""Every picture of a report on several stores: valid, small, reproducible."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hubbub.charts.report.report import builtin
from hubbub.cli.root import execute
from hubbub.registry import REGISTRY
from tests.support.chart_samples import HOSTILE, START, TOPICS, WORLD, names
from tests.support.svg_faults import faults

CASES = ("fortnight", "nothing", "one", "year", "crowd", "hostile", "world")
LARGEST = {"heatmap": 25_000, "users_per_object": 40_000, "volume": 30_000, "longtail": 25_000}

#: A report 400 days later.
LATER = """
import sys
from datetime import timedelta
import hubbub.run.runner
class Meta(type):
    def __instancecheck__(cls, value): return isinstance(value, real)
    def __getattr__(cls, name): return getattr(real, name)
class Later(metaclass=Meta):
    @staticmethod
    def now(zone): return real.now(zone) + timedelta(days=400)
real, hubbub.run.runner.datetime = hubbub.run.runner.datetime, Later
from hubbub.cli.root import execute
sys.exit(execute(sys.argv[1:]))
"""


def lines(people: tuple[str, ...], days: int, number: int) -> list[dict[str, Any]]:
    """Messages of these people about objects with the same names, and requests for these."""
    rng = random.Random(number)
    weights = [1 / (i + 1) for i in range(len(people))]
    out = []
    for n in range(number):
        when = START + timedelta(days=days) * rng.random()
        user, thing = rng.choices(people, weights, k=2)
        line = {"id": f"e{n}", "timestamp": when.timestamp(), "topic": rng.choice(TOPICS)}
        line |= {"users": [user], "agent": user, "objects": [thing], "size": rng.randrange(5000)}
        if not n % 9:
            line |= {"topic": "http.access", "objects": [f"/{thing}"], "users": [], "agent": None}
        out.append(line)
    return out


def filled(case: str, folder: Path) -> None:
    """Fill the store of a case."""
    store = ["--store", str(folder / "store")]
    if case == "fortnight":
        for form, per_day in (("fedmsg", "400"), ("access-log", "60")):
            log = str(folder / form)
            bus = ["simulate", "--days", "14", "--until", "2026-03-29", "--format", form]
            assert execute([*bus, "--per-day", per_day, "-o", log]) == 0
            assert execute(["import", log, "--format", form, *store]) == 0
        return
    events = {
        "nothing": list,
        "one": lambda: lines(("ralph",), 14, 2)[1:],
        "year": lambda: lines(names(40), 365, 8000),
        "crowd": lambda: lines(names(1000), 30, 8000),
        "hostile": lambda: lines(HOSTILE, 30, 1500),
        "world": lambda: lines(WORLD, 30, 1500),
    }[case]()
    file = folder / "lines.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in events))
    assert execute(["import", str(file), "--format", "jsonl", *store]) == 0


@pytest.fixture(scope="module", params=CASES)
def reported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    filled(request.param, folder)
    assert execute([*report_command(folder), "-o", str(folder / "report")]) == 0
    return folder


def report_command(folder: Path) -> list[str]:
    """Return the command for the case's report, with a range if its store is empty."""
    command = ["report", "--store", str(folder / "store")]
    nothing = folder.name.startswith("nothing")
    return [*command, "--since", "2026-01-05", "--until", "2026-02-02"] if nothing else command


def digests(folder: Path) -> dict[str, str]:
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in folder.iterdir()}


def test_every_view_is_valid_and_small(reported: Path) -> None:
    pictures = {f.stem: f.read_bytes() for f in (reported / "report").glob("*.svg")}
    assert set(pictures) == set(builtin(REGISTRY))
    assert {name: faults(svg) for name, svg in pictures.items() if faults(svg)} == {}
    assert {
        name: len(svg) for name, svg in pictures.items() if len(svg) > LARGEST.get(name, 45_000)
    } == {}
    data = json.loads((reported / "report" / "data.json").read_bytes())
    assert set(data["views"]) == set(pictures)


def test_on_another_day_with_other_hashes_the_bytes_are_the_same(reported: Path) -> None:
    out = reported / "later"
    subprocess.run(
        [sys.executable, "-c", LATER, *report_command(reported), "-o", out],
        env={**os.environ, "PYTHONHASHSEED": "4711", "TZ": "Pacific/Auckland"},
        capture_output=True, check=True, timeout=300,
    )  # fmt: skip
    assert digests(out) == digests(reported / "report")


def test_an_empty_store_has_a_report(tmp_path: Path) -> None:
    filled("nothing", tmp_path)
    options = ["report", "--store", str(tmp_path / "store"), "--compare", "previous"]
    assert execute([*options, "-o", str(tmp_path / "report")]) == 0
    assert len(list((tmp_path / "report").glob("*.svg"))) == len(builtin(REGISTRY))
