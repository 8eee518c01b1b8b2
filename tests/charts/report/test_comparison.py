"""A report compared with the preceding range: the sentences on what changed, and the files."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hubbub.analyzers.result import Result
from hubbub.charts.report import comparison
from hubbub.charts.report.comparison import Numbers
from hubbub.charts.report.folder import leftovers
from hubbub.charts.report.report import report
from hubbub.registry import REGISTRY
from tests.support.charts.chart_samples import START, VIEWS, picture

WEEK = timedelta(weeks=1)
UNTIL = START + WEEK


def sentences(now: Numbers, then: Numbers) -> list[str]:
    return comparison.changes(now, then, *comparison.before(START, UNTIL))


def test_the_range_before_is_as_long() -> None:
    assert comparison.before(START, UNTIL) == (START - WEEK, START)


def test_what_changed() -> None:
    now = Numbers(150, 12, (6.0, 5.5, 6.5), {"git": 100, "wiki": 50})
    then = Numbers(100, 16, (3.0, 2.5, 3.5), {"git": 20, "copr": 80})
    assert sentences(now, then) == [
        "Compared with 29 Dec 2025 – 4 Jan 2026.",
        "150 messages, 50% more than 100.",
        "12 people, 25% fewer than 16.",
        "As if 6 people shared the work equally, before 3: clearly more.",
        "Changed most: copr −80, git +80 and wiki +50 messages.",
    ]


def test_overlapping_intervals_are_no_change() -> None:
    lines = sentences(Numbers(9, 1, (4, 3, 5)), Numbers(9, 1, (5.5, 4.5, 6)))
    assert lines[1:] == [
        "9 messages, as many as before.",
        "1 person, as many as before.",
        (
            "As if 4 people shared the work equally, before 5.5: no clear change, the intervals "
            "overlap."
        ),
    ]
    assert "clearly fewer" in sentences(Numbers(9, 1, (4, 3, 5)), Numbers(9, 1, (9, 8, 10)))[3]


def test_what_is_not_proven_is_stated() -> None:
    lines = sentences(Numbers(1), Numbers(1, incomplete="Incomplete: 3 h of 7 days missing"))
    assert lines[0].endswith("2026. Of that time: incomplete: 3 h of 7 days missing.")


def test_an_empty_range_before_is_stated_and_not_compared() -> None:
    [only] = sentences(Numbers(150, 12), Numbers(0))
    assert only.startswith("Nothing is stored of the time before, 29 Dec 2025 – 4 Jan 2026")
    assert "3 messages, 3 more than nothing" not in only
    assert sentences(Numbers(3, 2), Numbers(4, 0))[2] == "2 people, 2 more than nothing."


class Runner:
    """Draws one case for this week, and another for all other ranges."""

    registry = REGISTRY

    def __init__(self, messages: int) -> None:
        self.messages = messages

    def view(self, name: str, /, **parameters: Any) -> Any:
        return picture(name, "world" if parameters["since"] == START else "hostile")

    def query(self, name: str, /, **parameters: Any) -> Result:
        since, until = parameters["since"], parameters["until"]
        n = 50 if since == START else self.messages
        if name == "longtail":
            assert parameters["window"] == until - since
            data: list[dict[str, Any]] = [{"n": 5}]
            notes = {"effective_people": {"value": 2.0, "low": 1.0, "high": 3.0}}
        else:
            data, notes = [{"name": "git", "messages": n}, {"name": None, "messages": 0}], {}
        return Result(name, {}, data, since, until, n, diagnostics=notes)


def test_both_weeks_side_by_side(tmp_path: Path) -> None:
    files = report(Runner(20), tmp_path, START, UNTIL, previous=True).files
    names = {f.name for f in files}
    now = {v for v in VIEWS if f"{v}.svg" in names}
    earlier = {v for v in VIEWS if f"previous-{v}.svg" in names}
    assert now == {v for v in VIEWS if not picture(v, "world").empty}
    assert earlier == {v for v in VIEWS if not picture(v, "hostile").empty}
    assert (tmp_path / "previous-tail.svg").read_bytes() == picture("tail", "hostile").svg()
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.count('<div class="pair">') == len(now & earlier)
    assert "<li>50 messages, 150% more than 20.</li>" in page
    assert "<script>alert" not in page
    text = (tmp_path / "index.md").read_text(encoding="utf-8")
    assert "(previous-tail.svg)" in text
    assert "- Changed most: git \\+30 messages." in text
    data = json.loads((tmp_path / "data.json").read_bytes())
    assert data["previous"]["until"] == data["since"] == "2026-01-05T00:00:00Z"
    assert set(data["previous"]["views"]) == earlier
    before = {f: f.stat().st_mtime_ns for f in files}
    report(Runner(20), tmp_path, START, UNTIL, previous=True)
    assert before == {f: f.stat().st_mtime_ns for f in files}


def test_no_week_before(tmp_path: Path) -> None:
    files = report(Runner(0), tmp_path, START, UNTIL, previous=True).files
    assert not any(f.name.startswith("previous-") for f in files)
    assert "Nothing is stored of the time before" in (tmp_path / "index.html").read_text("utf-8")


@pytest.mark.parametrize("word", ["What changed", "previous"])
def test_without_a_comparison_it_is_not_mentioned(word: str, tmp_path: Path) -> None:
    report(Runner(20), tmp_path, START, UNTIL)
    assert word not in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_a_report_without_comparison_deletes_pictures_of_the_preceding_range(
    tmp_path: Path,
) -> None:
    since, until = START + timedelta(days=14), START + timedelta(days=21)
    report(Runner(90), tmp_path, since, until, previous=True)
    old = {f.name for f in tmp_path.glob("previous-*.svg")}
    assert "previous-tail.svg" in old
    unrelated = {
        "previous-holiday.svg": b"not a picture",
        "previous-notes.txt": b"notes",
        "cat.svg": (tmp_path / "previous-tail.svg").read_bytes(),
        "previous-lorenz.svg": b'<svg id="chart-0"/>',  # edited by hand
    }
    for name, content in unrelated.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "previous-radar.svg").unlink()
    (tmp_path / "previous-radar.svg").symlink_to(tmp_path / "cat.svg")
    files = report(Runner(90), tmp_path, since, until).files
    left = {f.name for f in tmp_path.iterdir()} - {f.name for f in files}
    assert left == {*unrelated, "previous-radar.svg"}
    assert {name: (tmp_path / name).read_bytes() for name in unrelated} == unrelated


@pytest.mark.parametrize(
    "document",
    [b"", b"[]", b'{"previous": 3}', b'{"previous": {"views": []}}', b"\xff",
     b'{"views": {"../x": {"metadata": {"data_sha256": "%s"}}, "tail": 5}}' % (b"0" * 64),
     b'{"previous": {"views": {"tail": {"metadata": {"data_sha256": "%s"}}}}}' % (b"1" * 64),
     b'{"views": {"x": {"metadata": {"data_sha256": 7}}}}'],
)  # fmt: skip
def test_nothing_is_deleted_because_of_a_foreign_data_json(document: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "report"
    folder.mkdir()
    (folder / "data.json").write_bytes(document)
    svg = b'<?xml?><svg id="chart-1">"data_sha256": "%s"</svg>' % (b"0" * 64)
    for path in (tmp_path / "x.svg", folder / "previous-tail.svg", folder / "x.svg"):
        path.write_bytes(svg)
    assert leftovers(folder, set()) == []
