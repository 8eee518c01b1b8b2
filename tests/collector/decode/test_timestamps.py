"""Times as forges and e-mails write them."""

from __future__ import annotations

import pytest

from hubbub.collector.decode.timestamps import lenient_micros, micros
from hubbub.times import from_micros


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Tue Aug 14 14:30:13 2012 -0300", "2012-08-14T17:30:13"),
        ("Wed, 01 Dec 2010 14:26:40 +0100", "2010-12-01T13:26:40"),
        ("Wed, 01 Dec 2010 14:26:40 GMT", "2010-12-01T14:26:40"),
        ("1 Dec 2010 14:26:40 EST", "2010-12-01T19:26:40"),
        ("2012/03/10 22:00:00 -0800", "2012-03-11T06:00:00"),
        ("2013-06-25 11:49:00 +0200", "2013-06-25T09:49:00"),
        ("2013-06-25 11:57:23 CEST", "2013-06-25T11:57:23"),
        ("2013-06-25 11:57 UTC", "2013-06-25T11:57:00"),
        ("2013-06-25T11:57:23.5Z", "2013-06-25T11:57:23"),
        ("1583508459", "2020-03-06T15:27:39"),
        (1_583_508_459, "2020-03-06T15:27:39"),
    ],
)
def test_lenient_times(value: object, expected: str) -> None:
    parsed = lenient_micros(value)
    assert parsed is not None
    assert f"{from_micros(parsed):%Y-%m-%dT%H:%M:%S}" == expected


@pytest.mark.parametrize("value", ["", "soon", "Tue Aug 14", "99 Foo 2012 99:99:99", "x" * 65, []])
def test_no_times(value: object) -> None:
    assert lenient_micros(value) is None
    assert micros(value) is None
