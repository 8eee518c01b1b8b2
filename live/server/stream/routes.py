"""`/live`: a stream of frames, of the present or of a past day; `/live/clock`: the time here."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from prometheus_client.core import GaugeMetricFamily
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

import hubbub
from hubbub.errors import UsageError
from hubbub.live.server.alerts.documents import frame_field
from hubbub.live.server.answers.parameters import read_parameters
from hubbub.live.server.protection.connections import transport_of
from hubbub.live.server.stream.feed import Feed, Report
from hubbub.live.server.stream.replays import Replays
from hubbub.live.stream.reception import reception
from hubbub.store.query.selection import FILTERS, EventFilters

if TYPE_CHECKING:
    from prometheus_client import Metric

    from hubbub.live.server.server import Server
    from hubbub.live.server.stream.channel import Channel

__all__ = ["REPORTS", "routes"]

#: Fields of the frames beside the counts, by name; each is in one frame a second.
REPORTS: dict[str, Report] = {
    "reception": lambda store, now, _names: asdict(reception(store, now)),
    "alerts": frame_field,
}
_FILTERS = tuple(name for name in FILTERS if name != "not_user")
_OWN = frozenset({"replay", "speed", "at", "stop"})
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # a proxy must not collect frames
}
_UNREAD = 32 << 10  # bytes that wait for a client, here and in the kernel each


def routes(server: Server) -> list[BaseRoute]:
    """Return the routes of the stream; its feed becomes a service of the server."""
    from hubbub.collector.people.reader import configured
    from hubbub.live.alerts.runner import Alerting

    feed = Feed(server.store_folder, configured(server.config), REPORTS)
    alerting = Alerting.of(server.config) if server.config.alerts else None
    replays = Replays(server.store_folder, alerting)
    server.services += [feed, replays]

    def measure() -> Iterator[Metric]:
        for name, text, value in (
            ("live_clients", "Clients that watch the stream.", feed.clients),
            ("live_filters", "Different filters that are watched.", feed.channels),
            ("live_replays", "Replays that run.", replays.running),
        ):
            yield GaugeMetricFamily(f"hubbub_{name}", text, value=value)

    server.measures.append(measure)
    server.stopping += [feed.end_streams, replays.end_streams]

    async def live(request: Request) -> Response:
        server.access.require(request, "read")
        values = await read_parameters(request)
        if unknown := sorted(values.keys() - {*_FILTERS, *_OWN}):
            raise UsageError(
                f"there is no parameter {unknown[0][:40]!r}",
                hint=f"there are: {', '.join((*_FILTERS, *sorted(_OWN)))}",
            )
        filters = EventFilters(**{name: tuple(values.get(name, ())) for name in _FILTERS})
        if filters.user:
            server.access.require(request, "people")
        names = server.access.allows(request, "people")
        watching: AbstractAsyncContextManager[Channel]
        facts: dict[str, Any] = {"version": hubbub.__version__, "names": names}
        if "replay" in values:
            single = {name: texts[-1] for name, texts in values.items() if name in _OWN}
            zone = server.config.project.timezone
            watching, facts["replay"] = replays.watch(filters, names=names, zone=zone, **single)
        else:
            watching = feed.watch(filters, names=names)
        _bound_unread(request)
        frames = _frames(watching, facts)
        return StreamingResponse(frames, media_type="text/event-stream", headers=_HEADERS)

    async def clock(request: Request) -> Response:
        server.access.require(request, "read")
        at = time.time_ns() / 1_000_000
        return JSONResponse({"at": at}, headers={"Cache-Control": "no-store"})

    return [Route("/live", live), Route("/live/clock", clock)]


def _bound_unread(request: Request) -> None:
    """Let little wait for a slow client: it gets the latest frame instead of all earlier ones."""
    transport = transport_of(request.scope)
    if transport is not None:
        transport.set_write_buffer_limits(high=_UNREAD)
        if (connection := transport.get_extra_info("socket")) is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNREAD)


async def _frames(
    watching: AbstractAsyncContextManager[Channel], facts: dict[str, Any]
) -> AsyncIterator[bytes]:
    """Yield server-sent events: `hello`, `kinds` when there are new ones, and frames."""
    async with watching as channel:
        number, kinds = 0, -1
        now = None if "replay" in facts else time.time_ns() // 1_000_000
        hello = channel.hello(now, **facts)
        yield b"retry: 2000\n\n" + channel.kinds() + hello
        while (frame := await channel.next(number)) is not None:
            number = frame.number
            if frame.kinds == kinds:
                yield frame.data
            else:
                kinds = frame.kinds
                yield channel.kinds() + frame.data
        yield b"event: end\ndata: {}\n\n"
