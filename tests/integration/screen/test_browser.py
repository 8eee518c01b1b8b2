"""Every picture in a browser: no overlapping or clipped text, no console output, no requests."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from hubbub.charts.chart import Chart
from hubbub.charts.picture.drawing import Drawing
from hubbub.charts.report.report import report
from hubbub.language import use_language
from hubbub.registry import REGISTRY
from tests.support.browser.devtools import Browser
from tests.support.browser.keyboard import evaluate
from tests.support.charts.chart_samples import START, VIEWS, drawn, picture

pytestmark = pytest.mark.service("browser")
CASES = ("simulated", "empty", "one", "crowd", "hostile", "world", "nobody", "decade")
GERMAN = ("simulated", "one", "crowd", "world")
# Any request of a picture violates this policy.
POLICY = "default-src 'none';img-src data:;style-src 'unsafe-inline';script-src 'unsafe-inline'"
SCRIPT = """
const violations = [];
addEventListener('securitypolicyviolation', e => violations.push(e.blockedURI));
function box(t) { return t.getBoundingClientRect(); }
/* The corners of a text, which may be rotated. A line box is taller than its letters. */
function quad(t) {
  const b = t.getBBox(), m = t.getScreenCTM(), x = b.x + .5, y = b.y + 1.75;
  const w = b.width - 1, h = b.height - 3.5;
  return [[x, y], [x + w, y], [x + w, y + h], [x, y + h]].map(([px, py]) =>
    [m.a * px + m.c * py + m.e, m.b * px + m.d * py + m.f]);
}
/* Two convex shapes are disjoint if a line along one of their edges separates them. */
function touch(first, second) {
  for (const [p, q] of [[first, second], [second, first]]) for (let i = 0; i < 4; i++) {
    const dx = p[(i + 1) % 4][0] - p[i][0], dy = p[(i + 1) % 4][1] - p[i][1];
    const on = s => s.map(([x, y]) => x * -dy + y * dx);
    const a = on(p), b = on(q);
    if (Math.max(...a) <= Math.min(...b) || Math.max(...b) <= Math.min(...a)) return false;
  }
  return true;
}
function inspect(figure) {
  const svg = figure.querySelector('svg'), out = {name: figure.id, faults: []};
  const frame = svg.getBoundingClientRect();
  svg.setCurrentTime(60);  // after the end of all animations
  const texts = [...svg.querySelectorAll('text')].filter(
    t => getComputedStyle(t).visibility === 'visible' && t.getBoundingClientRect().width > 0);
  for (const t of texts) {
    const b = box(t);
    if (b.left < frame.left - .5 || b.right > frame.right + .5 ||
        b.top < frame.top - .5 || b.bottom > frame.bottom + .5)
      out.faults.push('outside: ' + t.textContent);
  }
  const corners = texts.map(quad);
  for (let i = 0; i < texts.length; i++) for (let j = i + 1; j < texts.length; j++)
    if (touch(corners[i], corners[j]))
      out.faults.push('overlap: ' + texts[i].textContent + ' | ' + texts[j].textContent);
  out.texts = texts.length;
  out.background = getComputedStyle(svg.querySelector('.bg')).fill;
  const img = figure.querySelector('img'), canvas = document.createElement('canvas');
  out.size = [img.naturalWidth, img.naturalHeight];
  canvas.width = img.naturalWidth; canvas.height = img.naturalHeight;
  const context = canvas.getContext('2d');
  context.drawImage(img, 0, 0);
  out.pixel = [...context.getImageData(2, 2, 1, 1).data].slice(0, 3);
  return out;
}
function look() {
  return {figures: [...document.querySelectorAll('figure')].map(inspect), violations};
}
"""


def figure(name: str, drawing: Drawing) -> str:
    """Return a picture, inline and as an image."""
    svg = drawing.svg()
    inline, image = svg.decode().partition("?>")[2], base64.b64encode(svg).decode()
    return f'<figure id="{name}">{inline}<img src="data:image/svg+xml;base64,{image}"></figure>'


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a page with every view of every case."""
    figures = [
        figure(f"{view}-{case}", picture(view, case, gaps=case == "crowd"))
        for case in CASES
        for view in VIEWS
    ]
    with use_language("de"):
        figures += [
            figure(f"{view}-{case}-de", drawn(view, case, Chart(), gaps=case == "crowd"))
            for case in GERMAN
            for view in VIEWS
        ]
    file = tmp_path_factory.mktemp("views") / "page.html"
    file.write_text(
        '<!DOCTYPE html><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        # the style sheet of an embedding page must not affect an inline picture
        "<style>text{fill:red;font-size:90px}path{fill:lime;stroke:red}</style>"
        f"<script>{SCRIPT}</script><body>{''.join(figures)}",
        encoding="utf-8",
    )
    return file.as_uri()


@pytest.mark.parametrize(
    ("dark", "colour", "pixel"),
    [(False, "rgb(255, 255, 255)", [255, 255, 255]), (True, "rgb(13, 17, 23)", [13, 17, 23])],
    ids=["light", "dark"],
)
def test_every_view(
    chromium: Browser, page: str, dark: bool, colour: str, pixel: list[int]
) -> None:
    chromium.screen(width=1000, dark=dark)
    chromium.visit(page)
    result = evaluate(chromium, "look()")
    assert len(result["figures"]) == len(VIEWS) * (len(CASES) + len(GERMAN))
    assert {f["name"]: f["faults"] for f in result["figures"] if f["faults"]} == {}
    assert result["violations"] == []
    assert chromium.complaints() == []
    assert chromium.requested() == [page]
    for figure in result["figures"]:
        assert figure["texts"] >= 3, figure
        assert figure["background"] == colour  # inline
        assert figure["pixel"] == pixel  # the same file in <img>
        assert figure["size"][0] == 800


class PictureRunner:
    """A runner whose views are samples."""

    registry = REGISTRY

    def query(self, name: str, /, **parameters: Any) -> Any:
        raise AssertionError("only a comparison runs queries")

    def view(self, name: str, /, **parameters: Any) -> Any:
        return picture(name, "hostile")


def test_the_report_page_works_from_a_file(chromium: Browser, tmp_path: Path) -> None:
    report(PictureRunner(), tmp_path, START, START.replace(month=2))
    chromium.visit((tmp_path / "index.html").as_uri())
    assert chromium.complaints() == []
    figures = evaluate(chromium, "document.querySelectorAll('figure').length")
    assert figures == sum(not picture(view, "hostile").empty for view in VIEWS)
    assert evaluate(chromium, "document.querySelectorAll('script').length") == 0
