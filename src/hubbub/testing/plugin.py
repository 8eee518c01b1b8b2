"""A bench for testing plugins: their queries, views, event handlers and jobs, without a server.

    with run(plugins=["karma.py"], events=[{"topic": "chat.thanks", "user": "ann"}]) as bench:
        assert bench.query.karma().data == [{"user": "ann", "thanks": 1}]
        bench.send({"topic": "chat.thanks", "user": "bob"})
        assert bench.view.karma_chart().table()[0]["user"] == "ann"

Events go the way of those that a server takes in at /httpevent: they are stored, decoded by the
same rules, and handed to the event handlers. The store is temporary.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from hubbub.calls.callables import Callables
from hubbub.calls.results import NotebookResult
from hubbub.collector.decode.posted import frame_of
from hubbub.config import Config
from hubbub.errors import HubbubError, UsageError
from hubbub.plugins import load_builtins, load_file
from hubbub.registry import REGISTRY, Function, Registry
from hubbub.run.configured import configured_runner
from hubbub.run.handling import Turn, handle
from hubbub.run.injection import Injector, State
from hubbub.store import Store
from hubbub.store.state.documents import Collection, Documents
from hubbub.store.state.overlay import Overlay, commit
from hubbub.times import to_micros

if TYPE_CHECKING:
    from hubbub.run.runner import Runner

__all__ = ["Bench", "Plugin", "run"]

#: A plugin to test: a module, the name of one, or a Python file.
Plugin = ModuleType | str | os.PathLike[str]


class Bench:
    """A store with plugins, as `run` opens it.

    Attributes:
        query: the queries, built-in and of the plugins: `bench.query.karma(since="7d")`. One that
            asks for events answers with a `Result`, another one with its bare value.
        view: the views, in the same way.
        now: the current time for the plugins; it may be set. None: the real one.
    """

    def __init__(
        self, store: Store, registry: Registry, now: datetime | None, config: Config
    ) -> None:
        self._store, self._registry, self._config = store, registry, config
        self._sink = store.spool("bench")
        self._sent = 0
        self.now = now
        self.query = Callables("query", registry.queries, self._query)
        self.view = Callables("view", registry.views, self._view)

    def clock(self) -> datetime:
        """Return the current time for the plugins."""
        return self.now or datetime.now(UTC)

    def send(self, events: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> None:
        """Store events and hand them to the event handlers, as a server does for /httpevent.

        Args:
            events: one, or a batch of several. Fields that hubbub knows: `topic`, `user` or
                `users`, `agent`, `objects`, `action`, `timestamp`; any others are the plugin's.

        Raises:
            UsageError: an event is no JSON object.
            HubbubError: a handler failed; what it changed is dropped, and the others were called.
        """
        batch = [dict(events)] if isinstance(events, Mapping) else [dict(event) for event in events]
        self._sent += 1
        received = to_micros(self.clock())
        for nth, event in enumerate(batch):
            try:
                body = json.dumps(event, allow_nan=False).encode()
            except (TypeError, ValueError) as error:
                raise UsageError(f"an event is a JSON object: {error}", where=repr(event)) from None
            self._sink.put(frame_of(body, key="bench", row=self._sent, nth=nth, received=received))
        self._sink.flush()
        loaded = self._store.load()
        if loaded.refused:
            raise UsageError(f"an event was refused: {', '.join(loaded.refused)}")
        self._hand_over([json.loads(json.dumps(event)) for event in batch])

    def job(self, name: str, /, **parameters: Any) -> Any:
        """Run a job, as `hubbub jobs run NAME` does; return what the function returned.

        Raises:
            UsageError: there is no such job or parameter.
            HubbubError: the job failed.
        """
        from hubbub.jobs import Jobs

        jobs = Jobs(
            self._store,
            registry=self._registry,
            clock=self.clock,
            runner=self._job_runner,
        )
        done = jobs.run(name, **parameters)
        if done.error is not None:
            raise done.error
        return done.result

    def db(self, collection: str, *, module: str | None = None) -> Collection:
        """Return a collection of the plugin: what its functions see as `db[collection]`.

        Args:
            collection: its name.
            module: the module that owns it, where there is more than one plugin.

        Raises:
            UsageError: there are several plugins, or this one is not among them.
        """
        return Documents(self._store.state, self._module(module))[collection]

    def state(self, *, module: str | None = None) -> State:
        """Return the `state` that the plugin's functions see; arguments and errors as for `db`."""
        return State(self._store.state, self._module(module))

    def _module(self, module: str | None) -> str:
        modules = {f.module for f in self._registry.all() if not f.module.startswith("hubbub.")}
        names = {self._registry.files.get(name, name): name for name in modules}
        if module is None and len(names) == 1:
            return next(iter(names.values()))
        if module not in names:
            raise UsageError(
                "several plugins are loaded"
                if module is None
                else f"no plugin {module!r} is loaded",
                hint=f"module= is one of: {', '.join(sorted(names)) or 'none'}",
            )
        return names[module]

    def _runner(self, ledger: Any = None) -> Runner:
        inject = Injector(ledger or self._store.state, registry=self._registry)
        return configured_runner(
            self._store, self._config, registry=self._registry, clock=self.clock, inject=inject
        )

    def _job_runner(self, store: Store, **options: Any) -> Runner:
        return configured_runner(store, self._config, **options)

    def _query(self, name: str, parameters: Mapping[str, Any]) -> Any:
        result = self._runner().query(name, **parameters)
        about_events = self._registry.queries[name].about_events
        return NotebookResult.of(result) if about_events else result.bare

    def _view(self, name: str, parameters: Mapping[str, Any]) -> Any:
        return self._runner().view(name, **parameters)

    def _hand_over(self, events: list[dict[str, Any]]) -> None:
        handlers = list(self._registry.event_handlers)
        if not handlers:
            return
        with closing(Overlay(self._store.state.path)) as overlay:
            turn = Turn(handlers, events)
            handled = handle([turn], overlay, self._registry, partial(self._runner, overlay))
        commit(self._store.state, handled.changes, lambda: None)
        for failure in handled.failures:
            name = self._registry.event_handlers[failure.handler].name
            lines = failure.error.rstrip().splitlines()
            raise HubbubError(f"event handler {name!r} failed: {lines[-1]}", hint=failure.error)

    def close(self) -> None:
        """Close the store."""
        self._sink.close()
        self._store.close()


