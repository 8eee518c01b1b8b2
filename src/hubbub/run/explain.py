"""From a cell of a query's table to the events that it counts.

`Explainer` is a `Runner` that answers a query, finds the row, and selects its events by the
declaration of the query (`hubbub.analyzers.explained`), with the filters, merged accounts, bots and
time zone of that answer. The number of the events is compared with the cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.explained import EXPLANATIONS, REASONS, Column, Explanation, Request
from hubbub.analyzers.result import Result
from hubbub.errors import UsageError
from hubbub.language.plurals import plural
from hubbub.registry import Function
from hubbub.run.choice import choose_column, choose_row
from hubbub.run.errors import attribute_errors, find
from hubbub.run.explained import Explained
from hubbub.run.runner import Runner
from hubbub.run.serialise import execute, json_ready
from hubbub.store.query.affiliations import read as read_affiliations
from hubbub.store.query.times import micros
from hubbub.times import from_micros, to_micros
from hubbub.zones import showing

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.run.scope import Call

__all__ = ["PAGE", "Explainer"]

#: Events of a page.
PAGE = 100
_PAGES = 10_000_000  # a larger page number is a mistake
_ATTEMPTS = 3  # at an answer and its events of the same version of the table
_SHOWN_ROWS = 20  # of the table, where no row was chosen
_FIELDS = ("id", "time", "topic", "category", "agent", "users", "objects", "action", "size",
           "source")  # fmt: skip


class Explainer(Runner):
    """Explains the numbers of queries over one store; takes the arguments of `Runner`."""

    def explain(
        self,
        name: str,
        row: Mapping[str, str],
        *,
        column: str | None = None,
        page: int = 1,
        **parameters: Any,
    ) -> Explained:
        """Return the events that a cell counts.

        Args:
            name: of the query.
            row: text by key column; the row of the query's table that has these values. Empty: only
                the definition, and the first rows.
            column: the column of the cell; None: the first one that can be explained.
            page: of the events, from 1.
            parameters: of the query.

        Raises:
            UsageError: there is no such query, row, column or page, or the query cannot be
                explained; the message says why.
            StoreError, HubbubError: as `Runner.query`.
        """
        function = find(self.registry, "query", name, 0)
        explanation = _explanation(function)
        for _attempt in range(_ATTEMPTS):
            version = self.store.table.version()
            answer = self._explain(function, explanation, row, column, page, parameters)
            if self.store.table.version() == version:
                break
        return answer

    def _explain(  # noqa: PLR0917 - the parts of one request
        self,
        function: Function,
        explanation: Explanation,
        row: Mapping[str, str],
        column: str | None,
        page: int,
        parameters: Mapping[str, Any],
    ) -> Explained:
        call = self._prepare(function, parameters, self.common, 0)
        if reason := explanation.refuses(call.own):
            raise UsageError(
                f"query {function.name!r} cannot be explained like this: {reason}",
                hint="leave that option out",
            )
        with showing(call.options.zone), attribute_errors(function):
            result = self._answer(call, None)
            rows = _records(explanation, result)
            about = Explained(
                result=result,
                definition=_definition(function),
                filters=tuple(self._filters_in_words(call, result)),
                keys=explanation.keys,
                columns={name: each.means for name, each in explanation.columns.items()},
                rows=rows[:_SHOWN_ROWS],
            )
            if not row:
                return about
            chosen = choose_row(explanation, rows, row, call.options.zone)
            name, counted = choose_column(explanation, chosen, column)
            request = Request(
                events=self._events(call),
                since=call.time_range.since,
                until=call.time_range.until,
                values=call.own,
                diagnostics=result.diagnostics,
                affiliations=self._affiliations(call),
            )
            return self._with_events(about, request, chosen, name, counted, page)

    def _with_events(  # noqa: PLR0917 - the parts of one answer
        self,
        about: Explained,
        request: Request,
        row: Mapping[str, Any],
        name: str,
        column: Column,
        page: int,
    ) -> Explained:
        rows = column.counted(request, row)
        backend = request.events.get_backend()
        number = json_ready(_scalar(backend, column.number(rows)))
        each = _by_event(rows)
        total = int(_scalar(backend, each.count()))
        pages = max(1, -(-total // PAGE))
        if not 1 <= page <= min(pages, _PAGES):
            raise UsageError(
                f"there is no page {page}", where="--page", hint=f"the last one is {pages:,}"
            )
        answer = replace(
            about,
            rows=(),
            row=row,
            column=name,
            cell=row[name],
            number=number,
            total=total,
            page=page,
            pages=pages,
            events=_page(request, each, page),
        )
        return replace(answer, note="" if answer.equal else _difference(request))

    def _affiliations(self, call: Call) -> Any:
        if self.affiliations is None or "affiliations" not in call.function.signature:
            return ()
        return read_affiliations(self.affiliations, call.options.zone)

    def _filters_in_words(self, call: Call, result: Result) -> list[str]:
        """Say which events and which people the query counts."""
        zone = result.zone
        since, until = zone.iso(result.since), zone.iso(result.until)
        lines = [f"events from {since} up to {until}, {result.events:,} with the filters below"]
        for name, globs in call.scope.filters().items():
            wanted = " or ".join(map(repr, globs))
            lines.append(
                f"people other than {wanted}" if name == "not_user" else f"{name} matches {wanted}"
            )
        if not call.audience:
            return lines
        counted = "the agent, who did it" if call.by == "agent" else "every user that it names"
        lines.append(f"an event counts for {counted}")
        if not call.options.bots:
            lines.append(f"known programs are not people: {', '.join(self.bots)}")
        if merged := len(self.store.persons.names):
            accounts = plural(merged, "merged account counts", "merged accounts count")
            lines.append(f"{accounts} as the person to whom they belong")
        return lines


def _explanation(function: Function) -> Explanation:
    """Return the explanation of a query.

    Raises:
        UsageError: it has none; the message says why.
    """
    what = f"query {function.name!r} cannot be explained: "
    if not function.module.startswith("hubbub.analyzers."):
        raise UsageError(
            f"{what}it belongs to a plugin ({function.module}), which does not say what it counts",
            hint="`hubbub export` writes the events of a range",
        )
    if function.name not in EXPLANATIONS:
        reason, hint = REASONS.get(function.name, ("it does not count events", ""))
        raise UsageError(what + reason, hint=hint)
    return EXPLANATIONS[function.name]


def _definition(function: Function) -> str:
    """Return the text of the docstring, without its sections of arguments and errors."""
    text, *_sections = function.doc.split("\n\nArgs:")[0].split("\n\nRaises:")
    return text.strip()


def _records(explanation: Explanation, result: Result) -> list[dict[str, Any]]:
    if explanation.records is not None:
        return explanation.records(result.data)
    return [dict(row) for row in result.data]


def _scalar(backend: Any, expression: ir.Scalar) -> Any:
    return backend.to_pyarrow(expression).as_py()


def _by_event(rows: ir.Table) -> ir.Table:
    """Return a row for each event: `id`, `time`, how often it `counts`, and for whom or what."""
    names = {
        f"for_{name}s": rows[name].collect(distinct=True)
        for name in ("user", "object")
        if name in rows.columns
    }
    return rows.group_by("id", "time").agg(counts=rows.count(), **names)


def _page(request: Request, each: ir.Table, page: int) -> list[dict[str, Any]]:
    """Return the events of a page, newest first, with all their fields."""
    import ibis

    backend = request.events.get_backend()
    newest = each.order_by(each.time.desc(), each.id.desc()).limit(PAGE, offset=(page - 1) * PAGE)
    chosen = backend.to_pyarrow(newest).to_pylist()
    if not chosen:
        return []
    table = request.events.table
    last, first = chosen[0]["time"], chosen[-1]["time"]
    found = table.filter(
        table.time >= ibis.timestamp(from_micros(to_micros(first))),
        micros(table.time) <= to_micros(last),
        table.id.isin([event["id"] for event in chosen]),
    )
    by_id = {event["id"]: event for event in execute(found.select(*_FIELDS))[0]}
    return [
        {
            **by_id[event["id"]],
            "counts": event["counts"],
            **{
                name: sorted(value)
                for name, value in event.items()
                if name.startswith("for_") and value is not None
            },
        }
        for event in chosen
    ]


def _difference(request: Request) -> str:
    """Say why the events of a cell give another number."""
    cut = request.events.retention_cut
    if cut is not None and request.since.date() <= cut:
        return (
            f"retention has deleted events before {cut.isoformat()}: the cell still counts them, "
            "the list cannot show them"
        )
    return "the events of the cell changed while it was being explained: ask again"
