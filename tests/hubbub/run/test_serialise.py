"""Conversion of return values to JSON-ready data."""

import enum
import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.analyzers.result import Gap
from hubbub.run.serialise import execute, json_ready

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Colour(enum.StrEnum):
    RED = "red"


class Row(msgspec.Struct):
    a: int
    when: datetime


@pytest.mark.parametrize(
    ("value", "ready"),
    [
        (None, None),
        (True, True),
        ("x", "x"),
        (float("nan"), None),
        (float("-inf"), None),
        (Decimal(10), 10),
        (Decimal("0.5"), 0.5),
        (Decimal("NaN"), None),
        (WHEN, "2026-01-02T03:04:05Z"),
        (WHEN.replace(tzinfo=None), "2026-01-02T03:04:05Z"),
        (WHEN.astimezone(timezone(timedelta(hours=5))), "2026-01-02T03:04:05Z"),
        (date(2026, 1, 2), "2026-01-02"),
        (timedelta(minutes=1.5), 90.0),
        ((1, "two"), [1, "two"]),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset({"b", 1, "a"}), [1, "a", "b"]),
        ({1: {WHEN: [None]}}, {"1": {"2026-01-02T03:04:05Z": [None]}}),
        (Colour.RED, "red"),
        (Path("a/b"), "a/b"),
        (Row(1, WHEN), {"a": 1, "when": "2026-01-02T03:04:05Z"}),
        (Gap(WHEN, WHEN, "s", "w"), {"start": "2026-01-02T03:04:05Z", "end":
         "2026-01-02T03:04:05Z", "source": "s", "why": "w"}),
        (np.int64(3), 3),
        (np.float32("nan"), None),
        (np.arange(3), [0, 1, 2]),
    ],
)  # fmt: skip
def test_json_ready(value: Any, ready: Any) -> None:
    converted = json_ready(value)
    assert converted == ready
    assert type(converted) is type(ready)


@pytest.mark.parametrize("value", [object(), b"bytes", [1, object()], 1j])
def test_a_value_that_json_cannot_hold_is_an_error(value: Any) -> None:
    with pytest.raises(TypeError, match="cannot return a"):
        json_ready(value)


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes()
    | st.decimals(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
))  # fmt: skip
def test_json_holds_every_converted_value(value: Any) -> None:
    ready = json_ready(value)
    assert json.loads(json.dumps(ready, allow_nan=False)) == ready


def test_expressions_are_executed() -> None:
    rows = ibis.memtable(pa.table({"b": [2, 1], "a": ["x", None]}))
    assert execute(rows.order_by("b")) == ([{"b": 1, "a": None}, {"b": 2, "a": "x"}], ("b", "a"))
    assert execute(rows.b.sum()) == (3, ())
    assert execute(rows.filter(rows.b > 5)) == ([], ("b", "a"))
    when = ibis.memtable(pa.table({"t": [WHEN]}))
    assert execute(when)[0] == [{"t": "2026-01-02T03:04:05Z"}]
    assert sorted(execute(rows.b)[0]) == [1, 2]
