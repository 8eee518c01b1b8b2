"""On paper, and for who prefers it, nothing moves: pages show the last frame of an animation."""

from __future__ import annotations

import base64
import subprocess
import unicodedata
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from hubbub.charts.picture.drawing import Drawing
from hubbub.charts.picture.html import index, single
from tests.support.browser.devtools import Browser
from tests.support.browser.keyboard import evaluate
from tests.support.charts.chart_samples import picture

pytestmark = [pytest.mark.service("browser"), pytest.mark.service("pdf")]
SHOWN = """[...document.images].filter(e => e.getClientRects().length).map(e => e.className)"""


@pytest.fixture(scope="module")
def race() -> Drawing:
    return picture("users_per_object", "simulated")


@pytest.fixture
def report(race: Drawing, tmp_path: Path) -> Path:
    """A page that loads the animated picture, and one that does not move."""
    tail = picture("tail", "simulated")
    (tmp_path / "race.svg").write_bytes(race.svg())
    (tmp_path / "tail.svg").write_bytes(tail.svg())
    page = tmp_path / "index.html"
    page.write_text(index("Report", "", [("race.svg", race), ("tail.svg", tail)]), "utf-8")
    return page


def last_frame(race: Drawing) -> list[str]:
    """Return the texts of the last frame: names and numbers of the bars, and the date."""
    root = ET.fromstring(race.svg())
    still = next(node for node in root.iter() if node.get("class") == "still")
    found = [text for node in still.iter() if (text := (node.text or "").strip())]
    assert len(found) > 10
    return found


def printed(chromium: Browser, page: Path) -> list[str]:
    """Print a page at once, and return the words on the paper."""
    chromium.visit("about:blank")
    chromium.visit(page.as_uri())
    paper = page.with_suffix(".pdf")
    paper.write_bytes(base64.b64decode(chromium.send("Page.printToPDF")["data"]))
    text = subprocess.run(
        ["pdftotext", "-layout", paper, "-"], check=True, capture_output=True, text=True
    ).stdout
    return unicodedata.normalize("NFKC", text).split()  # ligatures


def test_a_printed_report_has_the_last_frame(
    chromium: Browser, race: Drawing, report: Path
) -> None:
    words = printed(chromium, report)
    for text in last_frame(race):
        for word in text.replace("…", "").split():
            assert any(word in each for each in words), word


def test_a_printed_picture_has_the_last_frame(
    chromium: Browser, race: Drawing, tmp_path: Path
) -> None:
    page = tmp_path / "single.html"
    page.write_text(single(race), "utf-8")
    words = printed(chromium, page)
    for text in last_frame(race):
        for word in text.replace("…", "").split():
            assert any(word in each for each in words), word


@pytest.mark.parametrize("reduced", [False, True])
def test_who_prefers_it_sees_no_motion(chromium: Browser, report: Path, *, reduced: bool) -> None:
    chromium.screen(reduced=reduced)
    chromium.visit("about:blank")
    chromium.visit(report.as_uri())
    assert evaluate(chromium, SHOWN) == (["still", ""] if reduced else ["moving", ""])
