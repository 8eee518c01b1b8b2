"""The panel of the plugin tutorial in a browser: it changes by itself, without a script."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.browser.devtools import Browser
from tests.support.browser.keyboard import evaluate
from tests.support.http import serving
from tests.support.paths import ROOT

pytestmark = pytest.mark.service("browser")
PLUGIN = ROOT / "examples" / "thanks.py"
HEADING = "document.querySelector('h1')?.textContent"


def test_the_panel_shows_what_arrives(chromium: Browser, tmp_path: Path) -> None:
    with serving(tmp_path / "store", plugins=[PLUGIN]) as served:
        chromium.visit(f"{served.url}/view/thanks_panel")
        assert evaluate(chromium, HEADING) == "Thank you, nobody yet!"
        assert evaluate(chromium, "document.querySelectorAll('svg').length") == 1
        talk = [e for e in chromium.events if e.get("method") == "Log.entryAdded"]
        assert not [e for e in talk if "favicon" not in str(e)]
        answer = served.post(
            "/httpevent", data={"message": '{"topic": "chat.thanks", "user": "<b>bob"}'}
        )
        assert answer.text == "Success"
        for _ in range(10):  # reloads
            chromium.events.clear()
            while "Page.loadEventFired" not in chromium.methods():
                chromium.events.append(chromium.message())
            if evaluate(chromium, HEADING) == "Thank you, <b>bob!":
                break
        assert evaluate(chromium, HEADING) == "Thank you, <b>bob!"
