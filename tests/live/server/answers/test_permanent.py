"""Permanent links: the same bytes whatever is stored later, and 410 once something is deleted."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from hubbub.store import Store
from hubbub.store.maintenance.compaction import compact
from hubbub.store.maintenance.retention import prune
from hubbub.store.privacy.forget import forget
from hubbub.store.query import identity
from hubbub.store.state import tokens
from tests.support.http import Served, serving
from tests.support.stores.filling import put
from tests.support.stores.small_store import START, fill, frames, lines

HEADER = "Hubbub-Permanent-Link"
PATHS = (
    "/query/users.json",
    "/query/volume.csv?per=week",
    "/query/longtail.html",
    "/query/radar.parquet",
    "/view/tail.svg",
    "/view/volume.html",
    "/view/volume.png?width=400",
)
NAMING = (
    "/query/users.json",
    "/query/users.parquet",
    "/query/users.json?user=dora",
    "/view/tail.svg",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    fill(tmp_path / "store", lines(120))
    return tmp_path / "store"


@pytest.fixture
def served(folder: Path) -> Iterator[Served]:
    with serving(folder) as running:
        yield running


def add_events(folder: Path, seed: int = 2) -> None:
    """Store more events in the same days, and merge two accounts."""
    with Store.open(folder) as store:
        put(store, *frames(lines(80, seed=seed), f"jsonl:{seed}"), load=True, writer=f"w{seed}")


def link(served: Served, path: str) -> str:
    answer = served.get(path)
    assert answer.status_code == 200, answer.text
    return answer.headers[HEADER]


def test_the_same_bytes_after_more_events(served: Served, folder: Path) -> None:
    links = {path: link(served, path) for path in PATHS}
    assert all("at=" in each and "since=2026" in each for each in links.values())
    first = {path: served.get(each) for path, each in links.items()}
    for path, answer in first.items():
        assert answer.status_code == 200, answer.text
        assert answer.content == served.get(path).content or "png" in path or "parquet" in path
        assert "immutable" in answer.headers["cache-control"]
    add_events(folder)
    with Store.open(folder) as store:
        identity.merge(store.state, "bob", "ann", who="t", why="same", time=1)
    for path, each in links.items():
        again = served.get(each)
        assert again.content == first[path].content, path
        assert again.headers["etag"] == first[path].headers["etag"]
        assert again.headers["content-type"] == first[path].headers["content-type"]
        assert served.get(path).content != first[path].content, path
        unchanged = served.get(each, headers={"If-None-Match": again.headers["etag"]})
        assert unchanged.status_code == 304


def test_an_address_that_is_opened_later_is_computed_from_its_version(
    served: Served, folder: Path
) -> None:
    before = served.get("/query/users.json")
    add_events(folder)
    answer = served.get(before.headers[HEADER])
    assert answer.status_code == 200
    assert answer.json()["data"] == before.json()["data"]
    assert served.get("/query/users.json").json()["data"] != before.json()["data"]


def test_a_version_that_cannot_be_read_is_404_with_a_hint(served: Served, folder: Path) -> None:
    kept, never = link(served, "/query/users.json"), link(served, "/query/objects.json")
    body = served.get(kept).content
    add_events(folder)
    with Store.open(folder) as store:
        compact(store)
        forget(store, "somebody")  # deletes the history of the table
    answer = served.get(never)
    assert answer.status_code == 404
    assert "leave out `at`" in answer.json()["error"]["hint"]
    assert served.get(kept).content == body
    assert served.get("/query/users.json?at=99999999999").status_code == 404


def test_after_forget_the_answer_is_gone_and_the_name_does_not_come_back(
    served: Served, folder: Path
) -> None:
    named = [link(served, path) for path in NAMING]
    unnamed = link(served, "/query/volume.json")
    for each in (*named, unnamed):
        assert served.get(each).status_code == 200
    with Store.open(folder) as store:
        forget(store, "dora", "asked for it")
    for each in named:
        answer = served.get(each)
        assert answer.status_code == 410, each
        assert "forgotten" in answer.json()["error"]["message"]
        assert "dora" not in answer.text
    assert served.get(unnamed).status_code == 200
    for path in (folder / "permanent").rglob("*"):
        assert not path.is_file() or b"dora" not in path.read_bytes()


def test_after_retention_answers_about_deleted_events_are_gone(
    served: Served, folder: Path
) -> None:
    start = datetime.fromtimestamp(START, UTC)
    old = link(served, "/query/volume.json")
    new = link(served, "/query/volume.json?since=2026-01-25")
    assert served.get(old).status_code == served.get(new).status_code == 200
    with Store.open(folder) as store:
        prune(store, now=start + timedelta(days=28), events=timedelta(days=10), bodies=None)
    answer = served.get(old)
    assert answer.status_code == 410
    assert "retention" in answer.json()["error"]["message"]
    assert served.get(new).status_code == 200


def test_who_may_not_see_names_has_another_answer(folder: Path) -> None:
    with serving(folder, auth="tokens", anonymous="people") as running:
        address = link(running, "/view/tail.svg")
        named = running.get(address)
        assert b"ann" in named.content
        assert "private" in named.headers["cache-control"]
    with serving(folder, auth="tokens", anonymous="read") as running:
        unnamed = running.get(address)
        assert unnamed.status_code == 200
        assert b"person 1" in unnamed.content
        assert b"ann<" not in unnamed.content
        assert running.get(address).content == unnamed.content


def test_without_room_it_is_507(folder: Path) -> None:
    with serving(folder, permanent_size="2KiB") as running:
        answers = [
            running.get(link(running, path)) for path in ("/query/users.json", "/query/tail.json")
        ]
        assert answers[-1].status_code == 507
        assert "permanent_size" in answers[-1].json()["error"]["hint"]
        assert running.get("/query/users.json").status_code == 200


def test_half_of_the_room_is_for_those_who_have_a_token(folder: Path) -> None:
    with Store.open(folder) as store:
        _, secret = tokens.add(store.state, "kim", ["read"], now=0, expires=4 * 10**15)
    with serving(folder, auth="tokens", anonymous="read", permanent_size="16KiB") as running:
        path = "/query/volume.json?per=hour&until=2026-01-04"
        statuses, headers = [], {"Authorization": f"Bearer {secret}"}
        for days in range(1, 20):
            address = link(running, f"/query/volume.json?until=2026-01-{days + 1:02}")
            statuses.append(running.get(address).status_code)
        assert statuses[0] == 200
        assert statuses[-1] == 507
        address = link(running, path)
        assert running.get(address).status_code == 507
        assert running.get(address, headers=headers).status_code == 200
        assert running.get(address).status_code == 200, "what is kept is for everybody"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/query/volume.json?at=x", "at cannot be 'x'"),
        ("/query/volume.json?at=-1", "at cannot be"),
        ("/query/volume.json?at=0&since=7d", "needs times"),
        ("/query/volume.json?at=0&since=2027-01-01&until=2026-01-01", "the range ends"),
    ],
)
def test_mistakes(served: Served, folder: Path, path: str, words: str) -> None:
    add_events(folder)
    answer = served.get(path)
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert words in f"{error['message']} {error['hint']}"


def test_the_link_begins_with_the_prefix_of_a_proxy(folder: Path) -> None:
    with serving(folder, root_path="/stats") as running:
        answer = requests.get(f"{running.url}/stats/query/volume.json", timeout=30)
        if answer.status_code == 404:  # the proxy removes the prefix
            answer = requests.get(f"{running.url}/query/volume.json", timeout=30)
        assert answer.headers[HEADER].startswith("/stats/query/volume.json?")


def test_pages_have_a_link_to_copy_and_one_that_explains(folder: Path) -> None:
    with serving(folder) as running:
        for path in ("/explore/view/tail", "/explore/query/volume?per=week"):
            page = running.get(path, headers={"Accept": "text/html"})
            [address] = re.findall(r'href="([^"]*at=[^"]*)"', page.text)
            answer = running.get(html.unescape(address), headers={"Accept": "text/html"})
            assert answer.status_code == 200, answer.text
            assert "immutable" in answer.headers["cache-control"]
        [explained] = re.findall(r'href="(/explain/volume[^"]*)"', page.text)
        assert running.get(html.unescape(explained)).status_code == 200
    with serving(folder, auth="tokens", anonymous="read") as running:
        page = running.get("/explore/query/volume", headers={"Accept": "text/html"})
        assert "at=" in page.text
        assert "/explain/volume" not in page.text
