"""Limits of connections: how long a header may take, how large it may be, how many there are.

uvicorn waits without end for the first request of a connection, for the rest of a header that comes
drop by drop, and for a client that does not read its answer; it takes a header of any size. Each of
these ends here after a while. Nothing that has been asked for completely is cut off.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from hubbub.live.server.protection.joined import JoinedWrites
from hubbub.live.server.protection.malformed import HeaderTooLargeError, refusal
from hubbub.live.server.settings import ServeSettings

__all__ = [
    "STOPPING",
    "BoundedProtocol",
    "Limits",
    "allow_open_files",
    "transport_of",
    "uvicorn_options",
]

_HEADER_BYTES = 32 << 10  # of the first line and the header; the same for a trailer
_OPEN_FILES = 8_192
#: Key in the state of the lifespan: functions that end streams when the server stops.
STOPPING = "hubbub.stopping"
_TRANSPORT = "hubbub.transport"  # in the state of the ASGI scope


@dataclass
class Limits:
    """The limits of a server's connections, and those of them that are idle, the oldest first."""

    header_seconds: float = 10.0  # for the first line and the header of a request
    idle_seconds: float = 15.0  # between two requests of a connection
    stalled_seconds: float = 60.0  # in which a client reads nothing of its answer
    idle_connections: int = 2_000  # of which the oldest is closed for another one
    idle: OrderedDict[BoundedProtocol, None] = field(default_factory=OrderedDict)


def uvicorn_options(settings: ServeSettings, limits: Limits | None = None) -> dict[str, Any]:
    """Return the arguments of `uvicorn.Config` beside the application and the address.

    Args:
        settings: of the server.
        limits: of its connections.
    """
    limits = limits or Limits()
    return {
        "http": partial(BoundedProtocol, limits),
        "loop": "asyncio",  # with uvloop, if it is installed, this is not what is tested
        "ws": "none",
        "timeout_keep_alive": limits.idle_seconds,
        "timeout_graceful_shutdown": 2,
        "proxy_headers": bool(settings.trusted_proxies),
        "forwarded_allow_ips": list(settings.trusted_proxies),
        "access_log": False,  # addresses may hold tokens
        "log_config": None,
        "server_header": False,
        "lifespan": "on",
    }


