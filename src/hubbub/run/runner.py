"""`Runner` calls queries, views and jobs by name, for the command line, notebooks and plugins.

Parameters are texts or values of the right type. It parses no command line and prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.result import Coverage, Gap, Result
from hubbub.calls.callables import Callables
from hubbub.registry import INJECTED, RANGE, REGISTRY, Function, Registry
from hubbub.registry.events import Event
from hubbub.run.arguments import default, split
from hubbub.run.errors import attribute_errors, close_matches, find
from hubbub.run.filters import FilterCheck
from hubbub.run.injection import Injector
from hubbub.run.names import Anonymity
from hubbub.run.objects.environment import Environment, running
from hubbub.run.objects.memoize import as_scheduled
from hubbub.run.objects.request import REQUEST, of_request
from hubbub.run.objects.servers import with_servers
from hubbub.run.people import Counted, count_people
from hubbub.run.scope import (
    Call,
    CommonOptions,
    Range,
    coverage,
    document,
    extend_to_ledger,
    next_second,
    own_values,
    range_notes,
    resolve,
    with_whole_periods,
)
from hubbub.run.serialise import execute
from hubbub.store.plugin_data.cache import cache_of
from hubbub.store.query.audience import Audience
from hubbub.store.query.extent import Extent, beginning, extent
from hubbub.store.query.selection import BOTS, FILTERS, Selection
from hubbub.times import from_micros, to_micros
from hubbub.zones import showing

if TYPE_CHECKING:
    from hubbub.analyzers.alerts.judged import JudgedRules
    from hubbub.calls.remote import RemoteServer
    from hubbub.store import Store
    from hubbub.store.query.unmatched import Unmatched
    from hubbub.store.state.ledger import CoverageSpan

__all__ = ["CommonOptions", "Runner", "close_matches"]


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
        names: whether the request may see names of people: see `hubbub.run.names`.
        servers: other servers, whose functions `query` and `view` reach after the store's own.
        alert_rules: runs the configured alert rules over a range; None: there is none.

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
        names: bool = True,
        servers: Sequence[RemoteServer] = (),
        alert_rules: JudgedRules | None = None,
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
        self.names, self.servers, self.alert_rules = names, servers, alert_rules
        self.anonymity = Anonymity(None if names else store.persons.widened(self.bots))

    @cached_property
    def spans(self) -> tuple[CoverageSpan, ...]:
        """The coverage ledger, read once."""
        return tuple(self.store.spans())

    @cached_property
    def extent(self) -> Extent:
        """The times that the events span, read once."""
        return extent(self.store, self.spans, to_micros(self.now))

    def query(self, name: str, /, **parameters: Any) -> Result:
        """Run a query.

        Raises:
            UsageError: there is no such query or parameter, or a value is not allowed.
            StoreError: the store cannot be read.
            HubbubError: the query function failed.
        """
        return self._query(name, parameters, self.common, 0)

    def view(self, name: str, /, **parameters: Any) -> Any:
        """Draw a view; return the function's return value, normally a `Drawing`.

        Raises:
            UsageError, StoreError, HubbubError: as `query`.
        """
        return self._view(name, parameters, self.common, 0)

    def job(self, name: str, /, **parameters: Any) -> Any:
        """Run a job on all stored events; return the function's return value, raise as `query`."""
        function = as_scheduled(find(self.registry, "cron", name, 0))
        return self._run(self._prepare(function, parameters, self.common, 0))

    def handler(self, key: str) -> Callable[[Sequence[Event]], None]:
        """Return an event handler, for any number of calls with a list of events.

        Args:
            key: its `Function.key`.
        """
        call = self._prepare(self.registry.event_handlers[key], {}, self.common, 0)
        return lambda events: self._run(replace(call, given={"events": list(events)}))

    def range(self) -> Range:
        """Return the time range that pictures have with the common options.

        Raises:
            UsageError: it ends before it begins, or is empty.
        """
        return self._resolve(self.common.updated({}, self.now), "view", empty=False)

    def _resolve(self, options: CommonOptions, kind: str, *, empty: bool) -> Range:
        with showing(options.zone):
            chosen = resolve(options, self.extent, self.spans, self.now, empty=empty)
            # the queries that a job calls have their own ranges
            self._note([] if kind == "cron" else range_notes(options, chosen, self.extent))
        if kind != "view":
            return chosen
        return with_whole_periods(chosen, options.zone, self.extent, self.store)

    def _query(
        self,
        name: str,
        parameters: Mapping[str, Any],
        common: CommonOptions,
        depth: int,
        caller: Audience | None = None,
    ) -> Result:
        call = self._prepare(find(self.registry, "query", name, depth), parameters, common, depth)
        with showing(call.options.zone):
            return self._answer(call, caller)

    def _answer(self, call: Call, caller: Audience | None) -> Result:
        value = self._run(call)
        diagnostics: Mapping[str, Any] = {}
        if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], Mapping):  # noqa: PLR2004
            value, diagnostics = value
        with attribute_errors(call.function):
            data, columns = execute(value)
            columns = columns or (call.function.columns if data == [] else ())
            notes, _ = execute(dict(diagnostics))
            data, notes = (self.anonymity.hide(call.function, value) for value in (data, notes))
            if call.unmatched:
                notes = {**notes, "unmatched": [value.document() for value in call.unmatched]}
            events, people = 0, Counted()
            if call.function.has_common_options:
                everything = self._events(call)
                events = everything.count_events()
                # a picture states how many name a person; for a table it would be one more scan
                people = count_people(call, everything, naming=call.depth > 0, caller=caller)
        if people.left_out and not call.depth:
            self._note([people.note()])
        if call.audience.incomplete:
            text = "events deleted by retention are not counted by days of {}; --tz UTC counts them"
            self._note([text.format(call.options.zone.name)])
        return Result(
            query=call.function.name,
            parameters=self.anonymity.parameters(document(call)),
            data=data,
            since=call.time_range.since,
            until=call.time_range.until,
            events=events,
            coverage=self._coverage(call),
            diagnostics=notes,
            durations=tuple(k for k, v in diagnostics.items() if isinstance(v, timedelta)),
            columns=columns,
            **people._asdict(),
            zone=call.options.zone,
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
        call = self._prepare(find(self.registry, "view", name, depth), parameters, common, depth)
        with showing(call.options.zone):
            return self._run(call)

    def _prepare(
        self, function: Function, parameters: Mapping[str, Any], common: CommonOptions, depth: int
    ) -> Call:
        """Split the parameters into the function's own, common ones and the rest; convert them."""
        parameters, shared, extra = split(function, parameters)
        if function.kind == "cron":  # what a job records is recorded by days of UTC
            common = replace(common, tz=None)
        stated = repr({**asdict(common), **shared})
        options = common.updated(shared, self.now)
        values = own_values(function, parameters, options.zone.local(self.now))
        self.anonymity.admit(function, values, parameters, common, depth)
        if "ledger" in function.signature:  # such a query is also about what is not proven
            options = extend_to_ledger(options, self.extent, self.spans)
        # a range given as times was resolved before; that of an empty store is empty
        empty = isinstance(shared.get("since"), datetime) or depth > 0
        time_range = Range(self.now, self.now)
        if function.has_common_options:
            time_range = self._resolve(options, function.kind, empty=empty)
            if function.kind != "cron":
                options = replace(options, since=time_range.since, until=time_range.until)
        by = options.by or default(function, "by", "users")
        scope = options.without(p.name for p in function.parameters)
        asked = not depth and function.has_common_options
        unmatched = self._unmatched(function, parameters, scope, by) if asked else []
        if options.bots is None:
            with_bots = function.kind == "cron"  # what a job records is filtered when it is read
            options = replace(options, bots=default(function, "bots", fallback=with_bots))
        scope = replace(scope, since=options.since, until=options.until, bots=options.bots)
        return Call(
            function, values, extra, options, scope, time_range, by, depth, unmatched, stated=stated
        )

    def _unmatched(
        self, function: Function, stated: Mapping[str, Any], scope: CommonOptions, by: str
    ) -> list[Unmatched]:
        with attribute_errors(function):
            found = self._filters.unmatched(function, stated, scope, by)
        self._note(map(str, found))
        return found

    def _note(self, texts: Iterable[str]) -> None:
        self.notes += [text for text in texts if text not in self.notes]

    def _events(self, call: Call, *, whole_past: bool = False) -> Any:
        """Return the events of the call; with `whole_past` also those since the extent begins."""
        everything, since = call.function.kind == "cron", to_micros(call.time_range.since)
        if whole_past and self.extent.oldest is not None:
            since = min(since, self.extent.oldest)
        events = self.store.events(
            Selection(
                since=None if everything else since,
                until=None if everything else to_micros(call.time_range.until),
                by="agent" if call.by == "agent" else "users",
                bots=call.options.bots is not False,
                bot_names=self.bots,
                zone=call.options.zone,
                **{name: getattr(call.scope, name) for name in FILTERS},
            )
        )
        events.audience = call.audience
        events.beginning = partial(beginning, self.store, self.extent, call.options.zone)
        return events

    def _run(self, call: Call) -> Any:
        """Call the function with everything that its signature names."""
        arguments = {call.function.argument(name): value for name, value in call.own.items()}
        environment = Environment(
            partial(cache_of, self.store.state),
            lambda name, function: self._injected(name, self._direct(call, function)),
            call.stated,
            call.range_options,
            self.names,
            self.anonymity.hides_from(call.function),
        )
        with attribute_errors(call.function), running(environment):
            for name in call.function.signature:
                if name in RANGE or name in INJECTED:
                    arguments[name] = self._injected(name, call)
            return call.function.call(**arguments)

    def _direct(self, call: Call, function: Function) -> Call:
        """Return the direct call of a function by the running one, in its range or its caller's."""
        if call.function.has_common_options or not function.has_common_options:
            return replace(call, function=function)
        time_range = self._resolve(call.options, function.kind, empty=True)
        return replace(call.within(time_range), function=function)

    def _injected(self, name: str, call: Call) -> Any:
        if name in RANGE or name in call.given:
            return {**call.range_options, **call.given}[name]
        if name in {"events", "past"}:
            return self._events(call, whole_past=name == "past")
        if name in REQUEST:
            return of_request(name, call, self)
        if name in {"query", "view"}:
            return self._callables(name, call)
        with_bots = None
        if call.function.kind == "view" and not call.options.bots:
            with_bots = partial(self._run, replace(call, options=replace(call.options, bots=True)))
        if name != "chart":
            return self.inject.make(name, call.function)
        until, newest = to_micros(call.time_range.until), self.extent.newest
        to_newest = newest is not None and next_second(from_micros(newest)) == from_micros(until)
        return self.inject.make(name, call.function, with_bots=with_bots, to_newest=to_newest)

    def _callables(self, kind: str, call: Call) -> Callables:
        """Return the queries or views; called, they inherit the options, the range included."""
        common, depth = replace(call.options, by=call.by), call.depth + 1

        def query(name: str, parameters: Mapping[str, Any]) -> Any:
            result = self._query(name, parameters, common, depth, call.audience)
            return result if self.registry.queries[name].about_events else result.bare

        view = partial(self._view, common=common, depth=depth)
        own = Callables(kind, self.registry.of(kind), view if kind == "view" else query)
        return with_servers(own, kind, self.servers, common, names=self.names, gaps=self.gaps)
