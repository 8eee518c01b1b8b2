"""Whether the store holds a line already, known by the id that the line has once it is decoded."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from msgspec.structs import replace

from hubbub.collector.decode.line_reading import Reading, pack
from hubbub.collector.decode.message import decode
from hubbub.collector.decode.message_id import line_number_id
from hubbub.collector.event import Frame, Ledger
from hubbub.collector.files.log_files import log_key
from hubbub.errors import MessageError, UsageError

__all__ = ["HeldLines", "Holdings"]


class Holdings(Protocol):
    """What a source of files asks of the store."""

    def stored(self, ids: Collection[str]) -> Collection[str]:
        """Return those of these ids of which a message is stored or waits to be loaded."""

    def sources(self) -> Collection[str]:
        """Return the sources of which messages were loaded."""


class HeldLines:
    """Asks the store for lines of one format.

    Args:
        form: the format.
        how: lines are to be read.
        holdings: of the store.
    """

    def __init__(self, form: str, how: Reading, holdings: Holdings) -> None:
        self._form, self._how, self._holdings = form, how, holdings

    def is_readable(self, line: bytes) -> bool:
        """Whether a line can be decoded."""
        return bool(self._ids(Frame(f"{self._form}:", 0, b"", line)))

    def holding(self, sources: Sequence[str], head: Sequence[Frame]) -> list[str]:
        """Return those of these sources of which the store holds the first line that is readable.

        Args:
            sources: that the lines may be of.
            head: the lines.
        """
        for frame in head:
            ids = {
                id_: source
                for source in sources
                for id_ in self._ids(replace(frame, source=source))
            }
            if ids:
                return self._stored(ids)
        return []

    def check_not_older(
        self, path: str, source: str, head: Sequence[Frame], ledger: Ledger
    ) -> None:
        """Check that a file was not imported by a hubbub that told lines apart by their number.

        Args:
            path: of the file.
            source: of its lines.
            head: its first lines.
            ledger: remembers the files that were read.

        Raises:
            UsageError: its lines would count twice.
        """
        older = [
            name
            for name in self._holdings.sources()
            if name.startswith(f"{self._form}:") and ledger.get(log_key(name)) is None
        ]
        if not older or ledger.get(log_key(source)) is not None:
            return
        if self._stored({id_: path for frame in head for id_ in self._ids(frame, older=True)}):
            raise UsageError(
                "this file was imported by an older hubbub, which told lines apart by their "
                "number: its lines would count twice",
                where=path,
                hint="import it into a new store, together with the others; or only what was "
                "written since (docs/access-logs.md)",
            )

    def _ids(self, frame: Frame, *, older: bool = False) -> list[str]:
        """Return the id that a line has, or had in an older hubbub; none if it cannot be read."""
        try:
            message = decode(replace(frame, topic=pack(self._how)))
        except MessageError:
            return []
        return [line_number_id(frame, message.topic) if older else message.id]

    def _stored(self, ids: Mapping[str, str]) -> list[str]:
        """Return the values of those ids that the store holds, each once."""
        return sorted({ids[id_] for id_ in self._holdings.stored(ids.keys())}) if ids else []
