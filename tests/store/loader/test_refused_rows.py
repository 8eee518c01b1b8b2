"""A row of history that the gather takes for an event becomes one, whatever it holds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hubbub.collector.decode.message import decode
from hubbub.collector.event import Frame
from hubbub.errors import MessageError
from hubbub.store import Store

ROW: dict[str, Any] = {
    "id": "own",
    "topic": "org.example.prod.git.receive",
    "body": {"agent": "ann"},
    "headers": {"sent-at": "2026-11-01T00:00:00+00:00"},
}
PLAIN = json.dumps(ROW)
LONE = "\ud800"
ROWS = {
    "plain": PLAIN, "null": "null", "list": "[]", "number": "5", "text": '"x"', "empty": "{}",
    "nothing": "", "deep": PLAIN.replace('"ann"', "[" * 5_000 + "]" * 5_000),
    "long number": PLAIN.replace('"ann"', "1" * 5_000),
    "large number": PLAIN.replace('"ann"', "1" * 4_000),
    "infinite": PLAIN.replace('"ann"', "1e400"), "nan": PLAIN.replace('"ann"', "[NaN]"),
    "line break": PLAIN.replace("ann", "a\nn"), "twice": PLAIN.replace('{"id"', '{"id": "b", "id"'),
    "not UTF-8": PLAIN.encode().replace(b"ann", b"a\xffn"),
} | {
    f"{key}: {value!r}"[:60]: json.dumps({**ROW, key: value})
    for key, value in (
        ("body", {"agent": LONE}), ("body", {LONE: 1}), ("body", {"agent": "a\x00b"}),
        ("body", {"agent": "ann", "action": LONE}), ("body", []), ("body", None), ("body", 5),
        ("id", LONE), ("id", ""), ("id", None), ("id", 5), ("id", "x" * 10_000), ("id", "a\x00b"),
        ("topic", LONE), ("topic", ""), ("topic", None), ("topic", "a\x00b"), ("topic", "x" * 999),
        ("headers", None), ("headers", []), ("headers", {"sent-at": LONE}),
        ("headers", {"sent-at": "2300-01-01"}), ("headers", {"sent-at": "1795000000000"}),
        ("headers", {"sent-at": [1]}), ("timestamp", -1), ("timestamp", 10**400), ("i", 10**400),
        ("meta", {"usernames": [LONE], "packages": [LONE, 5, None]}), ("username", LONE),
    )
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_the_loader_refuses_what_the_decoder_refuses(store: Store, row: str | bytes) -> None:
    body = row if isinstance(row, bytes) else row.encode()
    frame = Frame("history:http://history.example", 0, b"", body)
    try:
        decode(frame)
    except MessageError as error:
        expected = {error.reason: 1}
    else:
        expected = {}
    with store.spool("gather") as sink:
        sink.put(frame)
        sink.flush()
    loaded = store.load()
    assert loaded.refused == expected
    assert loaded.new == 1 - len(expected)
