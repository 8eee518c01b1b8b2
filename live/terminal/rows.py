"""A table of a terminal view: rows of plain text; only those on the screen are formatted.

Textual's own `DataTable` formats each cell as a rich text of its own: 250 rows twice a second cost
a fifth of a core. Here a line is a few segments, which are never parsed as markup.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from hubbub.formats.tables import clean

__all__ = ["Column", "Rows", "fit"]

_GAP = 2  # columns between cells


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Attributes:
        key: names it.
        title: of the header.
        width: in columns of the terminal, at least.
        right: whether cells are aligned to the right.
        weight: the share that it gets of the columns that are left over.
        style: name of the component class that colours its cells; empty: like the text.
        spare: whether it is left out where the columns do not fit.
    """

    key: str
    title: str
    width: int
    right: bool = False
    weight: int = 0
    style: str = ""
    spare: bool = False


@dataclass(frozen=True, slots=True)
class _Paint:
    """What the lines of one picture share: the style, those of the columns, and their widths."""

    line: Style
    styles: Sequence[Style]
    widths: Sequence[int]  # 0: left out


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Return a text in exactly so many columns, with … where something is left out."""
    text = clean(text[: 4 * width])
    length = len(text) if text.isascii() else cell_len(text)
    if length > width:
        return set_cell_size(set_cell_size(text, width - 1).rstrip() + "…", width)
    return " " * (width - length) + text if right else text + " " * (width - length)


class Rows(ScrollView, can_focus=True, inherit_bindings=False):
    """A table with a header, of which one row may be chosen.

    Args:
        columns: of the table.
        chooses: whether there is a cursor.
        id: of the widget.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "rows--header", "rows--cursor", "rows--bar", "rows--spark", "rows--dim",
    }  # fmt: skip
    DEFAULT_CSS = """
    Rows { scrollbar-size-vertical: 1; overflow-x: hidden; }
    Rows > .rows--header { text-style: bold; }
    Rows > .rows--cursor { text-style: reverse; }
    Rows > .rows--bar { color: #5f9ec0; }
    Rows > .rows--spark { color: #5fb3b3; }
    Rows > .rows--dim { text-style: dim; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "end(-1)", "First", show=False),
        Binding("end,G", "end(1)", "Last", show=False),
        Binding("enter", "choose", "Choose", show=False),
    ]

    class Chosen(Message):
        """A row was chosen by Enter or a click."""

        def __init__(self, rows: Rows, key: str) -> None:
            super().__init__()
            self.rows, self.key = rows, key

        @property
        def control(self) -> Rows:
            """The table."""
            return self.rows

    class Sorted(Message):
        """The title of a column was clicked."""

        def __init__(self, rows: Rows, key: str) -> None:
            super().__init__()
            self.rows, self.key = rows, key

        @property
        def control(self) -> Rows:
            """The table."""
            return self.rows

    def __init__(self, columns: Sequence[Column], *, chooses: bool, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.columns = tuple(columns)
        self.keys: Sequence[str] = ()  # what the rows stand for
        self._cells: Callable[[int], Sequence[str]] = lambda _: ()
        self.chooses, self.can_focus = chooses, chooses
        self.cursor = 0
        self.marks: dict[str, str] = {}  # what is written behind the title of a column, by its key
        self._paint = _Paint(Style(), (), ())
        self._moved = False  # by the user; until then the cursor stays on the first row

    def widths(self) -> list[int]:
        """Return the widths of the columns, which fill the table; 0 for those left out."""
        room = self.scrollable_content_region.width - 1
        shown = list(self.columns)

        def needed() -> int:
            return sum(column.width for column in shown) + _GAP * (len(shown) - 1)

        for column in self.columns:
            if column.spare and needed() > room:
                shown.remove(column)
        left = max(room - needed(), 0)
        weights = sum(column.weight for column in shown) or 1
        return [
            column.width + left * column.weight // weights if column in shown else 0
            for column in self.columns
        ]

    def width_of(self, key: str) -> int:
        """Return the width of a column."""
        keys = [column.key for column in self.columns]
        return self.widths()[keys.index(key)]

    def show(self, keys: Sequence[str], cells: Callable[[int], Sequence[str]]) -> None:
        """Show rows; a cursor that was moved stays on the row with its key.

        Args:
            keys: what the rows stand for, a key each.
            cells: returns the cells of a row by its number; called for those on the screen.
        """
        key = self.selected
        self.keys, self._cells = keys, cells
        if self._moved and key is not None and key in keys:
            self.cursor = keys.index(key)
        self.cursor = max(0, min(self.cursor, len(keys) - 1))
        self.virtual_size = Size(self.scrollable_content_region.width, len(keys) + 1)
        self.refresh()

    def freeze(self) -> None:
        """Keep the cells as they are now, whatever they are computed from."""
        self._cells = self.lines().__getitem__

    @property
    def selected(self) -> str | None:
        """The key of the row under the cursor; None if there is no row."""
        return self.keys[self.cursor] if self.keys else None

    def lines(self) -> list[Sequence[str]]:
        """Return the cells of all rows."""
        return [self._cells(n) for n in range(len(self.keys))]

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return lines; what they share is computed once."""
        self._paint = _Paint(
            self.rich_style,
            [self._style(column.style) if column.style else Style() for column in self.columns],
            self.widths(),
        )
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Return a line: the header, which does not scroll, or a row."""
        width, paint = self.size.width, self._paint
        if y == 0:
            titles = [column.title + self.marks.get(column.key, "") for column in self.columns]
            styles = [self._style("rows--header")] * len(titles)
            return self._strip(titles, styles, paint.line)
        index = y - 1 + int(self.scroll_offset.y)
        if index >= len(self.keys):
            return Strip.blank(width, paint.line)
        styles = list(paint.styles)
        if self.chooses and index == self.cursor and self.has_focus:
            styles = [self._style("rows--cursor"), *styles[1:]]  # bars would be drawn inversely
        return self._strip(self._cells(index), styles, paint.line)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(name, partial=True)

    def _strip(self, cells: Sequence[str], styles: Sequence[Style], line: Style) -> Strip:
        gap, segments = Segment(" " * _GAP, line), list[Segment]()
        for column, size, cell, style in zip(
            self.columns, self._paint.widths, cells, styles, strict=True
        ):
            if size:
                segments += (Segment(fit(cell, size, right=column.right), line + style), gap)
        return Strip(segments[:-1]).adjust_cell_length(self.size.width, line)

    def _go(self, index: int) -> None:
        self._moved = index > 0
        self.cursor = max(0, min(index, len(self.keys) - 1))
        height = self.scrollable_content_region.height - 1  # without the header
        top = int(self.scroll_offset.y)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False)
        self.refresh()

    def action_move(self, lines: int) -> None:
        """Move the cursor, or scroll a table that has none."""
        self._go(self.cursor + lines)

    def action_page(self, pages: int) -> None:
        """Move the cursor by what fits on the screen."""
        self._go(self.cursor + pages * max(1, self.scrollable_content_region.height - 2))

    def action_end(self, which: int) -> None:
        """Move the cursor to the first row, or to the last."""
        self._go(0 if which < 0 else len(self.keys) - 1)

    def action_choose(self) -> None:
        """Choose the row under the cursor."""
        if self.selected is not None:
            self.post_message(self.Chosen(self, self.selected))

    def on_click(self, event: Click) -> None:
        """Choose the row that was clicked, or sort by the column whose title was."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y == 0:
            position = 0
            for column, width in zip(self.columns, self.widths(), strict=True):
                position += width + _GAP if width else 0
                if offset.x < position:
                    self.post_message(self.Sorted(self, column.key))
                    return
            return
        index = offset.y - 1 + int(self.scroll_offset.y)
        if self.chooses and index < len(self.keys):
            self._go(index)
            self._moved = True
            self.action_choose()
