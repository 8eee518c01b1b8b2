"""Gaps of a GitHub hook are healed from the deliveries that GitHub keeps."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event as Flag

import pytest

from hubbub.collector.decode.deliveries import read
from hubbub.collector.event import Frame
from hubbub.collector.hooks import healer as module
from hubbub.collector.hooks.github import KEPT, DeliveryLog
from hubbub.collector.hooks.healer import GitHubHealer
from hubbub.collector.hooks.settings import GitHubHook, Hook
from hubbub.errors import NoRoomError
from hubbub.store.state.database import State
from tests.support.forges.fake_github import PATH, TOKEN, FakeGitHub, Kept

NOW = 1_796_000_000
SETTLE = 600
SOURCE = "hook:github"
S = 1_000_000


class Store:
    """A sink, and what is in the tables."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.durable = 0
        self.stored: set[str] = set()
        self.full = False

    def put(self, frame: Frame) -> None:
        self.frames.append(frame)

    def flush(self) -> None:
        if self.full:
            raise NoRoomError("full")
        self.durable = len(self.frames)

    def known(self, ids: Sequence[str], span: tuple[int, int]) -> set[str]:
        assert span[0] < span[1]
        return self.stored & set(ids)

    @property
    def guids(self) -> list[str]:
        assert self.durable == len(self.frames)
        return [read(frame)[0].id for frame in self.frames]


class Bench:
    def __init__(self, where: GitHubHook, ledger: State) -> None:
        self.now = float(NOW)
        self.store, self.ledger = Store(), ledger
        self.where = where
        self.restart()

    def restart(self) -> None:
        hook = Hook("github", "github", ("s",), github=self.where)
        self.healer = GitHubHealer(
            hook,
            DeliveryLog(self.where, clock=lambda: self.now),
            self.store,
            self.ledger,
            self.store.known,
            settle=SETTLE,
            clock=lambda: self.now,
        )

    def round(self) -> float:
        return self.healer.run_once()

    def spans(self) -> list[tuple[float, float, str]]:
        spans = self.ledger.spans(SOURCE, "")
        return [(start / S - NOW, end / S - NOW, state) for start, end, state in spans]


@pytest.fixture
def bench(where: GitHubHook, ledger: State) -> Bench:
    return Bench(where, ledger)


def hours(n: float) -> float:
    return NOW - n * 3600


def test_a_new_hook(bench: Bench, github: FakeGitHub):
    github.add(
        Kept("ping", hours(2), 200, "ping"),
        Kept("taken", hours(1), 200),
        Kept("missed", hours(0.5), 502, payload={"action": "opened", "sender": {"login": "ben"}}),
    )
    bench.store.stored = {"taken"}
    assert bench.round() == 300
    assert bench.store.guids == ["missed"]
    (frame,) = bench.store.frames
    assert frame.source == SOURCE
    assert frame.arrived == hours(0.5) * S  # when it was sent, not when it was read
    assert read(frame) == (
        read(frame)[0],
        {"action": "opened", "sender": {"login": "ben"}},
    )
    assert read(frame)[0].event == "issues"
    assert bench.spans() == [
        (-7200, -1810, "complete"),
        (-1810, -1790, "healed"),
        (-1790, -600, "complete"),
    ]


def test_a_hook_that_never_delivered(bench: Bench):
    assert bench.round() == 300
    assert bench.spans() == []


def test_a_gap_is_healed(bench: Bench, github: FakeGitHub):
    github.add(Kept("first", hours(60), 200))
    bench.store.stored = {"first"}
    bench.now = hours(30)
    bench.round()
    bench.ledger.span(SOURCE, "", int(hours(20) * S), int(hours(10) * S), "gap", "away")
    github.add(Kept("a", hours(15), 502), Kept("b", hours(12), 0), Kept("c", hours(1), 200))
    bench.store.stored.add("c")
    bench.now = NOW
    bench.round()
    assert bench.store.guids == ["a", "b"]
    assert bench.spans() == [
        (-60 * 3600, -20 * 3600, "complete"),
        (-20 * 3600, -10 * 3600, "healed"),
        (-10 * 3600, -600, "complete"),
    ]


def test_each_delivery_is_read_once(bench: Bench, github: FakeGitHub):
    github.add(*(Kept(f"g{n}", hours(1) + n) for n in range(120)))
    bench.round()
    assert len(bench.store.guids) == 120
    asked = len(github.asked)
    bench.now += 300
    bench.round()
    assert len(bench.store.guids) == 120
    assert len(github.asked) == asked + 1  # only the newest page


def test_a_redelivery_is_no_second_delivery(bench: Bench, github: FakeGitHub):
    github.add(Kept("a", hours(2), 502), Kept("a", hours(1), 502))
    bench.round()
    assert bench.store.guids == ["a"]
    assert bench.store.frames[0].arrived == hours(2) * S


