"""What the terminal view shows of sources: alerts, replays, errors, warnings; and how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from textual.events import Print
from textual.pilot import Pilot

from hubbub.collector.event import Event
from hubbub.errors import SourceError
from hubbub.live.alerts.board import Board
from hubbub.live.alerts.wording import Shown, shown
from hubbub.live.stream.clock import Replay
from hubbub.live.stream.frames import Received
from hubbub.live.terminal.averages import AverageRule, Averages
from hubbub.live.terminal.screen import TopApp
from hubbub.live.terminal.sources import Source, replayed
from hubbub.store.state.alerts import NewChange
from hubbub.zones import UNIVERSAL
from tests.live.terminal.driving import EVENTS, Waiting, drawn, drive, screen, table
from tests.live.terminal.test_periods import event


def change(state: str, number: int) -> Shown:
    recorded = NewChange(
        rule="busy[red]", subject="org.x\x1b[31m", state=state, time=1_790_000_000_000_000,
        detected=0, measured=30.0, expected=10.0, measure="messages", per="topic",
    )  # fmt: skip
    return shown(recorded, number=number, names=True)


def test_alerts_are_listed_where_there_are_rules() -> None:
    board = Board((change("raised", 3),), (change("raised", 3), change("ended", 2)))
    source = Source(Waiting(list(EVENTS)).poll, "test", alerts=lambda: board)

    async def script(app: TopApp, _pilot: Pilot[None]) -> None:
        text = await drawn(
            app,
            "alerts: 1 on",
            "▲ raised",
            "▽ ended",
            "busy[red]: topic org.x[31m  30 messages/s, 3 times the 10 before",
        )
        assert "\x1b" not in text

    drive(script, source=source)


def test_alerts_of_what_is_received_are_listed_without_rules() -> None:
    averages = Averages(AverageRule(short=1, long=2, resolution=timedelta(seconds=1), grace=0))
    past = [(event("git", time=n * 1_000_000), n * 1_000_000) for n in (1, 2, 3, 4, 4, 4, 5, 6)]

    async def script(app: TopApp, _pilot: Pilot[None]) -> None:
        await drawn(app, "▲ raised   1970-01-01 00:00:05  moving average", "▽ ended")

    drive(script, source=Source(lambda: past, "test"), averages=averages)


def test_without_rules_there_is_no_pane_of_alerts() -> None:
    async def script(app: TopApp, _pilot: Pilot[None]) -> None:
        assert not table(app, "alerts").display

    drive(script)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_the_view(number: int) -> None:
    async def script(app: TopApp, pilot: Pilot[None]) -> None:
        os.kill(os.getpid(), number)
        for _ in range(1000):
            if not app.is_running:
                break
            await asyncio.sleep(0.01)
        assert not app.is_running

    assert drive(script).failure is None


def test_a_source_that_fails_ends_the_view() -> None:
    def poll() -> list[Received]:
        raise SourceError("reading the file failed", where="x.log:3")

    async def run() -> TopApp:
        app = TopApp(Source(poll, "test"), UNIVERSAL)
        async with app.run_test() as pilot:
            await pilot.pause()
            for _ in range(1000):
                if app.failure is not None:
                    break
                await asyncio.sleep(0.01)
        return app

    assert isinstance(asyncio.run(run()).failure, SourceError)


class Past:
    """One message every ten seconds of an hour, replayed by a clock that stands still."""

    def __init__(self) -> None:
        self.time = 0.0
        self.replay = Replay(self.read, 0, 3_600_000_000, 60, lambda: self.time)

    def read(self, since: int) -> Iterator[Event]:
        return (event("git", time=n * 1_000_000) for n in range(since // 1_000_000, 3600, 10))


def test_a_replay_is_paused_stepped_and_sped_up() -> None:
    past = Past()

    async def script(app: TopApp, pilot: Pilot[None]) -> None:
        past.time += 1
        await app.turn()
        assert app.tally.all.total == 7
        await pilot.press("space")
        past.time += 10
        await app.turn()
        assert app.tally.all.total == 7
        await drawn(app, "paused")
        await pilot.press("right")
        assert app.tally.all.total == 13
        await pilot.press("left", "left")
        assert app.tally.all.total == 1
        await pilot.press("space", "plus")
        assert past.replay.speed == 300
        past.time += 1
        await app.turn()
        assert app.tally.all.total == 31
        await pilot.press("shift+right")
        await pilot.pause()
        assert past.replay.ended
        await drawn(app, "the end")
        await drawn(app, "1970-01-01 01:00:00 UTC")

    drive(script, source=replayed(past.replay, "replay of a day"))


def test_a_replay_is_not_moved_while_it_is_read() -> None:
    past, source = Past(), replayed(Past().replay, "")
    reading, together = False, False

    def poll() -> list[Received]:
        nonlocal reading, together
        together, reading = together or reading, True
        time.sleep(0.05)
        taken = source.poll()
        reading = False
        return taken

    class Moved(Replay):
        def step(self, seconds: float) -> bool:
            nonlocal together
            together = together or reading
            return super().step(seconds)

    moved = Moved(past.read, 0, 3_600_000_000, 60, lambda: past.time)

    async def script(app: TopApp, _pilot: Pilot[None]) -> None:
        await asyncio.gather(app.turn(), app.action_step(60), app.turn(), app.action_step(-60))
        assert not together

    drive(script, source=Source(poll, "replay", moved))


def test_a_warning_is_shown_until_it_is_closed() -> None:
    async def script(app: TopApp, pilot: Pilot[None]) -> None:
        app.post_message(Print("\x1b[33mwarning\x1b[0m connection [b]lost\u202e\n", stderr=True))
        await pilot.pause()
        await drawn(app, "warning connection [b]lost ")
        await pilot.press("escape")
        await pilot.pause()
        assert "connection" not in screen(app)

    drive(script)


def test_people_may_be_numbered() -> None:
    async def script(app: TopApp, pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        await pilot.pause()
        text = await drawn(app, "person 1")
        assert not {"ann", "bob", "eve"} & set(text.split())

    drive(script, names=False)
