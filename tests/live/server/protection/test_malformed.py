"""Bytes that are no request of HTTP, headers that are too large, and fields in the wrong place."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hubbub.live.server import app
from tests.live.server.protection.test_connections import HEAD, answered, connected, ended
from tests.support.http import Served, serving
from tests.support.processes import within
from tests.support.stores.small_store import fill

POST = b"POST /httpevent HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    async def echo(request: Request) -> Response:
        """Answer with the fields that are known when the body has been read."""
        await request.body()
        return JSONResponse([key.decode() for key, _ in request.scope["headers"]])

    path = tmp_path_factory.mktemp("malformed") / "store"
    fill(path)
    with pytest.MonkeyPatch.context() as patch:
        echoing = [Route("/echo", echo, methods=["POST"])]
        patch.setattr(app, "PARTS", (*app.PARTS, lambda _server: echoing))
        with serving(path) as running:
            yield running


def sent(served: Served, *parts: bytes) -> tuple[int, bytes, bytes]:
    """Send bytes, a packet each; return status, header and body of the last answer."""
    with connected(served) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(BrokenPipeError, ConnectionResetError):  # closed before the end
            for part in parts:
                connection.sendall(part)
        answer, _ = ended(connection)
    last = answer[answer.rindex(b"HTTP/1.1 ") :]
    head, _, body = last.partition(b"\r\n\r\n")
    return int(last[9:12]), head.lower(), body


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",  # the beginning of TLS
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"G@T / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: local\x00host\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
        POST + b"Content-Length: two\r\n\r\n{}",
        POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        POST + b"Transfer-Encoding: chunked, identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"two\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"2\r\n{}{}\r\n0\r\n\r\n",
    ],
)
def test_what_is_no_request_gets_a_clear_400(served: Served, request_: bytes) -> None:
    status, head, body = sent(served, request_)
    assert status == 400
    assert b"content-type: application/json" in head
    assert b"connection: close" in head
    error = json.loads(body)["error"]
    assert error["code"] == "bad-request"
    assert error["message"].startswith(("this is no request of HTTP/1.1", "the address of the"))


@pytest.mark.parametrize("size", [40_000, 200_000])
@pytest.mark.parametrize("whole", [True, False])
def test_a_header_that_is_too_large_is_refused(served: Served, size: int, *, whole: bool) -> None:
    field = b"X: " + b"x" * size + b"\r\n"
    status, _, body = sent(
        served, HEAD + field + (b"\r\n" if whole else b""), b"" if whole else b"y"
    )
    assert status == 431
    assert json.loads(body)["error"]["message"] == "the header is larger than 32 KiB"
    assert sent(served, b"GET /" + b"x" * size + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")[0] == 431


def test_a_header_below_the_limit_is_read(served: Served) -> None:
    fields = b"".join(b"X-%d: %s\r\n" % (n, b"x" * 1000) for n in range(30))
    assert sent(served, HEAD + fields + b"Connection: close\r\n\r\n")[0] == 200


def test_requests_before_a_broken_one_are_answered(served: Served) -> None:
    with connected(served) as connection:
        connection.sendall((HEAD + b"\r\n") * 3 + b"nonsense\r\n\r\n")
        answer, seconds = ended(connection)
    assert answer.count(b"HTTP/1.1 200 ") == 3
    assert seconds < within(10)


def test_a_field_after_the_body_is_none_of_the_request(served: Served) -> None:
    head = CHUNKED.replace(b"/httpevent", b"/echo").replace(b"Host", b"Connection: close\r\nHost")
    trailer = b"Authorization: Bearer nonsense\r\nHost: elsewhere.example\r\n"
    status, _, body = sent(served, head, b"2\r\n{}\r\n", b"0\r\n" + trailer + b"\r\n")
    assert status == 200
    assert json.loads(body) == ["connection", "host", "content-type", "transfer-encoding"]


def test_a_trailer_that_is_too_large_ends_the_connection(served: Served) -> None:
    parts = (b"2\r\n{}\r\n0\r\n", *(b"X: " + b"x" * 8000 + b"\r\n" for _ in range(10)))
    assert sent(served, CHUNKED, *parts)[0] == 431


def test_an_offer_of_another_protocol_is_passed_over(served: Served) -> None:
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    with connected(served) as connection:
        for _ in range(2):
            connection.sendall(HEAD + offer + b"\r\n")
            assert answered(connection)
