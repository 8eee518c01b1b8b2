"""The terminal view, driven by keys and the mouse: sort, filter, pause, drill down, replay."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from hubbub.live.terminal.rows import fit
from hubbub.live.terminal.screen import TopApp
from hubbub.live.terminal.sources import Source
from tests.live.terminal.driving import EVENTS, Waiting, cells, drawn, drive, screen, table
from tests.live.terminal.test_periods import event


def test_topics_and_users() -> None:
    async def script(app: TopApp, pilot: Pilot[None]) -> None:
        assert cells(app, "topics", 2) == [["wiki.new", "9"], ["git.new", "5"], ["askbot.new", "1"]]
        assert cells(app, "users", 3) == [
            ["bob", "9", "60.0"], ["ann", "5", "33.3"], ["[b]eve", "1", "6.7"],
        ]  # fmt: skip
        await pilot.press("s", "s")
        assert cells(app, "topics") == ["askbot.new", "git.new", "wiki.new"]
        await pilot.press("r")
        assert cells(app, "topics") == ["wiki.new", "git.new", "askbot.new"]
        await pilot.press("s")
        assert cells(app, "topics")[0] == "wiki.new"
        await drawn(app, "15 messages", "total ▼")

    drive(script)


def test_of_an_access_log_the_sections_are_listed() -> None:
    requests = [
        event("http", topic="http.access", objects=(section,), action="GET")
        for section in ("/wiki", "/docs", "/wiki")
    ] + [event("http", topic="http.access", action="OPTIONS")]

    async def script(app: TopApp, _pilot: Pilot[None]) -> None:
        assert cells(app, "topics", 2)[:2] == [["/wiki", "2"], ["/docs", "1"]]
        await drawn(app, "4 requests", "sections: 3")

    drive(script, source=Source(Waiting(requests).poll, "test", noun="requests"))


def test_a_narrow_terminal_hides_users_and_a_small_one_says_so() -> None:
    async def script(app: TopApp, pilot: Pilot[None]) -> None:
        assert not table(app, "users").display
        assert table(app, "topics").size.height > 10
        assert max(map(len, screen(app).split("\n"))) == 80
        await pilot.resize_terminal(100, 30)
        await pilot.pause()
        assert table(app, "users").display
        await drawn(app, "share")
        await drawn(app, "last minute")
        assert "%" not in screen(app)
        await pilot.resize_terminal(140, 30)
        await pilot.pause()
        await drawn(app, "%")
        await pilot.resize_terminal(60, 20)
        await pilot.pause()
        assert screen(app).split("\n")[1].strip() == (
            "60 x 20 is too small: hubbub top needs 80 x 24. q: quit"
        )
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        await drawn(app, "wiki.new")

    drive(script, size=(80, 24))


def test_drill_down_shows_text_as_it_is() -> None:
    async def script(app: TopApp, pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        await pilot.pause()
        last = table(app, "last")
        assert last.display
        rows = cells(app, "last", 3)
        assert len(rows) == 9
        assert rows[0][1] == "bob"
        text = await drawn(app, "[red]page[31m")
        assert not {"\x1b", "\u202e"} & set(text)
        await pilot.press("escape")
        assert not last.display

    drive(script)


def test_a_click_chooses_a_topic_and_a_title_sorts() -> None:
    async def script(app: TopApp, pilot: Pilot[None]) -> None:
        await pilot.click("#topics", offset=(5, 3))  # below border and header: the second topic
        await pilot.pause()
        assert app.opened is not None
        assert app.opened.name == "git.new"
        await pilot.click("#topics", offset=(5, 1))
        assert cells(app, "topics")[0] == "askbot.new"
        await pilot.click("#topics", offset=(5, 1))
        assert cells(app, "topics")[0] == "wiki.new"

    drive(script)


def test_the_cursor_stays_on_its_topic() -> None:
    waiting = Waiting(list(EVENTS))

    async def script(app: TopApp, pilot: Pilot[None]) -> None:
        await pilot.press("down")
        assert table(app, "topics").selected == "git.new"
        waiting.events = [event("git") for _ in range(30)]
        await app.turn()
        assert cells(app, "topics")[0] == "git.new"
        assert table(app, "topics").selected == "git.new"
        await pilot.press("end")
        assert table(app, "topics").selected == "askbot.new"
        await pilot.press("home", "up")
        assert table(app, "topics").selected == "git.new"

    drive(script, source=Source(waiting.poll, "test"))


def test_filter_and_pause() -> None:
    waiting = Waiting(list(EVENTS))

    async def script(app: TopApp, pilot: Pilot[None]) -> None:
        await pilot.press("slash", *"git", "enter")
        await pilot.pause()
        assert cells(app, "topics") == ["git.new"]
        await pilot.press("escape", "p")
        waiting.events = list(EVENTS)
        await app.turn()
        assert ["wiki.new", "9"] in cells(app, "topics", 2)
        await pilot.press("p")
        assert ["wiki.new", "18"] in cells(app, "topics", 2)

    drive(script, source=Source(waiting.poll, "test"))


def test_many_topics_are_scrolled() -> None:
    many = [event(f"c{n:03}") for n in range(300) for _ in range(300 - n)]

    async def script(app: TopApp, pilot: Pilot[None]) -> None:
        await pilot.press("pagedown", "pagedown")
        await pilot.pause()
        chosen = table(app, "topics").selected
        assert chosen is not None
        await drawn(app, chosen)
        assert "c000.new" not in screen(app)
        await pilot.press("home")
        await pilot.pause()
        await drawn(app, "c000.new")

    drive(script, source=Source(Waiting(many).poll, "test"))


def test_help() -> None:
    async def script(app: TopApp, pilot: Pilot[None]) -> None:
        await pilot.press("question_mark")
        await pilot.pause()
        await drawn(app, "Enter, click")
        await pilot.press("escape")
        await pilot.pause()
        assert "Enter, click" not in screen(app)

    drive(script, size=(80, 24))


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("git", 5, "git  "),
        ("a long topic", 6, "a lon…"),
        ("日本語", 4, "日… "),
        ("\u202eabc\x1b[1m", 9, "abc[1m   "),
        ("a\nb", 3, "a b"),
        ("x" * 10_000, 3, "xx…"),
    ],
)
def test_a_text_fits_exactly(text: str, width: int, shown: str) -> None:
    assert fit(text, width) == shown


def test_a_number_is_aligned_to_the_right() -> None:
    assert fit("12", 5, right=True) == "   12"
