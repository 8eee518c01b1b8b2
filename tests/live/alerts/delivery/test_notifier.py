"""Each change is sent once to each channel; failures are retried, and floods become one message."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hubbub.config import AlertConfig
from hubbub.live.alerts.delivery.channels import Channel
from hubbub.live.alerts.delivery.sender import Outcome
from hubbub.store import Store
from hubbub.store.state import silences
from tests.live.alerts.delivery.support import ADDRESS, SECOND, START, Bench

REFUSED = Outcome("refused", "the connection was refused")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store") as store:
        yield store


@pytest.fixture
def bench(store: Store) -> Bench:
    return Bench(store, Channel("list", "list"))


def test_a_change_is_sent_once_to_each_of_its_channels(bench: Bench) -> None:
    change = bench.change("raised", "team", "list", subject="git", per="category")
    assert bench.after(0) == ["▲ busy: category git"] * 2
    assert {url for url, _, _ in bench.sender.sent} == {"team", "list"}
    assert bench.last_body == (
        "Raised: 3 messages/s, 3 times the 1 before\n"
        "Subject: category git\n"
        "Rule: busy\n"
        "Since: 2026-11-30 00:53:20 UTC\n"
        f"Alert {change.number}: {ADDRESS}/alerts/{change.number}"
    )
    bench.change("ended", "team")
    assert bench.after(1) == ["▽ busy"]
    assert bench.after(100) == []
    assert bench.statuses() == ["sent", "sent", "sent"]


def test_what_is_refused_is_retried_ever_less_often_and_given_up(bench: Bench) -> None:
    bench.sender.outcomes = [REFUSED] * 1000
    change = bench.change()
    attempts, gaps, last = 0, [], bench.now
    while "failed" not in bench.statuses():
        if bench.after(10):
            attempts += 1
            gaps.append((bench.now - last) / SECOND)
            last = bench.now
    assert gaps[:4] == [10, 30, 60, 120]
    assert max(gaps) == 3600
    assert 24 * 3600 <= (bench.now - change.detected) / SECOND <= 25 * 3600
    assert bench.after(7200) == []
    [(error, tried)] = bench.store.state.rows(
        "SELECT last_error, attempts FROM alert_notifications"
    )
    assert (error, tried) == ("the connection was refused", attempts)


def test_a_channel_that_works_again_gets_everything_in_order(bench: Bench) -> None:
    bench.sender.outcomes = [REFUSED, REFUSED]
    bench.change("raised")
    assert bench.after(0) == ["▲ busy"]
    bench.change("ended")
    assert bench.after(1) == [], "the end is not sent before the beginning"
    bench.change(rule="other")
    assert bench.after(30) == ["▲ busy", "▲ other"], (
        "what cannot be sent holds up its own alert only"
    )
    assert bench.statuses() == ["pending", "pending", "sent"]
    assert bench.after(61) == ["▲ busy", "▽ busy"]


def test_what_may_have_been_sent_is_not_sent_again(bench: Bench) -> None:
    bench.sender.outcomes = [Outcome("unsure", "no answer")]
    bench.change()
    assert bench.after(0) == ["▲ busy"]
    assert bench.after(10_000) == []
    [(status, error)] = bench.store.state.rows("SELECT status, last_error FROM alert_notifications")
    assert (status, error) == ("unsure", "may have been sent: no answer")


def test_after_a_crash_it_is_said_that_it_may_have_been_sent(bench: Bench) -> None:
    class Crash(BaseException):
        pass

    def crash(*_: str) -> Outcome:
        raise Crash

    bench.change("raised"), bench.change("ended")
    sender, bench.sender.send = bench.sender.send, crash  # type: ignore[method-assign,assignment]
    with pytest.raises(Crash):
        bench.after(0)
    assert bench.statuses() == ["sending", "pending"]
    bench.sender.send = sender  # type: ignore[method-assign]
    bench.notifier.recover(bench.store)
    assert bench.after(1) == ["▽ busy"]
    assert bench.statuses() == ["unsure", "sent"]


def test_many_at_once_are_one_message(bench: Bench) -> None:
    for i in range(5):
        bench.change(subject=f"t{i}", per="topic")
    assert len(bench.after(0)) == 5
    for i in range(200):
        bench.change("ended" if i < 5 else "raised", subject=f"t{i}", per="topic")
    assert bench.after(1) == ["Alerts of busy: 195 raised, 5 ended"]
    lines = bench.last_body.splitlines()
    assert len(lines) == 21
    assert lines[0].endswith(
        f"▽ busy: topic t0 (3 messages/s, 3 times the 1 before) {ADDRESS}/alerts/6"
    )
    assert lines[-1] == f"and 180 more: {ADDRESS}/alerts"
    assert len(bench.last_body) < 5_000
    assert set(bench.statuses()) == {"sent"}


def test_a_summary_that_is_refused_is_retried_as_a_whole(bench: Bench) -> None:
    bench.sender.outcomes = [REFUSED]
    for i in range(10):
        bench.change(subject=f"t{i}", per="topic")
    assert bench.after(0) == bench.after(31) == ["Alerts of busy: 10 raised"]
    assert set(bench.statuses()) == {"sent"}


def test_a_digest_is_collected_and_sent_as_one_message(store: Store) -> None:
    rules = [AlertConfig("busy", digest="1d"), AlertConfig("calm", digest="1d"), AlertConfig("now")]
    bench = Bench(store, rules=rules)
    bench.change()
    assert bench.after(3600) == []
    bench.change("ended"), bench.change(rule="calm"), bench.change(rule="now")
    assert bench.after(1) == ["▲ now"]
    times = "SELECT DISTINCT next_attempt FROM alert_notifications WHERE status = 'pending'"
    assert bench.store.state.rows(times) == [(START + 24 * 3600 * SECOND,)]
    assert bench.after(23 * 3600 - 10) == []
    assert bench.after(10) == ["Alerts of 2 rules: 2 raised, 1 ended"]
    assert bench.last_body.startswith("Collected since 2026-11-30 00:53:20 UTC:\n")
    bench.change()
    assert bench.after(3600) == []
    assert bench.after(23 * 3600) == ["Alerts of busy: 1 raised"], "one alone is a digest as well"


def test_a_channel_sees_names_of_people_only_if_it_may(store: Store) -> None:
    bench = Bench(
        store,
        Channel("staff", "staff", people=True),
        Channel("ralph", "ralph", person="ralph"),
    )
    channels = ("team", "staff", "ralph")
    bench.change("raised", *channels, subject="ralph", per="user", measure="users")
    bench.after(0)
    titles = {url: title for url, title, _ in bench.sender.sent}
    assert titles == {
        "team": "▲ busy: a person", "staff": "▲ busy: ralph", "ralph": "▲ busy: ralph"
    }  # fmt: skip
    assert all("ralph" not in body for url, _, body in bench.sender.sent if url == "team")
    bench.sender.sent.clear()
    for who in ("ralph", "lmacken"):
        bench.change("raised", *channels, rule="load", subject=who, per="user", measure="overload")
    assert bench.after(1) == ["▲ load: ralph"]
    assert bench.sender.sent[0][0] == "ralph"
    assert bench.statuses()[-6:] == ["sent", "withheld", "withheld", *["withheld"] * 3]


def test_a_channel_that_is_not_configured_is_withheld_and_said(bench: Bench) -> None:
    bench.change("raised", "nowhere")
    assert bench.after(0) == []
    [(status, error)] = bench.store.state.rows("SELECT status, last_error FROM alert_notifications")
    assert status == "withheld"
    assert "no channel nowhere" in error


def silence(bench: Bench, seconds: int, **values: str) -> int:
    facts = {"rule": "", "author": "ralph", "reason": "release day"} | values
    return silences.add(
        bench.store.state, starts=bench.now, ends=bench.now + seconds * SECOND, **facts
    ).number


def suppressed(bench: Bench) -> list[int]:
    return [each.suppressed for each in reversed(silences.listed(bench.store.state))]


def test_a_silence_holds_back_and_counts(bench: Bench) -> None:
    silence(bench, 3600, rule="busy")
    bench.change("raised", "team", "list"), bench.change(rule="other")
    assert bench.after(1) == ["▲ other"]
    bench.change("ended", "team", "list")
    assert bench.after(4000) == [], "the end of what was held back is held back, too"
    assert bench.statuses() == ["silenced", "silenced", "sent", "silenced", "silenced"]
    assert suppressed(bench) == [4]


def test_a_silence_that_ends_while_the_alert_is_on_says_so_once(bench: Bench) -> None:
    number = silence(bench, 3600)
    bench.change("raised", "team", "list")
    assert bench.after(3599) == []
    assert bench.after(1) == ["▲ busy", "▲ busy"]
    assert bench.last_body.startswith(
        f"Still on: silence {number} by ralph ended 2026-11-30 01:53:20 UTC\n"
        "Raised: 3 messages/s, 3 times the 1 before\n"
    )
    assert bench.after(3600) == []
    bench.change("ended", "team")
    assert bench.after(1) == ["▽ busy"]


def test_a_silence_also_holds_back_what_is_being_retried(bench: Bench) -> None:
    bench.sender.outcomes = [REFUSED]
    bench.change()
    bench.after(0)
    silence(bench, 100)
    assert bench.after(40) == []
    assert bench.after(100) == ["▲ busy"]
    assert suppressed(bench) == [1]


def test_the_end_of_an_alert_that_was_sent_is_held_back_by_a_silence(bench: Bench) -> None:
    bench.change("raised")
    bench.after(0)
    silence(bench, 100)
    bench.change("ended")
    assert bench.after(1) == bench.after(200) == []
    bench.change("raised")
    assert bench.after(1) == ["▲ busy"]


def test_two_silences_one_after_the_other(bench: Bench) -> None:
    silence(bench, 100), silence(bench, 200, subject="git")
    bench.change(subject="git", per="category")
    assert bench.after(150) == []
    assert bench.after(50) == ["▲ busy: category git"]


def test_hostile_names_do_nothing_in_the_programs_of_readers(bench: Bench) -> None:
    bench.change(subject="@everyone <!channel> https://evil.example\n`x`\u202e", per="topic")
    assert bench.after(0) == ["▲ busy: topic (at)everyone [!channel] https: //evil.example 'x'"]
    assert "@everyone" not in bench.last_body
    assert "<!" not in bench.last_body
    assert "evil.example\n'" not in bench.last_body
