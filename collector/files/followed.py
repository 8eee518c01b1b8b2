"""A file that is followed, whose position is remembered once the lines before it are durable."""

from __future__ import annotations

from hubbub.collector.event import Frame, Ledger, Sink
from hubbub.collector.files.follower import Follower
from hubbub.collector.files.log_files import Log

__all__ = ["Followed", "follow_key"]


def follow_key(form: str, path: str) -> str:
    """Return the ledger's key of the position in a file."""
    return f"follow:{form}:{path}"


class Followed:
    """A file that is followed; the next run continues where this one ended.

    Args:
        path: of the file.
        form: its format.
        source: of its lines.
        ledger: remembers the position.

    Raises:
        UsageError: the file cannot be followed.
    """

    def __init__(self, path: str, form: str, source: str, ledger: Ledger) -> None:
        self.source, self._ledger = source, ledger
        self._key = follow_key(form, path)
        self._follower = Follower(path, form, ledger.get(self._key), log=Log(source, ledger))

    def read(self, sink: Sink) -> list[Frame]:
        """Make the new lines durable; return them.

        Args:
            sink: of the lines.

        Raises:
            SourceError: reading failed.
            StoreError: the lines could not be written.
        """
        frames = self._follower.read()
        for frame in frames:
            sink.put(frame)
        if frames:
            sink.flush()
            # None: a rotated file's successor is missing
            if (place := self._follower.position) is not None:
                self._ledger.set(self._key, place)
        return frames

    def close(self) -> None:
        """Close the file."""
        self._follower.close()
