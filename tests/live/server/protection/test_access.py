"""Tokens, scopes and what is answered without them, over HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubbub.live.server.attempts import Attempts
from hubbub.store import Store
from hubbub.store.state import tokens
from tests.support.http import Served, serving
from tests.support.stores.small_store import USERS

FAR = 4_000_000_000_000_000  # 2096, µs


@pytest.fixture(scope="module")
def secrets(folder: Path) -> dict[str, str]:
    """The secret of a token for each scope, and of one that has expired."""
    with Store.open(folder) as store:
        made = {
            scope: tokens.add(store.state, scope, [scope], now=0, expires=FAR)[1]
            for scope in tokens.SCOPES
        }
        made["expired"] = tokens.add(store.state, "expired", ["admin"], now=0, expires=1)[1]
    return made


@pytest.fixture(scope="module")
def served(folder: Path, secrets: dict[str, str]) -> Iterator[Served]:
    with serving(folder, auth="tokens") as running:
        yield running


@pytest.fixture(scope="module")
def closed(folder: Path, secrets: dict[str, str]) -> Iterator[Served]:
    with serving(folder, auth="tokens", anonymous="none") as running:
        yield running


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def test_without_a_token_aggregates_are_answered_and_nobody_is_named(served: Served) -> None:
    answer = served.get("/query/volume.json")
    assert answer.status_code == 200
    assert answer.json()["data"]
    assert not answer.headers["cache-control"].startswith("private")
    refused = served.get("/query/users.json")
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "forbidden"
    assert "`people`" in refused.json()["error"]["hint"]
    assert not [user for user in USERS if user in json.dumps(refused.json())]


@pytest.mark.parametrize("form", ["svg", "html"])
@pytest.mark.parametrize("name", ["tail", "heatmap", "radar", "lorenz", "overload"])
def test_pictures_name_people_to_those_who_may_see_them(
    served: Served, secrets: dict[str, str], name: str, form: str
) -> None:
    path = f"/view/{name}.{form}" + ("?people=yes" if name == "overload" else "")
    named = served.get(path, headers=bearer(secrets["people"]))
    hidden = served.get(path)
    assert (named.status_code, hidden.status_code) == (200, 200)
    names = re.compile(rf"\b({'|'.join(USERS)})\b")
    assert names.search(named.text)
    assert not names.search(hidden.text)
    assert "person 1" in hidden.text
    assert named.headers["cache-control"].startswith("private")
    assert named.headers["etag"] != hidden.headers["etag"]
    again = served.get(path)  # what was kept for one is not answered to another
    assert again.content == hidden.content


@pytest.mark.parametrize(
    "path",
    [
        "/query/volume.json?user=ann",
        "/query/volume.json?not_user=ann",
        "/query/what_if.json?without=ann",
        "/view/volume.svg?user=ann",
        "/view/radar.svg?user=ann",
    ],
)
def test_names_cannot_be_tried_out(served: Served, secrets: dict[str, str], path: str) -> None:
    assert served.get(path).status_code == 403
    assert served.get(path, headers=bearer(secrets["read"])).status_code == 403
    assert served.get(path, headers=bearer(secrets["people"])).status_code == 200


@pytest.mark.parametrize("secret", ["", "wrong", "hubbub_" + "x" * 43, "x" * 5000, "é"])
def test_a_bad_token_is_refused_even_where_none_is_needed(served: Served, secret: str) -> None:
    answer = served.get(
        "/query/volume.json", headers={"Authorization": f"Bearer {secret}".encode()}
    )
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert answer.json()["error"]["code"] == "unauthorized"
    if secret:
        assert secret not in answer.text


def test_an_expired_or_revoked_token_is_bad(
    served: Served, secrets: dict[str, str], folder: Path
) -> None:
    assert served.get("/query/volume.json", headers=bearer(secrets["expired"])).status_code == 401
    with Store.open(folder) as store:
        _, secret = tokens.add(store.state, "gone", ["read"], now=0, expires=FAR)
        assert served.get("/query/volume.json", headers=bearer(secret)).status_code == 200
        tokens.revoke(store.state, "gone")
    assert served.get("/query/volume.json", headers=bearer(secret)).status_code == 401


def test_other_schemes_of_a_proxy_are_no_tokens(served: Served) -> None:
    answer = served.get("/query/volume.json", headers={"Authorization": "Basic YTpi"})
    assert answer.status_code == 200


def test_scopes_are_separate(closed: Served, secrets: dict[str, str]) -> None:
    def status(path: str, name: str | None) -> int:
        headers = {} if name is None else bearer(secrets[name])
        return closed.get(path, headers=headers).status_code

    assert [status("/query/volume.json", name) for name in (None, *tokens.SCOPES)] == [
        401, 200, 200, 403, 200,
    ]  # fmt: skip
    assert [status("/query/users.json", name) for name in (None, *tokens.SCOPES)] == [
        401, 403, 200, 403, 200,
    ]  # fmt: skip
    lacking = closed.get("/query/volume.json", headers=bearer(secrets["write"])).json()["error"]
    assert lacking["message"] == "the token 'write' lacks the scope `read`"
    assert closed.get("/query/volume.json").headers["www-authenticate"].startswith("Bearer")
    assert closed.get("/healthz").status_code == 200


def test_everybody_may_see_names_where_the_configuration_says_so(folder: Path) -> None:
    with serving(folder, auth="tokens", anonymous="people") as running:
        assert running.get("/query/users.json").json()["data"][0]["user"] == "ann"
        assert running.get("/query/volume.json?user=ann").status_code == 200


def test_without_authentication_tokens_do_not_matter(folder: Path) -> None:
    with serving(folder, auth="none") as running:
        assert running.get("/query/users.json", headers=bearer("wrong")).status_code == 200


def test_files_of_the_server_are_not_read(served: Served, secrets: dict[str, str]) -> None:
    for query in ("daily_metrics", "material_usage"):
        answer = served.get(
            f"/query/{query}.json?staff=/etc/passwd", headers=bearer(secrets["admin"])
        )
        assert answer.status_code == 400
        assert "staff is a file" in answer.json()["error"]["message"]
        assert "root" not in answer.text


def test_too_many_bad_tokens_have_to_wait_but_a_valid_one_never(
    folder: Path, secrets: dict[str, str]
) -> None:
    with serving(folder, auth="tokens") as running:
        statuses = [
            running.get("/query/volume.json", headers=bearer(f"no{n}")).status_code
            for n in range(25)
        ]
        assert statuses == [401] * 20 + [429] * 5
        refused = running.get("/query/volume.json", headers=bearer("no"))
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        valid = running.get("/query/volume.json", headers=bearer(secrets["read"]))
        assert valid.status_code == 200


def test_attempts_are_counted_by_address_and_bounded() -> None:
    now = 0.0
    attempts = Attempts(most=2, period=10, addresses=3, clock=lambda: now)
    assert [attempts.fail("1.2.3.4") for _ in range(4)] == [0, 0, 10, 10]
    assert attempts.fail("1.2.3.5") == 0
    now = 4.0
    assert attempts.fail("1.2.3.4") == 6
    now = 10.0
    assert attempts.fail("1.2.3.4") == 0
    assert [attempts.fail(f"2001:db8::{n}") for n in range(3)] == [0, 0, 10]  # one network
    for n in range(100):
        attempts.fail(f"10.0.0.{n}")
    assert len(attempts) == 3
