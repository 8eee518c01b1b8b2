"""Queries and views of another server."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import hubbub
from hubbub.errors import HubbubError, RemoteError, UsageError
from tests.support.peer_server import Peer, as_json, drip, endless
from tests.support.processes import within


def test_a_value_is_decoded_and_a_text_is_as_it_is(peer: Peer) -> None:
    with hubbub.connect(peer.url) as server:
        assert server.query.q_int() == 3
        assert server.query.q_text() == "café 3"
        assert server.query("ns.dotted") == "dotted"
        assert server.view.hello() == "<html>Hello</html>"


def test_names(peer: Peer) -> None:
    server = hubbub.connect(peer.url)
    assert dir(server.query) == ["ns.dotted", "q_echo", "q_int", "q_raises", "q_secret", "q_text"]
    assert dir(server.view) == ["hello"]
    assert server.query.q_int.__doc__ == "Doc q_int"
    with pytest.raises(AttributeError, match=r"there is no query 'none'; there are: ns.dotted"):
        server.query.none()
    with pytest.raises(AttributeError):
        server.query("none")
    with pytest.raises(AttributeError):
        server.query("_private")
    assert not hasattr(server.view, "q_int")
    assert not [path for path in peer.paths() if "none" in path or "private" in path]


def test_a_new_name_is_found_and_a_removed_one_is_forgotten(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hubbub.calls.remote._MISSING", 0.0)
    server = hubbub.connect(peer.url)
    assert "later" not in dir(server.query)
    peer.functions["query/later"] = lambda _: as_json("now")
    assert server.query.later() == "now"
    del peer.functions["query/later"]
    with pytest.raises(AttributeError):
        server.query.later()
    assert "later" not in dir(server.query)


def test_the_schema_is_read_once(peer: Peer) -> None:
    server = hubbub.connect(peer.url)
    assert peer.paths() == []
    for _ in range(3):
        server.query.q_int()
    assert peer.paths() == ["/schema", *["/query/q_int"] * 3]


def test_parameters(peer: Peer) -> None:
    query = hubbub.connect(peer.url).query
    given = query.q_echo(
        text="a&b=ü", number=5, share=0.5, flag=True, off=False, none=None, many=["x", "y"],
        facts={"a": [1]}, rows=[{"b": None}],
        when=datetime(2026, 1, 31, 10, tzinfo=UTC), span=timedelta(days=7), empty="",
    )  # fmt: skip
    assert given == {
        "text": ["a&b=ü"], "number": ["5"], "share": ["0.5"], "flag": ["yes"], "off": ["no"],
        "many": ["x", "y"], "facts": ['{"a": [1]}'], "rows": ['[{"b": null}]'],
        "when": ["2026-01-31T10:00:00Z"], "span": ["7d"], "empty": [""],
    }  # fmt: skip
    assert query.q_echo(text="x" * 100_000) == {"text": ["x" * 100_000]}  # longer than an address
    assert [method for method, path, *_ in peer.requests if path == "/query/q_echo"] == [
        "GET", "POST",
    ]  # fmt: skip
    with pytest.raises(UsageError, match="'text' is a object, which cannot be sent"):
        query.q_echo(text=object())


def test_several_threads(peer: Peer) -> None:
    server = hubbub.connect(peer.url)
    with ThreadPoolExecutor(8) as threads:
        texts = [str(n) for n in range(200)]
        answers = threads.map(lambda text: server.query.q_echo(text=text), texts)
        assert list(answers) == [{"text": [text]} for text in texts]
    server.close()
    assert server.query.q_int() == 3  # opens new connections


def test_the_token_is_sent_and_never_shown(peer: Peer) -> None:
    server = hubbub.connect(peer.url, token="s3cret")
    server.query.q_int()
    assert {headers["Authorization"] for *_, headers in peer.requests} == {"Bearer s3cret"}
    with pytest.raises(RemoteError) as caught:
        server.query.q_secret()
    assert "s3cret" not in f"{caught.value}{server!r}"
    with pytest.raises(UsageError) as refused:
        hubbub.connect(peer.url, token="two\nlines")
    assert "lines" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://x",
        "http://",
        "http://u:p@h/",
        "http://h/?a=b",
        "http://[::1",
        "file:///etc/passwd",
    ],
)
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(UsageError, match="is not the address of a hubbub server"):
        hubbub.connect(url)


def test_a_failure_names_server_function_and_status(peer: Peer) -> None:
    with pytest.raises(RemoteError) as caught:
        hubbub.connect(peer.url).query.q_raises()
    error = caught.value
    assert (error.server, error.function, error.status) == (peer.url, "q_raises", 500)
    assert str(error).startswith(f"{peer.url}: query 'q_raises' failed there: it answered 500: ")
    assert "ValueError: no" in str(error)
    assert error.exit_code == 4
    with pytest.raises(RemoteError, match=r"it answered 403.*\n.*give a token"):
        hubbub.connect(peer.url).query.q_secret()


def test_a_server_that_is_away() -> None:
    began = time.monotonic()
    with pytest.raises(RemoteError, match=r"http://127.0.0.1:9: .*/schema.*the connection failed"):
        hubbub.connect("http://127.0.0.1:9").query.q_int()
    assert time.monotonic() - began < within(5)


def test_a_server_that_goes_away_while_it_answers(peer: Peer) -> None:
    peer.raw["/query/q_int"] = lambda out: out.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n12"
    )
    with pytest.raises(RemoteError, match="query 'q_int': the connection failed"):
        hubbub.connect(peer.url).query.q_int()
    assert peer.paths().count("/query/q_int") == 1  # a query may have effects: not sent again


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX: ",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX-",
    ],
)
def test_a_slow_server(peer: Peer, start: bytes) -> None:
    peer.raw["/query/q_int"] = lambda out: drip(out, start)
    server = hubbub.connect(peer.url, timeout=1.5)
    began = time.monotonic()
    with pytest.raises(RemoteError, match=r"query 'q_int' was not answered within 1.5 s"):
        server.query.q_int()
    assert time.monotonic() - began < within(3), "the server goes on for 100 s"
    assert server.query.q_text() == "café 3"  # the next call is not affected


def test_a_silent_server_is_not_asked_again_at_once(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hubbub.calls.remote._SLOW", 0.1)
    peer.raw["/schema"] = lambda _: time.sleep(3)
    server = hubbub.connect(peer.url, timeout=0.4)
    with pytest.raises(RemoteError, match="was not answered within"):
        server.query.q_int()
    with pytest.raises(RemoteError, match=r"it failed a moment ago.*was not answered within"):
        server.query.q_int()
    assert peer.paths() == ["/schema"]


def test_an_answer_of_2_gb(peer: Peer) -> None:
    peer.raw["/query/q_int"] = endless
    began = time.monotonic()
    with pytest.raises(RemoteError, match="the answer to query 'q_int' is larger than 1,000,000"):
        hubbub.connect(peer.url, max_bytes=1_000_000).query.q_int()
    assert time.monotonic() - began < within(5)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((200, "application/json", b"{"), "cannot be read: Expecting"),
        ((200, "application/json", b"[" * 100_000), "cannot be read: "),
        ((200, "text/plain", b"\xff"), "cannot be read: 'utf-8'"),
        ((200, "", b"x"), "its content type is 'not stated'"),
        ((200, "application/vnd.hubbub.answer+json", b'{"type":"result"}'), "missing required"),
        ((200, "application/vnd.hubbub.answer+json", b'{"type":"other"}'), "Invalid value"),
        ((302, "text/plain", b""), "it redirects to another address"),
        ((503, "text/html", b"<h1>Busy"), "it answered 503"),
        ((500, "application/json", b'["error"]'), "it answered 500"),
    ],
)  # fmt: skip
def test_an_answer_that_is_garbage(peer: Peer, answer: Any, why: str) -> None:
    peer.functions["query/q_int"] = lambda _: answer
    with pytest.raises(RemoteError) as caught:
        hubbub.connect(peer.url).query.q_int()
    assert why in str(caught.value)
    assert "q_int" in str(caught.value)
    assert caught.value.server == peer.url


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ((200, "text/html", b"<html>"), "its answer is not JSON"),
        ((200, "application/json", b"[" * 100_000), "its answer is not JSON"),
        (as_json(7), "is not a list of functions"),
        (as_json([7]), "lists something that is no function"),
        (as_json([{"class": "query"}]), "lists something that is no function"),
        (as_json({"version": 2, "functions": []}), "it speaks version '2' of the interface"),
        ((404, "text/plain", b"nothing here"), "it answered 404: nothing here"),
    ],
)
def test_a_server_that_is_none_or_of_another_version(peer: Peer, schema: Any, why: str) -> None:
    peer.headers = {}
    peer.schema = schema
    with pytest.raises(HubbubError) as caught:
        hubbub.connect(peer.url).query.q_int()
    assert why in str(caught.value)
    assert peer.url in str(caught.value)
    assert "q_int" not in peer.paths()


def test_a_server_states_its_version_in_a_header(peer: Peer) -> None:
    peer.headers = {"Hubbub-Api": "7"}
    with pytest.raises(RemoteError, match="it speaks version '7' of the interface, this one 1"):
        hubbub.connect(peer.url).query.q_int()
