"""How a line of a file is to be read: what travels with it to the decoder, in the frame's topic.

Lines are decoded by the loader, another process and perhaps another day than the import. What the
import was told (names of columns, a log's format, what to keep) and which of several equal lines
this is must therefore be stored with the line.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from hubbub.collector.event import Frame, Sink

__all__ = ["Reading", "WithReading", "pack", "reading"]


class Reading(msgspec.Struct, frozen=True, omit_defaults=True):
    """How to read a line; the defaults are those of a line without any option."""

    nth: int = 1  # which of the equal lines of its source it is, from 1
    columns: str = ""  # names of the columns of `notebook-counts`, comma-separated
    log_format: str = ""  # of `access-log`, as the web server's configuration writes it
    keep_queries: bool = False  # keep query strings of requests
    keep_addresses: bool = False  # keep addresses of clients in full


_DEFAULT = Reading()
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Reading).decode


def pack(how: Reading) -> bytes:
    """Return the topic of a frame that is to be read so; empty for the defaults."""
    return b"" if how == _DEFAULT else _encode(how)


@lru_cache(maxsize=256)
def _unpack(topic: bytes) -> Reading:
    if topic.startswith(b"{"):
        return _decode(topic)
    return Reading(columns=topic.decode())  # as hubbub wrote it before lines were told apart


def reading(frame: Frame) -> Reading:
    """Return how the frame of a file is to be read."""
    return _unpack(frame.topic) if frame.topic else _DEFAULT


class WithReading:
    """A sink that adds an import's options to each frame; which equal line it is, is kept.

    Args:
        inner: the next sink.
        how: the options.
    """

    def __init__(self, inner: Sink, how: Reading) -> None:
        self._inner, self._how = inner, how
        self._first = pack(how)

    def put(self, frame: Frame) -> None:
        """See `Sink.put`."""
        nth = reading(frame).nth
        topic = self._first if nth == 1 else pack(msgspec.structs.replace(self._how, nth=nth))
        self._inner.put(msgspec.structs.replace(frame, topic=topic))

    def flush(self) -> None:
        """See `Sink.flush`."""
        self._inner.flush()
