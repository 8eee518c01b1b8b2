"""The counts behind the terminal view: rates, seconds, and bounded memory."""

from __future__ import annotations

import pytest

from hubbub.live.terminal.layout import share_bar, sparkline
from hubbub.live.terminal.tally import Tally
from tests.live.terminal.test_periods import event


def test_rates_and_seconds_of_a_topic() -> None:
    tally = Tally()
    tally.add([(event("git"), second * 1_000_000) for second in (91, 95, 95, 100)])
    tally.add([(event("wiki", ("bob",)), 100_000_000)])
    topic = tally.topics["git.new"]
    assert (topic.total, tally.all.total) == (4, 5)
    assert (topic.rate(101), topic.rate(101, 1), topic.rate(102)) == (0.4, 1.0, 0.3)
    assert topic.recent(100, 6) == [2, 0, 0, 0, 0, 1]
    assert tally.users == {"ann": 4, "bob": 1}
    assert topic.rate(200) == 0


def test_seconds_that_are_late_or_repeat_after_a_minute() -> None:
    tally = Tally()
    tally.add([(event("git"), second * 1_000_000) for second in (100, 98, 160, 99, 161)])
    topic = tally.topics["git.new"]
    assert topic.recent(161) == [0] * 58 + [1, 1]
    assert topic.total == 5


def test_memory_is_bounded_and_frequent_topics_stay() -> None:
    tally = Tally()
    rare = [(event(f"rare{n}", (f"u{n}",)), n) for n in range(100_000)]
    often = [(event("git"), 0)] * 3
    for start in range(0, len(rare), 500):
        tally.add([*rare[start : start + 500], *often])
    assert len(tally.topics) <= 1_000
    assert len(tally.users) <= 40_000
    assert tally.topics["git.new"].total == 600
    counted = sum(topic.total for topic in tally.topics.values()) + tally.rest.total
    assert counted == tally.all.total == 100_600


def test_only_the_last_messages_are_kept_and_long_names_are_cut() -> None:
    tally = Tally()
    tally.add([(event("git", ("n" * 9_000,), time=n), 0) for n in range(80)])
    last = tally.topics["git.new"].last
    assert [shown.time for shown in last] == list(range(30, 80))
    assert len(last[0].user) == 100


@pytest.mark.parametrize(
    ("counts", "width", "line"),
    [
        ([0, 1, 8], 3, " ▁█"),
        ([1, 1, 0, 0], 2, "█ "),
        ([0, 0], 2, "  "),
        ([5, 1, 1, 2, 2], 3, "▄█"),  # the oldest is left out where they do not divide
        ([1, 1], 9, "██"),
    ],
)
def test_sparklines(counts: list[int], width: int, line: str) -> None:
    assert sparkline(counts, width) == line


@pytest.mark.parametrize(
    ("part", "whole", "bar"),
    [(1, 4, "██"), (0, 0, ""), (0, 9, ""), (8, 8, "████████"), (1, 1000, "▏"), (9, 64, "█▏")],
)
def test_share_bars(part: int, whole: int, bar: str) -> None:
    assert share_bar(part, whole, 8) == bar
