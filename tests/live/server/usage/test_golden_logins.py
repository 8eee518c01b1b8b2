"""`/usage/login/raw` answers the golden logins exactly, in every content type."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.live.server.answers.test_arguments import NEGOTIATION, check
from tests.support import paths
from tests.support.http import Served, serving
from tests.support.stores.small_store import fill

GOLDEN = paths.GOLDEN / "core4"
BODIES = json.loads((GOLDEN / "bodies.json").read_text())["expected"]
CASES = sorted(path.stem for path in (GOLDEN / "login").glob("*.json"))
JUNE = {"start": "2019-06-01T00:00:00", "end": "2019-08-01T00:00:00", "aggregate": "w"}


def events(case: dict[str, Any]) -> list[dict[str, Any]]:
    """Return logins as lines of jsonl."""
    return [
        {"id": f"{n}-{created}", "timestamp": f"{created}Z", "topic": "login",
         "users": [user] if user else [], "action": message}
        for n, (created, user, message) in enumerate(case["events"])
    ]  # fmt: skip


class Cells(HTMLParser):
    """The rows of a page's table."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag not in {"td", "th"}

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1] += data


@pytest.mark.parametrize("name", CASES)
def test_golden_logins(name: str, tmp_path: Path) -> None:
    case = json.loads((GOLDEN / "login" / f"{name}.json").read_text())
    fill(tmp_path / "store", events(case))
    with serving(tmp_path / "store") as served:
        for golden in case["queries"]:
            asked = {key: golden[key] for key in ("start", "end", "aggregate")}
            response = served.get("/usage/login/raw", params=asked)
            assert response.status_code == 200, response.text
            expected = [{"timestamp": label, "user": n} for label, n in golden["expected"]]
            assert response.json() == {"code": 200, "message": "OK", "data": expected}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    store = tmp_path_factory.mktemp("logins") / "store"
    fill(store, events(json.loads((GOLDEN / "login" / "lc01-week-boundary.json").read_text())))
    with serving(store) as running:
        yield running


def test_json_and_csv_are_the_golden_bodies(served: Served) -> None:
    assert served.get("/usage/login/raw.json", params=JUNE).json() == BODIES["json"]
    by_type = served.get("/usage/login/raw", params={**JUNE, "content_type": "CSV"})
    assert by_type.text == BODIES["csv"]
    assert served.get("/usage/login/raw.csv", params=JUNE).text == BODIES["csv"]


def test_text_and_html_show_the_same_rows(served: Served) -> None:
    rows = [BODIES["columns"], *([str(cell) for cell in row] for row in BODIES["rows"])]
    text = served.get("/usage/login/raw.txt", params=JUNE).text
    assert list(csv.reader(io.StringIO(text), delimiter="\t")) == rows
    html = served.get("/usage/login/raw", params=JUNE, headers={"Accept": "text/html"}).text
    assert Cells(html).rows == rows


@pytest.mark.parametrize("case", NEGOTIATION, ids=lambda c: f"{c['accept']}-{c['content_type']}")
def test_content_types(case: dict[str, Any], served: Served) -> None:
    check(case, served, "/usage/login/raw")
