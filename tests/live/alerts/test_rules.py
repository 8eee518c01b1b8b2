"""Alert rules are read from the configuration, and mistakes are named."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from hubbub import config
from hubbub.config import AlertConfig
from hubbub.errors import UsageError
from hubbub.live.alerts.rules import AlertRule, find_rule, read_rules
from hubbub.store.query.selection import EventFilters


def read(**values: Any) -> AlertRule:
    return read_rules([AlertConfig(**{"name": "a", **values})])[0]


def test_a_file_with_rules(tmp_path: Path):
    file = tmp_path / "hubbub.toml"
    file.write_text("""
[[alerts]]
name = "busy"
measure = "bytes"
per = "topic"
filter = { category = "git", topic = ["a.*", "b"] }
short = "2min"
long = "20min"
threshold = 1.2
resolution = "10s"
minimum = 10
for = "1min"
notify = ["team"]
digest = "1d"
[[alerts]]
name = "silent"
measure = "silence"
notify = "team"
""")
    busy, silent = read_rules(config.load(file).alerts)
    assert busy == AlertRule(
        name="busy",
        measure="bytes",
        filters=EventFilters(category=("git",), topic=("a.*", "b")),
        per="topic",
        short=12,
        long=120,
        threshold=Fraction(6, 5),
        resolution=timedelta(seconds=10),
        minimum=10,
        hold=timedelta(minutes=1),
        notify=("team",),
        digest=timedelta(days=1),
    )
    assert busy.hold_ticks == 6
    assert silent.notify == ("team",)
    assert silent.long * silent.resolution == timedelta(weeks=4)
    assert find_rule((busy, silent), "silent") is silent


def test_ticks_are_truncated_and_durations_are_exact():
    assert (read(short=1.9, long=2.9).short, read(short=1.9, long=2.9).long) == (1, 2)
    assert read(resolution=5, short="10s", long=30).short == 2
    assert read(threshold=1.2).threshold == Fraction(6, 5)
    assert read(hold="25s").hold_ticks == 3


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"short": 4, "long": 3}, "long"),
        ({"short": 0}, "short"),
        ({"short": -1, "long": 1}, "short"),
        ({"short": float("nan")}, "short"),
        ({"short": "15s"}, "whole number"),
        ({"threshold": 1}, "threshold"),
        ({"threshold": float("inf")}, "threshold"),
        ({"resolution": "0"}, "resolution"),
        ({"resolution": "soon"}, "resolution"),
        ({"minimum": -1}, "minimum"),
        ({"hold": -1}, "for"),
        ({"filter": {"colour": "red"}}, "colour"),
        ({"measure": "overload", "per": "topic"}, "per"),
        ({"measure": "overload", "resolution": "1s"}, "resolution"),
        ({"measure": "coverage", "per": "topic"}, "coverage"),
        ({"measure": "coverage", "threshold": 101}, "threshold"),
        ({"long": 10**9}, "more than"),
    ],
)
def test_mistakes(values: dict[str, Any], message: str):
    with pytest.raises(UsageError, match=message) as error:
        read(**values)
    assert "[[alerts]]" in str(error.value)


def test_two_rules_of_one_name():
    with pytest.raises(UsageError, match="'a'"):
        read_rules([AlertConfig("a"), AlertConfig("a")])


def test_an_unknown_rule():
    with pytest.raises(UsageError, match="there are: a"):
        find_rule([read()], "b")


def test_an_unknown_key_of_a_rule(tmp_path: Path):
    file = tmp_path / "hubbub.toml"
    file.write_text('[[alerts]]\nname = "a"\nthreshhold = 2')
    with pytest.raises(UsageError, match="threshhold") as error:
        config.load(file)
    assert "did you mean alerts[1].threshold?" in str(error.value)


def test_the_definition_is_what_is_measured():
    assert read().definition == read(notify="team", digest="1d").definition
    assert read().definition != read(threshold=2).definition
