"""What `hubbub import` gives the source of files: a sink, the store's answers, and reports."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.options.logs import most_refused

if TYPE_CHECKING:
    from hubbub.cli.app import App
    from hubbub.collector.decode.line_reading import Reading
    from hubbub.collector.event import Sink
    from hubbub.collector.sources.files import FilesSource, Watch
    from hubbub.errors import HubbubError
    from hubbub.store import Store

    Changes = Callable[[Iterable[str]], dict[str, Any]]  # see `App.count_changes`

__all__ = ["files_source", "notice", "reading_bar", "refusals", "sink_of"]


def sink_of(store: Store, spool: Sink, how: Reading, largest: int) -> Sink:
    """Return a sink that refuses large messages and says how lines are to be read.

    Args:
        store: stores the names of the columns.
        spool: of the store.
        how: lines are to be read.
        largest: size limit of a message in bytes.
    """
    from hubbub.collector.decode.line_reading import Reading, WithReading
    from hubbub.collector.decode.rejected import Bounded
    from hubbub.store.tables.samples import save_columns

    bounded = Bounded(spool, largest)
    if how.columns:
        save_columns(store.state, how.columns.split(","))
    return bounded if how == Reading() else WithReading(bounded, how)


class _Holdings:
    """What a store holds; see `Holdings`.

    Args:
        app: of the command line.
        store: open.
    """

    def __init__(self, app: App, store: Store) -> None:
        self._app, self._store = app, store

    def stored(self, ids: Collection[str]) -> list[str]:
        """Load what waits; return those of these ids that are stored."""
        self._app.load(self._store)
        table = self._store.events().stored
        found = table.filter(table.id.isin(list(ids))).select("id").to_pyarrow()
        stored: list[str] = found.column("id").to_pylist()
        return stored

    def sources(self) -> Collection[str]:
        """Return the sources of which messages were loaded."""
        return self._store.state.counts().keys()


def notice(sentence: str) -> None:
    """Print a sentence on standard error."""
    click.echo(sentence, err=True)


def files_source(  # noqa: PLR0917 - what the two commands share
    app: App,
    store: Store,
    files: Sequence[str],
    form: str,
    how: Reading,
    options: Mapping[str, Any],
    watch: Watch,
) -> FilesSource:
    """Return the source of files, which knows what the store holds.

    Args:
        app: of the command line.
        store: open.
        files: names of logs; - is standard input.
        form: their format.
        how: lines are to be read.
        options: of the command: `source`, `finished`, `repo` and `follow`.
        watch: is informed.
    """
    from hubbub.collector.sources.files import FilesSource

    return FilesSource(
        files,
        form,
        _Holdings(app, store),
        how=how,
        source=options["source"],
        finished=options["finished"],
        follow=options["follow"],
        wanted=options["repo"],
        watch=watch,
    )


def refusals(source: FilesSource, changes: Changes, how: Reading) -> list[HubbubError]:
    """Return an error for each file of which most lines were refused."""
    errors = (
        most_refused(name, sample, changes([name]), how) for name, sample in source.samples.items()
    )
    return [error for error in errors if error is not None]


@contextmanager
def reading_bar() -> Iterator[Watch]:
    """Show a progress bar while files are read."""
    from hubbub.cli.output.progress import bar
    from hubbub.collector.sources.files import Watch

    with bar("reading", unit="messages") as update:
        yield Watch(progress=lambda count: update(count, 0), notice=notice)
