"""`/explain/NAME`: the document of the command, pages that link every number, and who may."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from tests.support.http import Served, serving
from tests.support.stores.small_store import fill, lines


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("explained") / "store"
    events = lines()
    events[-1]["objects"] = ["<script>alert(1)</script>"]
    fill(path, events)
    return path


def test_the_events_of_a_cell(served: Served) -> None:
    query = served.get("/query/volume.json?per=week").json()["data"]
    row = query[1]
    answer = served.get(
        "/explain/volume.json", params={"per": "week", "row": f"start={row['start']}"}
    )
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert document["equal"] is True
    assert document["cell"] == document["total"] == row["messages"] > 0
    assert {event["time"] >= row["start"] for event in document["events"]} == {True}
    assert answer.headers["cache-control"].startswith("private")
    assert answer.headers["hubbub-coverage"] == "unproven"


def test_pages_of_a_hundred(served: Served) -> None:
    options = {"row": "start=2026-01-20", "column": "total"}
    first = served.get("/explain/daily_users.json", params=options).json()
    assert first["pages"] > 1
    numbers = range(1, first["pages"] + 1)
    pages = [
        served.get("/explain/daily_users.json", params={**options, "page": str(n)}).json()["events"]
        for n in numbers
    ]
    assert [len(page) for page in pages[:-1]] == [100] * (len(pages) - 1)
    assert len({event["id"] for page in pages for event in page}) == first["total"]
    beyond = served.get("/explain/daily_users.json", params={**options, "page": "999"})
    assert beyond.status_code == 400
    assert "there is no page 999" in beyond.json()["error"]["message"]


def test_a_page_links_each_number_to_its_events(served: Served) -> None:
    browser = {"Accept": "text/html"}
    page = served.get("/explain/objects", headers=browser)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert" in page.text
    links = [
        html.unescape(link) for link in re.findall(r'href="(/explain/objects\?[^"]+)"', page.text)
    ]
    assert len(links) >= 4
    events = served.get(links[0], headers=browser)
    assert events.status_code == 200
    assert "newest first" in events.text
    assert "<caption>Events</caption>" in events.text


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/explain/suspects", 400, "measures of an account"),
        ("/explain/coverage", 400, "ledger"),
        ("/explain/nothing", 404, "no query"),
        ("/explain/volume?row=start", 400, "KEY=VALUE"),
        ("/explain/volume?row=start=1999-01-01", 400, "no row"),
        ("/explain/volume?row=colour=red", 400, "does not identify a row"),
        ("/explain/volume?row=start=2026-01-05&column=share", 400, "does not exist"),
        ("/explain/volume?page=-1", 400, "page cannot be"),
        ("/explain/longtail?rarefy=5", 400, "expectations"),
    ],
)
def test_what_cannot_be_explained(served: Served, path: str, status: int, words: str) -> None:
    answer = served.get(path)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert words in f"{error['message']} {error['hint']}"


def test_events_name_people(folder: Path) -> None:
    with serving(folder, auth="tokens", anonymous="read") as running:
        assert running.get("/explain/volume").status_code in {401, 403}
    with serving(folder, auth="tokens", anonymous="people") as running:
        assert running.get("/explain/volume").status_code == 200
