"""The pages of /explore: every query and view has a form, a result and what one shares of it."""

from __future__ import annotations

import re
import shlex
from html import unescape
from pathlib import Path

import pytest

from hubbub.registry import REGISTRY
from tests.support.commandline import Run
from tests.support.http import Served, serving


def hrefs(page: str) -> list[str]:
    """Return the addresses of a page's links."""
    return [unescape(found) for found in re.findall(r'href="([^"]*)"', page)]


def test_everything_is_listed_and_has_a_page(served: Served) -> None:
    page = served.get("/explore")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    listed = {href for href in hrefs(page.text) if href.startswith("/explore/")}
    public = {
        f"/explore/{kind}/{name}"
        for kind in ("query", "view")
        for name, function in REGISTRY.of(kind).items()
        if function.public
    }
    assert listed == public
    for path in sorted(public):
        answer = served.get(path)
        needs = "(required)" in answer.text
        assert answer.status_code == 200, path
        assert ('id="result"' in answer.text) is not needs, path
        ids = re.findall(r' id="([^"]+)"', answer.text)
        assert len(ids) == len(set(ids)), path
        for name in re.findall(r'aria-describedby="([^"]+)"', answer.text):
            assert set(name.split()) <= set(ids), path
        for control in re.findall(r"<(?:input|select|textarea) [^>]*>", answer.text):
            identity = re.search(r'id="([^"]+)"', control)
            assert identity, control
            assert f'<label for="{identity[1]}">' in answer.text, control


def test_a_search_finds_names_and_descriptions(served: Served) -> None:
    found = hrefs(served.get("/explore?q=evenly+WORK").text)
    assert "/explore/query/longtail" in found
    assert "/explore/query/volume" not in found
    assert "Nothing has these words" in served.get("/explore?q=zzz").text
    assert "<script>x" not in served.get("/explore?q=<script>x").text


def test_a_name_alone_leads_to_the_view_first(served: Served) -> None:
    page = served.get("/explore/volume?per=day", allow_redirects=False)
    assert page.headers["location"] == "/explore/view/volume?per=day"
    assert served.get("/explore/users").url.endswith("/explore/query/users")
    for path in (
        "/explore/volum",
        "/explore/query/_x",
        "/explore/job/usage",
        "/explore/view/users",
    ):
        assert served.get(path).status_code == 404


def test_a_query_shows_its_table_its_files_and_its_command(
    served: Served, folder: Path, hubbub: Run
) -> None:
    page = served.get("/explore/query/users?top=3&since=2026-01-02&topic=%0D%0A*.git.*%0D%0A").text
    assert "3 rows" in page
    assert "<td>ann</td>" in page
    assert "Completeness unproven" in page
    csv = next(href for href in hrefs(page) if href.startswith("/query/users.csv?"))
    assert "topic=*.git.*" in csv
    assert "since=2026-01-02T00:00:00Z" in csv
    downloaded = served.get(csv).text
    for suffix in ("json", "jsonl", "txt", "html", "parquet"):
        assert served.get(csv.replace(".csv", f".{suffix}")).status_code == 200
    found = re.search(r"<code>(hubbub query users[^<]*)</code>", page)
    assert found is not None
    words = shlex.split(unescape(found[1]))
    assert words[3:] == ["--top", "3", "--since", "2026-01-02", "--topic", "*.git.*"]
    assert hubbub(*words[1:], "--store", folder, "--format", "csv").out == downloaded


def test_the_address_to_share_shows_the_same(served: Served) -> None:
    page = served.get("/explore/query/volume?per=week").text
    share = next(href for href in hrefs(page) if href.startswith("/explore/query/volume?"))
    assert "since=2026-01-01T00:00:00Z" in share
    again = served.get(share).text
    table = re.compile(r"<table.*</table>", re.DOTALL)
    assert table.findall(again) == table.findall(page) != []
    assert share in hrefs(again)


def test_a_view_shows_its_picture_and_the_data(served: Served) -> None:
    page = served.get("/explore/view/volume?per=week")
    assert page.headers["hubbub-coverage"] == "unproven"
    assert 'src="data:image/svg+xml;base64,' in page.text
    assert re.search(r'alt="[^"]*Messages per week', page.text)
    assert "The data as a table" in page.text
    svg = next(href for href in hrefs(page.text) if href.startswith("/view/volume.svg?"))
    assert served.get(svg).content.startswith(b"<?xml")


@pytest.mark.parametrize(
    ("path", "field", "words"),
    [
        ("/explore/query/volume?per=x", "per", "per cannot be 'x'"),
        ("/explore/query/users?top=none", "top", "top cannot be 'none'"),
        ("/explore/view/volume?since=soon", "since", "since cannot be 'soon'"),
        ("/explore/query/event_activity?to=2026-01-05", "from", "needs from"),
        ("/explore/query/volume?tz=Mars", "tz", "Mars"),
    ],
)
def test_an_error_is_shown_beside_its_field(
    path: str, field: str, words: str, served: Served
) -> None:
    page = served.get(path)
    assert page.status_code == 400
    assert words in unescape(page.text)
    assert 'role="alert"' in page.text
    assert f'<p id="field-{field}-error" class="error">' in page.text
    control = re.search(rf'<\w+ id="field-{field}"[^>]*>', page.text)
    assert control is not None
    assert 'aria-invalid="true"' in control[0]
    assert f"field-{field}-error" in control[0]


def test_an_unknown_parameter_is_an_error_above_the_form(served: Served) -> None:
    page = served.get("/explore/query/volume?colour=<b>red")
    assert page.status_code == 400
    assert "no parameter &#x27;colour&#x27;" in page.text
    assert "<b>red" not in page.text


def test_without_the_scope_names_are_refused_in_the_page(folder: Path) -> None:
    with serving(folder, auth="tokens", anonymous="read") as served:
        page = served.get("/explore/query/users")
        assert page.status_code in {401, 403}
        assert "names people" in page.text
        assert "<td>ann</td>" not in page.text
        drawn = served.get("/explore/view/tail")
        assert drawn.status_code == 200
        assert "<td>ann</td>" not in drawn.text
    with serving(folder, auth="tokens", anonymous="none") as served:
        for path in (
            "/overview",
            "/explore",
            "/explore/view/tail",
            "/usage",
            "/usage/x",
            "/usage/x/raw",
        ):
            assert served.get(path).status_code == 401, path


def test_the_overview_says_what_is_known(served: Served, tmp_path: Path) -> None:
    page = served.get("/overview")
    assert "The last seven days" in page.text
    assert "Completeness unproven" in page.text
    assert "/explore/view/tail" in hrefs(page.text)
    with serving(tmp_path / "empty") as empty:
        assert "The store is empty" in empty.get("/overview").text
        for path in ("/explore/view/tail", "/explore/query/users", "/usage", "/usage/x"):
            assert empty.get(path).status_code == 200, path


@pytest.mark.parametrize(
    ("path", "base"),
    [
        ("/explore/view/volume?per=day&since=2026-01-03T12:00", "/view/volume.html?"),
        ("/explore/query/volume?per=day&topic=*.git.*", "/query/volume.html?"),
    ],
)
def test_a_permanent_link_shows_what_the_page_does(path: str, base: str, served: Served) -> None:
    page = served.get(path).text
    links = [href for href in hrefs(page) if href.startswith(base)]
    permanent = next(href for href in links if "at=" in href)
    answer = served.get(permanent)
    assert answer.status_code == 200, answer.text
    assert "immutable" in answer.headers["cache-control"]
    fixed = next(href for href in links if "at=" not in href)
    assert served.get(fixed).content == answer.content
