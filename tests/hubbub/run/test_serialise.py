"""From what a query returned to plain data; what the log says and hides."""

import enum
import io
import json
import logging
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import msgspec
import numpy as np
import pyarrow as pa
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from hubbub.analyzers.result import Gap
from hubbub.cli.output.logs import configure, redact
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
def test_what_json_cannot_hold_is_an_error(value: Any) -> None:
    with pytest.raises(TypeError, match="cannot return a"):
        json_ready(value)


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes()
    | st.decimals(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
))  # fmt: skip
def test_whatever_is_ready_json_holds(value: Any) -> None:
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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:pw@example.org/x", "https://…@example.org/x"),
        ("amqps://u@h and tcp://h:1", "amqps://…@h and tcp://h:1"),
        ("https://h/?a=1&token=abc&b=2", "https://h/?a=1&token=…&b=2"),
        ("a@example.org", "a@example.org"),
    ],
)
def test_redact(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_a_log_line_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    configure("text", logging.INFO)
    structlog.get_logger("test").warning("said \x9b31m", why="\x1b[31m\u202ered", at=["\x07"])
    err = capsys.readouterr().err
    assert not set("\x1b\x9b\u202e\x07") & set(err)
    assert "[31mred" in err


def test_log_lines_go_to_standard_error_as_it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    configure("text", logging.INFO)
    log = structlog.get_logger("test")
    monkeypatch.setattr(sys, "stderr", bar := io.StringIO())
    log.warning("above the bar")
    assert "above the bar" in bar.getvalue()


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_log_has_levels_a_format_and_no_secrets(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(form, logging.INFO)
    log = structlog.get_logger("test")
    log.debug("not shown")
    log.info("asked", url="https://u:secret@h/", more=["tcp://x:y@h"], n=3)
    out, err = capsys.readouterr()
    assert out == ""
    assert "secret" not in err
    assert "x:y" not in err
    assert "not shown" not in err
    if form == "json":
        line = json.loads(err)
        assert (line["event"], line["url"], line["n"]) == ("asked", "https://…@h/", 3)
        assert line["timestamp"].endswith("Z")
    else:
        assert "asked" in err
        assert "n=3" in err
        assert "\x1b" not in err
