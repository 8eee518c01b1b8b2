"""Drive the terminal view without a terminal, and read what is on its screen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from textual.pilot import Pilot

from hubbub.collector.event import Event
from hubbub.live.stream.frames import Received
from hubbub.live.terminal.rows import Rows
from hubbub.live.terminal.screen import TopApp
from hubbub.live.terminal.sources import Source
from hubbub.zones import UNIVERSAL
from tests.live.terminal.test_periods import event

EVENTS: list[Event] = [
    *(event("git", ("ann",)) for _ in range(5)),
    *(event("wiki", ("bob",), objects=("[red]page\x1b[31m\u202e",)) for _ in range(9)),
    event("askbot", ("[b]eve",)),
]
Script = Callable[[TopApp, "Pilot[None]"], Awaitable[None]]


class Waiting:
    """Events that are given at the next call."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events

    def poll(self) -> list[Received]:
        taken, self.events = self.events, []
        now = time.time_ns() // 1000
        return [(each, now) for each in taken]


def drive(
    script: Script,
    *,
    size: tuple[int, int] = (120, 40),
    source: Source | None = None,
    **options: Any,
) -> TopApp:
    async def run() -> TopApp:
        shown = source or Source(Waiting(list(EVENTS)).poll, "test")
        app = TopApp(shown, UNIVERSAL, every=3600, **options)
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await app.turn()
            await pilot.pause()
            await script(app, pilot)
        return app

    return asyncio.run(run())


def table(app: TopApp, name: str) -> Rows:
    return app.query_one(f"#{name}", Rows)


def cells(app: TopApp, name: str, columns: int = 1) -> list[Any]:
    lines = [list(line[:columns]) for line in table(app, name).lines()]
    return lines if columns > 1 else [line[0] for line in lines]


def screen(app: TopApp) -> str:
    """Return what is on the screen."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


async def drawn(app: TopApp, *parts: str) -> str:
    """Wait until these texts are on the screen, which a busy machine draws late; return it."""
    end = time.monotonic() + 60
    while not all(part in (text := screen(app)) for part in parts):
        assert time.monotonic() < end, text
        await asyncio.sleep(0.02)
    return text
