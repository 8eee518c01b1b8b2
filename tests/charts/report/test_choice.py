"""What a report draws, what it leaves out, and how it names the project."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hubbub.charts.chart import Chart
from hubbub.charts.picture.size import resized
from hubbub.charts.report.report import report
from hubbub.charts.report.selection import builtin, readings
from hubbub.errors import UsageError
from hubbub.registry import REGISTRY
from tests.support.charts.chart_samples import START, picture

END = datetime(2026, 6, 1, tzinfo=UTC)


class Runner:
    """Draws the views of a case; `alerts` and `traffic` have no data."""

    registry = REGISTRY

    def query(self, name: str, /, **parameters: Any) -> Any:
        raise AssertionError(f"{name} {parameters}: only a comparison runs queries")

    def view(self, name: str, /, **_parameters: Any) -> Any:
        if name == "page":
            return "<p>"
        return picture(name, "empty" if name in {"alerts", "traffic"} else "simulated")


def test_named_views_in_their_order(tmp_path: Path) -> None:
    report(Runner(), tmp_path, START, END, views=["volume", "tail", "volume"])
    page = (tmp_path / "index.html").read_text()
    assert page.index('id="volume"') < page.index('id="tail"')
    assert {path.name for path in tmp_path.iterdir()} == {
        *("volume.svg", "tail.svg", "index.html", "index.md", "data.json"),
    }
    with pytest.raises(UsageError, match=r"no view 'tial'(.|\n)*did you mean tail"):
        report(Runner(), tmp_path, START, END, views=["tial"])


def test_views_without_data_fold_into_one_line(tmp_path: Path) -> None:
    report(Runner(), tmp_path, START, END, views=["tail", "alerts", "traffic"])
    page = (tmp_path / "index.html").read_text()
    line = page.partition("Not drawn: ")[2].partition("</p>")[0]
    assert "alerts (no " in line
    assert "traffic (no " in line
    assert not (tmp_path / "alerts.svg").exists()
    assert "Not drawn" in (tmp_path / "index.md").read_text()
    assert json.loads((tmp_path / "data.json").read_text())["views"].keys() == {"tail"}


def test_each_picture_says_how_to_read_it(tmp_path: Path) -> None:
    report(Runner(), tmp_path, START, END, views=["tail", "lorenz"])
    page = (tmp_path / "index.html").read_text()
    assert page.count("How to read it.") == page.count("When not to trust it.") == 2
    assert readings().keys() == set(builtin(REGISTRY))


def test_png_files_come_and_go_with_the_report(tmp_path: Path) -> None:
    pytest.importorskip("resvg_py", reason="the extra png is not installed")
    report(Runner(), tmp_path, START, END, views=["tail"], png=True)
    assert (tmp_path / "tail.png").read_bytes().startswith(b"\x89PNG")
    (tmp_path / "mine.png").write_bytes(b"mine")
    report(Runner(), tmp_path, START, END, views=["volume"])
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"volume.svg", "mine.png", "index.html", "index.md", "data.json"}


def test_a_size_scales_or_boxes() -> None:
    svg = picture("tail", "simulated").svg()
    head = resized(svg, 400).split(b"font-family")[0]
    assert b'viewBox="0 0 800 450" width="400" height="225"' in head
    card = resized(svg, 1200, 630).decode()
    x, _, wide, high = map(float, card.partition('viewBox="')[2].partition('"')[0].split())
    assert wide / high == pytest.approx(1200 / 630, rel=0.001)
    assert f'<rect x="{x:.2f}"' in card  # the page covers the whole card
    with pytest.raises(UsageError, match="out of range"):
        resized(svg, 100_000)


def test_a_chart_of_a_plugin_names_the_project() -> None:
    drawing = Chart("Karma", project="Fedora").bars([{"user": "a", "n": 1}], x="user", y="n")
    assert drawing.title == "Fedora: Karma: a has all 1 n"
