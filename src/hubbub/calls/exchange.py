"""Answers as servers of hubbub give them to each other: a whole `Result` or `Drawing`, as JSON.

A program that reads `/query/NAME` gets the document of a result, and a picture from `/view/NAME`. A
client of hubbub asks for `MEDIA_TYPE`, and then has the same objects as the one who calls locally.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import msgspec

from hubbub.analyzers.result import Coverage, Gap, Result
from hubbub.calls.results import NotebookResult
from hubbub.calls.schema import MEDIA_TYPE
from hubbub.charts.picture.drawing import Drawing
from hubbub.zones import find

__all__ = ["MEDIA_TYPE", "decode", "encode"]


class _Gap(msgspec.Struct, frozen=True):
    start: datetime
    end: datetime
    source: str
    why: str


class _Result(msgspec.Struct, frozen=True, tag="result"):
    query: str
    parameters: dict[str, Any]
    data: Any
    since: datetime
    until: datetime
    events: int
    coverage: str
    gaps: tuple[_Gap, ...]
    diagnostics: dict[str, Any]
    columns: tuple[str, ...]
    left_out: int
    naming: int | None
    mentions: int | None
    touching: bool
    zone: str
    durations: tuple[str, ...] = ()  # absent in answers of older servers


class _Drawing(msgspec.Struct, frozen=True, tag="drawing"):
    svg: str
    title: str
    description: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    metadata: dict[str, Any]
    empty: str = ""


class _Value(msgspec.Struct, frozen=True, tag="value"):
    value: Any


def encode(answer: Any) -> bytes:
    """Encode what a query or view returned: a `Result`, a `Drawing`, a text or JSON-ready data.

    Raises:
        TypeError: JSON cannot hold it.
    """
    record: msgspec.Struct
    if isinstance(answer, Result):
        gaps = tuple(_Gap(g.start, g.end, g.source, g.why) for g in answer.coverage.gaps)
        record = _Result(
            query=answer.query,
            parameters=dict(answer.parameters),
            data=answer.data,
            since=answer.since,
            until=answer.until,
            events=answer.events,
            coverage=answer.coverage.state,
            gaps=gaps,
            diagnostics=dict(answer.diagnostics),
            durations=tuple(answer.durations),
            columns=tuple(answer.columns),
            left_out=answer.left_out,
            naming=answer.naming,
            mentions=answer.mentions,
            touching=answer.touching,
            zone=answer.zone.name,
        )
    elif isinstance(answer, Drawing):
        record = _Drawing(
            svg=answer.data.decode(),
            title=answer.title,
            description=answer.description,
            columns=tuple(answer.columns),
            rows=tuple(map(tuple, answer.rows)),
            metadata=dict(answer.metadata),
            empty=answer.empty,
        )
    else:
        record = _Value(answer)
    # msgspec writes no number above 64 bits and no lone surrogate
    return json.dumps(msgspec.to_builtins(record, builtin_types=()), allow_nan=False).encode()


def decode(body: bytes) -> Any:
    """Return what `encode` was given; a `Result` as `NotebookResult`.

    Raises:
        ValueError: this is not such an answer.
    """
    try:
        record = msgspec.convert(json.loads(body), _Result | _Drawing | _Value)
    except (msgspec.ValidationError, RecursionError) as error:
        raise ValueError(str(error)) from error
    if isinstance(record, _Value):
        return record.value
    if isinstance(record, _Drawing):
        return Drawing(
            data=record.svg.encode(),
            title=record.title,
            description=record.description,
            columns=record.columns,
            rows=record.rows,
            metadata=record.metadata,
            empty=record.empty,
        )
    gaps = tuple(Gap(gap.start, gap.end, gap.source, gap.why) for gap in record.gaps)
    return NotebookResult(
        query=record.query,
        parameters=record.parameters,
        data=record.data,
        since=record.since,
        until=record.until,
        events=record.events,
        coverage=Coverage(record.coverage, gaps),
        diagnostics=record.diagnostics,
        durations=record.durations,
        columns=record.columns,
        left_out=record.left_out,
        naming=record.naming,
        mentions=record.mentions,
        touching=record.touching,
        zone=find(record.zone),
    )
