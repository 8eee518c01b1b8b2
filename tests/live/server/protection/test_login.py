"""Logging in and out, and a person's own page, as a browser without scripts does it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import requests

from hubbub.config import Config
from hubbub.live.server.login.own_page import own_load
from hubbub.run.configured import configured_runner
from hubbub.store import Store
from hubbub.store.privacy.forget import forget
from hubbub.store.state import tokens
from tests.support.http import Served, serving
from tests.support.stores.small_store import START, USERS, fill, lines

FAR = 4_000_000_000_000_000  # 2096, µs
DAYS = 140


def busy_lately() -> list[dict[str, Any]]:
    """Twenty weeks of all users, of whom ann works far more in the last four."""
    events = lines(1600, DAYS)
    end = START + DAYS * 86_400
    more = {"topic": "org.example.prod.git.receive", "agent": "ann", "users": ["ann"]}
    return events + [
        {**more, "id": f"m{n}", "timestamp": end - 3600 - n * 3000, "objects": [f"own/{n % 3}"]}
        for n in range(700)
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("login") / "store"
    fill(path, sorted(busy_lately(), key=lambda line: line["timestamp"]))
    return path


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Served]:
    with serving(folder, auth="tokens") as running:
        yield running


def made(folder: Path, name: str, *scopes: str, person: str | None = None) -> str:
    with Store.open(folder) as store:
        return tokens.add(store.state, name, scopes, person=person, now=0, expires=FAR)[1]


@pytest.fixture
def browser() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.headers["Accept"] = "text/html,*/*;q=0.8"
        yield session


def test_a_token_is_exchanged_for_a_session(
    served: Served, folder: Path, browser: requests.Session
) -> None:
    secret = made(folder, "browser", "people")
    page = browser.get(f"{served.url}/login?next=/query/users.html").text
    [(method, action)] = re.findall(r'<form method="(\w+)" action="([^"]+)"', page)
    [target] = re.findall(r'name="next" value="([^"]+)"', page)
    assert (method, action, target) == ("post", "/login", "/query/users.html")
    assert "<script" not in page
    answer = browser.post(
        served.url + action, data={"token": f" {secret}\n", "next": target}, allow_redirects=False
    )
    assert answer.status_code == 303
    assert answer.headers["location"] == "/query/users.html"
    assert answer.headers["cache-control"] == "no-store"
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie  # of http
    assert secret not in cookie
    assert "ann" in browser.get(f"{served.url}/query/users.html").text
    page = browser.get(f"{served.url}/logout").text
    assert "<b>browser</b>" in page
    assert "ann" in browser.get(f"{served.url}/query/users.html").text  # a link logs nobody out
    value = browser.cookies["hubbub_session"]
    assert browser.post(f"{served.url}/logout", allow_redirects=False).status_code == 303
    assert not browser.cookies
    old = {"Cookie": f"hubbub_session={value}"}
    assert (
        requests.get(f"{served.url}/query/users.json", headers=old, timeout=60).status_code == 403
    )


def test_the_session_of_a_revoked_token_ends(
    served: Served, folder: Path, browser: requests.Session
) -> None:
    secret = made(folder, "soon", "people")
    browser.post(f"{served.url}/login", data={"token": secret})
    assert browser.get(f"{served.url}/query/users.json").status_code == 200
    with Store.open(folder) as store:
        tokens.revoke(store.state, "soon")
    assert browser.get(f"{served.url}/query/users.json").status_code == 403


def test_a_wrong_token_gives_the_form_again(served: Served, browser: requests.Session) -> None:
    answer = browser.post(f"{served.url}/login", data={"token": "<b>wrong", "next": "/x"})
    assert answer.status_code == 401
    assert 'role="alert"' in answer.text
    assert "wrong" not in answer.text
    assert 'name="next" value="/x"' in answer.text
    assert not browser.cookies


@pytest.mark.parametrize(
    "target",
    ["https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil", "javascript:x", "x",
     "/a\r\nSet-Cookie: x=y", "/\t/evil.example", ""],
)  # fmt: skip
def test_logging_in_leads_to_no_other_site(served: Served, folder: Path, target: str) -> None:
    secret = made(folder, f"to {target.encode().hex()}.", "read")
    answer = requests.post(
        f"{served.url}/login", data={"token": secret, "next": target}, allow_redirects=False,
        timeout=60,
    )  # fmt: skip
    assert answer.headers["location"] == "/"
    assert "x=y" not in answer.headers["set-cookie"]


def test_a_link_opens_the_persons_own_page_and_nothing_else(
    served: Served, folder: Path, browser: requests.Session
) -> None:
    secret = made(folder, "page of ann", person="ann")
    answer = browser.get(f"{served.url}/me", params={"token": secret}, allow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/me"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "Path=/me" in answer.headers["set-cookie"]
    page = browser.get(f"{served.url}/me")
    assert page.status_code == 200
    assert "noindex" in page.headers["x-robots-tag"]
    assert page.headers["cache-control"] == "no-store"
    assert "<b>ann</b>" in page.text
    assert "<b>more work than is usual for you</b>" in page.text
    assert "<b>something that nobody else touches</b>" in page.text
    assert not re.search(rf"\b({'|'.join(set(USERS) - {'ann'})})\b", page.text)
    assert secret not in page.text
    assert "<script" not in page.text
    for path in ("/query/users.json", "/query/overload.json?people=yes"):
        assert browser.get(served.url + path).status_code == 403
        bearer = {"Authorization": f"Bearer {secret}"}
        assert requests.get(served.url + path, headers=bearer, timeout=60).status_code == 403
    again = browser.get(f"{served.url}/me", params={"token": secret})  # on another device
    assert "<b>ann</b>" in again.text
    closed = browser.post(f"{served.url}/me/close")
    assert "Closed" in closed.text
    assert browser.get(f"{served.url}/me").status_code == 401


def test_the_numbers_are_those_of_the_query(folder: Path) -> None:
    with Store.open(folder) as store:
        result = configured_runner(store, Config()).query("overload", people=True)
        rows = {row["user"]: row for row in result.data}
        assert set(rows) == set(USERS)
        loads = {user: own_load(store, Config(), user) for user in USERS}
        assert {user: load.row for user, load in loads.items()} == rows
        assert all(set(rows[user]["signs"]) <= set(load.judged) for user, load in loads.items())
        assert own_load(store, Config(), "nobody").row is None
        # a sign counts among those for which the query says that it is judged
        rates = {rate["sign"]: rate["of"] for rate in result.diagnostics["base_rates"]}
        judged = [load.judged for load in loads.values()]
        assert {sign: sum(sign in one for one in judged) for sign in rates} == rates


def test_what_is_too_short_to_tell_is_said(tmp_path: Path, browser: requests.Session) -> None:
    folder = tmp_path / "store"
    fill(folder, lines(60, 10))
    secret = made(folder, "page", person="hal")
    other = made(folder, "stranger", person="zoe")
    with serving(folder, auth="tokens") as running:
        text = browser.get(f"{running.url}/me", params={"token": secret}).text
        assert text.count("too short to tell") >= 4
        assert "No sign of too much work, as far as the data tell" in text
        text = browser.get(f"{running.url}/me", params={"token": other}).text
        assert "names you" in text
        with Store.open(folder) as store:
            forget(store, "zoe", "asked for it")
        assert browser.get(f"{running.url}/me").status_code == 401


def test_a_link_on_another_site_works(served: Served, folder: Path) -> None:
    cross = {"Sec-Fetch-Site": "cross-site", "Accept": "text/html"}
    page = requests.get(f"{served.url}/me", headers=cross, timeout=60)  # without the new cookie
    assert page.status_code == 200
    assert '<meta http-equiv="refresh" content="0;url=/me">' in page.text
    alone = requests.get(f"{served.url}/me", headers={"Accept": "text/html"}, timeout=60)
    assert alone.status_code == 401


def test_a_token_of_scopes_opens_no_page_of_a_person(served: Served, folder: Path) -> None:
    secret = made(folder, "scopes", "admin")
    answer = requests.get(f"{served.url}/me", params={"token": secret}, timeout=60)
    assert answer.status_code == 403
    assert requests.get(f"{served.url}/me?token=wrong", timeout=60).status_code == 401
    session = requests.post(f"{served.url}/login", data={"token": secret}, allow_redirects=False,
                            timeout=60).cookies["hubbub_session"]  # fmt: skip
    swapped = {"Cookie": f"hubbub_me={session}"}
    assert requests.get(f"{served.url}/me", headers=swapped, timeout=60).status_code == 401


def test_a_link_entered_at_login_leads_to_the_page(served: Served, folder: Path) -> None:
    secret = made(folder, "page of bob", person="bob")
    answer = requests.post(f"{served.url}/login", data={"token": secret}, allow_redirects=False,
                           timeout=60)  # fmt: skip
    assert answer.headers["location"] == "/me"
    assert "hubbub_me=" in answer.headers["set-cookie"]


def test_a_browser_that_may_not_see_something_is_led_to_the_login_and_back(
    served: Served, folder: Path, browser: requests.Session
) -> None:
    secret = made(folder, "led", "people")
    refused = browser.get(f"{served.url}/query/users.html?since=2026-01-01&top=3")
    assert refused.status_code == 403
    assert refused.headers["cache-control"] == "no-store"
    links = re.findall(r'href="(/login\?[^"]+)"', refused.text)
    assert len(links) == 1
    page = browser.get(served.url + unescape(links[0])).text
    [target] = re.findall(r'name="next" value="([^"]+)"', page)
    answer = browser.post(f"{served.url}/login", data={"token": secret, "next": unescape(target)})
    assert answer.status_code == 200
    assert answer.url.endswith("/query/users.html?since=2026-01-01&top=3")
    assert "ann" in answer.text


def test_no_token_of_an_address_gets_into_a_page(served: Served, browser: requests.Session) -> None:
    page = browser.get(f"{served.url}/me?token=hubbub_wrong")
    assert page.status_code == 401
    assert "hubbub_wrong" not in page.text
    cross = {"Sec-Fetch-Site": "cross-site"}
    page = browser.get(f"{served.url}/httpevent?message=x", headers=cross)
    assert page.status_code == 403
    assert "next=" not in page.text  # logging in must not lead to what another site asked for
