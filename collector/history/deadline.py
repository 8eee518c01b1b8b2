"""A deadline for the whole of a request: connecting, TLS, head, interim responses, chunks, body.

The time-outs of sockets hold for each call; a peer that sends a byte now and then never exceeds
them, and a thread that reads a line looks at no clock. So another thread shuts the connection down
once its time is over, which ends whatever call waits for it.
"""

from __future__ import annotations

import atexit
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

__all__ = ["Adapter", "Deadlines", "Watch"]

_IDLE = 5.0  # seconds after which the watching thread ends if there is no request
_LAST_WAIT = 1.0  # seconds for the watching thread to end with the process
_current = threading.local()  # .watch: of the request that this thread sends


class Watch:
    """A request of one thread, and the connection it uses."""

    def __init__(self, end: float) -> None:
        self.end = end  # by time.monotonic()
        self.expired = False
        self._line: socket.socket | None = None
        self._owned = False

    def attach(self, line: socket.socket) -> None:
        """Use this connection from now on; at once shut down if the time is over."""
        self._line = line
        if self.expired:
            self.expire()

    def release(self, line: socket.socket) -> None:
        """Close a connection, or as soon as the request ends that still reads from it."""
        if line is self._line:
            self._owned = True
        else:
            line.close()

    def expire(self) -> None:
        """End the request."""
        self.expired = True
        if (line := self._line) is not None:
            with contextlib.suppress(OSError):  # closed meanwhile
                line.shutdown(socket.SHUT_RDWR)

    def finish(self) -> None:
        """Release the connection, which may serve further requests."""
        line, self._line = self._line, None
        if self._owned and line is not None:
            line.close()


class Deadlines:
    """Watches requests of several threads; its own thread runs only while there are some."""

    def __init__(self) -> None:
        self._watches: set[Watch] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._ending = False  # the process ends

    @contextlib.contextmanager
    def watch(self, seconds: float) -> Iterator[Watch]:
        """Shut the connections that this thread uses in the context down after `seconds`."""
        watch = Watch(time.monotonic() + seconds)
        with self._changed:
            self._watches.add(watch)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="hubbub-deadlines", daemon=True
                )
                self._thread.start()
                atexit.register(self._end)
            elif len(self._watches) == 1:
                self._changed.notify()
        _current.watch = watch
        try:
            yield watch
        finally:
            _current.watch = None
            with self._changed:
                self._watches.discard(watch)
            watch.finish()

    def _run(self) -> None:
        with self._changed:
            while not self._ending:
                now = time.monotonic()
                for watch in [watch for watch in self._watches if watch.end <= now]:
                    self._watches.discard(watch)
                    watch.expire()
                if self._watches:
                    self._changed.wait(min(watch.end for watch in self._watches) - now)
                elif not self._changed.wait(_IDLE) and not self._watches:
                    self._thread = None
                    atexit.unregister(self._end)
                    return

    def _end(self) -> None:
        """End the thread with the process: a running one keeps extension modules from unloading."""
        with self._changed:
            thread, self._ending = self._thread, True
            self._changed.notify()
        if thread is not None:
            thread.join(_LAST_WAIT)


class _Watched:
    """Mixed into a connection: tells the current watch which socket it uses.

    The socket is duplicated, because TLS takes the original over.
    """

    _line: socket.socket | None = None

    def _new_conn(self) -> socket.socket:
        new: socket.socket = super()._new_conn()  # type: ignore[misc]
        self._line = new.dup()
        self._attach()
        return new

    def putrequest(self, *arguments: Any, **options: Any) -> None:
        self._attach()
        super().putrequest(*arguments, **options)  # type: ignore[misc]

    def close(self) -> None:
        super().close()  # type: ignore[misc]
        line, self._line = self._line, None
        if line is not None:
            watch: Watch | None = getattr(_current, "watch", None)
            (watch.release if watch is not None else socket.socket.close)(line)

    def _attach(self) -> None:
        watch: Watch | None = getattr(_current, "watch", None)
        if watch is not None and self._line is not None:
            watch.attach(self._line)


class _Connection(_Watched, HTTPConnection):
    pass


class _TLSConnection(_Watched, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


class Adapter(HTTPAdapter):
    """An adapter of requests whose connections can be ended by a `Deadlines`."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """See `HTTPAdapter.init_poolmanager`."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """See `HTTPAdapter.proxy_manager_for`."""
        manager = super().proxy_manager_for(proxy, **options)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
        return manager
