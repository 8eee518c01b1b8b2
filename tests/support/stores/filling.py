"""Filling a store, and the types of the fixtures that make frames and events."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hubbub.collector.event import Event, Frame
from hubbub.collector.signatures.guard import TrustFiles
from hubbub.store import Store

#: The fixture `frame`: a frame by number, with other fields by name.
MakeFrame = Callable[..., Frame]
#: The fixture `event`: an event by number, with other fields by name.
MakeEvent = Callable[..., Event]
#: The fixture `ids`: every stored id, with repeats, sorted.
ReadIds = Callable[[Store], list[str]]


def put(
    store: Store,
    *frames: Frame,
    bodies: bool = False,
    trust: TrustFiles | None = None,
    load: bool = False,
    writer: str = "test",
) -> None:
    """Write frames to a segment of their own, and load it if asked."""
    options: dict[str, Any] = {"bodies": bodies} | ({"trust": trust} if trust else {})
    with store.spool(writer, **options) as spool:
        for frame in frames:
            spool.put(frame)
    if load:
        store.load()


def forget_times(log: Path) -> None:
    """Remove the statistics of a file from the only checkpoint in a Delta log."""
    (point,) = log.glob("*.checkpoint.parquet")
    rows = pq.read_table(point)
    actions = rows.to_pylist()
    next(action["add"] for action in actions if action["add"])["stats"] = None
    pq.write_table(pa.Table.from_pylist(actions, rows.schema), point)
