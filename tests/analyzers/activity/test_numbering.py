"""The estimate of completeness, against a count by hand of the same events."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from hubbub.analyzers.activity.numbering import completeness, sentence

BOTH = "issues and pull requests"


def row(
    number: int,
    action: str = "issue.opened",
    repo: str = "lantern/beacon",
    numbers: str = BOTH,
    host: str = "github.com",
) -> dict[str, Any]:
    topic = f"github.{action}"
    return {
        "timestamp": number,
        "topic": topic,
        "category": "github",
        "action": action,
        "users": ["ada"],
        "objects": [repo],
        "extra": [("number", str(number)), ("numbers", numbers), ("repository", f"{host}/{repo}")],
    }


def by_hand(rows: Iterable[dict[str, Any]]) -> dict[tuple[str, str], tuple[int, int, int]]:
    """Return repository, numbers → first, last, opened."""
    seen: dict[tuple[str, str], set[int]] = defaultdict(set)
    opened: dict[tuple[str, str], set[int]] = defaultdict(set)
    for event in rows:
        extra = dict(event["extra"])
        key = extra["repository"], extra["numbers"]
        seen[key].add(int(extra["number"]))
        if event["action"].endswith(".opened"):
            opened[key].add(int(extra["number"]))
    return {k: (min(opened[k]), max(seen[k]), len(opened[k])) for k in seen if opened[k]}


def answer(records: list[dict[str, Any]]) -> dict[tuple[str, str], tuple[int, int, int]]:
    return {(r["repository"], r["numbers"]): (r["first"], r["last"], r["opened"]) for r in records}


@pytest.mark.parametrize("seed", range(5))
def test_any_events(events: Callable[..., Any], seed: int) -> None:
    rng = random.Random(seed)
    actions = ("issue.opened", "pull_request.opened", "issue.comment", "issue.closed")
    rows = [
        row(
            rng.randrange(1, 300), rng.choice(actions), repo=rng.choice(("a/b", "a/c", "d/e")),
            numbers=rng.choice((BOTH, "merge requests")), host=rng.choice(("github.com", "x.org")),
        )
        for _ in range(400)
    ]  # fmt: skip
    rows += [{"timestamp": 1, "topic": "git.commit", "users": ["bo"], "extra": None}]
    records = completeness(events(rows))
    assert answer(records) == by_hand(rows[:-1])
    assert [r["missed"] for r in records] == sorted((r["missed"] for r in records), reverse=True)
    for record in records:
        whole = record["last"] - record["first"] + 1
        assert record["missed"] == whole - record["opened"]
        assert record["percent"] == pytest.approx(100 * record["opened"] / whole, abs=0.051)


def test_issues_and_pull_requests_share_numbers_on_github_and_not_on_gitlab(
    events: Callable[..., Any],
) -> None:
    github = [row(1), row(2, "pull_request.opened"), row(3), row(4, "pull_request.opened")]
    gitlab = [
        row(n, f"{kind}.opened", numbers=numbers, host="gitlab.com")
        for n in (1, 2)
        for kind, numbers in (("issue", "issues"), ("merge_request", "merge requests"))
    ]
    assert answer(completeness(events([*github, *gitlab]))) == {
        ("github.com/lantern/beacon", BOTH): (1, 4, 4),
        ("gitlab.com/lantern/beacon", "issues"): (1, 2, 2),
        ("gitlab.com/lantern/beacon", "merge requests"): (1, 2, 2),
    }


def test_a_comment_shows_that_a_higher_number_was_opened(events: Callable[..., Any]) -> None:
    (record,) = completeness(events([row(10), row(12), row(15, "issue.comment")]))
    assert (record["first"], record["last"], record["opened"], record["missed"]) == (10, 15, 2, 4)
    older = completeness(events([row(10), row(3, "issue.comment")]))
    assert answer(older)["github.com/lantern/beacon", BOTH] == (10, 10, 1)
    assert completeness(events([row(3, "issue.comment")])) == [], "of which none came as opened"


def test_numbers_that_are_none_do_not_count(events: Callable[..., Any]) -> None:
    odd = row(5) | {"extra": [("number", "x"), ("numbers", BOTH), ("repository", "a/b/c")]}
    other = row(5) | {"extra": [("request", "12")]}
    assert completeness(events([odd, other])) == []


@pytest.mark.parametrize(
    ("first", "last", "opened", "words"),
    [
        (1, 842, 311, f"37 % of the {BOTH} that lantern/beacon opened (numbers 1\u2013842; 311"),
        (1, 10, 10, "100 % of"),
        (1, 100_000, 99_999, "99.9 % of"),
        (1, 1_000, 996, "99.6 % of"),
        (1, 1_000, 1, "0.1 % of"),
    ],
)  # fmt: skip
def test_the_sentence(first: int, last: int, opened: int, words: str) -> None:
    record = {"repository": "github.com/lantern/beacon", "numbers": BOTH, "first": first,
              "last": last, "opened": opened}  # fmt: skip
    assert sentence(record).startswith(f"the archive has {words}")
