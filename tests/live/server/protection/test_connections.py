"""Clients that let the server wait, over raw sockets."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from statistics import median

import pytest
import requests
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hubbub.live.server import app
from hubbub.live.server.protection import bodies
from hubbub.live.server.protection.connections import Limits
from tests.support.http import Served, serving
from tests.support.processes import within

HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Served]:
    limits = Limits(header_seconds=1.0, idle_seconds=2.0, stalled_seconds=2.0)
    with serving(folder, limits=limits) as running:
        yield running


def connected(served: Served) -> socket.socket:
    host, _, port = served.url.removeprefix("http://").rpartition(":")
    return socket.create_connection((host, int(port)), timeout=20)


def ended(connection: socket.socket) -> tuple[bytes, float]:
    """Return what comes until the server closes the connection, and the seconds until then."""
    began, answer = time.monotonic(), b""
    try:
        while data := connection.recv(65536):
            answer += data
    except ConnectionResetError:
        pass
    return answer, time.monotonic() - began


def drip(connection: socket.socket, drop: bytes) -> None:
    """Send a drop ten times a second until the server closes the connection, at most for 60 s."""
    began = time.monotonic()
    with suppress(BrokenPipeError, ConnectionResetError):
        while time.monotonic() < began + 60:
            connection.sendall(drop)
            time.sleep(0.1)


def answered(connection: socket.socket) -> bool:
    """Read one answer of /healthz; return whether it is as it should be."""
    answer = b""
    while not answer.endswith(b"}"):
        part = connection.recv(65536)
        assert part, "the server closed the connection"
        answer += part
    return answer.startswith(b"HTTP/1.1 200 ")


def seconds_of_healthz(served: Served) -> float:
    began = time.monotonic()
    assert requests.get(f"{served.url}/healthz", timeout=10).status_code == 200
    return time.monotonic() - began


@pytest.mark.parametrize(
    "header", [b"X: " + b"x" * (1 << 20), b"".join(b"X%d: y\r\n" % n for n in range(100_000))]
)
def test_a_header_of_a_megabyte_is_refused(served: Served, header: bytes) -> None:
    with connected(served) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # closed before the end
            connection.sendall(HEAD + header)
        answer, _ = ended(connection)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")
    assert seconds_of_healthz(served) < within(1)


@pytest.mark.parametrize("begin", [b"", b"GET", HEAD, HEAD + b"X: "])
def test_a_header_that_does_not_end_ends_the_connection(served: Served, begin: bytes) -> None:
    with connected(served) as connection:
        connection.sendall(begin)
        answer, seconds = ended(connection)
    assert answer == b""
    assert 0.5 < seconds < within(4)


def test_a_header_that_comes_drop_by_drop_ends_the_connection(served: Served) -> None:
    began = time.monotonic()
    with connected(served) as connection:
        connection.sendall(b"GE")
        drip(connection, b"E")
    assert time.monotonic() < began + within(4)


def test_the_second_header_of_a_connection_has_its_time_too(served: Served) -> None:
    with connected(served) as connection:
        connection.sendall(HEAD + b"\r\n")
        assert answered(connection)
        connection.sendall(HEAD)
        began = time.monotonic()
        drip(connection, b"X: y\r\n")
    assert time.monotonic() < began + within(4)


def test_an_idle_connection_ends_after_a_while_and_serves_until_then(served: Served) -> None:
    with connected(served) as connection:
        for _ in range(4):
            connection.sendall(HEAD + b"\r\n")
            assert answered(connection)
            time.sleep(0.4)
        _, seconds = ended(connection)
    assert 0.2 < seconds < within(5)


def test_requests_that_come_together_are_answered_in_order(served: Served) -> None:
    with connected(served) as connection:
        connection.sendall((HEAD + b"\r\n") * 20 + HEAD + b"Connection: close\r\n\r\n")
        answer, seconds = ended(connection)
    assert answer.count(b"HTTP/1.1 200 ") == 21
    assert seconds < within(10)


def test_a_body_that_does_not_come_ends_the_request(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies.Bodies.__init__, "__defaults__", (1.0,))
    head = (
        b"POST /query/volume HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    )
    with serving(folder) as running:
        for drops in (b"", b"x=1"):
            with connected(running) as connection:
                connection.sendall(head + drops)
                answer, seconds = ended(connection)
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b"did not arrive within 1 s" in answer
            assert seconds < within(4)


def test_a_client_that_reads_nothing_is_dropped_and_one_that_reads_slowly_is_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = Limits(header_seconds=0.5, idle_seconds=0.5, stalled_seconds=1.5)
    request = b"GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    size = 24 << 20

    async def large(_request: Request) -> Response:
        return Response(b"x" * size)

    monkeypatch.setattr(app, "PARTS", (*app.PARTS, lambda _server: [Route("/large", large)]))
    with serving(folder, limits=limits) as running:
        slow, stalled = connected(running), connected(running)
        with slow, stalled:
            for connection in (slow, stalled):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
                connection.sendall(request)
            received, began = 0, time.monotonic()
            while data := slow.recv(1 << 20):
                received += len(data)
                time.sleep(0.02)
                assert time.monotonic() < began + 60
            assert received > size  # with its header
            time.sleep(max(0.0, began + 5 - time.monotonic()))
            answer, _ = ended(stalled)
        assert len(answer) < size


def test_a_thousand_idle_connections_leave_the_server_quick(folder: Path) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4_000:
        pytest.skip("this machine allows too few open files")
    with serving(folder) as running, ExitStack() as stack:
        before = median(seconds_of_healthz(running) for _ in range(20))
        for n in range(1000):
            connection = stack.enter_context(connected(running))
            if n % 2:
                connection.sendall(HEAD)  # a header that has begun
        with_them = median(seconds_of_healthz(running) for _ in range(20))
        assert with_them < max(within(0.1), 2 * before)  # a machine may be slow for other reasons


def test_the_oldest_idle_connection_gives_way(folder: Path) -> None:
    limits = Limits(idle_connections=10)
    with serving(folder, limits=limits) as running, ExitStack() as stack:
        opened = [stack.enter_context(connected(running)) for _ in range(15)]
        assert seconds_of_healthz(running) < within(1)
        closed = []
        for connection in opened:
            connection.settimeout(0.2)
            try:
                closed.append(connection.recv(1) == b"")
            except ConnectionResetError:
                closed.append(True)
            except TimeoutError:
                closed.append(False)
        assert sum(closed) in {5, 6}
        assert closed == sorted(closed, reverse=True)  # the oldest ones
