"""The view `coverage`: its title, and that a short gap is visible."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from hubbub.charts.views.coverage import coverage, duration_words, estimated, finding
from hubbub.times import iso
from tests.support.charts.chart_answers import view
from tests.support.charts.chart_samples import picture

START = datetime(2026, 3, 1, tzinfo=UTC)


def parts(*pieces):
    """(hours from, hours to, state)."""
    return [
        {
            "start": iso(START + timedelta(hours=a)),
            "end": iso(START + timedelta(hours=b)),
            "state": s,
        }
        for a, b, s in pieces
    ]


@pytest.mark.parametrize(
    ("pieces", "title"),
    [
        ([(0, 24, "complete")], "All of 1 day is provably complete"),
        (
            [(0, 20, "complete"), (20, 24, "healed")],
            "All of 1 day is provably complete; history covers 4 hours that the bus missed",
        ),
        (
            [(0, 18, "complete"), (18, 19, "gap"), (19, 24, "unproven")],
            "75% of 1 day is provably complete; 1 gap of 1 hour left to heal",
        ),
        ([(0, 24, "unproven")], "Nothing of 1 day is proven; no gap is known in the rest"),
        ([(0, 24, "unknown")], "Nothing is known about this range"),
        ([], "Nothing is known about this range"),
    ],
)
def test_the_title_states_what_is_proven_and_what_is_missing(pieces, title):
    assert finding(parts(*pieces), START, START + timedelta(hours=24)) == title


def test_nearly_everything_is_not_everything():
    almost = [(0, 23.999, "complete"), (23.999, 24, "gap")]
    title = finding(parts(*almost), START, START + timedelta(hours=24))
    assert not title.startswith(("All", "100%"))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0.4 seconds"), (1, "1 second"), (90, "1.5 minutes"), (86_400 * 30, "30 days")],
)
def test_duration_words(seconds, words):
    assert duration_words(seconds) == words


def test_a_gap_of_a_minute_in_four_weeks_is_two_pixels_wide():
    drawing = picture("coverage", "crowd")
    svg = drawing.svg().decode()
    (gaps,) = (
        re.findall(r'd="([^"]*)" class="f1"', svg)[:1]
        or re.findall(r'class="f1"[^>]* d="([^"]*)"', svg)[:1]
    )
    assert min(float(w) for w in re.findall(r"h([\d.]+)v", gaps)) >= 2


def test_more_sources_than_lanes_are_counted_in_the_subtitle():
    assert "8 of 11 sources" in picture("coverage", "crowd").svg().decode()


def test_its_table_is_the_ledger():
    rows = picture("coverage", "crowd").table()
    assert {row["state"] for row in rows} == {"complete", "healed", "gap", "unproven"}


def estimate(opened, missed, repo="lantern/beacon"):
    return {"repository": f"github.com/{repo}", "numbers": "issues and pull requests", "first": 1,
            "last": opened + missed, "opened": opened, "missed": missed}  # fmt: skip


BOTH = "the issues and pull requests that lantern/beacon opened"


@pytest.mark.parametrize(
    ("repositories", "sentence"),
    [
        ([], ""),
        ([estimate(311, 531)], f"estimated from numbers 1\N{EN DASH}842: 37% of {BOTH}"),
        (
            [estimate(999, 1), estimate(5, 0, "a/b")],
            f"estimated from numbers 1\N{EN DASH}1,000: 99.9% of {BOTH} (one of 2 repositories)",
        ),
    ],
)
def test_the_estimate_of_a_repository(repositories, sentence):
    assert estimated(repositories)[1] == sentence


def test_the_title_of_a_store_of_imports_is_the_estimate():
    title = "An estimated 37% of the issues and pull requests that lantern/beacon opened are here"
    assert estimated([estimate(311, 531)])[0] == title
    rows = {"coverage --per repository": [estimate(311, 531)]}
    known = view(coverage, rows, ledger=[]).svg().decode()
    assert "An estimated 37%" in known
    assert view(coverage, {}, ledger=[]).title == "Completeness unknown: 9 messages are stored"
