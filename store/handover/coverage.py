"""What a listener without tables says about its coverage, for the store that loads its segments.

The listener keeps `coverage-ID.json` beside the segments in its spool. It holds the spans of the
ledger, and the names of the segments that were in the spool when they were read. Messages of these
spans are in these segments or in earlier ones, which were fetched before. So a store may take over
the spans up to the start of the oldest segment that it has not loaded yet: a segment holds what
arrived after it was started. Taking over a document again changes nothing.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from hubbub.collector.event import alive_key, partial_key
from hubbub.errors import UsageError
from hubbub.store.disk.files import replace_file
from hubbub.store.spool import folder as spool

if TYPE_CHECKING:
    from hubbub.store.state.database import State

__all__ = [
    "CoverageDocument",
    "Span",
    "read_documents",
    "started",
    "take_limits",
    "take_over",
    "write_document",
]

_KEY = "handover"  # of the checkpoint: the ID of this listener's documents
_LIVE = frozenset(("zmq", "amqp"))  # kinds of sources
_MAX_SPANS = 10_000  # of a document: the newest
_MAX_BYTES = 16 << 20  # of a document
_SLACK = 10_000_000  # µs between a message's own time and its arrival
_PERIOD = 30 * 86_400_000_000  # µs that a document reaches back; further if older segments wait


class Span(msgspec.Struct, frozen=True, array_like=True):
    """A span of a listener's ledger; times in µs since the epoch."""

    source: str
    filters: str
    start: int
    end: int
    state: str
    proof: str


class CoverageDocument(msgspec.Struct, frozen=True):
    """The content of `coverage-ID.json`."""

    segments: list[str]  # in the listener's spool, after the spans were read
    spans: list[Span]
    limited: dict[str, str] = {}  # source → filters that it is limited to; see `partial_key`


def started(name: str) -> int:
    """Return when a segment was started, µs since the epoch."""
    return int(name.partition("-")[0]) // 1000


def write_document(state: State, folder: Path) -> None:
    """Write the document of this listener, unless it says already what it would say.

    Args:
        state: of the listener.
        folder: its spool.

    Raises:
        OSError: it cannot be written.
    """
    identity = state.get(_KEY)
    if identity is None:
        identity = secrets.token_hex(8)
        state.set(_KEY, identity)
    now = time.time_ns() // 1000
    oldest = min((started(each.name) for each in spool.segments(folder)), default=now)
    ledger = state.coverage(min(oldest, now) - _PERIOD, None)
    spans = [
        Span(each.source, each.filters, each.start, each.end, each.state, each.proof)
        for each in sorted(ledger, key=lambda each: each.end)[-_MAX_SPANS:]
        if each.source.partition(":")[0] in _LIVE
    ]
    limited = {
        source: filters
        for source in {span.source for span in spans}
        if (filters := state.get(partial_key(source))) is not None
    }
    # the segments after the spans: one that is started in between only delays taking over
    names = [each.name for each in spool.segments(folder)]
    content = msgspec.json.encode(CoverageDocument(names, spans, limited), order="sorted")
    path = folder / f"coverage-{identity}.json"
    if not (path.exists() and path.read_bytes() == content):
        replace_file(path, content)


def read_documents(folder: Path) -> list[CoverageDocument]:
    """Return the documents of the listeners whose segments are in a folder.

    Raises:
        UsageError: one of them is not such a document.
        OSError: it cannot be read.
    """
    documents = []
    for path in sorted(folder.glob("coverage-*.json")):
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        try:
            if len(content) > _MAX_BYTES:
                raise msgspec.ValidationError(f"it has more than {_MAX_BYTES:,} bytes")
            documents.append(msgspec.json.decode(content, type=CoverageDocument))
        except msgspec.MsgspecError as error:
            raise UsageError(
                f"this does not state the coverage of a listener: {error}",
                where=str(path),
                hint="copy it again; without it, the listener's messages have no coverage",
            ) from None
    return documents


def take_limits(state: State, document: CoverageDocument) -> None:
    """Note which sources are limited to filters, before their messages are loaded.

    Sources that this store's own listener receives, too, keep what it said.
    """
    for source in {span.source for span in document.spans}:
        wanted = document.limited.get(source)
        if state.get(alive_key(source)) is None and state.get(partial_key(source)) != wanted:
            state.set(partial_key(source), wanted)


def take_over(state: State, document: CoverageDocument, unloaded: Iterable[int]) -> None:
    """Record the spans of a document up to what is loaded.

    `unproven` spans fill what the ledger does not know. A gap also replaces `unproven`, but nothing
    that was proven or healed here since.

    Args:
        state: of the store.
        document: of a listener.
        unloaded: when each segment that is not loaded was started, µs.
    """
    cut = min((start - _SLACK for start in unloaded), default=None)
    with state.transaction():
        for span in document.spans:
            end = span.end if cut is None else min(span.end, cut)
            if span.start >= end or span.state not in {"unproven", "gap"}:
                continue
            parts: Iterable[tuple[int, int]] = [(span.start, end)]
            if span.state == "gap":
                parts = list(_open_parts(state, span, end))
            for first, last in parts:
                state.span(span.source, span.filters, first, last, span.state, span.proof)


def _open_parts(state: State, span: Span, end: int) -> Iterator[tuple[int, int]]:
    """Yield the parts of a gap about which the ledger knows nothing better than `unproven`."""
    position = span.start
    for first, last, known in state.spans(span.source, span.filters):
        if known == "unproven" or last <= position or first >= end:
            continue
        if first > position:
            yield position, first
        position = last
    if position < end:
        yield position, end
