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


def page_with(*texts, **numbers):
    numbers = {"total": len(texts), **numbers}
    head = ",".join(f'"{name}":{number}' for name, number in numbers.items())
    return f'{{"raw_messages":[{",".join(texts)}],{head}}}'.encode()


@pytest.mark.parametrize("name", ["total", "count", "pages"])
@pytest.mark.parametrize("digits", [16, 20, 400, 5000, 100_000])
def test_a_number_of_hundreds_of_digits_is_an_error_with_a_sentence(name, digits):
    numbers = {"total": 0, name: "9" * digits}
    with pytest.raises(ResponseError) as caught:
        parse_page(page_with(**numbers), 100)
    sentence = str(caught.value)
    assert f"{digits:,} digits" in sentence or "out of range" in sentence
    assert len(sentence) < 200


@pytest.mark.parametrize(
    "odd",
    ["[" * 3000 + "]" * 3000, '"a\nb\t"', "[NaN,1" + "0" * 5000 + "]", '"\\q"', "'a'", "01"],
)  # fmt: skip
def test_a_row_that_is_not_json_keeps_its_bytes_its_id_its_topic_and_its_time(odd):
    good = '{"id":"b, ]","topic":"t","headers":{"sent-at":"2026-11-18T09:26:41+00:00"}}'
    bad = good.replace("41", "40").replace("b, ]", '\\"a').replace("{", '{"body":' + odd + ",", 1)
    page = parse_page(page_with(good, bad, good), 100)
    assert [row.body.decode() for row in page.rows] == [good, bad, good]
    assert [row.second for row in page.rows] == [1794994001, 1794994000, 1794994001]
    assert page.rows[1].topic == b"t"
    assert page.rows[1].key.startswith('"a ')


def test_bytes_that_are_not_utf_8_are_the_fault_of_one_row():
    body = page_with('{"id":"a","body":"ODD","timestamp":7}', '{"id":"b"}').replace(b"ODD", b"\xff")
    assert [row.second for row in parse_page(body, 100).rows] == [7, None]


@pytest.mark.parametrize(
    "body",
    [
        b'{"raw_messages":[{"a":NaN}],"total":1',
        b'{"raw_messages":[{"a":NaN],"total":1}',
        b'{"raw_messages":[{"a":NaN},],"total":1}',
        b'{"raw_messages":[{"a":NaN}],"total":1}}',
        b'{"raw_messages":[{"a":"\n}],"total":1}',
        b'{"raw_messages":{"a":NaN},"total":1}',
        b'{"a":NaN}', b"NaN", b'{"total":NaN,', b"{,}", b"[" * 100_000, b'{"raw_messages":[' * 9999,
    ],
)  # fmt: skip
def test_what_is_not_a_page_is_an_error(body):
    with pytest.raises(ResponseError):
        parse_page(body, 100)
