"""Queries and views over HTTP are what the Runner answers, in the encoding that was asked for."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from hubbub.config import Config
from hubbub.run.configured import configured_runner
from hubbub.store import Store
from tests.support.http import Served


def test_a_query_is_the_document_of_the_runner(served: Served, folder: Path) -> None:
    response = served.get("/query/volume.json?per=day")
    assert response.status_code == 200
    with Store.open(folder, reading=True) as store:
        result = configured_runner(store, Config()).query("volume", per="day")
    assert response.json() == json.loads(json.dumps(result.document()))
    assert response.headers["hubbub-coverage"] == result.coverage.state
    assert response.json()["data"], "the store is empty"


def test_csv_by_suffix_parameter_and_header(served: Served) -> None:
    by_suffix = served.get("/query/volume.csv")
    by_parameter = served.get("/query/volume", params={"content_type": "CSV"})
    by_header = served.get("/query/volume", headers={"Accept": "text/csv"})
    assert by_suffix.content == by_parameter.content == by_header.content
    assert by_suffix.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(by_suffix.text)))
    assert rows
    assert rows[0]["start"]


def test_a_view_is_a_picture_by_default_and_a_page_for_a_browser(served: Served) -> None:
    picture = served.get("/view/volume")
    assert picture.headers["content-type"] == "image/svg+xml"
    assert picture.content.startswith(b"<?xml")
    page = served.get("/view/volume", headers={"Accept": "text/html,*/*;q=0.8"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "script" not in page.headers["content-security-policy"]


def test_the_rows_behind_a_picture_are_files_too(served: Served) -> None:
    rows = list(csv.DictReader(io.StringIO(served.get("/view/tail.csv").text)))
    records = served.get("/view/tail", headers={"Accept": "application/json"}).json()
    data = served.get("/query/tail.json").json()["data"]
    counted = {each["user"]: each["count"] for each in data}
    assert len(counted) > 3
    assert {record["user"]: record["messages"] for record in records} == counted
    assert {row["user"]: float(row["messages"]) for row in rows} == counted
    permanent = served.get("/view/tail.csv").headers["hubbub-permanent-link"]
    assert served.get(permanent).content == served.get("/view/tail.csv").content


def test_a_known_answer_is_304(served: Served) -> None:
    first = served.get("/query/volume.json")
    again = served.get("/query/volume.json", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = served.get("/query/volume.json", headers={"If-None-Match": '"0"'})
    assert (other.status_code, other.content) == (200, first.content)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/query/volum", 404, "did you mean volume"),
        ("/query/_private", 404, "there is no query"),
        ("/view/volume.svg?per=x", 400, "per cannot be 'x'"),
        ("/query/volume?colour=red", 400, "no parameter 'colour'"),
        ("/query/volume?content_type=xls", 400, "content_type cannot be"),
        ("/query/volume?since=2026-02-01&until=2026-01-01", 400, "the range ends"),
        ("/view/volume?theme=pink", 400, "theme cannot be"),
        ("/view/volume.png?width=99999", 400, "width cannot be"),
        ("/query/volume?topic=%ff", 400, "not UTF-8"),
        ("/nothing", 404, "not found"),
    ],
)
def test_errors_have_one_shape(served: Served, path: str, status: int, words: str) -> None:
    response = served.get(path)
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert set(error) == {"code", "message", "hint"}
    assert words in f"{error['message']} {error['hint']}"
    page = served.get(path, headers={"Accept": "text/html"})
    assert page.status_code == status
    assert page.headers["content-type"] == "text/html; charset=utf-8"


def test_a_form_may_be_posted_and_the_address_wins(served: Served) -> None:
    posted = served.post("/query/volume.json?per=week", data={"per": "day", "axis": "topic"})
    assert posted.status_code == 200, posted.text
    parameters = posted.json()["parameters"]
    assert (parameters["per"], parameters["axis"]) == ("week", "topic")
