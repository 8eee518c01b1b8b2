"""Reading the files of `hubbub import`: sources, occurrences, last lines."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from hubbub.collector.files.log_files import log_key
from hubbub.errors import HubbubError, MessageError, SourceError, UsageError

if TYPE_CHECKING:
    from hubbub.cli.app import App
    from hubbub.collector.decode.line_reading import Reading
    from hubbub.collector.event import Frame, Sink
    from hubbub.store import Store

__all__ = ["FileReader"]

_BATCH = 1000  # frames between flushes
_SAMPLE = 100  # lines by which the format is guessed where most are refused


class FileReader:
    """Reads files to their end, and decides to which source their lines belong.

    Args:
        app: of the command line.
        store: open.
        form: format of the files.
        how: lines are to be read.
        options: of the command: `source` and `finished`.

    Attributes:
        count: messages that were read.
        unfinished: last lines that were left out, because they have no end.
        samples: source → the first of its lines.
    """

    def __init__(
        self, app: App, store: Store, form: str, how: Reading, options: dict[str, Any]
    ) -> None:
        from hubbub.collector.files.source import Sources

        self._app, self._store, self._form, self._how = app, store, form, how
        self._name, self._finished = options["source"], options["finished"]
        self._sources = Sources(form, store.state, self._holding)
        self.count = self.unfinished = 0
        self.samples: dict[str, list[Frame]] = {}

    def files(self, names: tuple[str, ...], sink: Sink) -> list[HubbubError]:
        """Read files; return an error for each that could not be read to its end."""
        from hubbub.cli.output.progress import bar

        errors: list[HubbubError] = []
        with bar("reading", unit="messages") as update:
            for name in names:
                try:
                    for frame in self._frames(name):
                        sink.put(frame)
                        self.count += 1
                        if self.count % _BATCH == 0:
                            sink.flush()
                            update(self.count, 0)
                except (SourceError, UsageError) as error:  # the other files may be readable
                    errors.append(error)
            sink.flush()
        return errors

    def _frames(self, name: str) -> Iterator[Frame]:
        """Yield the frames of a file, each with its source and occurrence."""
        from hubbub.collector.decode.formats import LINE_DECODERS
        from hubbub.collector.files.last_line import LastLine
        from hubbub.collector.files.log_files import Log
        from hubbub.collector.files.occurrences import numbered
        from hubbub.collector.files.reader import read
        from hubbub.collector.files.source import Peeked

        last = None if self._finished else LastLine(log=self._form in LINE_DECODERS)
        frames = Peeked(read(name, self._form, last=last))
        source = self._source(name, frames.head)
        self._check_not_older(name, source, frames.head)
        sample = self.samples.setdefault(source, [])
        sample += frames.head[: _SAMPLE - len(sample)]
        own = (replace(frame, source=source) for frame in frames)
        log = Log(
            source,
            self._store.state,
            holds=lambda frame: bool(self._holding([source], [frame])),
        )
        yield from numbered(own, log, last)
        if last is not None and last.left_out is not None:
            self.unfinished += 1
            click.echo(
                f"{name}:{last.left_out}: the last line has no end yet and is left out; import the "
                "file again when it is complete, or with --finished if it is",
                err=True,
            )

    def _source(self, path: str, head: list[Frame]) -> str:
        if self._name is not None:
            return f"{self._form}:{self._name}"
        if path == "-":
            return self._sources.of_stdin(head)
        source = self._sources.of_file(path, head)
        others = [other for other in self._sources.beginning(head) if other != source]
        if others and source not in self._sources.known():
            other = others[0].removeprefix(f"{self._form}:")
            click.echo(
                f"{path}: begins like what was imported from {other}, and counts as another log; "
                f"if it is the same, import it with --source {shlex.quote(other)}",
                err=True,
            )
        return source

    def _check_not_older(self, path: str, source: str, head: Sequence[Frame]) -> None:
        """Check that a file was not imported by a hubbub that told lines apart by their number.

        Raises:
            UsageError: its lines would count twice.
        """
        state = self._store.state
        older = [
            name
            for name in state.counts()
            if name.startswith(f"{self._form}:") and state.get(log_key(name)) is None
        ]
        if not older or state.get(log_key(source)) is not None:
            return
        if self._stored({id_: path for frame in head for id_ in self._ids(frame, older=True)}):
            raise UsageError(
                "this file was imported by an older hubbub, which told lines apart by their "
                "number: its lines would count twice",
                where=path,
                hint="import it into a new store, together with the others; or only what was "
                "written since (docs/access-logs.md)",
            )

    def _holding(self, sources: Sequence[str], head: Sequence[Frame]) -> list[str]:
        """Return those of these sources of which the store holds the first line."""
        for frame in head:
            ids = {
                id_: source
                for source in sources
                for id_ in self._ids(replace(frame, source=source))
            }
            if ids:
                return self._stored(ids)
        return []

    def _ids(self, frame: Frame, *, older: bool = False) -> list[str]:
        """Return the id that a line has, or had in an older hubbub; none if it cannot be read."""
        from hubbub.collector.decode.line_reading import pack
        from hubbub.collector.decode.message import decode
        from hubbub.collector.decode.message_id import line_number_id

        try:
            message = decode(replace(frame, topic=pack(self._how)))
        except MessageError:
            return []
        return [line_number_id(frame, message.topic) if older else message.id]

    def _stored(self, ids: dict[str, str]) -> list[str]:
        """Return the values of those ids that the store holds, each once."""
        if not ids:
            return []
        self._app.load(self._store)
        table = self._store.events().stored
        found = table.filter(table.id.isin(list(ids))).select("id").to_pyarrow()
        return sorted({ids[id_] for id_ in found.column("id").to_pylist()})
