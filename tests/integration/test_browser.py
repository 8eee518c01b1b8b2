"""A real browser looks at every picture: nothing overlaps, sticks out, speaks or asks."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from hubbub.charts.report.report import report
from hubbub.registry import REGISTRY
from tests.support.chart_samples import VIEWS, picture

pytestmark = pytest.mark.service("browser")
CASES = ("simulated", "empty", "one", "crowd", "hostile", "world", "nobody", "decade")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--enable-logging=stderr", "--window-size=1000,800", "--virtual-time-budget=10000"),
)
# What a picture must not ask for becomes a violation of this policy.
POLICY = "default-src 'none';img-src data:;style-src 'unsafe-inline';script-src 'unsafe-inline'"
SCRIPT = """
const violations = [];
addEventListener('securitypolicyviolation', e => violations.push(e.blockedURI));
function box(t) { return t.getBoundingClientRect(); }
/* The corners of a text, which may be rotated; a line box is taller than its letters. */
function quad(t) {
  const b = t.getBBox(), m = t.getScreenCTM(), x = b.x + .5, y = b.y + 1.75;
  const w = b.width - 1, h = b.height - 3.5;
  return [[x, y], [x + w, y], [x + w, y + h], [x, y + h]].map(([px, py]) =>
    [m.a * px + m.c * py + m.e, m.b * px + m.d * py + m.f]);
}
/* Two convex shapes are apart if a line along one of their edges separates them. */
function touch(one, two) {
  for (const [p, q] of [[one, two], [two, one]]) for (let i = 0; i < 4; i++) {
    const dx = p[(i + 1) % 4][0] - p[i][0], dy = p[(i + 1) % 4][1] - p[i][1];
    const on = s => s.map(([x, y]) => x * -dy + y * dx);
    const a = on(p), b = on(q);
    if (Math.max(...a) <= Math.min(...b) || Math.max(...b) <= Math.min(...a)) return false;
  }
  return true;
}
function look(figure) {
  const svg = figure.querySelector('svg'), out = {name: figure.id, faults: []};
  const frame = svg.getBoundingClientRect();
  svg.setCurrentTime(60);  // what moves has come to its end
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
addEventListener('load', () => {
  const found = [...document.querySelectorAll('figure')].map(look);
  const names = performance.getEntriesByType('resource').map(e => e.name);
  const asked = names.filter(n => !n.startsWith('data:'));
  document.getElementById('answer').textContent = JSON.stringify({found, asked, violations});
});
"""


def chromium(page: Path, profile: Path, *flags: str) -> tuple[str, str]:
    """The DOM after the scripts, and what was written to the console."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or "google-chrome"
    done = subprocess.run(
        [browser, *FLAGS, f"--user-data-dir={profile}", *flags, "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
    )
    spoken = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, "\n".join(spoken)


def looked_at(folder: Path, *flags: str) -> dict[str, Any]:
    figures = []
    for case in CASES:
        for view in VIEWS:
            svg = picture(view, case, gaps=case == "crowd").svg()
            inline = svg.decode().partition("?>")[2]
            image = base64.b64encode(svg).decode()
            figures.append(
                f'<figure id="{view}-{case}">{inline}'
                f'<img src="data:image/svg+xml;base64,{image}"></figure>'
            )
    page = folder / "page.html"
    page.write_text(
        '<!DOCTYPE html><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        # a blog's careless style sheet must not reach into an inline picture
        "<style>text{fill:red;font-size:90px}path{fill:lime;stroke:red}</style>"
        f'<script>{SCRIPT}</script><body>{"".join(figures)}<pre id="answer"></pre>',
        encoding="utf-8",
    )
    dom, spoken = chromium(page, folder / "profile", *flags)
    assert spoken == ""
    answer = re.search(r'<pre id="answer">(.*?)</pre>', dom, re.DOTALL)
    assert answer is not None
    found: dict[str, Any] = json.loads(unescape(answer[1]))
    return found


@pytest.mark.parametrize(
    ("flags", "colour", "pixel"),
    [
        ((), "rgb(255, 255, 255)", [255, 255, 255]),
        (("--blink-settings=preferredColorScheme=0",), "rgb(13, 17, 23)", [13, 17, 23]),
    ],
    ids=["light", "dark"],
)
def test_every_view(tmp_path: Path, flags: tuple[str, ...], colour: str, pixel: list[int]) -> None:
    answer = looked_at(tmp_path, *flags)
    assert len(answer["found"]) == len(VIEWS) * len(CASES)
    assert {f["name"]: f["faults"] for f in answer["found"] if f["faults"]} == {}
    assert answer["asked"] == []
    assert answer["violations"] == []
    for found in answer["found"]:
        assert found["texts"] >= 3, found
        assert found["background"] == colour  # inline
        assert found["pixel"] == pixel  # the same file in <img>
        assert found["size"][0] == 800


class Pictures:
    """A runner over the simulated bus."""

    registry = REGISTRY

    def query(self, name: str, **parameters: Any) -> Any:
        raise AssertionError("only a comparison asks")

    def view(self, name: str, **parameters: Any) -> Any:
        return picture(name, "hostile")


def test_the_report_page_works_from_a_file(tmp_path: Path) -> None:
    from tests.support.chart_samples import START

    out = tmp_path / "report"
    report(Pictures(), out, START, START.replace(month=2))
    dom, spoken = chromium(out / "index.html", tmp_path / "profile")
    assert spoken == ""
    assert dom.count("<figure") == len(VIEWS)
    assert "<script>" not in dom
