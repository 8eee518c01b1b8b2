"""`/feed.atom` is an Atom feed (RFC 4287) of complete weeks, the same for everybody."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from hubbub.store import Store
from tests.support.http import Served, serving
from tests.support.stores.filling import put
from tests.support.stores.small_store import USERS, fill, frames, lines

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("feed") / "store"
    fill(path, lines(300, days=50))
    return path


def entries(body: bytes) -> list[ET.Element]:
    return ET.fromstring(body).findall(f"{ATOM}entry")


def only(parent: ET.Element, name: str) -> str:
    """Return the text of the only child of that name."""
    [child] = parent.findall(f"{ATOM}{name}")
    return child.text or ""


def test_required_elements(served: Served) -> None:
    answer = served.get("/feed.atom")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/atom+xml; charset=utf-8"
    feed = ET.fromstring(answer.content)
    assert feed.tag == f"{ATOM}feed"
    assert feed.findall(f"{ATOM}author/{ATOM}name")[0].text
    for element in (feed, *entries(answer.content)):
        assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", only(element, "id"))
        assert only(element, "title")
        assert datetime.fromisoformat(only(element, "updated")).tzinfo is not None
    links = {link.get("rel"): link.get("href") for link in feed.findall(f"{ATOM}link")}
    assert links["self"] == f"{served.url}/feed.atom"
    ids = [only(entry, "id") for entry in entries(answer.content)]
    assert len(ids) == len(set(ids)) == 6  # 5 January to 16 February
    for entry in entries(answer.content):
        [content] = entry.findall(f"{ATOM}content")
        assert content.get("type") == "html"
        [link] = entry.findall(f"{ATOM}link")
        assert served.get((link.get("href") or "").removeprefix(served.url)).status_code == 200
    updated = [only(entry, "updated") for entry in entries(answer.content)]
    assert updated == sorted(updated, reverse=True)
    assert only(feed, "updated") == updated[0]


def test_sentences_are_the_numbers_of_the_queries(served: Served) -> None:
    newest = entries(served.get("/feed.atom").content)[0]
    end = datetime.fromisoformat(only(newest, "updated"))
    [content] = newest.findall(f"{ATOM}content")
    said = html.unescape(content.text or "")
    span = f"since=2026-02-09&until={end.astimezone(UTC):%Y-%m-%d}"
    week = served.get(f"/query/daily_users.json?per=week&{span}").json()["data"][0]
    volume = served.get(f"/query/volume.json?per=week&{span}").json()["data"][0]
    assert f"{volume['messages']} messages" in only(newest, "title")
    assert f"{week['users']} people" in only(newest, "title")
    assert "Completeness unproven" in said
    assert "not seen in the 4 weeks before" in said
    assert "Compared with" in said
    oldest = entries(served.get("/feed.atom").content)[-1]
    [first] = oldest.findall(f"{ATOM}content")
    assert "It is the first whole week that is stored." in (first.text or "")


def test_entries_stay_themselves(folder: Path, served: Served) -> None:
    first = served.get("/feed.atom")
    again = served.get("/feed.atom", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    fewer = served.get("/feed.atom?weeks=2")
    assert [ET.tostring(entry) for entry in entries(fewer.content)] == [
        ET.tostring(entry) for entry in entries(first.content)[:2]
    ]
    with serving(folder, auth="tokens") as other:
        elsewhere = other.get("/feed.atom")
        assert [only(e, "id") for e in entries(elsewhere.content)] == [
            only(e, "id") for e in entries(first.content)
        ]


def test_nobody_is_named(folder: Path) -> None:
    with serving(folder, auth="tokens", anonymous="read") as running:
        answer = running.get("/feed.atom")
        assert answer.status_code == 200
        for name in USERS:
            assert not re.search(rf"\b{name}\b", answer.text)


def test_hostile_topics_are_escaped(tmp_path: Path) -> None:
    events = lines(60, days=20)
    for event in events:
        event["topic"] = "org.example.prod.<script>alert(1)</script>&.x"
    fill(tmp_path / "store", events)
    with serving(tmp_path / "store") as running:
        answer = running.get("/feed.atom")
    assert entries(answer.content)
    for entry in entries(answer.content):
        [content] = entry.findall(f"{ATOM}content")
        assert "<script" not in (content.text or "")


def test_an_empty_store_has_an_empty_feed(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store") as store:
        put(store, *frames([]), load=True)
    with serving(tmp_path / "store") as running:
        answer = running.get("/feed.atom")
    assert answer.status_code == 200
    assert entries(answer.content) == []
    assert only(ET.fromstring(answer.content), "updated")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/feed.atom?weeks=0", "weeks cannot be"),
        ("/feed.atom?weeks=x", "weeks cannot be"),
        ("/feed.atom?colour=red", "no parameter 'colour'"),
        ("/feed.atom?tz=Nowhere/City", "no such time zone"),
    ],
)
def test_mistakes(served: Served, path: str, words: str) -> None:
    answer = served.get(path)
    assert answer.status_code == 400, answer.text
    assert words in answer.json()["error"]["message"]


def test_weeks_are_those_of_the_zone_and_of_the_filter(served: Served) -> None:
    answer = served.get("/feed.atom?tz=Asia/Tokyo&category=git")
    newest = entries(answer.content)[0]
    assert only(newest, "updated") == "2026-02-15T15:00:00Z"
    all_of_them = entries(served.get("/feed.atom").content)[0]
    assert only(newest, "id") != only(all_of_them, "id")
