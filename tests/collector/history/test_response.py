"""Parsing pages: rows are kept as sent, lenient JSON is accepted."""

import json

import pytest

from hubbub.collector.history.response import ResponseError, excerpt, parse_page


def test_rows_are_kept_as_sent():
    texts = [
        '{"msg_id":"a","topic":"t","timestamp":1795000000.0,"msg":{"n":123456789012345678901}}',
        '{ "id": "b", "topic": "t", "headers": {"sent-at": "2026-11-18T10:26:40.5+01:00"} }',
        '{"id": 5, "topic": 6, "headers": 7}', "null", '"x"',
    ]  # fmt: skip
    page = parse_page(f'{{"raw_messages":[{",".join(texts)}],"total":5}}'.encode(), 100)
    assert [row.body.decode() for row in page.rows] == texts
    assert [row.second for row in page.rows] == [1795000000, 1794994000, None, None, None]
    assert [row.topic for row in page.rows] == [b"t", b"t", b"", b"", b""]
    assert len({row.key for row in page.rows}) == 5


def test_rows_with_bare_nan_and_lone_surrogates_are_accepted():
    texts = ['{"id":"a","n":NaN,"big":1' + "0" * 40 + "}", '{"id":"b\\ud800","topic":"\\udfff"}']
    page = parse_page(f'{{"raw_messages":[{",".join(texts)}],"total":2,"pages":1}}'.encode(), 100)
    first, second = (row.body for row in page.rows)
    assert b"NaN" in first
    assert b"1" + b"0" * 40 in first
    assert json.loads(second) == {"id": "b\ud800", "topic": "\udfff"}


def test_an_empty_body_is_an_error():
    with pytest.raises(ResponseError):
        parse_page(b"", 100)


def test_an_excerpt_is_one_short_line_of_words():
    assert excerpt(b"<p>a\x1b[31m\n\n<b>b</b> \xff") == "a [31m b \N{REPLACEMENT CHARACTER}"
    assert len(excerpt(b"x" * 10**6)) < 200
