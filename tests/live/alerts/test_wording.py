"""Changes of alerts in words."""

from __future__ import annotations

from typing import Any

import pytest

from hubbub.live.alerts.wording import measured, shown, subject, visible
from hubbub.store.state.alerts import NewChange


def change(**values: Any) -> NewChange:
    facts: dict[str, Any] = {
        "rule": "busy", "subject": "", "state": "raised", "time": 0, "detected": 0,
        "measured": 1.0, "expected": 1.0, "measure": "messages", "per": "none",
    }  # fmt: skip
    return NewChange(**facts | values)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"measured": 3.2, "expected": 0.8}, "3.2 messages/s, 4 times the 0.8 before"),
        ({"measured": 0.05, "expected": 0.01}, "3 messages/min, 5 times the 0.6 before"),
        ({"measured": 0.05, "expected": 0.0}, "3 messages/min, none before"),
        ({"measured": 0.0, "expected": 2.0}, "0 messages/s, 0 times the 2 before"),
        (
            {"measure": "bytes", "measured": 5_000_000.0, "expected": 1_234_567.0},
            "5 MB/s, 4.05 times the 1.23 before",
        ),
        (
            {"measure": "users", "measured": 2 / 60, "expected": 1 / 60},
            "2 people/min, 2 times the 1 before",
        ),
        (
            {"measure": "silence", "measured": 5400.0, "expected": 600.0},
            "no message for 1.5 h; its longest pause before was 10 min",
        ),
        (
            {"measure": "silence", "state": "ended", "measured": 7200.0, "expected": 600.0},
            "a message after 2 h; its longest pause before was 10 min",
        ),
        (
            {"measure": "coverage", "measured": 87.5, "expected": 100.0},
            "87.5 % was received, 100 % expected",
        ),
        (
            {
                "measure": "overload", "per": "user", "subject": "ralph", "measured": 2.0,
                "details": {"signs": ["load", "no_pause", "unknown"]},
            },
            "2 signs of too much work: more work than usual; no two free days in a row",
        ),
        ({"measured": None, "state": "ended"}, "ended"),
        ({"measured": 1234.5, "expected": 1000.0}, "1,234 messages/s, 1.23 times the 1,000 before"),
    ],
)  # fmt: skip
def test_what_was_measured(values: dict[str, Any], expected: str) -> None:
    assert measured(change(**values)) == expected


def test_names_of_people_are_hidden_and_private_alerts_unseen() -> None:
    person = change(per="user", measure="users", subject="ralph")
    private = change(per="user", measure="overload", subject="ralph")
    assert subject(person, names=True) == "ralph"
    assert subject(person, names=False) == "a person"
    assert subject(person, names=False, person="ralph") == "ralph"
    assert visible(person, names=False)
    assert visible(private, names=True)
    assert visible(private, names=False, person="ralph")
    assert not visible(private, names=False)
    assert not visible(private, names=False, person="lmacken")


def test_hostile_subjects_are_cleaned_and_cut() -> None:
    topic = "org\u202e.evil\n\x1b[31m" + "x" * 10_000
    one = shown(change(per="topic", subject=topic), number=7, names=True)
    assert one.title.startswith("▲ busy: topic org.evil [31mxxx")
    assert len(one.title) < 150
    assert one.title.isprintable()
    empty = shown(change(per="category", subject="\u202e"), number=7, names=True)
    assert empty.subject == "category (no name)"
