"""Headers, hosts, origins, methods, bodies and prefixes, over HTTP."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from hubbub.config import Config, load
from hubbub.errors import UsageError
from hubbub.live.server.protection.bodies import MAX_BODY
from hubbub.live.server.protection.hosts import allowed_host
from hubbub.live.server.settings import is_loopback, serve_settings
from tests.support.http import Served, serving


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Served]:
    with serving(folder, hosts=("stats.example.org", "*.example.net")) as running:
        yield running


def address(served: Served) -> tuple[str, int]:
    host, _, port = served.url.removeprefix("http://").rpartition(":")
    return host, int(port)


def exchange(served: Served, request: bytes, seconds: float = 20) -> bytes:
    """Send bytes, and return everything that comes until the server closes the connection."""
    with socket.create_connection(address(served), timeout=seconds) as connection:
        connection.sendall(request)
        answer = b""
        while data := connection.recv(65536):
            answer += data
    return answer


PATHS = [
    *("/query/volume.json", "/query/volume.html", "/view/tail.svg", "/view/tail.html", "/login"),
    *("/static/page.css", "/healthz", "/nothing", "/query/nothing", "/schema", "/me"),
]


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_has_a_policy_without_scripts_of_others(served: Served, path: str) -> None:
    for answer in (
        served.get(path, headers={"Accept": "text/html"}),
        requests.head(served.url + path, timeout=60),
        served.session.options(served.url + path, timeout=60),
        served.session.request("BREW", served.url + path, timeout=60),
        served.get(path, headers={"Host": "evil.example"}),
    ):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "frame-ancestors 'self'" in policy
        for part in policy.split("; "):
            assert "unsafe-eval" not in part
            assert not (part.startswith("script-src") and part != "script-src 'self'")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] in {"same-origin", "no-referrer"}
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
        assert "uvicorn" not in answer.headers.get("server", "")


@pytest.mark.parametrize("path", ["/query/volume.json", "/view/volume.svg", "/login"])
def test_methods(served: Served, path: str) -> None:
    get = served.get(path)
    head = requests.head(served.url + path, timeout=60)
    assert head.status_code == get.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == str(len(get.content))
    options = served.session.options(served.url + path, timeout=60)
    assert (options.status_code, options.content) == (200, b"")
    assert {"GET", "HEAD", "POST", "OPTIONS"} <= set(options.headers["allow"].split(", "))
    assert served.session.request("BREW", served.url + path, timeout=60).status_code == 501
    for method in ("DELETE", "PUT", "PATCH", "TRACE"):
        refused = served.session.request(method, served.url + path, timeout=60)
        assert refused.status_code == 405
        assert {"GET", "POST"} <= set(refused.headers["allow"].split(", "))
    refused = served.post("/static/page.css")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LocalHost:8717", 200),
        ("localhost.", 200),
        ("127.0.0.1:1", 200),
        ("[::1]:8717", 200),
        ("stats.example.org", 200),
        ("STATS.example.org:443", 200),
        ("a.b.example.net", 200),
        ("example.net", 421),
        ("evil.example", 421),
        ("stats.example.org.evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("192.168.1.1", 421),
        ("localhost@evil.example", 421),
        ("localhost/evil", 421),
        ("localhost evil", 421),
        ("2130706433", 421),
        ("[::1].evil", 421),
        ("localhost:port", 421),
        ("", 421),
    ],
)
def test_only_known_names_are_answered(served: Served, host: str, status: int) -> None:
    request = f"GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    answer = exchange(served, request.encode())
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    if status == 421:
        assert b"hosts in [serve]" in answer


def test_a_request_needs_one_host(served: Served) -> None:
    assert exchange(served, b"GET /healthz HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    for request in (
        b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    ):
        assert exchange(served, request).startswith(b"HTTP/1.1 400 ")


def test_the_address_of_the_connection_is_a_name() -> None:
    assert allowed_host("192.168.1.5:8717", (), "192.168.1.5")
    assert allowed_host("[2001:db8::1]:8717", (), "2001:db8::1")
    assert allowed_host("[fe80::1]", (), "fe80::1%eth0")
    assert not allowed_host("192.168.1.6", (), "192.168.1.5")
    assert not allowed_host("evil.example", (), "192.168.1.5")
    assert allowed_host("evil.example", ("*",), "192.168.1.5")


@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ({}, False),
        ({"Sec-Fetch-Site": "same-origin"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, True),
        ({"Sec-Fetch-Site": "same-site"}, True),
        ({"Sec-Fetch-Site": "x"}, True),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "OWN"}, True),
        ({"Origin": "OWN"}, False),
        ({"Origin": "https://evil.example"}, True),
        ({"Origin": "http://127.0.0.1:1"}, True),
        ({"Origin": "null"}, True),
        ({"Origin": ""}, True),
    ],
)
def test_another_site_changes_nothing(
    served: Served, headers: dict[str, str], *, refused: bool
) -> None:
    own = {name: served.url if value == "OWN" else value for name, value in headers.items()}
    changes: list[tuple[str, str]] = [("POST", "/login"), ("POST", "/logout"), ("PUT", "/x"),
                                      ("GET", "/httpevent"), ("POST", "/query/volume")]  # fmt: skip
    for method, path in changes:
        answer = requests.request(method, served.url + path, headers=own, timeout=60)
        assert (answer.status_code == 403) == refused
        if refused:
            assert answer.json()["error"]["code"] == "cross-site"
    assert served.get("/query/volume.json", headers=own).status_code == 200  # a link is no change


def test_configured_sites_may_read_and_send(folder: Path) -> None:
    site = {"Origin": "https://wiki.example.org", "Sec-Fetch-Site": "cross-site"}
    other = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    with serving(folder, cors=("https://wiki.example.org",)) as running:
        answer = running.get("/query/volume.json", headers=site)
        assert answer.headers["access-control-allow-origin"] == "https://wiki.example.org"
        assert "access-control-allow-credentials" not in answer.headers
        assert "access-control-allow-origin" not in running.get("/healthz", headers=other).headers
        asked = {"Access-Control-Request-Method": "POST"}
        asked["Access-Control-Request-Headers"] = "authorization"
        preflight = running.session.options(
            f"{running.url}/query/volume", headers=site | asked, timeout=60
        )
        assert preflight.status_code == 200
        assert "Authorization" in preflight.headers["access-control-allow-headers"]
        refused = running.session.options(
            f"{running.url}/query/volume", headers=other | asked, timeout=60
        )
        assert refused.status_code == 400
        assert running.post("/query/volume", headers=site).status_code == 200
        assert running.post("/query/volume", headers=other).status_code == 403


def test_configured_sites_may_show_answers_in_a_frame(folder: Path) -> None:
    with serving(folder, frame_ancestors=("https://wiki.example.org",)) as running:
        for path in PATHS:
            policy = running.get(path).headers["content-security-policy"]
            assert policy.endswith("frame-ancestors 'self' https://wiki.example.org")


@pytest.mark.parametrize("path", ["/login", "/query/volume"])
def test_a_body_is_bounded(served: Served, path: str) -> None:
    fits = {"data": b"token=" + b"x" * (MAX_BODY - 6),
            "headers": {"Content-Type": "application/x-www-form-urlencoded"}}  # fmt: skip
    assert served.post(path, **fits).status_code in {400, 401}
    too_large = fits | {"data": fits["data"] + b"x"}  # type: ignore[operator]
    answer = served.post(path, **too_large)
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "too-large"

    def chunks() -> Iterator[bytes]:  # without a length
        for _ in range(20):
            yield b"x" * 100_000

    assert served.post(path, headers=fits["headers"], data=chunks()).status_code == 413


def test_whoever_sends_far_too_much_learns_why(served: Served) -> None:
    answer = served.post("/query/volume", data=b"x" * (30 << 20))
    assert answer.status_code == 413
    assert "larger than 1 MiB" in answer.json()["error"]["message"]
    head = (
        b"POST /query/volume HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n"
        b"Expect: 100-continue\r\n\r\n"
    )
    assert exchange(served, head).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("length", ["99999999999999999999999", "1048577", "-1", "1e3", "0x10"])
def test_a_length_is_believed_only_where_it_is_small(served: Served, length: str) -> None:
    head = f"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
    answer = exchange(served, head.encode())
    assert answer.split(b" ")[1] in {b"400", b"413"}


def test_a_server_below_a_path(folder: Path) -> None:
    with serving(folder, auth="tokens", root_path="/hubbub/") as running:
        for path in ("/hubbub/query/volume.json", "/query/volume.json"):  # removed by the proxy
            assert running.get(path).status_code == 200
        page = running.get("/hubbub/login", headers={"Accept": "text/html"}).text
        assert 'action="/hubbub/login"' in page
        assert 'href="/hubbub/static/page.css"' in page
        assert running.get("/hubbub/static/page.css").status_code == 200
        for path in ("/hubbubx/healthz", "/hubbub/hubbub/healthz"):
            assert running.get(path).status_code == 404


def test_a_proxy_is_believed_only_where_it_is_trusted(folder: Path) -> None:
    forwarded = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}

    def failures(running: Served) -> int:
        statuses = [
            running.post(
                "/login", data={"token": "x"}, headers={**forwarded, "X-Forwarded-For": ip}
            )
            for ip in [f"203.0.113.{n}" for n in range(22)]
        ]
        return sum(answer.status_code == 429 for answer in statuses)

    with serving(folder, auth="tokens", trusted_proxies=("127.0.0.0/8",)) as running:
        assert failures(running) == 0  # of different clients
    with serving(folder, auth="tokens") as running:
        assert failures(running) == 2  # all of 127.0.0.1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"auth": "none", "host": "0.0.0.0"}, "open to other machines"),
        ({"auth": "none", "host": "127.evil.example"}, "open to other machines"),
        ({"auth": "none", "host": "::"}, "open to other machines"),
        ({"cors": ("example.org",)}, "serve.cors: 'example.org' is no origin"),
        ({"cors": ("https://example.org/path",)}, "is no origin"),
        ({"frame_ancestors": ("https://x; script-src *",)}, "is no origin"),
        ({"root_path": "hubbub"}, "is no path"),
        ({"root_path": "/a b"}, "is no path"),
        ({"root_path": "//evil"}, "is no path"),
        ({"trusted_proxies": ("proxy",)}, "serve.trusted_proxies"),
    ],
)
def test_settings_that_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        serve_settings(Config(), **options)


def test_what_is_this_machine() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.1.2.3", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "127.0.0.1.nip.io", "10.0.0.1", "")))


def test_wrappers_of_the_configuration(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "sso.py").write_text(
        "from starlette.responses import PlainTextResponse\n"
        "from hubbub.live.server.access import grant\n"
        "def known(handler):\n"
        "    async def wrapped(request):\n"
        "        if request.headers.get('x-user') is None:\n"
        "            return PlainTextResponse('who are you?', 401)\n"
        "        grant(request, ['people'])\n"
        "        return await handler(request)\n"
        "    return wrapped\n"
        "def marked(handler):\n"
        "    async def wrapped(request):\n"
        "        answer = await handler(request)\n"
        "        answer.headers['x-marked'] = 'yes'\n"
        "        return answer\n"
        "    return wrapped\n"
    )
    (tmp_path / "hubbub.toml").write_text(
        '[serve.wrappers]\n"handle_query" = "sso.py:known"\n"handle_.*" = "sso.py:marked"\n'
    )
    config = load(tmp_path / "hubbub.toml")
    with serving(folder, config=config, auth="tokens") as running:
        assert running.get("/query/users.json").text == "who are you?"
        answer = running.get("/query/users.json", headers={"X-User": "ann"})
        assert answer.json()["data"][0]["user"] == "ann"
        assert "x-marked" not in answer.headers  # the first match alone
        assert running.get("/view/volume.svg").headers["x-marked"] == "yes"
        assert "x-marked" not in running.get("/schema").headers
        assert running.get("/schema").status_code == 200


@pytest.mark.parametrize(
    ("wrappers", "message"),
    [
        ({"(": "os.path:join"}, "is no pattern"),
        ({"x": "os"}, "names no function"),
        ({"x": "nothing_of_this_name:f"}, "cannot be imported: ModuleNotFoundError"),
        ({"x": "os:nothing"}, "cannot be imported: AttributeError"),
        ({"x": "nowhere.py:f"}, "cannot be imported: FileNotFoundError"),
        ({"x": "os:sep"}, "is no function"),
        ({"handle_view": "os.path:basename"}, "the wrapper of handle_view failed: TypeError"),
    ],
)
def test_wrappers_that_are_refused(folder: Path, wrappers: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message), serving(folder, wrappers=wrappers):
        pass
