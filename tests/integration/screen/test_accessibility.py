"""Screen readers see every picture as one image with its title and description."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import pytest

from hubbub.charts.report.report import report
from hubbub.registry import REGISTRY
from tests.support.browser.devtools import Browser
from tests.support.charts.chart_samples import START, VIEWS, picture

pytestmark = pytest.mark.service("browser")
CASES = ("simulated", "empty", "hostile", "world")


@pytest.fixture(scope="module")
def chromium(window: Browser) -> Iterator[Browser]:
    """One page for all tests."""
    with window.fresh_page() as page:
        yield page


def image_names(chromium: Browser) -> list[str]:
    """Return the accessible names of the images, in the order of the page."""
    nodes = [n for n in chromium.tree() if n["role"]["value"] in {"img", "image"}]
    return [n["name"]["value"] for n in nodes]


def normalised(text: str) -> str:
    """Collapse white space."""
    return " ".join(text.split())


def assert_silent(chromium: Browser) -> None:
    """Check that the page wrote nothing to the console and sent no network request."""
    assert chromium.complaints() == []
    assert [url for url in chromium.requested() if not url.startswith("file:")] == []


def test_inline_every_picture_is_one_image_with_title_and_description(
    chromium: Browser, tmp_path: Path
) -> None:
    drawings = [picture(view, case) for case in CASES for view in VIEWS]
    body = "".join(f"<figure>{d.svg().decode().partition('?>')[2]}</figure>" for d in drawings)
    page = tmp_path / "page.html"
    page.write_text(f"<!DOCTYPE html><meta charset=utf-8><title>x</title>{body}", encoding="utf-8")
    chromium.visit(page.as_uri())
    names = [normalised(name) for name in image_names(chromium)]
    assert names == [normalised(f"{d.title} {d.description}") for d in drawings]
    assert_silent(chromium)


@pytest.mark.parametrize("view", VIEWS)
def test_an_svg_file_has_title_and_description(
    view: str, chromium: Browser, tmp_path: Path
) -> None:
    drawing = picture(view, "crowd", gaps=True)
    file = tmp_path / f"{view}.svg"
    file.write_bytes(drawing.svg())
    chromium.visit(file.as_uri())
    nodes = [n for n in chromium.tree() if n.get("name", {}).get("value", "").strip()]
    names = {normalised(n["name"]["value"]) for n in nodes}
    assert normalised(f"{drawing.title} {drawing.description}") in names
    assert "3 h of 28 days missing" in drawing.description
    assert_silent(chromium)


class PictureRunner:
    """A runner whose views are samples."""

    registry = REGISTRY

    def query(self, name: str, /, **parameters: Any) -> Any:
        raise AssertionError("only a comparison runs queries")

    def view(self, name: str, /, **parameters: Any) -> Any:
        return picture(name, "world")


def test_a_report_describes_every_picture(chromium: Browser, tmp_path: Path) -> None:
    files = report(PictureRunner(), tmp_path, START, START.replace(month=2)).files
    chromium.visit((tmp_path / "index.html").as_uri())
    names = [normalised(name) for name in image_names(chromium)]
    views = [f.stem for f in files if f.suffix == ".svg"]
    assert names == [normalised(picture(view, "world").description) for view in views]
    assert_silent(chromium)
    headings = [n for n in chromium.tree() if n["role"]["value"] == "heading"]
    assert headings[0]["name"]["value"].startswith("Who carries the load")


def test_an_img_element_has_its_alternative_text(chromium: Browser, tmp_path: Path) -> None:
    drawing = picture("tail", "world")
    data = base64.b64encode(drawing.svg()).decode()
    page = tmp_path / "page.html"
    alt = escape(drawing.description, quote=True)
    page.write_text(f'<meta charset=utf-8><img src="data:image/svg+xml;base64,{data}" alt="{alt}">')
    chromium.visit(page.as_uri())
    names = [normalised(name) for name in image_names(chromium)]
    assert names == [normalised(drawing.description)]
