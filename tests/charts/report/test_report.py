"""The report: files that work offline and are rewritten only if their bytes change."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from hubbub.charts.picture.html import table_csv
from hubbub.charts.report.report import _escaped, report
from hubbub.charts.report.selection import builtin
from hubbub.errors import UsageError
from hubbub.registry import REGISTRY, Function, Registry
from tests.support.charts.chart_samples import START, VIEWS, picture

UNTIL = START + timedelta(days=28)


def shown(case: str) -> list[str]:
    """Return the views that have something to show."""
    return [view for view in VIEWS if not picture(view, case).empty]


class Runner:
    """Draws the views of a case; the registry holds a plugin's view too."""

    def __init__(self, case: str) -> None:
        self.case, self.registry = case, Registry()
        self.registry.views.update(REGISTRY.views)
        self.registry.add(Function("view", "karma", lambda: None, "a.plugin"))

    def query(self, name: str, /, **parameters: Any) -> Any:
        raise AssertionError("only a comparison runs queries")

    def view(self, name: str, /, **parameters: Any) -> Any:
        assert parameters == {"since": START, "until": UNTIL}
        return picture(name, self.case)


def test_all_files_and_nothing_else(tmp_path: Path) -> None:
    files = report(Runner("world"), tmp_path / "r", START, UNTIL).files
    names = [f"{v}.svg" for v in shown("world")] + ["data.json", "index.html", "index.md"]
    assert [f.name for f in files] == names
    assert sorted(f.name for f in (tmp_path / "r").iterdir()) == sorted(names)
    for view in shown("world"):
        assert (tmp_path / "r" / f"{view}.svg").read_bytes() == picture(view, "world").svg()


def test_the_same_data_rewrite_no_file(tmp_path: Path) -> None:
    before = {
        f: f.stat().st_mtime_ns for f in report(Runner("world"), tmp_path, START, UNTIL).files
    }
    after = {f: f.stat().st_mtime_ns for f in report(Runner("world"), tmp_path, START, UNTIL).files}
    assert before == after
    report(Runner("hostile"), tmp_path, START, UNTIL)
    assert {f: f.stat().st_mtime_ns for f in before} != before


@pytest.mark.parametrize("name", ["index.html", "index.md", "data.json"])
def test_a_page_of_something_else_is_not_overwritten(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("<p>my own</p>")
    with pytest.raises(UsageError, match="not of a report and is not overwritten"):
        report(Runner("world"), tmp_path, START, UNTIL)
    assert [(f.name, f.read_text()) for f in tmp_path.iterdir()] == [(name, "<p>my own</p>")]


def test_views_of_plugins_are_not_part_of_it() -> None:
    assert builtin(Runner("world").registry) == list(VIEWS)


class Attributes(HTMLParser):
    """All tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.values: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.values += [(k, v or "") for k, v in attrs]


def test_the_page_needs_no_network_and_escapes_everything(tmp_path: Path) -> None:
    views = shown("hostile")
    report(Runner("hostile"), tmp_path, START, UNTIL)
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    page = Attributes()
    page.feed(text)
    assert not {"script", "iframe", "b"} & set(page.tags)
    animated = sum(bool(picture(view, "hostile").still) for view in views)
    assert page.tags.count("img") == len(views) + animated  # one that moves, one that does not
    links = [v for k, v in page.values if k in {"src", "href"}]
    inside = [link[1:] for link in links if link.startswith("#")]
    assert inside == views == [v for k, v in page.values if k == "id"]
    files = [link for link in links if not link.startswith("#")]
    assert all(re.fullmatch(r"[a-z_]+\.(svg(#chart-\w+)?|json)", link) for link in files)
    assert all((tmp_path / link.partition("#")[0]).is_file() for link in files)
    assert page.tags.count("h1") == 1
    assert page.tags.count("h2") == len(views) + 1
    assert not any(k.startswith("on") for k, _ in page.values)
    assert text.count('scope="col"') > len(views)
    assert "prefers-color-scheme:dark" in text
    assert "@media print" in text


def test_markdown_embeds_every_picture_and_escapes(tmp_path: Path) -> None:
    views = shown("hostile")
    report(Runner("hostile"), tmp_path, START, UNTIL)
    text = (tmp_path / "index.md").read_text(encoding="utf-8")
    assert re.findall(r"\]\((\w+\.svg)\)", text) == [f"{v}.svg" for v in views]
    assert "<script" not in text


def test_data(tmp_path: Path) -> None:
    report(Runner("world"), tmp_path, START, UNTIL)
    data = json.loads((tmp_path / "data.json").read_bytes())
    assert set(data["views"]) == set(shown("world"))
    assert data["since"] == "2026-01-05T00:00:00Z"
    tail = data["views"]["tail"]
    assert len(tail["rows"]) == 8
    assert tail["columns"] == ["rank", "user", "messages", "ideal"]


def test_csv_cannot_become_a_formula() -> None:
    from hubbub.charts.chart import Chart

    data = [{"user": "=cmd()", "n": 3}, {"user": "-x", "n": 2}, {"user": "bob", "n": 1}]
    assert table_csv(Chart().bars(data, x="user", y="n")).splitlines() == [
        "user,n", "'=cmd(),3.0", "'-x,2.0", "bob,1.0",
    ]  # fmt: skip


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="this is a file, and a report is a folder"):
        report(Runner("world"), tmp_path / "file", START, UNTIL)


@pytest.mark.parametrize(
    "text",
    [
        "see http://evil.example/x", "HTTPS://a.example", "www.evil.example", "mailto:a@b.example",
        "a@b.example", "@ralph did it", "{{ site.secret }}", "{% include x %}", "{%x%}", "a & b",
        "<script>", "$x$", "ftp://x",
    ],
)  # fmt: skip
def test_markdown_has_no_bare_link_mention_or_template_tag(text: str) -> None:
    escaped = _escaped(text)
    assert not re.search(
        r"https?:|ftp:|mailto:|www\.|@\w|\{\{|\{%|%\}|\}\}", escaped, re.IGNORECASE
    )
    assert re.search(r"(?<!\\)[$]|<(?!!-- -->)", escaped) is None
    plain = html.unescape(escaped.replace("<!-- -->", ""))
    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", plain) == text