@contextmanager
def run(
    plugins: Plugin | Iterable[Plugin] = (),
    events: Mapping[str, Any] | Sequence[Mapping[str, Any]] = (),
    *,
    now: datetime | None = None,
    config: Config | None = None,
) -> Iterator[Bench]:
    """Open a temporary store with plugins and events.

    A Python file is executed again, so that its variables have their initial values; a module stays
    as it was imported.

    Args:
        plugins: one or several: a module, the name of one, or a Python file.
        events: handed over as `Bench.send` does.
        now: the current time for the plugins; by default the real one.
        config: a configuration, as `hubbub.config.load` returns it.

    Raises:
        UsageError: a plugin cannot be imported, or an event is invalid.
        HubbubError: an event handler failed.
    """
    if now is not None and now.tzinfo is None:
        raise UsageError("now= is a time with a zone", hint="datetime(2026, 1, 31, tzinfo=UTC)")
    several = [plugins] if isinstance(plugins, (ModuleType, str, os.PathLike)) else list(plugins)
    registry = _registry(several)
    with tempfile.TemporaryDirectory(prefix="hubbub-bench-") as folder:
        bench = Bench(Store.open(Path(folder) / "store"), registry, now, config or Config())
        try:
            if events:
                bench.send(events)
            yield bench
        finally:
            bench.close()


def _registry(plugins: Iterable[Plugin]) -> Registry:
    """Return a registry of the built-ins and of these plugins, whatever else is registered."""
    load_builtins()
    registry = Registry()
    for function in REGISTRY.all():
        if function.module.startswith("hubbub."):
            registry.add(function)
    for plugin in plugins:
        for function in _functions(plugin, registry):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a plugin may replace what is built in
                registry.add(function)
    return registry


def _functions(plugin: Plugin, registry: Registry) -> list[Function]:
    """Import a plugin, and return its functions."""
    if isinstance(plugin, ModuleType):
        return _of_module(plugin.__name__)
    if isinstance(plugin, str) and not plugin.endswith(".py"):
        importlib.import_module(plugin)
        return _of_module(plugin)
    before = {name: dict(value) for name, value in vars(REGISTRY).items()}
    modules = {name for name in sys.modules if name.startswith("hubbub_plugin_")}
    loaded = {name: sys.modules.pop(name) for name in modules}
    try:
        load_file(Path(plugin))
        new = {name for name in sys.modules if name.startswith("hubbub_plugin_")}
        registry.files |= {name: REGISTRY.files[name] for name in new}
        return [function for function in REGISTRY.all() if function.module in new]
    finally:
        vars(REGISTRY).update(before)
        sys.modules.update(loaded)


def _of_module(name: str) -> list[Function]:
    found = [f for f in REGISTRY.all() if f.module == name or f.module.startswith(f"{name}.")]
    if not found:
        raise UsageError(
            "this module registers no functions", where=name, hint="use @query, @view and the like"
        )
    return found
