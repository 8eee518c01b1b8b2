"""`Chart`, the object that a view gets: draws the rows of a result in one call.

It has the chart types for any rows; built-in views also call `hubbub.charts.graphs` directly. pygal
is imported with the first picture.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from hubbub.charts.picture import text
from hubbub.charts.picture.sheet import Data, column, finite, records, sheet
from hubbub.charts.picture.theme import DEFAULT_STYLE, Style, Theme
from hubbub.errors import UsageError
from hubbub.language import _, pgettext

if TYPE_CHECKING:
    from hubbub.charts.picture.drawing import Drawing, Sheet

__all__ = ["Chart"]

_PROJECT = 60  # characters of a project's name, and of its address
_LINES = 6  # as many as there are colours of series


def _small() -> tuple[str, ...]:
    """Return the beginnings of computed findings that are no names, with a small letter."""
    words = pgettext("beginnings of sentences, in small letters, between bars", "no |all |from ")
    return tuple(words.split("|"))


class Chart:
    """Draws charts for one view.

    Args:
        title: of the view; put in front of every computed title.
        theme: `auto` (light, and dark where the reader's screen prefers it), `light` or `dark`.
        with_bots: draws the same view with bots, if this one is without them: a line below the
            subtitle then states how many were left out, and the finding with them.
        style: custom colours and font.
        to_newest: the range ends with the newest stored event.
        project: name of the project, in front of every title and in the source line.
        url: its address, in the source line.
        texts: title and subtitle that replace the computed ones.

    Raises:
        UsageError: unknown theme.
    """

    def __init__(
        self,
        title: str = "",
        theme: str = "auto",
        with_bots: Callable[[], Any] | None = None,
        style: Style = DEFAULT_STYLE,
        *,
        to_newest: bool = False,
        project: str = "",
        url: str = "",
        texts: tuple[str, str] = ("", ""),
    ) -> None:
        if theme not in get_args(Theme):
            raise UsageError(
                f"unknown theme {theme!r}", hint=f"themes are {', '.join(get_args(Theme))}"
            )
        self.title = title
        self.style = style
        self.with_bots = with_bots
        self.to_newest = to_newest
        self.project, self.url = text.clean(project, _PROJECT), text.clean(url, _PROJECT)
        self.texts = texts
        self.theme: Theme = theme  # type: ignore[assignment]  # checked above

    def bars(
        self,
        result: Data,
        x: str,
        y: str,
        *,
        top: int = 15,
        title: str = "",
        subtitle: str = "",
    ) -> Drawing:
        """Draw a bar per row, the longest first; for times, a column per time in their order.

        Args:
            result: rows with the columns `x` (a name or a time) and `y` (a number).
            x: names the bars.
            y: their length; rows without a number are left out, and the subtitle states how many.
            top: bars to draw; the remaining rows are added up in one called "other".
            title: replaces the computed one.
            subtitle: replaces the computed one.
        """
        from hubbub.charts.graphs.common import plain
        from hubbub.charts.graphs.general import draw_bars
        from hubbub.charts.graphs.stacks import draw_stacks
        from hubbub.charts.picture.scale import as_time

        table = records(result)
        names = column(table, x)
        values = [finite(v) for v in column(table, y)]
        if len(names) > 1 and all(map(as_time, names)):
            cells = [(t, plain(y), v) for t, v in zip(names, values, strict=True)]
            return draw_stacks(self, result, cells, x=x, y=y, top=1, title=title, subtitle=subtitle)
        return draw_bars(
            self, result, names, values, x=x, y=y, top=top, title=title, subtitle=subtitle
        )

    def line(
        self,
        result: Data,
        x: str,
        y: str | Sequence[str],
        *,
        title: str = "",
        subtitle: str = "",
        unit: str = "",
    ) -> Drawing:
        """Draw a line per column of `y`, at most six, over `x` (times, or names in row order).

        A missing value is a gap in the line, and the subtitle states how many are.

        Raises:
            UsageError: no column or more than six.
        """
        from hubbub.charts.graphs.common import noun, plain
        from hubbub.charts.graphs.general import draw_lines

        table = records(result)
        names = [y] if isinstance(y, str) else list(y)
        if not 1 <= len(names) <= _LINES:
            raise UsageError(f"a chart has 1 to {_LINES} lines, not {len(names)}")
        series = [(noun(n), [finite(v) for v in column(table, n)]) for n in names]
        return draw_lines(
            self,
            result,
            column(table, x),
            series,
            x=x,
            title=title,
            subtitle=subtitle,
            unit=unit,
            gaps=True,
            columns=[plain(n) for n in names],
        )

    def stacked(
        self,
        result: Data,
        x: str,
        y: str,
        by: str,
        *,
        top: int = 5,
        title: str = "",
        subtitle: str = "",
        finding: str = "",
        rows: Sequence[Mapping[str, Any]] | None = None,
    ) -> Drawing:
        """Draw a column per `x`, stacked from the `y` of the `top` largest `by` and "other".

        Args:
            result: rows with the columns `x` (a time or a name), `y` (a number) and `by` (a name).
            x: names the columns.
            y: heights, below zero downwards; rows without a number are left out, and the subtitle
                states how many.
            by: names the series.
            top: series to draw; the rest is added up in "other".
            title: replaces the computed one.
            subtitle: replaces the computed one.
            finding: replaces the computed one behind the title of the view.
            rows: replace those of the result, if a view has added to them.
        """
        from hubbub.charts.graphs.stacks import draw_stacks

        table = records(result) if rows is None else list(rows)
        cells = [
            (bucket, name, finite(value))
            for bucket, name, value in zip(
                column(table, x), column(table, by), column(table, y), strict=True
            )
        ]
        return draw_stacks(
            self,
            result,
            cells,
            x=x,
            y=y,
            by=by,
            top=top,
            title=title,
            subtitle=subtitle,
            finding=finding,
        )

    def sheet(self, data: Data, *, title: str = "", finding: str = "", **options: Any) -> Sheet:
        """Return the texts around a plot; for chart types in `hubbub.charts.graphs`.

        Args:
            data: the result behind the picture.
            title: the whole title; empty: the title of the view and the finding.
            finding: what the data show, as a title.
            options: subtitle, empty and height of `hubbub.charts.picture.sheet.sheet`.
        """
        if not self.title and finding.startswith(_small()):
            finding = finding[0].upper() + finding[1:]  # others may start with a name
        view = _(self.title) if self.title else ""
        computed = f"{view}: {finding}" if view and finding else finding or view
        own, subtitle = self.texts
        if subtitle:
            options["subtitle"] = subtitle
        return sheet(
            data,
            title=own or title or computed,
            prefix=f"{self.project}: " if self.project and not own else "",
            project=", ".join(filter(None, (self.project, self.url))),
            with_bots=None if own else self.with_bots,
            theme=self.theme,
            style=self.style,
            **options,
        )
