"""The view of `hubbub top`: topics, users, alerts, and the last messages of one topic.

Everything that a message can contain is shown as it is: never as markup, and without control
characters.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import deque
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Print, Resize
from textual.widgets import Footer, Input, Static

from hubbub.formats.tables import clean
from hubbub.language.plurals import plural
from hubbub.live.terminal import layout
from hubbub.live.terminal.averages import Averages
from hubbub.live.terminal.help import HelpScreen
from hubbub.live.terminal.rows import Rows
from hubbub.live.terminal.sources import Source
from hubbub.live.terminal.tally import Tally, Topic
from hubbub.zones import Zone

__all__ = ["TopApp"]

_EVERY = 0.5  # s between pictures
_ROWS = 500  # topics that are listed
_USERS = 200  # users that are listed
_WIDE = 100  # columns from which on users are shown
_LEAST = 80, 24  # columns and lines
_ORDERS = ("total", "rate", "name")
_SIGNALS = signal.SIGINT, signal.SIGTERM, signal.SIGHUP  # end the view as q does


class TopApp(App[None]):
    """The view.

    Args:
        source: of the events.
        zone: in which times are shown.
        averages: of what is received, if the source has no rules for alerts.
        names: whether people are named.
        every: seconds between two pictures.
    """

    CSS = """
    Screen { overflow: hidden; }
    #view { height: 1fr; }
    #head { height: 2; padding: 0 1; }
    #tables { height: 2fr; }
    Rows { border: round $foreground 40%; border-title-style: none; padding: 0; height: 100%; }
    Rows:focus { border: round $accent; }
    #topics { width: 1fr; }
    #users { width: 22%; min-width: 28; max-width: 40; scrollbar-size: 0 0; }
    #last { display: none; height: 1fr; min-height: 7; }
    #alerts { display: none; height: 6; scrollbar-size: 0 0; }
    #filter { display: none; height: 1; border: none; padding: 0 1; }
    #note { display: none; height: 1; padding: 0 1; text-style: bold; }
    #small { display: none; padding: 1; }
    """
    TITLE = "hubbub top"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("ctrl+c", "quit", "Quit", show=False, priority=True),
        Binding("p,space", "pause", "Pause", key_display="p"),
        Binding("s", "sort", "Sort"),
        Binding("r", "reverse", "Reverse", show=False),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("escape", "close", "Back"),
        Binding("left", "step(-60)", "-1 min", key_display="←"),
        Binding("right", "step(60)", "+1 min", key_display="→"),
        Binding("shift+left", "step(-3600)", "-1 h", show=False),
        Binding("shift+right", "step(3600)", "+1 h", show=False),
        Binding("minus", "speed(-1)", "Slower", key_display="-"),
        Binding("plus", "speed(1)", "Faster", key_display="+"),
        Binding("question_mark,f1,h", "help", "Keys", key_display="?"),
    ]
    ENABLE_COMMAND_PALETTE = False

    def __init__(
        self,
        source: Source,
        zone: Zone,
        *,
        averages: Averages | None = None,
        names: bool = True,
        every: float = _EVERY,
    ) -> None:
        # with NO_COLOR the colours of the terminal are used, which Textual can leave out
        super().__init__(ansi_color=bool(os.environ.get("NO_COLOR")))
        self.source, self._zone, self._names, self._every = source, zone, names, every
        self.tally = Tally(names=names)
        self._averages = averages if source.alerts() is None else None
        self.order, self.reverse, self.paused, self.wanted = "total", False, False, ""
        self.opened: Topic | None = None  # whose messages are listed
        self.failure: Exception | None = None  # that ended the view
        self._polling = asyncio.Lock()  # a replay must not be moved while it is read
        self._notes: deque[str] = deque(maxlen=1)
        # kept, not queried: a turn may run while the screen is closed
        self._head = Static(id="head")
        self._note = Static(id="note")
        self._small = Static(id="small")
        self._filter = Input(placeholder="topics that contain …", id="filter")
        self._topics = Rows(layout.topics(source.noun), chooses=True, id="topics")
        self._users = Rows(layout.USERS, chooses=False, id="users")
        self._last = Rows(layout.LAST, chooses=True, id="last")
        self._alerts = Rows(layout.ALERTS, chooses=False, id="alerts")
        self._view = Vertical(id="view")

    def compose(self) -> ComposeResult:
        """Return the widgets."""
        with self._view:
            yield self._head
            yield self._filter
            with Horizontal(id="tables"):
                yield self._topics
                yield self._users
            yield self._last
            yield self._alerts
            yield self._note
            yield Footer(show_command_palette=False)
        yield self._small

    def on_mount(self) -> None:
        """Begin."""
        self.begin_capture_print(self)
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self.exit)
        self._topics.focus()
        self.run_worker(self._run(), name="turns")

    async def _run(self) -> None:
        """Take turns until the view is closed, or the source fails."""
        try:
            while True:
                began = time.monotonic()
                await self.turn()
                await asyncio.sleep(max(self._every - (time.monotonic() - began), 0.05))
        except Exception as error:  # noqa: BLE001  raised again when the terminal is restored
            self.failure = error
            self.exit()

    async def turn(self) -> None:
        """Take new events, and draw unless the view is paused."""
        async with self._polling:
            received = await asyncio.to_thread(self.source.poll)
        self.tally.add(received)
        if self._averages is not None:
            self._averages.add(received)
            self._averages.complete(self.source.now)
        if not self.paused:
            self.draw()

    def on_print(self, event: Print) -> None:
        """Show what is written to standard error, such as a warning of a lost connection."""
        if event.stderr and (text := clean(Text.from_ansi(event.text).plain.strip())):
            self._notes.append(text)
            self._note.update(Text(text, no_wrap=True, overflow="ellipsis"))
            self._note.display = True

    # drawing

    def draw(self) -> None:
        """Draw everything."""
        now = self.source.now // 1_000_000
        tally, width = self.tally, self.size.width - 2
        self._head.update(
            Text(layout.head(self.source, tally, self._zone, width, paused=self.paused)),
            layout=False,
        )
        listed = self.listed(now)
        whole = max(tally.all.total, 1)
        widths = self._topics.width_of("share"), self._topics.width_of("spark")
        largest = max((topic.total for topic in tally.topics.values()), default=1)
        scale = layout.Scale(now, whole, largest, *widths)
        self._topics.marks = {self.order: " ▲" if self.reverse != (self.order == "name") else " ▼"}
        self._topics.show(
            [topic.name for topic in listed],
            lambda n: layout.topic_row(listed[n], scale),
        )
        rare = f", {plural(tally.rest.total, 'message')} of rare topics" if tally.rest.total else ""
        shown = f"{len(listed):,} of {len(tally.topics):,}" if self.wanted else f"{len(listed):,}"
        self._topics.border_title = f"{self._topics.columns[0].title}s: {shown}{rare}"
        self._users.border_title = f"users: {len(tally.users):,}"
        users = tally.users.most_common(_USERS)
        self._users.show([name for name, _ in users], lambda n: layout.user_row(*users[n], whole))
        self._draw_last()
        self._draw_alerts()
        if self.paused:
            for table in (self._topics, self._users, self._last, self._alerts):
                table.freeze()

    def listed(self, now: int) -> list[Topic]:
        """Return the topics that are listed, in order."""
        listed = [t for t in self.tally.topics.values() if self.wanted in t.name.lower()]
        if self.order == "name":
            listed.sort(key=lambda t: t.name, reverse=self.reverse)
        else:
            listed.sort(key=lambda t: t.name)
            rated = (lambda t: t.rate(now)) if self.order == "rate" else (lambda t: t.total)
            listed.sort(key=rated, reverse=not self.reverse)
        return listed[:_ROWS]

    def _draw_last(self) -> None:
        opened = self.opened
        if opened is None:
            return
        self._last.border_title = f"last messages of {fit_title(opened.name)}"
        shown = list(opened.last)[::-1]
        keys = [f"{each.time} {each.topic}" for each in shown]
        self._last.show(keys, lambda n: layout.message(shown[n], self._zone))

    def _draw_alerts(self) -> None:
        board = self.source.alerts() if self._averages is None else self._averages.board()
        known = () if board is None else board.changes
        tall = self.size.height >= 30 or self.opened is None  # noqa: PLR2004
        self._alerts.display = bool(known) and tall
        if board is not None:
            self._alerts.border_title = f"alerts: {len(board.open)} on"
            keys = [f"{change.number} {change.time}" for change in known]
            self._alerts.show(keys, lambda n: layout.alert_row(known[n], self._zone))

    def on_resize(self, event: Resize) -> None:
        """Hide users on a narrow terminal; say so where it is too small for the view."""
        width, height = event.size
        small = width < _LEAST[0] or height < _LEAST[1]
        self._view.display, self._small.display = not small, small
        self._small.update(
            f"{width} x {height} is too small: hubbub top needs {_LEAST[0]} x {_LEAST[1]}. q: quit"
        )
        self._users.display = width >= _WIDE
        if not small:
            self.call_after_refresh(self.draw)

    # keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return whether a key does something: those of a replay only in a replay."""
        del parameters
        return self.source.replay is not None if action in {"step", "speed"} else True

    def action_pause(self) -> None:
        """Stop a replay, or stop drawing what is live, which is counted all the same."""
        if self.source.replay is not None:
            self.source.replay.pause()
        else:
            self.paused = not self.paused
        self.draw()

    async def action_step(self, seconds: int) -> None:
        """Move a replay; from an earlier time on everything is counted from 0."""
        replay = self.source.replay
        assert replay is not None
        async with self._polling:
            back = replay.step(seconds)
        if back:
            self._averages = None if self._averages is None else Averages(self._averages.rule)
            self.tally, self.opened = Tally(names=self._names), None
            self._last.display = False
        await self.turn()

    def action_speed(self, direction: int) -> None:
        """Choose the next speed of a replay."""
        replay = self.source.replay
        assert replay is not None
        replay.change_speed(direction)
        self.draw()

    def sort_by(self, order: str) -> None:
        """Sort by a column; by the same one a second time: in reverse."""
        self.reverse = order == self.order and not self.reverse
        self.order = order
        self.draw()

    def action_sort(self) -> None:
        """Sort by the next column."""
        self.reverse = False
        self.order = _ORDERS[(_ORDERS.index(self.order) + 1) % len(_ORDERS)]
        self.draw()

    def action_reverse(self) -> None:
        """Reverse the order."""
        self.reverse = not self.reverse
        self.draw()

    def on_rows_sorted(self, event: Rows.Sorted) -> None:
        """Sort by the column whose title was clicked."""
        order = {"share": "total", "percent": "total", "spark": "rate"}.get(event.key, event.key)
        if event.rows is self._topics and order in _ORDERS:
            self.sort_by(order)

    def action_filter(self) -> None:
        """Ask for a text that topics contain."""
        self._filter.display = True
        self._filter.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while the text is typed."""
        self.wanted = event.value.strip().lower()
        self.draw()

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        """Go back to the table."""
        self._filter.display = bool(self.wanted)
        self._topics.focus()

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        """List the messages of the topic that was chosen by Enter or a click."""
        if event.rows is self._topics:
            self.opened = self.tally.topics.get(event.key)
            self._last.display = self.opened is not None
            self.call_after_refresh(self.draw)

    def action_close(self) -> None:
        """Close the note, then the list of messages, then the filter."""
        if self._note.display:
            self._note.display = False
        elif self.opened is not None:
            self.opened, self._last.display = None, False
        else:
            self._filter.value, self._filter.display = "", False
        self._topics.focus()
        self.draw()

    def action_help(self) -> None:
        """Explain the keys."""
        self.push_screen(HelpScreen(replay=self.source.replay is not None))


def fit_title(name: str) -> str:
    """Return a name as the title of a border, in which markup is left as it is."""
    return clean(name)[:60].replace("[", r"\[")
