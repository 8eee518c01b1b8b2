"""Conversion of parameters, and its errors."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.errors import UsageError
from hubbub.parameters import convert, duration_text, plain, shape
from hubbub.times import parse_duration, spelled

NOW = datetime(2026, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("annotation", "value", "converted"),
    [
        (int, "5", 5),
        (int, 5, 5),
        (float, "0.5", 0.5),
        (float, 2, 2.0),
        (str, "x", "x"),
        (bool, "Yes", True),
        (bool, "off", False),
        (bool, True, True),
        (timedelta, "24h", timedelta(days=1)),
        (timedelta, timedelta(1), timedelta(1)),
        (datetime, "2026-01-02", datetime(2026, 1, 2, tzinfo=UTC)),
        (datetime, "7d", datetime(2026, 1, 3, tzinfo=UTC)),
        (Path, "a/b", Path("a/b")),
        (Literal["a", "b"], "b", "b"),
        (Literal["a", "b"] | None, "a", "a"),
        (int | None, "7", 7),
        (int | None, None, None),
        (list[str], "x", ["x"]),
        (list[str], ["x", "y"], ["x", "y"]),
        (list[timedelta] | None, ("1h", "2h"), [timedelta(hours=1), timedelta(hours=2)]),
        (Sequence[int], ["1"], [1]),
        (tuple[str, ...], ["1"], ["1"]),
        (Any, {"x": 1}, {"x": 1}),
        (bool, "Y", True),
        (bool, "f", False),
        (dict, '{"a": [1]}', {"a": [1]}),
        (dict[str, int], {"a": 1}, {"a": 1}),
        (list, "[1, 2]", [1, 2]),
        (datetime, "1 Feb 2019 10:00 GMT", datetime(2019, 2, 1, 10, tzinfo=UTC)),
        (datetime, "13/02/2019", datetime(2019, 2, 13, tzinfo=UTC)),
        (datetime, "2019-2-1 12:00 +0100", datetime(2019, 2, 1, 11, tzinfo=UTC)),
    ],
)
def test_converts(annotation: Any, value: Any, converted: Any) -> None:
    actual = convert(annotation, value, "n", NOW)
    assert actual == converted
    assert type(actual) is type(converted)


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (int, "x", "--my-n cannot be 'x': write a whole number"),
        (int, True, "expected integer, got bool"),
        (int, 1.5, "expected integer, got float"),
        (float, "nan", "write a finite number"),
        (float, "inf", "write a finite number"),
        (bool, "maybe", "write yes or no"),
        (timedelta, "soon", "write for example 90s"),
        (timedelta, "0s", "more than zero"),
        (datetime, "x", "is not a time"),
        (datetime, "2019-02", "is not a time"),  # no day
        (datetime, "12:00", "is not a time"),
        (datetime, "2019-2-1 12:00 IST", "is not a time"),  # several zones
        (datetime, "3m", "may be minutes or months"),
        (dict, "[1]", "write a JSON object"),
        (list, "{" * 5000, "write a JSON array"),
        (datetime, "0001-01-01T00:00+23:00", "outside the years 1 to 9999"),
        (datetime, "9999-12-31T23:59-23:00", "outside the years 1 to 9999"),
        (Literal["a", "b"], "c", "choose one of a, b"),
        (list[int], ["1", "x"], "write a whole number"),
        (int, None, "--my-n needs a value"),
        (str, 5, "expected text, got int"),
    ],
)
def test_errors_name_the_parameter_the_value_and_what_is_allowed(
    annotation: Any, value: Any, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        convert(annotation, value, "my_n", NOW)
    assert message in str(caught.value)


def test_a_long_value_is_truncated() -> None:
    with pytest.raises(UsageError) as caught:
        convert(int, "9x" * 10_000, "n", NOW)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("annotation", [complex, int | str, object()])
def test_an_unsupported_annotation_is_an_error(annotation: Any) -> None:
    with pytest.raises(TypeError):
        shape(annotation)


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(days=1), "24h"),
        (timedelta(days=7), "7d"),
        (timedelta(hours=36), "36h"),
        (timedelta(minutes=30), "30m"),
        (timedelta(minutes=1), "1min"),
        (timedelta(minutes=12), "12min"),
        (timedelta(seconds=90), "90s"),
        (timedelta(seconds=1.5), "1.5s"),
    ],
)
def test_duration_text(span: timedelta, text: str) -> None:
    assert duration_text(span) == text


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(weeks=13), "13w"),
        (timedelta(days=1, hours=12), "1d12h"),
        (timedelta(seconds=90), "1min30s"),
        (timedelta(hours=1, microseconds=20), "1h"),
        (timedelta(milliseconds=1500), "1.5s"),
        (timedelta(0), "0s"),
    ],
)
def test_a_duration_is_spelled_in_the_largest_units(span: timedelta, text: str) -> None:
    assert spelled(span) == text


@given(st.timedeltas(timedelta(milliseconds=1), timedelta(days=4000)))
def test_duration_text_is_read_back(span: timedelta) -> None:
    assert parse_duration(duration_text(span)) == span


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        *(("1min", 1), ("1 MIN", 1), ("30m", 30), ("10m", 10), ("90m", 90), ("1440m", 1440)),
        *(("1h1m", 61), ("1h 5m", 65), ("2m30s", 2.5), ("1d12h", 36 * 60), ("100ms", 1 / 600)),
        *(("1mo", 30.4375 * 1440), ("12MO", 365.25 * 1440), ("1y6mo", 547.875 * 1440)),
    ],
)
def test_durations_in_minutes_and_months(text: str, minutes: float) -> None:
    assert parse_duration(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("text", "both"),
    [
        ("1m", "write 1min for minutes, 1mo for months"),
        ("1 m", "write 1min for minutes, 1mo for months"),
        ("1M", "write 1min for minutes, 1mo for months"),
        ("30M", "write 30min for minutes, 30mo for months"),
        ("12m", "write 12min for minutes, 12mo for months"),
        ("1.5m", "write 1.5min for minutes, 1.5mo for months"),
        ("1y10m", "write 1y10min for minutes, 1y10mo for months"),
        ("2w3m", "write 2w3min for minutes, 2w3mo for months"),
    ],
)
@pytest.mark.parametrize("kind", [timedelta, datetime])
def test_an_m_that_may_be_minutes_or_months_is_refused_with_both_spellings(
    text: str, both: str, kind: type
) -> None:
    with pytest.raises(UsageError, match="may be minutes or months") as caught:
        convert(kind, text, "since", NOW)
    assert both in str(caught.value)
    minutes, months = (word for word in both.replace(",", "").split() if word[0].isdigit())
    assert parse_duration(minutes) < parse_duration(months)  # both are accepted


def test_plain_is_ready_for_json() -> None:
    assert plain([timedelta(days=1), NOW, Path("x"), 3, None]) == [
        "24h", "2026-01-10T00:00:00Z", "x", 3, None
    ]  # fmt: skip
