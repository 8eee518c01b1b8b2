"""What a screen reader is told of every picture: one image, its title and its description."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import pytest

from hubbub.charts.report.report import report
from hubbub.registry import REGISTRY
from tests.support.chart_samples import START, VIEWS, picture
from tests.support.devtools import Browser, browser

pytestmark = pytest.mark.service("browser")
CASES = ("simulated", "empty", "hostile", "world")
LOUD = {"Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"}


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


def images(chromium: Browser) -> list[str]:
    """The names of the images, in the order of the page."""
    nodes = [n for n in chromium.tree() if n["role"]["value"] in {"img", "image"}]
    return [n["name"]["value"] for n in nodes]


def spaced(text: str) -> str:
    return " ".join(text.split())


def asked(chromium: Browser) -> list[str]:
    """What was asked of anybody but the page itself."""
    sent = [e for e in chromium.events if e.get("method") == "Network.requestWillBeSent"]
    urls = [e["params"]["request"]["url"] for e in sent]
    return [url for url in urls if not url.startswith(("file:", "data:"))]


def test_inline_every_picture_is_one_image_with_title_and_description(
    chromium: Browser, tmp_path: Path
) -> None:
    drawings = [picture(view, case) for case in CASES for view in VIEWS]
    body = "".join(f"<figure>{d.svg().decode().partition('?>')[2]}</figure>" for d in drawings)
    page = tmp_path / "page.html"
    page.write_text(f"<!DOCTYPE html><meta charset=utf-8><title>x</title>{body}", encoding="utf-8")
    chromium.visit(page.as_uri())
    names = [spaced(name) for name in images(chromium)]
    assert names == [spaced(f"{d.title} {d.description}") for d in drawings]
    assert not LOUD & set(chromium.methods())
    assert asked(chromium) == []


@pytest.mark.parametrize("view", VIEWS)
def test_a_file_of_its_own_says_the_same(view: str, chromium: Browser, tmp_path: Path) -> None:
    drawing = picture(view, "crowd", gaps=True)
    file = tmp_path / f"{view}.svg"
    file.write_bytes(drawing.svg())
    chromium.visit(file.as_uri())
    nodes = [n for n in chromium.tree() if n.get("name", {}).get("value", "").strip()]
    names = {spaced(n["name"]["value"]) for n in nodes}
    assert spaced(f"{drawing.title} {drawing.description}") in names
    assert "3 h of 28 days missing" in drawing.description
    assert not LOUD & set(chromium.methods())
    assert asked(chromium) == []


class Pictures:
    """A runner over the simulated bus."""

    registry = REGISTRY

    def query(self, name: str, **parameters: Any) -> Any:
        raise AssertionError("only a comparison asks")

    def view(self, name: str, **parameters: Any) -> Any:
        return picture(name, "world")


def test_a_report_tells_every_picture_and_every_table(chromium: Browser, tmp_path: Path) -> None:
    files = report(Pictures(), tmp_path, START, START.replace(month=2))
    chromium.visit((tmp_path / "index.html").as_uri())
    names = [spaced(name) for name in images(chromium)]
    shown = [f.stem for f in files if f.suffix == ".svg"]
    assert names == [spaced(picture(view, "world").description) for view in shown]
    assert asked(chromium) == []
    assert not LOUD & set(chromium.methods())
    levels = [n for n in chromium.tree() if n["role"]["value"] == "heading"]
    assert levels[0]["name"]["value"].startswith("Who carries the load")


def test_in_an_img_the_text_that_stands_beside_it_counts(chromium: Browser, tmp_path: Path) -> None:
    drawing = picture("tail", "world")
    data = base64.b64encode(drawing.svg()).decode()
    page = tmp_path / "page.html"
    alt = escape(drawing.description, quote=True)
    page.write_text(f'<meta charset=utf-8><img src="data:image/svg+xml;base64,{data}" alt="{alt}">')
    chromium.visit(page.as_uri())
    assert [spaced(name) for name in images(chromium)] == [spaced(drawing.description)]
