"""`Runner` calls queries, views and jobs by name, for the command line, notebooks and plugins.

Parameters are texts or values of the right type. It parses no command line and prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.result import Coverage, Gap, Result
from hubbub.errors import HubbubError, UsageError
from hubbub.parameters import convert, plain
from hubbub.registry import INJECTED, RANGE, REGISTRY, Function, Registry
from hubbub.run.errors import attribute_errors, close_matches
from hubbub.run.filters import FilterCheck
from hubbub.run.injection import Callables, Injector
from hubbub.run.scope import (
    Call,
    CommonOptions,
    Range,
    count_people,
    coverage,
    extend_to_ledger,
    next_second,
    range_notes,
    resolve,
)
from hubbub.run.serialise import execute
from hubbub.store.query.affiliations import read as read_affiliations
from hubbub.store.query.events import Audience
from hubbub.store.query.extent import Extent, extent
from hubbub.store.query.selection import BOTS, FILTERS, Selection
from hubbub.store.state import dead_letters
from hubbub.store.state.coverage import clip
from hubbub.times import to_micros

if TYPE_CHECKING:
    from hubbub.store import Store
    from hubbub.store.query.unmatched import Unmatched
    from hubbub.store.state.ledger import CoverageSpan

__all__ = ["CommonOptions", "Runner", "close_matches"]

_MAX_DEPTH = 20  # of nested queries; recursion is detected before Python's own limit


class Runner:
    """Runs queries, views and jobs over one store.

    Args:
        store: an open store.
        registry: the registered functions.
        common: the common options of the request.
        clock: returns the current time, from which relative times count back.
        inject: creates the injected objects that need no running request (`chart`, `log`, …).
        bots: globs of bot accounts, who are not counted as people; None: the built-in list.
        affiliations: CSV file of organisations, read if a function needs it.

    Attributes:
        gaps: known gaps in the ranges of all queries so far.
        notes: remarks for the user, each once.
    """

    def __init__(
        self,
        store: Store,
        registry: Registry = REGISTRY,
        *,
        common: CommonOptions | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        inject: Injector | None = None,
        bots: tuple[str, ...] | None = None,
        affiliations: str | Path | None = None,
    ) -> None:
        self.store, self.registry = store, registry
        self.bots = BOTS if bots is None else bots
        self.affiliations = None if affiliations is None else Path(affiliations)
        self.common = common or CommonOptions()
        self.clock = clock
        self.now = next_second(clock())
        self.gaps: list[Gap] = []
        self.notes: list[str] = []
        self._filters = FilterCheck(store)
        self.inject = inject or Injector(store.state)

    @cached_property
    def spans(self) -> tuple[CoverageSpan, ...]:
        """The coverage ledger, read once."""
        return tuple(self.store.spans())

    @cached_property
    def extent(self) -> Extent:
        """The times that the events span, read once."""
        return extent(self.store, self.spans, to_micros(self.now))

    def query(self, name: str, **parameters: Any) -> Result:
        """Run a query.

        Raises:
            UsageError: there is no such query or parameter, or a value is not allowed.
            StoreError: the store cannot be read.
            HubbubError: the query function failed.
        """
        return self._query(name, parameters, self.common, 0)

    def view(self, name: str, **parameters: Any) -> Any:
        """Draw a view; return the function's return value, normally a `Drawing`.

        Raises:
            UsageError, StoreError, HubbubError: as `query`.
        """
        return self._view(name, parameters, self.common, 0)

    def job(self, name: str, **parameters: Any) -> Any:
        """Run a job and return the function's return value; its `events` are all stored events.

        Raises:
            UsageError, StoreError, HubbubError: as `query`.
        """
        return self._run(self._prepare(self._find("cron", name, 0), parameters, self.common, 0))

    def range(self) -> Range:
        """Return the time range of the common options.

        Raises:
            UsageError: it ends before it begins, or is empty.
        """
        return self._resolve(self.common.updated({}, self.now), empty=False)

    def _resolve(self, options: CommonOptions, *, empty: bool, quiet: bool = False) -> Range:
        chosen = resolve(options, self.extent, self.spans, self.now, empty=empty)
        for text in () if quiet else range_notes(options, chosen, self.extent):
            self._note(text)
        return chosen

    def _query(
        self,
        name: str,
        parameters: Mapping[str, Any],
        common: CommonOptions,
        depth: int,
        caller: Audience | None = None,
    ) -> Result:
        call = self._prepare(self._find("query", name, depth), parameters, common, depth)
        value = self._run(call)
        diagnostics: Mapping[str, Any] = {}
        if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], Mapping):  # noqa: PLR2004
            value, diagnostics = value
        with attribute_errors(call.function):
            data, columns = execute(value)
            notes, _ = execute(dict(diagnostics))
            if call.unmatched:
                notes = {**notes, "unmatched": [value.document() for value in call.unmatched]}
            everything = self._events(call)
            events = everything.count_events()
            # a picture states how many name a person; for a table it would be one more scan
            bots, naming = count_people(call, everything, naming=depth > 0, caller=caller)
        if bots and not depth:
            self._note(f"{bots:,} known program(s) left out; --bots counts them too")
        return Result(
            query=name,
            parameters=self._document(call),
            data=data,
            since=call.time_range.since,
            until=call.time_range.until,
            events=events,
            coverage=self._coverage(call),
            diagnostics=notes,
            columns=columns,
            left_out=bots,
            naming=naming,
        )

    def _coverage(self, call: Call) -> Coverage:
        # a history gathered for one account proves nothing about a person's other accounts
        user = call.scope.user
        merged = bool(user) and self.store.persons.widened(user) != user
        key = "" if merged else call.scope.ledger_key()
        result = coverage(call.time_range, self.spans, key)
        self.gaps += [gap for gap in result.gaps if gap not in self.gaps]
        return result

    def _view(
        self, name: str, parameters: Mapping[str, Any], common: CommonOptions, depth: int
    ) -> Any:
        return self._run(self._prepare(self._find("view", name, depth), parameters, common, depth))

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def _find(self, kind: str, name: str, depth: int) -> Function:
        functions = self.registry.of(kind)
        function = functions.get(name)
        if function is None or not function.public:
            public = [n for n, f in functions.items() if f.public]
            noun = "job" if kind == "cron" else kind
            raise UsageError(f"there is no {noun} {name!r}", hint=close_matches(name, public))
        if depth > _MAX_DEPTH:
            raise HubbubError(f"{kind} {name!r} calls itself, directly or through others")
        return function

    def _prepare(
        self,
        function: Function,
        parameters: Mapping[str, Any],
        common: CommonOptions,
        depth: int,
    ) -> Call:
        """Split the parameters into the function's own, common ones and the rest; convert them."""
        own = {p.name: p for p in function.parameters}
        parameters = {function.parameter(name): value for name, value in parameters.items()}
        common_names = CommonOptions.names()
        shared = {n: v for n, v in parameters.items() if n not in own and n in common_names}
        extra = {n: v for n, v in parameters.items() if n not in own and n not in common_names}
        for unknown in extra if "params" not in function.signature else INJECTED & extra.keys():
            raise UsageError(
                f"{function.noun} {function.name!r} has no parameter {unknown!r}",
                hint=close_matches(unknown, [*own, *common_names]),
            )
        values = self._convert(function, parameters)
        options = common.updated(shared, self.now)
        if "ledger" in function.signature:  # such a query is also about what is not proven
            options = extend_to_ledger(options, self.extent, self.spans)
        # a range given as times was resolved before; that of an empty store is empty
        empty = isinstance(shared.get("since"), datetime) or depth > 0
        has_range = function.kind != "cron"  # the queries that a job calls have their own
        time_range = self._resolve(options, empty=empty, quiet=not has_range)
        if has_range:
            options = replace(options, since=time_range.since, until=time_range.until)
        by = options.by or self._default(function, "by", "users")
        scope = options.without(own)
        unmatched = self._unmatched(function, parameters, scope, by) if not depth else []
        if options.bots is None:
            # a job records; what it recorded is filtered when it is read
            with_bots = function.kind == "cron"
            options = replace(options, bots=self._default(function, "bots", fallback=with_bots))
        scope = replace(scope, since=options.since, until=options.until, bots=options.bots)
        return Call(function, values, extra, options, scope, time_range, by, depth, unmatched)

    def _unmatched(
        self, function: Function, stated: Mapping[str, Any], scope: CommonOptions, by: str
    ) -> list[Unmatched]:
        with attribute_errors(function):
            found = self._filters.unmatched(function, stated, scope, by)
        self.notes += [text for text in map(str, found) if text not in self.notes]
        return found

    def _convert(self, function: Function, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of the function's own parameters, defaults included."""
        values: dict[str, Any] = {}
        for parameter in function.parameters:
            name, value = parameter.name, parameters.get(parameter.name)
            if value is not None:
                values[name] = convert(parameter.annotation, value, name, self.now)
            elif parameter.required:
                raise UsageError(
                    f"{function.noun} {function.name!r} needs --{name.replace('_', '-')}"
                )
            else:
                values[name] = parameter.default
        return values

    @staticmethod
    def _default(function: Function, name: str, fallback: Any) -> Any:
        """Return the function's own default for a common option, if it has one."""
        parameter = function.signature.get(name)
        if parameter is None or parameter.default in {parameter.empty, None}:
            return fallback
        return parameter.default

    def _events(self, call: Call, *, whole_past: bool = False) -> Any:
        """Return the events of the call; with `whole_past` also those before its range."""
        everything = call.function.kind == "cron"
        events = self.store.events(
            Selection(
                since=None if everything or whole_past else to_micros(call.time_range.since),
                until=None if everything else to_micros(call.time_range.until),
                by="agent" if call.by == "agent" else "users",
                bots=call.options.bots is not False,
                bot_names=self.bots,
                **{name: getattr(call.scope, name) for name in FILTERS},
            )
        )
        events.audience = call.audience
        return events

    def _run(self, call: Call) -> Any:
        """Call the function with everything that its signature names."""
        arguments = {call.function.argument(name): value for name, value in call.own.items()}
        since, until = call.time_range.since, call.time_range.until
        range_options = {"since": since, "until": until, "by": call.by, "bots": call.options.bots}
        with attribute_errors(call.function):
            for name in call.function.signature:
                if name in RANGE:
                    arguments[name] = range_options[name]
                elif name in INJECTED:
                    arguments[name] = self._injected(name, call)
            return call.function.call(**arguments)

    def _injected(self, name: str, call: Call) -> Any:  # noqa: PLR0911 - one line per kind
        since, until = to_micros(call.time_range.since), to_micros(call.time_range.until)
        if name in {"events", "past"}:
            return self._events(call, whole_past=name == "past")
        if name == "ledger":
            return clip(self.spans, since, until)
        if name in {"params", "clock"}:
            return dict(call.extra) if name == "params" else self.clock
        if name == "samples":
            from hubbub.store.tables.samples import read as read_samples

            return read_samples(self.store, since, until)
        if name == "malformed":
            return partial(dead_letters.line_numbers, self.store.state.rows)
        if name == "affiliations":
            return () if self.affiliations is None else read_affiliations(self.affiliations)
        if name in {"query", "view"}:
            return self._callables(name, call)
        with_bots = None
        if name == "chart" and call.function.kind == "view" and not call.options.bots:
            with_bots = partial(self._run, replace(call, options=replace(call.options, bots=True)))
        return self.inject.make(name, call.function, with_bots=with_bots)

    def _callables(self, kind: str, call: Call) -> Callables:
        """Return the queries or views; called, they inherit the options, the range included."""
        own: dict[str, Any] = {"common": replace(call.options, by=call.by), "depth": call.depth + 1}
        if kind == "view":
            return Callables(kind, self.registry.views, partial(self._view, **own))
        query = partial(self._query, caller=call.audience, **own)
        return Callables(kind, self.registry.of(kind), query)

    def _document(self, call: Call) -> dict[str, Any]:
        """Return the parameters for the result: JSON-ready, defaults included."""
        return {
            **{name: plain(value) for name, value in call.own.items()},
            **{name: plain(value) for name, value in call.extra.items()},
            **call.scope.filters(),
            "since": plain(call.time_range.since),
            "until": plain(call.time_range.until),
            "by": call.by,
            # where no people are counted, none are left out
            "bots": call.options.bots or not (call.audience or "bots" in call.function.signature),
        }
