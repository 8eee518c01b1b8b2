"""Decide to which source the lines of a file or of standard input belong.

The source of a file is its log (`log_name`), unless a name is given. Standard input has no name:
its lines belong to the source that already has them, which is recognised by their beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

from hubbub.collector.event import Frame, Ledger
from hubbub.collector.files.log_files import HEAD, Log, digest, is_same, log_key
from hubbub.collector.files.log_name import STDIN, log_name
from hubbub.errors import SourceError, UsageError

__all__ = ["MAX_SOURCE", "Peeked", "Sources", "check_name"]

MAX_SOURCE = 255  # characters of a name of a source
_ADOPTED = "log adopted:"  # key: source of standard input → the log that turned out to be it


class Peeked:
    """Frames whose first ones can be looked at before they are read."""

    def __init__(self, frames: Iterator[Frame]) -> None:
        self.head: list[Frame] = []
        self._error: SourceError | KeyboardInterrupt | None = None
        self._rest = frames
        try:
            for frame in frames:
                self.head.append(frame)
                if len(self.head) >= HEAD:
                    break
        except (SourceError, KeyboardInterrupt) as error:  # raised after these lines
            self._error = error

    def __iter__(self) -> Iterator[Frame]:
        yield from self.head
        if self._error is not None:
            raise self._error
        yield from chain(self._rest)


def check_name(name: str | None) -> str | None:
    """Return the value of `--source` if it is valid.

    Raises:
        UsageError: it is empty, too long, or not printable.
    """
    if name is not None and (not name or len(name) > MAX_SOURCE or not name.isprintable()):
        raise UsageError(
            f"{name[:80]!r} cannot be the name of a source",
            where="--source",
            hint=f"1 to {MAX_SOURCE} printable characters, such as the name of the server",
        )
    return name


class Sources:
    """The sources of one format in a store.

    Args:
        form: the format.
        state: of the store.
        holding: returns those of these sources of which the store holds the first of these lines.
    """

    def __init__(
        self,
        form: str,
        state: Ledger,
        holding: Callable[[Sequence[str], Sequence[Frame]], list[str]],
    ) -> None:
        self.form, self._state, self._holding = form, state, holding

    def known(self) -> list[str]:
        """Return the sources whose files are remembered."""
        prefix = log_key(f"{self.form}:")
        return [key.removeprefix(log_key("")) for key in self._state.keys(prefix)]

    def beginning(self, head: Sequence[Frame]) -> list[str]:
        """Return the sources of which a file begins with these lines."""
        keys = [digest(frame.body) for frame in head]
        return [
            source
            for source in self.known()
            if any(is_same(file.head, keys) for file in Log(source, self._state).files)
        ]

    def of_stdin(self, head: Sequence[Frame]) -> str:
        """Return the source of standard input.

        Raises:
            UsageError: the lines are those of several sources.
        """
        known = self.known()
        if not head or not known:
            return f"{self.form}:{STDIN}"
        found = self.beginning(head) or self._holding(known, head)
        if len(found) > 1:
            names = ", ".join(source.removeprefix(f"{self.form}:") for source in found)
            raise UsageError(
                f"these lines were imported from several sources: {names}",
                where="standard input",
                hint="say with --source to which of them they belong",
            )
        return found[0] if found else f"{self.form}:{STDIN}"

    def of_file(self, path: str, head: Sequence[Frame]) -> str:
        """Return the source of a file: its log, or standard input where its lines came from there.

        Args:
            path: of the file.
            head: its first lines.
        """
        source, stdin = f"{self.form}:{log_name(path)}", f"{self.form}:{STDIN}"
        known = self.known()
        by_link = f"{self.form}:{log_name(path, links=False)}"
        if source not in known and by_link in known:  # as before links were followed
            source = by_link
        if source in known or stdin not in known or not head:
            return source
        adopted = self._state.get(_ADOPTED + stdin)
        if adopted == source:
            return stdin
        if adopted is None and (
            stdin in self.beginning(head) or self._holding([stdin], head) == [stdin]
        ):
            self._state.set(_ADOPTED + stdin, source)
            return stdin
        return source
