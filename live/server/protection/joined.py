"""A transport that sends the head of an answer together with the first part of its body.

Each `write` of asyncio's transport is a call of the system and wakes the client; while it lasts,
another thread may take the interpreter. uvicorn writes head and body one after the other.
"""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["JoinedWrites"]

_LARGE = 64 << 10  # bytes


class JoinedWrites(asyncio.Transport):
    """Holds what is written until more is written, at most until the loop's next turn.

    Args:
        transport: that sends.
        loop: of the transport.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport, self._loop = transport, loop
        self._held = b""

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Send, with what is held; hold it if there is nothing yet."""
        if len(data) > _LARGE:  # copying costs more than another call
            self._flush()
            self._transport.write(data)
        elif self._held:
            held, self._held = self._held, b""
            self._transport.write(b"".join((held, data)))
        elif data:
            self._held = bytes(data)
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)

    def close(self) -> None:
        """Send what is held, and close when all is sent."""
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._held = b""
        self._transport.abort()

    def is_closing(self) -> bool:
        """Whether it is closed, or will be."""
        return self._transport.is_closing()

    def get_write_buffer_size(self) -> int:
        """Return the bytes that are not sent yet."""
        return self._transport.get_write_buffer_size() + len(self._held)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what is known of the connection."""
        return self._transport.get_extra_info(name, default)
