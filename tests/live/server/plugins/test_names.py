"""Functions of plugins over HTTP, for those who may and may not see the names of people."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from hubbub.store import Store
from hubbub.store.state import tokens
from tests.support.http import Served, serving
from tests.support.stores.small_store import USERS, fill

NAMES = re.compile(rf"\b({'|'.join(USERS)})\b")
PLUGIN = """
from hubbub import query, view

@query
def mine(events):
    return events.unnest_users("time").select("user").limit(5)

@query(names_people=False)
def number(events):
    return events.count_events()

@query(accounts=("who",))
def counted(events):
    people = events.unnest_users("time")
    return people.group_by(who=people.user).agg(n=people.count()).order_by("who")

@query
def kept(db):
    return list(db["users"])

@query
def hello(user):
    return f"hello {user}"

@view
def picture(query, chart):
    return chart.bars(query.counted(), x="who", y="n")

@view
def page(query):
    return "<p>" + ", ".join(row["user"] for row in query.users().data)

@view
def raw(query):
    return str(query.mine().data)
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("names")
    fill(folder / "store")
    (folder / "naming.py").write_text(PLUGIN)
    with serving(folder / "store", plugins=[folder / "naming.py"], auth="tokens") as running:
        yield running


@pytest.fixture(scope="module")
def people(served: Served) -> dict[str, str]:
    with Store.open(served.server.store_folder) as store:
        _, secret = tokens.add(store.state, "p", ["people"], now=0, expires=4 * 10**15)
    return {"Authorization": f"Bearer {secret}"}


@pytest.mark.parametrize("path", ["/query/mine.json", "/query/counted.json", "/query/kept.json",
                                  "/query/number.json?user=ann", "/view/raw"])  # fmt: skip
def test_what_names_people_needs_the_scope(
    served: Served, people: dict[str, str], path: str
) -> None:
    refused = served.get(path)
    assert refused.status_code == 403
    assert "`people`" in refused.json()["error"]["hint"]
    assert not NAMES.search(refused.text.replace("user=ann", ""))
    assert served.get(path, headers=people).status_code == 200


def test_what_says_that_it_names_nobody_is_answered(served: Served) -> None:
    assert served.get("/query/number.json").json()["data"] == 400
    assert served.get("/query/hello?user=ann").text == "hello ann"


@pytest.mark.parametrize("path", ["/view/picture.svg", "/view/picture.html", "/view/page"])
def test_views_get_results_without_names(served: Served, people: dict[str, str], path: str) -> None:
    hidden, named = served.get(path), served.get(path, headers=people)
    assert (hidden.status_code, named.status_code) == (200, 200)
    assert "person 1" in hidden.text
    assert not NAMES.search(hidden.text)
    assert NAMES.search(named.text)
    assert served.get(path).text == hidden.text