def allow_open_files() -> None:
    """Let this process open as many files as its hard limit allows, for that many connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def transport_of(scope: Mapping[str, Any]) -> asyncio.Transport | None:
    """Return the connection of a request, if it came through a `BoundedProtocol`."""
    transport: asyncio.Transport | None = scope.get("state", {}).get(_TRANSPORT)
    return transport


class BoundedProtocol(HttpToolsProtocol):
    """A connection that ends where its client lets the server wait, or sends no HTTP.

    It is idle from its beginning, and from the end of each answer, to the end of the next header.

    Args:
        limits: shared by the connections of a server.
        args: of `HttpToolsProtocol`.
        kwargs: of `HttpToolsProtocol`.
    """

    def __init__(self, limits: Limits, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limits = limits
        self._due: float | None = None  # time of the loop at which the connection ends
        self._timer: asyncio.TimerHandle | None = None  # fires then, or earlier
        self._watching: asyncio.TimerHandle | None = None
        self._unread = (0.0, 0)  # since when this number of bytes waits for the client
        self._in_header = self._refused = False
        self._data = b""  # that is being parsed
        self._header_bytes = 0  # of names and values, and of what was received before its end

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self.transport = JoinedWrites(transport, self.loop)
        self.app_state = {**self.app_state, _TRANSPORT: transport}
        self._begin_idle(self._limits.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._end_idle()
        for timer in (self._timer, self._watching):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; a header that has begun must end in time, and soon enough."""
        if self._refused:
            return
        began_before = self._in_header
        self._data = data
        super().data_received(data)
        self._data = b""
        if self._in_header and began_before:
            self._header_bytes += len(data)
            if self._header_bytes > _HEADER_BYTES:
                self._refuse(HeaderTooLargeError(_HEADER_BYTES))
        if self._answering:
            self._end_idle()
        elif self in self._limits.idle:
            self._expire_after(self._limits.header_seconds)

    # what httptools finds

    def on_message_begin(self) -> None:
        """Begin to count the bytes of a header."""
        self._in_header, self._header_bytes = True, 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a part of the address.

        Raises:
            HeaderTooLargeError: the header is larger than allowed.
        """
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field; one that comes after the body counts, but is no field of the request.

        Raises:
            HeaderTooLargeError: the header is larger than allowed.
        """
        self._count(len(name) + len(value) + 4)
        if self._in_header:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        self._in_header, self._header_bytes = False, 0
        super().on_headers_complete()

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > _HEADER_BYTES:
            raise HeaderTooLargeError(_HEADER_BYTES)

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP, or is too large; called while the error is handled."""
        del msg
        self._refuse(sys.exception())

    def _refuse(self, error: BaseException | None) -> None:
        """Say why, and close the connection; requests before are answered first."""
        self._refused = True
        if not self._answering or self._broken_in_its_body:
            self.transport.write(refusal(error, self._data))
            self.transport.close()
        else:
            self.cycle.keep_alive = False

    @property
    def _broken_in_its_body(self) -> bool:
        """Whether what is being answered is the request that is not complete."""
        return self.cycle.more_body and not self.cycle.response_started and not self.pipeline

    # time

    def shutdown(self) -> None:
        """End, as the server does: answers that go on without end are asked to end first."""
        for end in self.app_state.get(STOPPING, ()):
            end()
        super().shutdown()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request, and watch whether the answer is read."""
        self._begin_idle(self._limits.idle_seconds + self._limits.header_seconds)
        super().on_response_complete()
        if self._answering:  # the next request had come already
            self._end_idle()
        self._watch()

    def pause_writing(self) -> None:
        """Watch whether the client reads the answer."""
        super().pause_writing()
        self._watch()

    @property
    def _answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _begin_idle(self, seconds: float) -> None:
        idle = self._limits.idle
        idle[self] = None
        idle.move_to_end(self)
        self._expire_after(seconds)
        while len(idle) > self._limits.idle_connections:
            oldest, _ = idle.popitem(last=False)
            oldest.abort()

    def _end_idle(self) -> None:
        self._limits.idle.pop(self, None)
        self._due = None

    def _expire_after(self, seconds: float) -> None:
        """Let the connection end after so many seconds, or earlier if that was set before."""
        when = self.loop.time() + seconds
        if self._due is not None and self._due <= when:
            return
        self._due = when
        if self._timer is not None:
            if self._timer.when() <= when:  # looks again when it fires: setting one costs more
                return
            self._timer.cancel()
        self._timer = self.loop.call_at(when, self._expire)

    def _expire(self) -> None:
        self._timer = None
        if self._due is None:
            return
        if self._due > self.loop.time():
            self._timer = self.loop.call_at(self._due, self._expire)
        elif self.transport.get_write_buffer_size():  # the last answer is still being read
            self._due = None
            self._expire_after(self._limits.header_seconds)
        else:
            self.abort()

    def abort(self) -> None:
        """Close the connection at once."""
        self._end_idle()
        self.transport.abort()

    def _watch(self) -> None:
        """Abort the connection if its client reads nothing for too long."""
        if self._watching is None:
            self._unread = self.loop.time(), self.transport.get_write_buffer_size()
            self._watch_again()

    def _watch_again(self) -> None:
        self._watching = None
        now, size = self.loop.time(), self.transport.get_write_buffer_size()
        since, before = self._unread
        if size != before:
            self._unread = now, size
        elif size and now - since >= self._limits.stalled_seconds:
            self.abort()
            return
        if size:
            self._watching = self.loop.call_later(
                self._limits.stalled_seconds / 4, self._watch_again
            )
