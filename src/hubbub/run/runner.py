"""Runs queries and views: one mechanism for the command line, plugins, and whatever comes later.

Comes in: a store, the registry, the common options, a function's name and its parameters as texts
or values. Goes out: a `Result` or what the view drew. It parses no command line and prints nothing.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.result import Coverage, Gap, Result
from hubbub.errors import HubbubError, UsageError
from hubbub.parameters import convert, plain
from hubbub.registry import FILTERS, INJECTED, RANGE, REGISTRY, Function, Registry
from hubbub.run.errors import blaming
from hubbub.run.injection import Callables, Injector
from hubbub.run.scope import CommonOptions, Extent, Range, coverage, just_after, known, resolve
from hubbub.run.serialise import execute
from hubbub.store.query.affiliations import read as read_affiliations
from hubbub.store.query.selection import BOTS, Selection
from hubbub.store.state import dead_letters
from hubbub.store.state.coverage import clip
from hubbub.times import from_micros, to_micros

if TYPE_CHECKING:
    from hubbub.store import Store
    from hubbub.store.state.ledger import CoverageSpan

__all__ = ["CommonOptions", "Runner", "close_matches"]

_DEEPEST = 20  # nested queries; a function that asks for itself is found before Python's own limit


@dataclass(frozen=True, slots=True)
class Call:
    """One function about to run: its converted parameters, and the events it is about."""

    function: Function
    own: Mapping[str, Any]
    extra: Mapping[str, Any]  # what `params` gets
    options: CommonOptions  # as the functions that it calls inherit them
    scope: CommonOptions  # as `events` is filtered: without what the function's own parameters hide
    where: Range
    by: str
    depth: int


def close_matches(name: str, known: Iterable[str]) -> str:
    """`Did you mean …?`, or the names that there are."""
    names = sorted(known)
    clip = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if clip:
        return f"did you mean {' or '.join(clip)}?"
    return f"there are: {', '.join(names)}" if names else "there are none"


class Runner:
    """Queries and views over one store.

    Args:
        store: an open store.
        registry: where the functions are written down.
        common: the common options of the request.
        clock: gives the time; relative times count back from it.
        inject: makes the injected objects that need no store (`chart`, `log`, …).
        bots: globs of accounts that are machines, for `--no-bots`.
        affiliations: file of who was with which organisation, read when a function asks for it.
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
        self.now = just_after(clock())
        self.gaps: list[Gap] = []  # known gaps in the ranges of all queries so far
        self.notes: list[str] = []  # what a person should know, once each
        self.inject = inject or Injector(store.state)

    @cached_property
    def spans(self) -> tuple[CoverageSpan, ...]:
        """The ledger of coverage, read once."""
        return tuple(self.store.spans())

    @cached_property
    def extent(self) -> Extent:
        """The oldest and the newest event, read once."""
        bounds = self.store.bounds()
        if bounds is None:
            return Extent(None, None)
        return Extent(from_micros(bounds[0]), from_micros(bounds[1]))

    def query(self, name: str, **parameters: Any) -> Result:
        """Run a query.

        Raises:
            UsageError: no such query, an unknown parameter, or a value that it does not allow.
            StoreError: the store cannot be read.
            HubbubError: the query function failed.
        """
        return self._query(name, parameters, self.common, 0)

    def view(self, name: str, **parameters: Any) -> Any:
        """Draw a view; gives what the function returned, normally a `Drawing`.

        Raises:
            UsageError, StoreError, HubbubError: as `query`.
        """
        return self._view(name, parameters, self.common, 0)

    def job(self, name: str, **parameters: Any) -> Any:
        """Run a job; gives what the function returned. Its `events` are all that are stored.

        Raises:
            UsageError, StoreError, HubbubError: as `query`.
        """
        return self._run(self._prepare(self._find("cron", name, 0), parameters, self.common, 0))

    def range(self) -> Range:
        """The range of the common options.

        Raises:
            UsageError: it ends before it begins, or is empty.
        """
        return resolve(self.common, self.extent, self.spans, self.now)

    def _query(
        self, name: str, parameters: Mapping[str, Any], common: CommonOptions, depth: int
    ) -> Result:
        call = self._prepare(self._find("query", name, depth), parameters, common, depth)
        value = self._run(call)
        diagnostics: Mapping[str, Any] = {}
        if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], Mapping):  # noqa: PLR2004
            value, diagnostics = value
        with blaming(call.function):
            data, columns = execute(value)
            notes, _ = execute(dict(diagnostics))
            events = self._events(call).count_events()
        return Result(
            query=name,
            parameters=self._document(call),
            data=data,
            since=call.where.since,
            until=call.where.until,
            events=events,
            coverage=self._coverage(call),
            diagnostics=notes,
            columns=columns,
        )

    def _coverage(self, call: Call) -> Coverage:
        # What was gathered of one account proves nothing of a person's other accounts.
        user = call.scope.user
        several = bool(user) and self.store.persons.widened(user) != user
        key = "" if several else call.scope.ledger_key()
        found = coverage(call.where, self.spans, key)
        self.gaps += [gap for gap in found.gaps if gap not in self.gaps]
        return found

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
            known = [n for n, f in functions.items() if f.public]
            noun = "job" if kind == "cron" else kind
            raise UsageError(f"there is no {noun} {name!r}", hint=close_matches(name, known))
        if depth > _DEEPEST:
            raise HubbubError(f"{kind} {name!r} asks for itself, directly or by way of others")
        return function

    def _prepare(
        self,
        function: Function,
        parameters: Mapping[str, Any],
        common: CommonOptions,
        depth: int,
    ) -> Call:
        """Sort the parameters into the function's own, the common ones, and the rest."""
        what = f"{function.noun} {function.name!r}"
        own = {p.name: p for p in function.parameters}
        parameters = {function.parameter(name): value for name, value in parameters.items()}
        stated = {n: v for n, v in parameters.items() if n not in own}
        shared = {n: v for n, v in stated.items() if n in CommonOptions.names()}
        extra = {n: v for n, v in stated.items() if n not in shared}
        for unknown in extra if "params" not in function.signature else INJECTED & extra.keys():
            raise UsageError(
                f"{what} has no parameter {unknown!r}",
                hint=close_matches(unknown, [*own, *CommonOptions.names()]),
            )
        values: dict[str, Any] = {}
        for name, parameter in own.items():
            value = parameters.get(name)
            if value is not None:
                values[name] = convert(parameter.annotation, value, name, self.now)
            elif parameter.required:
                raise UsageError(f"{what} needs --{name.replace('_', '-')}")
            else:
                values[name] = parameter.default
        options = common.updated(shared, self.now)
        if "ledger" in function.signature:  # a question about what is not proven, too
            options = known(options, self.extent, self.spans, self.now)
        # A range given as times was resolved before, and that of an empty store is empty.
        resolved = isinstance(shared.get("since"), datetime)
        where = resolve(options, self.extent, self.spans, self.now, empty=resolved or depth > 0)
        if function.kind != "cron":  # a job has no range, and what it asks has its own
            newest = self.extent.newest
            if options.until is None and newest and newest >= where.until:
                self._note(
                    f"the range ends at {plain(where.until)}, where the proven coverage ends; "
                    "later events are stored too: add --until now"
                )
            options = replace(options, since=where.since, until=where.until)
        by = options.by or self._default(function, "by", "users")
        if options.bots is None:
            options = replace(options, bots=self._default(function, "bots", fallback=True))
        scope = options.without(own)
        return Call(function, values, extra, options, scope, where, by, depth)

    @staticmethod
    def _default(function: Function, name: str, fallback: Any) -> Any:
        """The function's own default for a common option, if it states one."""
        parameter = function.signature.get(name)
        if parameter is None or parameter.default in {parameter.empty, None}:
            return fallback
        return parameter.default

    def _events(self, call: Call) -> Any:
        scope, all_of_them = call.scope, call.function.kind == "cron"
        return self.store.events(
            Selection(
                since=None if all_of_them else to_micros(call.where.since),
                until=None if all_of_them else to_micros(call.where.until),
                by="agent" if call.by == "agent" else "users",
                bots=call.options.bots is not False,
                bot_names=self.bots,
                **{name: getattr(scope, name) for name in FILTERS},
            )
        )

    def _run(self, call: Call) -> Any:
        """Call the function with everything that its signature names."""
        arguments = {call.function.argument(name): value for name, value in call.own.items()}
        ranged = {
            "since": call.where.since,
            "until": call.where.until,
            "by": call.by,
            "bots": call.options.bots,
        }
        with blaming(call.function):
            for name in call.function.signature:
                if name in RANGE:
                    arguments[name] = ranged[name]
                elif name in INJECTED:
                    arguments[name] = self._injected(name, call)
            return call.function.call(**arguments)

    def _injected(self, name: str, call: Call) -> Any:  # noqa: PLR0911 - one line per kind
        # What a function asks for on the way inherits its caller's options, the range included.
        options, depth = replace(call.options, by=call.by), call.depth + 1
        if name == "events":
            return self._events(call)
        if name == "ledger":
            where = call.where
            return clip(self.spans, to_micros(where.since), to_micros(where.until))
        if name == "params":
            return dict(call.extra)
        if name == "clock":
            return self.clock
        if name == "samples":
            from hubbub.store.tables.samples import read as read_samples

            where = call.where
            return read_samples(self.store, to_micros(where.since), to_micros(where.until))
        if name == "malformed":
            return partial(dead_letters.line_numbers, self.store.state.rows)
        if name == "affiliations":
            return () if self.affiliations is None else read_affiliations(self.affiliations)
        if name == "query":
            return Callables(
                "query",
                self.registry.queries,
                lambda n, given: self._query(n, given, options, depth),
            )
        if name == "view":
            return Callables(
                "view",
                self.registry.views,
                lambda n, given: self._view(n, given, options, depth),
            )
        with_bots = self._with_bots(call) if name == "chart" else None
        return self.inject.make(name, call.function, with_bots=with_bots)

    def _with_bots(self, call: Call) -> Any:
        """The same picture with bots, for one without them to say what differs; None with bots."""
        if call.function.kind != "view" or call.options.bots is not False:
            return None
        return self._run(replace(call, options=replace(call.options, bots=True)))

    def _document(self, call: Call) -> dict[str, Any]:
        """The parameters as they stand in the answer: JSON-ready, defaults included."""
        return {
            **{name: plain(value) for name, value in call.own.items()},
            **{name: plain(value) for name, value in call.extra.items()},
            **call.scope.filters(),
            "since": plain(call.where.since),
            "until": plain(call.where.until),
            "by": call.by,
            "bots": call.options.bots,
        }
