"""Filling a store, and the types of the fixtures that make frames and events."""

from collections.abc import Callable
from typing import Any

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
