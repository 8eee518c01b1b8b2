"""A view that fails costs its picture, and the pages say which; all others are written."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hubbub.charts.report.report import report
from hubbub.errors import HubbubError
from hubbub.registry import REGISTRY
from tests.support.charts.chart_samples import START, VIEWS, picture

UNTIL = START + timedelta(days=7)


class Runner:
    """Draws all views but some; of an earlier range only those."""

    def __init__(self, *failing: str) -> None:
        self.failing, self.registry = failing, REGISTRY

    def query(self, name: str, /, **_: Any) -> Any:
        raise HubbubError(f"query {name!r} failed")

    def view(self, name: str, /, **parameters: Any) -> Any:
        assert parameters == {"since": START, "until": UNTIL}
        if name in self.failing:
            raise ValueError(f"{name} has a fault")
        return picture(name, "world")


def test_all_other_views_are_written_and_the_pages_name_those_that_failed(tmp_path: Path) -> None:
    report(Runner(), tmp_path, START, UNTIL)
    written = report(Runner("heatmap", "tail"), tmp_path, START, UNTIL)
    assert [(f.name, str(f.error)) for f in written.failures] == [
        ("tail", "tail has a fault"),
        ("heatmap", "heatmap has a fault"),
    ]
    shown = {view for view in VIEWS if not picture(view, "world").empty}
    drawn = {f"{view}.svg" for view in shown} - {"heatmap.svg", "tail.svg"}
    assert {f.name for f in written.files} == drawn | {"index.html", "index.md", "data.json"}
    assert {f.name for f in tmp_path.iterdir()} == {f.name for f in written.files}
    for page in ("index.html", "index.md"):
        text = (tmp_path / page).read_text("utf-8").replace("\\", "")
        assert "tail, heatmap (an error)." in text
        assert "heatmap.svg" not in text
        assert "has a fault" not in text, "an error may quote what is not to be published"
    document = json.loads((tmp_path / "data.json").read_bytes())
    assert document["missing"] == ["tail", "heatmap"]
    assert set(document["views"]) == shown - {"tail", "heatmap"}


def test_a_report_without_failures_mentions_none(tmp_path: Path) -> None:
    assert report(Runner(), tmp_path, START, UNTIL).failures == []
    assert "error" not in (tmp_path / "index.html").read_text("utf-8")
    assert "missing" not in json.loads((tmp_path / "data.json").read_bytes())


def test_a_comparison_that_fails_costs_only_itself(tmp_path: Path) -> None:
    written = report(Runner(), tmp_path, START, UNTIL, previous=True)
    assert [f.name for f in written.failures] == ["comparison"]
    shown = [view for view in VIEWS if not picture(view, "world").empty]
    assert len(written.files) == len(shown) + 3
    assert "comparison (an error)." in (tmp_path / "index.md").read_text().replace("\\", "")


def test_if_every_view_fails_nothing_is_written_and_the_error_is_raised(tmp_path: Path) -> None:
    out = tmp_path / "r"
    with pytest.raises(ValueError, match="longtail has a fault"):
        report(Runner(*VIEWS), out, START, UNTIL)
    assert not out.exists()
