"""The formats of imported files, by the name that `hubbub import --format` takes."""

from __future__ import annotations

from collections.abc import Callable

from hubbub.collector.decode import notebooks
from hubbub.collector.decode.items import ITEM_FORMATS
from hubbub.collector.decode.logs import access_log
from hubbub.collector.event import Frame, Message

__all__ = ["FORMATS", "ITEM_FORMATS", "LINE_DECODERS"]

#: Formats that are not JSON, each with the decoder of a line; lines that start with # are comments.
LINE_DECODERS: dict[str, Callable[[Frame], Message]] = {
    "notebook-events": notebooks.access,
    "notebook-counts": notebooks.counts,
    "access-log": access_log.message,
}
FORMATS = ("jsonl", "fedmsg", *ITEM_FORMATS, *LINE_DECODERS)
