"""A server with some functions."""

from collections.abc import Iterator

import pytest

from tests.support.peer_server import Peer, as_json, failed, serving


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    peer.functions = {
        "query/q_int": lambda _: as_json(3),
        "query/q_text": lambda _: (200, "text/plain; charset=utf-8", "café 3".encode()),
        "query/q_echo": as_json,
        "query/ns.dotted": lambda _: as_json("dotted"),
        "query/q_raises": lambda _: failed(500, "query 'q_raises' failed: ValueError: no"),
        "query/q_secret": lambda _: failed(403, "the scope people is lacking"),
        "query/_private": lambda _: as_json("private"),
        "view/hello": lambda _: (200, "text/html; charset=utf-8", b"<html>Hello</html>"),
    }
    with serving(peer):
        yield peer