def test_taken_by_another_server_or_lost_with_a_disk(bench: Bench, github: FakeGitHub):
    github.add(Kept("a", hours(1), 200))
    bench.round()
    assert bench.store.guids == ["a"]


def test_what_was_just_taken_is_on_its_way(bench: Bench, github: FakeGitHub):
    github.add(Kept("old", hours(1), 200), Kept("new", NOW - 30, 200), Kept("lost", NOW - 20, 503))
    bench.store.stored = {"old"}
    bench.round()
    assert bench.store.guids == ["lost"]
    assert bench.spans() == [(-3600, -600, "complete")]
    bench.now += 2 * SETTLE
    bench.store.stored |= {"new", "lost"}
    bench.round()
    assert bench.store.guids == ["lost"]
    assert bench.spans() == [
        (-3600, -30, "complete"),
        (-30, -10, "healed"),
        (-10, 600, "complete"),
    ]


def test_a_payload_that_is_gone_stays_a_gap(bench: Bench, github: FakeGitHub):
    github.add(Kept("a", hours(1), payload=None), Kept("b", hours(0.5)))
    bench.round()
    assert bench.store.guids == ["b"]
    assert bench.spans() == [
        (-3600, -3590, "gap"),
        (-3590, -1810, "complete"),
        (-1810, -1790, "healed"),
        (-1790, -600, "complete"),
    ]
    asked = len(github.asked)
    bench.round()
    assert len(github.asked) == asked + 1


def test_away_for_longer_than_github_keeps(bench: Bench, github: FakeGitHub):
    github.add(Kept("a", NOW - 10 * 86_400, 200))
    bench.store.stored = {"a"}
    bench.now = NOW - 10 * 86_400 + 3600
    bench.round()
    day = 86_400
    bench.ledger.span(SOURCE, "", (NOW - 9 * day) * S, NOW * S, "gap", "away")
    bench.now = NOW + SETTLE
    github.add(Kept("b", hours(1)))
    bench.round()
    assert bench.store.guids == ["b"]
    assert bench.spans()[-2:] == [
        (-9 * day, SETTLE - KEPT, "gap"),
        (SETTLE - KEPT, 0, "healed"),
    ]


def test_a_crash_between_writing_and_the_ledger(bench: Bench, github: FakeGitHub, monkeypatch):
    github.add(Kept("a", hours(1)), Kept("b", hours(0.9)))
    with monkeypatch.context() as patch:
        patch.setattr(GitHubHealer, "_record", lambda *_: 1 / 0)
        assert bench.round() == 10
    bench.restart()
    bench.store.stored = {"a"}  # the loader was so far
    bench.round()
    assert bench.store.guids == ["a", "b", "b"]  # the second `b` has the same id
    assert bench.spans()[0][2] == "complete"
    assert "healed" in {state for *_, state in bench.spans()}


def test_a_full_disk_heals_nothing(bench: Bench, github: FakeGitHub):
    github.add(Kept("a", hours(1)))
    bench.store.full = True
    assert [bench.round() for _ in range(9)] == [10, 20, 40, 80, 160, 320, 600, 600, 600]
    assert bench.spans() == []
    bench.store.full = False
    assert bench.round() == 300
    assert "healed" in {state for *_, state in bench.spans()}


def test_limits_and_errors_of_github(bench: Bench, github: FakeGitHub):
    github.instead += [
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(NOW + 900)}, b""),
        (500, {}, b""),
        (404, {}, b""),
    ]
    assert [bench.round() for _ in range(4)] == [900, 10, 20, 300]


def test_an_error_in_the_middle_keeps_what_was_read(bench: Bench, github: FakeGitHub):
    github.add(Kept("a", hours(2)), Kept("b", hours(1)))
    bearer = f"Bearer {TOKEN}"
    listed = github.answer(f"{PATH}?per_page=100", bearer)
    first = github.answer(f"{PATH}/1", bearer)
    github.instead += [listed, listed, first, (502, {}, b"")]
    assert bench.round() == 10
    assert bench.store.guids == ["a"]
    assert bench.spans() == []
    bench.round()
    assert bench.store.guids == ["a", "b"]


def test_memory_is_bounded(bench: Bench, github: FakeGitHub, monkeypatch):
    monkeypatch.setattr(module, "_REMEMBERED", 10)
    github.add(*(Kept(f"g{n}", hours(1) + n) for n in range(60)))
    bench.round()
    assert list(bench.healer._read) == [f"g{n}" for n in range(50, 60)]


def test_it_stops(bench: Bench, github: FakeGitHub):
    github.add(*(Kept(f"g{n}", hours(1) + n) for n in range(5)))
    stop = Flag()
    stop.set()
    bench.healer.run(stop)
    assert bench.store.frames == []
    bench.healer.run_once()
    assert bench.store.frames == []
