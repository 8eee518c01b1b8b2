"""The object `chart` that a view gets: a picture out of rows, in one call.

Comes in: what a query answered (a `Result`, or a plain list of records) and the names of its
columns. Goes out: a `Drawing`. Where no title is given, the title states what the data say. pygal
is loaded with the first picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from hubbub.charts.picture import text
from hubbub.charts.picture.sheet import Data, column, finite, records, sheet
from hubbub.charts.picture.theme import USUAL, Style, Theme
from hubbub.errors import UsageError

if TYPE_CHECKING:
    from hubbub.charts.picture.drawing import Drawing

__all__ = ["Chart"]


class Chart:
    """Makes pictures.

    Args:
        title: what the view is about; stands before every title that is computed.
        theme: `auto` (light, and dark where the reader's screen asks for it), `light` or `dark`.
        with_bots: the same picture with bots, where this one is without: its subtitle says what the
            finding would be with them.
        style: a community's colours and font.

    Raises:
        UsageError: no such theme.
    """

    def __init__(
        self, title: str = "", theme: str = "auto", with_bots: Any = None, style: Style = USUAL
    ) -> None:
        if theme not in get_args(Theme):
            raise UsageError(
                f"{theme!r} is no theme", hint=f"there are {', '.join(get_args(Theme))}"
            )
        self.title = title
        self.style = style
        self.with_bots = with_bots if isinstance(getattr(with_bots, "title", None), str) else None
        self.theme: Theme = theme  # type: ignore[assignment]  # one of them: checked above

    def sheet(self, data: Data, *, title: str, finding: str = "", **more: Any) -> Any:
        """What stands around a plot; `title` wins over the computed `finding`."""
        if not self.title and finding.startswith(("no ", "all ", "from ")):
            finding = finding[0].upper() + finding[1:]  # names keep their case
        computed = f"{self.title}: {finding}" if self.title and finding else finding or self.title
        more |= {"with_bots": self.with_bots, "theme": self.theme, "style": self.style}
        return sheet(data, title=title or computed, **more)

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
        """A bar per row, the longest first; over times, a column per time in their order.

        Args:
            result: rows with the columns x (a name or a time) and y (a number).
            x: names the bars.
            y: their length; what is no number is left out, and the subtitle says how many.
            top: more rows than this become one called "other".
            title: instead of the computed one.
            subtitle: instead of the computed one.
        """
        from hubbub.charts.graphs.general import columns, rows
        from hubbub.charts.picture.scale import as_time

        table = records(result)
        names = column(table, x)
        values = [finite(v) for v in column(table, y)]
        times = [as_time(n) for n in names]
        if len(names) > 1 and all(times):
            return columns(self, result, (x, y), names, values, title=title, subtitle=subtitle)
        return rows(self, result, (x, y), names, values, top=top, title=title, subtitle=subtitle)

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
        """A line per column of `y` over `x` (times, or anything in the order of the rows).

        A value that is missing is a gap. More than six columns are refused.
        """
        from hubbub.charts.graphs.general import lines

        table = records(result)
        names = [y] if isinstance(y, str) else list(y)
        if not 1 <= len(names) <= 6:  # noqa: PLR2004 (as many colours as there are)
            raise UsageError(f"a chart carries 1 to 6 lines, and {len(names)} were asked for")
        series = [
            (text.clean(n.replace("_", " ")), [finite(v) for v in column(table, n)]) for n in names
        ]
        return lines(
            self, result, x, column(table, x), series, title=title, subtitle=subtitle, unit=unit
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
        """A column per `x`, made of the `y` of every `by`; the `top` largest and "other".

        A row without a number counts as nothing. `rows` stand in for those of the result, where a
        view has added to them.
        """
        from hubbub.charts.graphs.general import stacks

        table = records(result) if rows is None else list(rows)
        cells = list(
            zip(
                column(table, x),
                column(table, by),
                [finite(v) or 0.0 for v in column(table, y)],
                strict=True,
            )
        )
        return stacks(
            self,
            result,
            (x, y, by),
            cells,
            top=top,
            title=title,
            subtitle=subtitle,
            finding=finding,
        )

    def radar(
        self,
        result: Any,
        *,
        users: Sequence[str] = (),
        title: str = "",
        subtitle: str = "",
        axes: int = 8,
    ) -> Drawing:
        """Shares per axis of up to three users; bars instead of a web above ten axes.

        Args:
            result: of the query `radar`: axes, totals, users → counts and share.
            users: which; the three with the most messages where none is named.
            axes: how many axes at most: those where the users are named most.
            title: instead of the computed one.
            subtitle: instead of the computed one.
        """
        from hubbub.charts.graphs.radar import loads

        return loads(self, result, users=list(users), title=title, subtitle=subtitle, most=axes)

    def series(
        self,
        result: Data,
        x: str,
        at: Sequence[Any],
        series: Sequence[tuple[str, Sequence[float | None]]],
        *,
        title: str = "",
        subtitle: str = "",
        unit: str = "",
    ) -> Drawing:
        """Lines that were computed from a result: `at` are their times or names."""
        from hubbub.charts.graphs.general import lines

        return lines(self, result, x, at, series, title=title, subtitle=subtitle, unit=unit)

    def tail(self, result: Data, *, title: str = "", subtitle: str = "") -> Drawing:
        """Counts from head to tail with the line between them: the answer of the query `tail`."""
        from hubbub.charts.graphs.tail import heads

        return heads(self, result, title=title, subtitle=subtitle)

    def changes(self, result: Any, *, axis: str = "topic", title: str = "") -> Drawing:
        """The last step of the query `diff`: a bar per topic, sorted, up or down."""
        from hubbub.charts.graphs.changes import last_step

        return last_step(self, result, axis=axis, title=title)

    def strips(self, result: Any, *, axis: str = "topic", title: str = "") -> Drawing:
        """All steps of the query `diff`: a strip per topic, each with its own scale."""
        from hubbub.charts.graphs.changes import all_steps

        return all_steps(self, result, axis=axis, title=title)

    def curve(
        self,
        result: Data,
        shares: Sequence[float],
        *,
        mark: tuple[float, float] | None = None,
        says: str = "",
        title: str = "",
        subtitle: str = "",
        rows: Sequence[Sequence[Any]] = (),
    ) -> Drawing:
        """Cumulative shares 0…1 against the even diagonal; `mark` is a point that `says` a text."""
        from hubbub.charts.graphs.lorenz import curve

        return curve(
            self, result, shares, mark=mark, says=says, title=title, subtitle=subtitle, rows=rows
        )

    def areas(
        self,
        result: Data,
        x: str,
        y: Sequence[str],
        *,
        names: Sequence[str] = (),
        title: str = "",
        subtitle: str = "",
        empty: str = "No data in this range",
    ) -> Drawing:
        """Shares 0…1 over the times of `x`, stacked: a series per column of `y`, named `names`."""
        from hubbub.charts.graphs.areas import areas

        return areas(
            self, result, x, list(y), list(names or y), title=title, subtitle=subtitle, empty=empty
        )

    def histogram(
        self,
        result: Data,
        x: str,
        y: str,
        *,
        title: str = "",
        subtitle: str = "",
        empty: str = "No data in this range",
    ) -> Drawing:
        """How many (`y`) have so many (`x`, whole numbers): a column each."""
        from hubbub.charts.graphs.histogram import histogram

        return histogram(self, result, x, y, title=title, subtitle=subtitle, empty=empty)

    def columns(
        self,
        result: Data,
        times: Sequence[Any],
        values: Sequence[float],
        *,
        per: str,
        what: str,
        title: str = "",
        subtitle: str = "",
    ) -> Drawing:
        """A column per calendar period, which begins at its time."""
        from hubbub.charts.graphs.general import period_columns

        return period_columns(
            self, result, times, values, per=per, what=what, title=title, subtitle=subtitle
        )

    def cells(
        self,
        result: Data,
        row: str,
        column: str,
        value: str,
        *,
        title: str = "",
        subtitle: str = "",
        empty: str = "No data in this range",
        percent: bool = False,
        rows: Sequence[Mapping[str, Any]] | None = None,
        order: tuple[Sequence[Any], Sequence[Any]] = ((), ()),
    ) -> Drawing:
        """A square per pair of `row` and `column`, the darker the larger its `value`.

        Rows and columns stand in the `order` given, else as they occur; no such pair is a blank.
        `rows` stand in for those of the result, where a view has chosen among them.
        """
        from hubbub.charts.graphs.heatmap import squares

        return squares(
            self,
            result,
            (row, column, value),
            title=title,
            subtitle=subtitle,
            empty=empty,
            percent=percent,
            cells=rows,
            order=order,
        )

    def race(
        self,
        result: Data,
        *,
        ends: Sequence[Any],
        title: str = "",
        subtitle: str = "",
        empty: str = "No data in this range",
        x_title: str = "",
    ) -> Drawing:
        """Animated bars: rows `end rank object users`; `ends` are those of all frames."""
        from hubbub.charts.graphs.race_tracks import race

        return race(
            self, result, ends=ends, title=title, subtitle=subtitle, empty=empty, x_title=x_title
        )
