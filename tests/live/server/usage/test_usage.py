"""Usage reports: parameters, definitions, picture and page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hubbub.config import Config, load
from hubbub.errors import UsageError
from hubbub.live.server.usage.reports import period, report
from tests.support.http import Served, serving
from tests.support.stores.small_store import fill

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WIKI = "org.example.prod.wiki.article.edit"
ALL = {"start": "2026-01-01", "end": "2026-02-01"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("usage")
    fill(folder / "store")
    (folder / "hubbub.toml").write_text(
        '[usage.forge]\ntitle = "The <forge>"\ntopic = ["*.git.*", "*.bodhi.*"]\n'
        'not_user = ["ann"]\n'
    )
    with serving(folder / "store", config=load(folder / "hubbub.toml")) as running:
        yield running


def rows(served: Served, name: str, **parameters: Any) -> list[dict[str, Any]]:
    """Return the rows of a report."""
    response = served.get(f"/usage/{name}/raw", params={**ALL, **parameters})
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["data"]
    return found


def test_the_range_ends_now_and_begins_90_days_before() -> None:
    chosen = period({}, Config(), NOW)
    assert (chosen.until, chosen.per) == (NOW, "w")
    assert chosen.since == datetime(2025, 12, 1, 12, tzinfo=UTC)
    assert period({"end": ["2026-01-31"]}, Config(), NOW).since == datetime(2025, 11, 2, tzinfo=UTC)
    assert period({"start": [""], "end": [" "], "aggregate": [""]}, Config(), NOW) == chosen


@pytest.mark.parametrize(
    ("text", "letter"),
    [("d", "d"), ("D", "d"), ("week", "w"), ("Month", "m"), ("quarter", "q"), ("YEAR", "y")],
)
def test_periods_have_letters_and_names(text: str, letter: str) -> None:
    assert period({"aggregate": [text]}, Config(), NOW).per == letter


def test_times_without_a_zone_are_of_the_zone_of_the_request() -> None:
    values = {"start": ["2026-01-01"], "end": ["2026-01-02T00:00Z"], "tz": ["Europe/Berlin"]}
    chosen = period(values, Config(), NOW)
    assert chosen.since == datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert chosen.until == datetime(2026, 1, 2, tzinfo=UTC)
    assert chosen.address()["tz"] == ["Europe/Berlin"]
    assert period(chosen.address(), Config(), NOW) == chosen


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"strat": ["7d"]}, "no parameter 'strat'"),
        ({"start": ["soon"]}, "start cannot be 'soon'"),
        ({"end": ["0001-01-02"]}, "too early"),
        ({"aggregate": ["z"]}, "aggregate cannot be 'z'"),
        ({"bots": ["some"]}, "bots cannot be 'some'"),
        ({"tz": ["Mars/Base"]}, "Mars/Base"),
    ],
)
def test_errors_name_the_parameter(values: dict[str, list[str]], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        period(values, Config(), NOW)
    assert words in str(caught.value)


def test_a_topic_without_a_definition_counts_everybody(served: Served) -> None:
    people = rows(served, WIKI, aggregate="y")
    assert people == [{"timestamp": "2026-12-31", "user": 8}]
    assert report(Config(), "x").filters() == {"topic": ["x"]}


def test_a_report_counts_as_configured(served: Served) -> None:
    assert rows(served, "forge", aggregate="y")[0]["user"] == 7  # without ann
    assert rows(served, "*.git.*", aggregate="y")[0]["user"] == 8
    page = served.get("/usage/forge", params=ALL).text
    assert "Usage: The &lt;forge&gt;" in page
    assert "topic *.git.* or *.bodhi.* name, without ann" in page


def test_a_range_that_ends_before_it_begins_holds_nothing(served: Served) -> None:
    assert rows(served, WIKI, start="2026-02-01", end="2026-01-01") == []
    assert rows(served, WIKI, start="2026-01-05", end="2026-01-05") == []
    page = served.get(f"/usage/{WIKI}?start=2026-02-01&end=2026-01-01")
    assert page.status_code == 200
    assert "The range ends before it begins" in page.text


def test_an_unknown_topic_has_no_users(served: Served) -> None:
    assert rows(served, "nothing") == []
    page = served.get("/usage/nothing", params=ALL).text
    assert "No event of this report has a user" in page
    assert "start=2026-01-01T00:00:00Z&amp;end=2026-01-28T" in page  # all stored events


def test_the_picture_states_the_report_and_the_finding(served: Served) -> None:
    picture = served.get("/usage/forge/plot", params={**ALL, "aggregate": "w"})
    assert picture.headers["content-type"] == "image/svg+xml"
    assert "The &lt;forge&gt;" in picture.text
    assert "people are active each week" in picture.text
    assert picture.headers["hubbub-coverage"] == "unproven"
    png = served.get("/usage/forge/plot", params=ALL, headers={"Accept": "image/png"})
    assert png.content.startswith(b"\x89PNG")
    assert served.get("/usage/forge/plot.png?width=400", params=ALL).content.startswith(b"\x89PNG")
    dark = served.get("/usage/forge/plot.svg?theme=dark", params=ALL)
    assert dark.content != picture.content


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/raw?content_type=xls", "content_type cannot be"),
        ("/raw?theme=dark", "no parameter 'theme'"),
        ("/plot?theme=pink", "theme cannot be"),
        ("/plot?width=0", "width cannot be"),
        ("/raw?aggregate=d&start=1700-01-01&end=2300-01-01&aggregate=x", "aggregate cannot be"),
    ],
)
def test_errors_of_files(path: str, words: str, served: Served) -> None:
    response = served.get(f"/usage/{WIKI}{path}")
    assert response.status_code == 400
    assert words in response.json()["error"]["message"]


def test_an_answer_is_kept_until_the_store_changes(served: Served) -> None:
    first = served.get("/usage/forge/raw.csv", params=ALL)
    known = {"If-None-Match": first.headers["etag"]}
    assert served.get("/usage/forge/raw.csv", params=ALL, headers=known).status_code == 304


def test_the_page_has_a_form_a_picture_a_table_and_every_file(served: Served) -> None:
    page = served.get(f"/usage/{WIKI}", params={**ALL, "aggregate": "d"})
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for words in (
        'value="2026-01-01"', '<option value="d" selected>', "data:image/svg+xml;base64,",
        "Completeness unproven", "<td>2026-01-28</td>",
    ):  # fmt: skip
        assert words in page.text
    for suffix in ("raw.csv", "raw.json", "raw.txt", "raw.html", "plot.svg", "plot.png"):
        link = f"/usage/{WIKI}/{suffix}?start=2026-01-01T00:00:00Z"
        assert link in page.text
        asked = {**ALL, "aggregate": "d"}
        assert served.get(f"/usage/{WIKI}/{suffix}", params=asked).status_code == 200


def test_an_error_is_shown_beside_its_field(served: Served) -> None:
    page = served.get(f"/usage/{WIKI}?start=soon&end=2026-01-05")
    assert page.status_code == 400
    assert 'role="alert"' in page.text
    assert 'value="soon"' in page.text
    assert 'value="2026-01-05"' in page.text
    assert '<p id="field-start-error" class="error">start cannot be' in page.text


def test_all_topics_and_reports_are_listed(served: Served) -> None:
    page = served.get("/usage", headers={"Accept": "text/html"}).text
    assert '<a href="/usage/forge">The &lt;forge&gt;</a>' in page
    assert f'<a href="/usage/{WIKI}">{WIKI}</a>' in page
    assert "Messages by topic in 28 days until 2026-01-28" in page


def test_hostile_names_are_escaped(tmp_path: Path) -> None:
    topic = '"><script>x</script>/y?'
    line = {"id": "1", "timestamp": 1_767_225_600, "topic": topic, "users": ["<b>"]}
    fill(tmp_path / "store", [line])
    with serving(tmp_path / "store") as served:
        listed = served.get("/usage").text
        assert "<script>x" not in listed
        path = "/usage/%22%3E%3Cscript%3Ex%3C%2Fscript%3E%2Fy%3F"
        assert path in listed
        page = served.get(path, params=ALL)
        assert page.status_code == 200
        assert "<script>x" not in page.text
        assert served.get(f"{path}/raw", params=ALL).json()["data"][0]["user"] == 1
