"""The server's pages in a browser: by keyboard alone, without a script, dark, and on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.browser.devtools import Browser
from tests.support.browser.keyboard import Keyboard, evaluate, faults
from tests.support.http import Served

pytestmark = pytest.mark.service("browser")
WIKI = "org.example.prod.wiki.article.edit"
PAGES = (
    "/overview",
    "/explore",
    "/explore/view/volume?per=week",
    "/explore/query/users?top=3&not_user=bob",
    "/usage",
    f"/usage/{WIKI}?start=2026-01-01&end=2026-02-01&aggregate=d",
)


def address(chromium: Browser) -> str:
    """Return the address of the page."""
    history = chromium.send("Page.getNavigationHistory")
    url: str = history["entries"][history["currentIndex"]]["url"]
    return url


def test_explore_by_keyboard_alone(chromium: Browser, served: Served) -> None:
    chromium.screen()
    keys = Keyboard(chromium)
    chromium.visit(f"{served.url}/explore")
    assert keys.tab()["text"] == "Skip to the content"
    keys.press("Enter")
    assert evaluate(chromium, "document.activeElement.id") == "content"
    assert keys.tab()["name"] == "q"
    keys.type("messages per day")
    keys.follow()
    assert address(chromium).endswith("/explore?q=messages+per+day")
    keys.tab_to(href="/explore/query/volume")
    keys.follow()
    assert evaluate(chromium, "document.querySelector('h1').textContent") == "volume"

    keys.tab_to(name="per")
    keys.press("End")
    keys.tab_to(name="since")
    keys.type("2026-01-05")
    keys.tab_to(tag="summary", text="Filters, and who counts")
    keys.press("Enter")
    keys.tab_to(name="topic")
    keys.type("*.git.*\n*.wiki.*")
    keys.tab_to(tag="button", text="Show")
    keys.follow()
    assert chromium.complaints() == []
    # what is empty or the default is not in the address
    assert address(chromium).endswith(
        "/explore/query/volume?per=week&since=2026-01-05&topic=*.git.*%0D%0A*.wiki.*"
    )
    rows = evaluate(chromium, "document.querySelectorAll('table tbody tr').length")
    assert rows >= 3
    keys.tab_to(tag="a", text="CSV")
    keys.tab_to(tag="button", text="Copy")


def test_an_error_is_read_out_and_corrected_by_keyboard(chromium: Browser, served: Served) -> None:
    chromium.screen()
    keys = Keyboard(chromium)
    chromium.visit(f"{served.url}/explore/view/volume?since=soon")
    roles = {node["role"]["value"] for node in chromium.tree()}
    assert "alert" in roles
    boxes = [node for node in chromium.tree() if node["role"]["value"] == "textbox"]
    field = next(node for node in boxes if node["name"]["value"] == "since")
    facts = {each["name"]: each["value"].get("value") for each in field["properties"]}
    assert facts["invalid"] == "true"
    assert "since cannot be 'soon'" in field["description"]["value"]
    keys.tab_to(name="since")
    keys.type("2026-01-05")  # what is in a field is selected when the focus comes by Tab
    keys.follow()
    assert address(chromium).endswith("?per=auto&axis=topic&since=2026-01-05")
    assert evaluate(chromium, "document.querySelectorAll('.alert').length") == 0
    assert chromium.complaints() == []


def test_a_usage_report_without_a_script(chromium: Browser, served: Served) -> None:
    chromium.screen()
    chromium.send("Emulation.setScriptExecutionDisabled", value=True)
    keys = Keyboard(chromium)
    chromium.visit(f"{served.url}/usage/{WIKI}?start=2026-01-01&end=2026-02-01")
    for _ in range(40):
        keys.press("Tab")
        focused = [
            node for node in chromium.tree()
            if any(p["name"] == "focused" and p["value"].get("value") for p in node["properties"])
        ]  # fmt: skip
        if focused and focused[-1].get("name", {}).get("value") == "Count people per":
            break
    else:
        raise AssertionError("the keyboard does not reach the period")
    keys.press("ArrowDown")  # week → month
    for _ in range(2):
        keys.press("Tab")
    keys.follow()
    assert address(chromium).endswith(
        f"/usage/{WIKI}?start=2026-01-01&end=2026-02-01&aggregate=m&bots="
    )
    text = " ".join(node.get("name", {}).get("value", "") for node in chromium.tree())
    assert "2026-01-31" in text
    assert "Different people per month" in text


@pytest.mark.parametrize(
    ("width", "dark"), [(1100, False), (1100, True), (390, False), (320, True)]
)
def test_pages_are_read_in_every_theme_and_width(
    width: int, dark: bool, chromium: Browser, served: Served
) -> None:
    chromium.screen(width=width, dark=dark)
    for path in PAGES:
        chromium.visit(served.url + path)
        assert chromium.complaints() == [], path
        assert faults(chromium) == [], path
        headings = [n for n in chromium.tree() if n["role"]["value"] == "heading"]
        levels = [
            next(p["value"]["value"] for p in n["properties"] if p["name"] == "level")
            for n in headings
        ]
        assert levels[0] == 1, path
        assert levels.count(1) == 1, path


def test_errors_are_read_in_every_theme(chromium: Browser, served: Served) -> None:
    for dark in (False, True):
        chromium.screen(width=390, dark=dark)
        chromium.visit(f"{served.url}/explore/query/volume?per=x")
        assert faults(chromium) == []


def test_the_checks_find_faults(chromium: Browser, served: Served) -> None:
    chromium.screen(width=390)
    chromium.visit(f"{served.url}/explore")
    evaluate(
        chromium,
        """document.body.insertAdjacentHTML('beforeend',
          '<p id="x">pale</p><pre id="y">wide</pre><input name="z"><b style="color:red">x</b>');
        document.getElementById('x').style.color = '#bbb';
        document.getElementById('y').style.width = '500px';""",
    )
    found = faults(chromium)
    assert [line.partition(":")[0].split()[0] for line in found] == ["contrast", "no", "wider"]
    assert "Content Security Policy" in str(chromium.complaints())


def test_code_to_embed_is_copied_by_keyboard_and_works_on_another_site(
    chromium: Browser, served: Served, tmp_path: Path
) -> None:
    chromium.screen()
    chromium.visit(f"{served.url}/explore/view/volume?per=week")
    keys = Keyboard(chromium)
    keys.tab_to(tag="textarea", id="embed-now-1")
    keys.tab_to(tag="button", text="Copy")
    codes = evaluate(chromium, "[...document.querySelectorAll('.code')].map(e => e.value)")
    assert len(codes) == 6
    page = tmp_path / "blog.html"
    page.write_text("<!DOCTYPE html><title>blog</title>" + "".join(c for c in codes if c[0] == "<"))
    chromium.visit(page.as_uri())
    widths = evaluate(chromium, "[...document.images].map(e => e.naturalWidth)")
    assert widths == [800, 800]
    said = str(chromium.complaints())
    assert said.count("frame-ancestors") == evaluate(chromium, "frames.length")
