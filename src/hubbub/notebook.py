"""Use of hubbub in a notebook: results display as tables, charts as pictures.

import hubbub

bus = hubbub.open("store")
bus.chart("longtail", since="30d")
bus.query("tail", since="30d", category="git")
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hubbub import config as configuration
from hubbub.calls.callables import Callables
from hubbub.calls.results import NotebookResult
from hubbub.closeable import Closeable
from hubbub.errors import UsageError
from hubbub.language import ENGLISH, use_language
from hubbub.plugins import load as load_plugins
from hubbub.registry import REGISTRY
from hubbub.run.configured import configured_runner
from hubbub.run.injection import Injector
from hubbub.run.runner import Runner
from hubbub.store import Store

__all__ = ["NotebookResult", "NotebookStore", "open"]


class NotebookStore(Closeable):
    """A store that is open in a notebook; a context manager.

    Args:
        store: an open store; closed by `close`.
        settings: the configuration; of it, time zone, bots and affiliations are used.
        style: a TOML file with colours and a font.

    Attributes:
        query: the queries: `query.tail(since="30d")`, or `query("tail", since="30d")`. One that
            asks for events answers with a `NotebookResult`, another one with its bare value.
        view: the views, in the same way; a picture is a `Drawing`. `theme` is auto, light or dark;
            `lang` is the language, by default the configured one.
    """

    def __init__(
        self, store: Store, settings: configuration.Config, style: Path | None = None
    ) -> None:
        self._store, self._settings, self._style = store, settings, style
        self.query = Callables("query", REGISTRY.queries, self._query)
        self.view = Callables("view", REGISTRY.views, self._view)

    def _runner(self, theme: str = "auto") -> Runner:
        # a new runner for each request, so that it sees events stored in the meantime
        inject = Injector(self._store.state, theme=theme, style=self._style)
        return configured_runner(self._store, self._settings, inject=inject)

    def _query(self, name: str, parameters: Mapping[str, Any]) -> Any:
        result = self._runner().query(name, **parameters)
        about_events = REGISTRY.queries[name].about_events
        return NotebookResult.of(result) if about_events else result.bare

    def _view(self, name: str, parameters: Mapping[str, Any]) -> Any:
        function = REGISTRY.views.get(name)
        own = set(function.signature) if function is not None else set()
        drawn = {key: parameters[key] for key in {"theme", "lang"} & {*parameters} - own}
        given = {key: value for key, value in parameters.items() if key not in drawn}
        return self._draw(name, given, **drawn)

    def _draw(
        self,
        name: str,
        parameters: Mapping[str, Any],
        *,
        theme: str = "auto",
        lang: str | None = None,
    ) -> Any:
        with use_language(lang or self._settings.project.lang or ENGLISH):
            return self._runner(theme).view(name, **parameters)

    def chart(
        self, name: str, /, *, theme: str = "auto", lang: str | None = None, **parameters: Any
    ) -> Any:
        """Draw a view; `theme` is auto, light or dark. The other arguments are as for `query`.

        `lang` is the language of its texts; None: the configured one, else English.

        Returns:
            A `Drawing`: `.svg()`, `.png(1200, height=630)`, `.html()`, `.table()`.

        Raises:
            UsageError, StoreError: as `query`.
        """
        return self._draw(name, parameters, theme=theme, lang=lang)

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def __repr__(self) -> str:
        return f"<hubbub store at {self._store.path}>"


def open(  # noqa: A001 - hubbub.open is its name
    path: str | os.PathLike[str] | None = None,
    *,
    config: str | os.PathLike[str] | None = None,
    plugins: Iterable[str | os.PathLike[str]] = (),
    engine: str | None = None,
    style: str | os.PathLike[str] | None = None,
) -> NotebookStore:
    """Open a store for queries and charts.

    Args:
        path: its folder; by default the configuration's, else the platform's data folder.
        config: a configuration file; by default the platform's, if there is one.
        plugins: Python files with queries and views, in addition to the configuration's.
        engine: the query engine, `sc://HOST:PORT` or `duckdb`; by default the configuration's.
        style: a TOML file with colours and a font.

    Raises:
        UsageError: there is no store, or a file cannot be read.
        StoreError: the store is damaged, or was written by a newer version.
    """
    settings = configuration.load(None if config is None else Path(config)).with_engine(engine)
    files = [*map(Path, settings.plugins.files), *map(Path, plugins)]
    for note in load_plugins(files, settings.plugins.modules):
        import warnings

        warnings.warn(note, stacklevel=2)
    folder = path or settings.store or configuration.default_store()
    if not Path(folder).exists():
        raise UsageError(
            "there is no store here",
            where=str(folder),
            hint="hubbub gather, listen or import creates one",
        )
    from hubbub.collector.people.reader import configured

    store = Store.open(folder, create=False, reading=True)
    store.engine_memory = settings.engine.memory_bytes
    store.engine_disk = settings.engine.spill_bytes
    store.engine_url = settings.engine.connect_url
    try:
        if store.has_work():
            store.load(wait=False, understand=configured(settings).reader())
    except BaseException:
        store.close()
        raise
    return NotebookStore(store, settings, None if style is None else Path(style))
