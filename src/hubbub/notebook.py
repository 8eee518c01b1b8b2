"""Use of hubbub in a notebook: results display as tables, charts as pictures.

import hubbub

bus = hubbub.open("store")
bus.chart("longtail", since="30d")
bus.query("tail", since="30d", category="git")
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from hubbub import config as configuration
from hubbub.analyzers.result import Result
from hubbub.closeable import Closeable
from hubbub.errors import UsageError
from hubbub.plugins import load as load_plugins
from hubbub.run.injection import Injector
from hubbub.run.runner import Runner
from hubbub.store import Store
from hubbub.store.query.selection import bot_globs

__all__ = ["NotebookResult", "NotebookStore", "open"]


class NotebookResult(Result):
    """A `Result` that a notebook shows as a table."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        """HTML for Jupyter."""
        from hubbub.charts.picture.html import rows_table
        from hubbub.charts.picture.scale import span

        caption = (
            f"{self.query}: {self.events:,} events, {span(self.since, self.until)}; "
            f"coverage {self.coverage.state}"
        )
        if isinstance(self.data, list) and self.data and isinstance(self.data[0], Mapping):
            columns = list(self.columns or self.data[0])
            rows = [[row.get(column) for column in columns] for row in self.data]
            return rows_table(caption, columns, rows)
        if isinstance(self.data, list):
            rows = [row if isinstance(row, list) else [row] for row in self.data]
            width = max(map(len, rows), default=0)
            return rows_table(caption, [str(i + 1) for i in range(width)], rows)
        parts = self.data.items() if isinstance(self.data, Mapping) else [("", self.data)]
        rows = [[name, v if isinstance(v, str) else json.dumps(v)] for name, v in parts]
        return rows_table(caption, ["part", "data"], rows)


class NotebookStore(Closeable):
    """A store that is open in a notebook; a context manager.

    Args:
        store: an open store; closed by `close`.
        settings: the configuration; of it, bots and affiliations are used.
        style: a TOML file with colours and a font.
    """

    def __init__(
        self, store: Store, settings: configuration.Config, style: Path | None = None
    ) -> None:
        self._store, self._settings, self._style = store, settings, style

    def _runner(self, theme: str = "auto") -> Runner:
        people = self._settings.people
        # a new runner for each request, so that it sees events stored in the meantime
        return Runner(
            self._store,
            bots=bot_globs(people.bots, people.more_bots),
            affiliations=people.affiliations,
            inject=Injector(self._store.state, theme=theme, style=self._style),
        )

    def query(self, name: str, **parameters: Any) -> NotebookResult:
        """Run a query: `since="30d"`, filters and the query's own options.

        Raises:
            UsageError: there is no such query or parameter, or a value is not allowed.
            StoreError: the store cannot be read.
        """
        result = self._runner().query(name, **parameters)
        return NotebookResult(
            **{field.name: getattr(result, field.name) for field in fields(result)}
        )

    def chart(self, name: str, *, theme: str = "auto", **parameters: Any) -> Any:
        """Draw a view; `theme` is auto, light or dark. The other arguments are as for `query`.

        Returns:
            A `Drawing`: `.svg()`, `.png(1200, height=630)`, `.html()`, `.table()`.

        Raises:
            UsageError, StoreError: as `query`.
        """
        return self._runner(theme).view(name, **parameters)

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
    style: str | os.PathLike[str] | None = None,
) -> NotebookStore:
    """Open a store for queries and charts.

    Args:
        path: its folder; by default the configuration's, else the platform's data folder.
        config: a configuration file; by default the platform's, if there is one.
        plugins: Python files with queries and views, in addition to the configuration's.
        style: a TOML file with colours and a font.

    Raises:
        UsageError: there is no store, or a file cannot be read.
        StoreError: the store is damaged, or was written by a newer version.
    """
    settings = configuration.load(None if config is None else Path(config))
    for note in load_plugins([*map(Path, settings.plugins), *map(Path, plugins)]):
        import warnings

        warnings.warn(note, stacklevel=2)
    folder = path or settings.store or configuration.default_store()
    if not Path(folder).exists():
        raise UsageError(
            "there is no store here",
            where=str(folder),
            hint="hubbub gather, listen or import creates one",
        )
    from hubbub.collector.people.reader import ReaderConfig

    people = settings.people
    store = Store.open(folder, create=False, reading=True)
    try:
        reader_config = ReaderConfig(
            directory=Path(people.directory) if people.directory else None,
            rules=Path(people.rules) if people.rules else None,
        )
        if store.has_work():
            store.load(wait=False, understand=reader_config.reader())
    except BaseException:
        store.close()
        raise
    return NotebookStore(store, settings, None if style is None else Path(style))
