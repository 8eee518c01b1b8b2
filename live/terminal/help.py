"""The help of `hubbub top`."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

__all__ = ["HelpScreen"]

_KEYS = (
    ("↑ ↓ PgUp PgDn Home End", "choose a topic; or use the mouse"),
    ("Enter, click", "its last messages"),
    ("Esc", "close them; then clear the filter"),
    ("Tab", "the next table"),
    ("/", "only topics that contain a text"),
    ("s, click on a title", "sort by total, rate or name"),
    ("r", "reverse the order"),
    ("p, Space", "stop drawing; all messages count"),
    ("q, Ctrl-C", "quit"),
)
_REPLAY_KEYS = (
    ("p, Space", "stop the clock, or let it run"),
    ("← →", "one minute back, or on; Shift: one hour"),
    ("- +", "slower, faster"),
)
_TEXT = (
    "The second line shows all messages since the view was opened, those of the last second, and "
    "the mean of the last ten seconds. A topic is the category and the action of messages, without "
    "the names of people and objects. Its rate is the mean of the last ten seconds; the blocks are "
    "its last minute, the highest of them its own maximum."
)


class HelpScreen(ModalScreen[None]):
    """Explains the keys.

    Args:
        replay: whether a past day is shown.
    """

    CSS = """
    HelpScreen { align: center middle; }
    #help { width: 76; max-width: 100%; height: auto; max-height: 100%; border: round $accent;
            padding: 0 2; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter,space,f1,h", "dismiss", "Close"),
    ]

    def __init__(self, *, replay: bool) -> None:
        super().__init__()
        self._replay = replay

    def compose(self) -> ComposeResult:
        """Return the text."""
        keys = dict(_KEYS) | (dict(_REPLAY_KEYS) if self._replay else {})
        text = Text(f"{_TEXT}\n\n")
        for key, meaning in keys.items():
            text.append(f"{key:<25}", style="bold")
            text.append(f"{meaning}\n")
        box = VerticalScroll(Static(text), id="help")
        box.border_title = "hubbub top"
        box.border_subtitle = "Esc: close"
        yield box
