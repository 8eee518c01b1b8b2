"""The language of pictures over HTTP: of the request, else the configured one; also of plugins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubbub.config import Config, ProjectConfig
from tests.support.http import Served, serving
from tests.support.stores.small_store import fill

PLUGIN = """
from hubbub import view
from hubbub.language import _, current_language


@view
def own(query, chart, since, until):
    title = _("No data in this range") + current_language() + _("own words")
    return chart.bars(query.users(since=since, until=until), x="user", y="messages", title=title)
"""
HEADER = "Hubbub-Permanent-Link"


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plugins") / "own.py"
    path.write_text(PLUGIN)
    return path


@pytest.fixture(scope="module")
def served(folder: Path, plugin: Path) -> Iterator[Served]:
    with serving(folder, plugins=[plugin]) as running:
        yield running


def test_the_language_of_a_request(served: Served):
    english, german = (served.get(f"/view/tail.svg{end}") for end in ("", "?lang=de"))
    assert "Messages per person" in english.text
    assert "Nachrichten je Person" in german.text
    assert 'xml:lang="de"' in german.text
    assert english.headers["etag"] != german.headers["etag"]
    assert served.get("/view/tail.svg").content == english.content
    assert served.get("/view/tail.svg?lang=en").content == english.content


def test_a_page_and_a_png_too(served: Served):
    assert "Nachrichten je Person" in served.get("/view/tail.html?lang=de").text
    pytest.importorskip("resvg_py", reason="the extra png is not installed")
    assert served.get("/view/tail.png?lang=de").content != served.get("/view/tail.png").content


def test_a_permanent_link_keeps_the_language(served: Served):
    german = served.get("/view/tail.svg?lang=de")
    assert "lang=de" in german.headers[HEADER]
    assert served.get(german.headers[HEADER]).content == german.content


@pytest.mark.parametrize("path", ["/view/tail.svg?lang=xx", "/view/own.svg?lang=../de"])
def test_an_unknown_language(served: Served, path: str):
    answer = served.get(path)
    assert answer.status_code == 400
    assert answer.json()["error"]["hint"] == "there are: en, de"


def test_a_query_has_no_language(served: Served):
    assert served.get("/query/tail.json?lang=de").json() == served.get("/query/tail.json").json()


def test_a_view_of_a_plugin(served: Served):
    assert "No data in this rangeenown words" in served.get("/view/own.svg").text
    german = served.get("/view/own.svg?lang=de").text
    assert "Keine Daten in diesem Zeitraumdeown words" in german
    assert "Quelle: " in german


def test_the_configured_language(folder: Path):
    config = Config(project=ProjectConfig(lang="de"))
    with serving(folder, config=config) as served:
        german = served.get("/view/tail.svg")
        assert "Nachrichten je Person" in german.text
        assert "lang=de" in german.headers[HEADER]
        assert "Messages per person" in served.get("/view/tail.svg?lang=en").text


def test_permanent_links_do_not_follow_the_configuration(tmp_path: Path):
    fill(tmp_path / "store")
    config = Config(project=ProjectConfig(lang="de"))
    with serving(tmp_path / "store", config=config) as served:
        page = served.get("/explore/view/tail").text
        links = re.findall(r'href="(/view/tail\.html\?[^"]*\bat=[^"]*)"', page)
        assert links
        assert all("lang=de" in link for link in links)
        link = served.get("/view/tail.svg").headers[HEADER]
        assert "Nachrichten je Person" in served.get(link).text
        assert "Messages per person" in served.get(link.replace("lang=de&", "")).text


def test_the_rows_behind_a_picture_have_english_columns(served: Served):
    for view in ("daily_users", "longtail", "volume"):
        german, english = (
            served.get(f"/view/{view}.csv{end}").text.partition("\r\n")[0]
            for end in ("?lang=de", "")
        )
        assert german == english
