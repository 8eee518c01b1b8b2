"""One process of plugins, as the server sees it: starting it, calling it, ending it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from typing import Any

import msgspec

from hubbub.errors import HubbubError
from hubbub.logger import get_logger
from hubbub.plugins.messages import (
    LENGTH,
    MAX_FRAME,
    FromWorker,
    Loading,
    Ready,
    Start,
    TooLargeError,
    decoder,
    frame,
)

__all__ = ["PluginDiedError", "PluginProcess", "PluginTimeoutError"]

_LINES = 200  # that plugins print between two calls and that are logged
_LINE = 1_000  # characters of one
_CHUNK = 64 << 10
_JOIN = 1.0  # s
_log = get_logger("hubbub.plugins")


class PluginTimeoutError(HubbubError):
    """A call took too long; its process was ended."""


class PluginDiedError(HubbubError):
    """The process of a plugin ended during a call."""

    @property
    def killed(self) -> bool:
        """Whether it got SIGKILL: from the kernel that is short of memory, or from a person."""
        return self.what.endswith(signal.SIGKILL.name)


class _Output:
    """Reads what a process prints, in a thread; logs the first lines and drops the rest.

    Args:
        descriptor: the reading end of a pipe; closed at its end.
        process: its number, for the log.
    """

    def __init__(self, descriptor: int, process: int) -> None:
        self._descriptor, self._process = descriptor, process
        self._left, self._dropped, self._partial = _LINES, 0, b""
        self._thread = threading.Thread(target=self._read, name="plugin-output", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait until everything is logged; briefly, since a stray process may hold the pipe."""
        self._thread.join(_JOIN)

    def begin(self) -> None:
        """Allow the next call its own lines."""
        if self._dropped:
            _log.warning("plugins print too much", dropped_bytes=self._dropped)
        self._left, self._dropped = _LINES, 0

    def _read(self) -> None:
        with os.fdopen(self._descriptor, "rb", buffering=0) as pipe:
            while chunk := pipe.read(_CHUNK):
                if self._left <= 0:
                    self._dropped += len(chunk)
                    continue
                *lines, rest = (self._partial + chunk).split(b"\n", self._left)
                self._partial = rest[:_LINE]
                for line in lines:
                    self._say(line)
                if self._left <= 0:
                    self._dropped += len(rest)
                    self._partial = b""
        if self._partial:
            self._say(self._partial)

    def _say(self, line: bytes) -> None:
        self._left -= 1
        text = line[:_LINE].decode("utf-8", "replace")
        printable = "".join(c if c.isprintable() else "\ufffd" for c in text)
        _log.info("plugin", process=self._process, says=printable)


def _check(length: int) -> None:
    if length > MAX_FRAME:
        raise TooLargeError(f"{length:,} bytes")


class PluginProcess:
    """A process, which takes one message at a time.

    Args:
        process: started.
        reader: of its socket.
        writer: of its socket.
        output: of what it prints.
    """

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        output: _Output,
    ) -> None:
        self._process, self._reader, self._writer = process, reader, writer
        self._output = output
        self._left = asyncio.ensure_future(self._end_children())
        self._decode = decoder(FromWorker).decode
        self.ready: Ready | None = None
        self.loading = ""  # the plugin that is being loaded
        self.killed = False  # while it loaded, and not by us

    @classmethod
    async def start(cls, start: Start, seconds: float) -> PluginProcess:
        """Start a process; it may have ended while it loaded a plugin: then `ready` is None.

        Args:
            start: what it loads.
            seconds: that loading may take.
        """
        ours, theirs = socket.socketpair()
        readable, writable = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-X", "faulthandler", "-m", "hubbub.plugins.worker"),
                str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writable,
                stderr=writable,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        except BaseException:
            ours.close()
            os.close(readable)
            raise
        finally:
            theirs.close()
            os.close(writable)
        reader, writer = await asyncio.open_connection(sock=ours)
        started = cls(process, reader, writer, _Output(readable, process.pid))
        try:
            async with asyncio.timeout(seconds):
                await started._load(start)
        except TimeoutError:
            await started.end()
        except BaseException:
            await started.end()
            raise
        return started

    async def _load(self, start: Start) -> None:
        try:
            await self._send(start)
            while self.ready is None:
                message = await self._receive()
                if isinstance(message, Loading):
                    self.loading = message.plugin
                else:
                    assert isinstance(message, Ready)
                    self.ready = message
        except PluginDiedError as error:
            self.killed = error.killed
            await self.end()

    @property
    def number(self) -> int:
        """The id of the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can be called."""
        return self._process.returncode is None and not self._reader.at_eof()

    async def call(self, message: Any) -> Any:
        """Send a message and return the answer.

        Raises:
            PluginTimeoutError: it took more than `message.seconds`.
            PluginDiedError: the process ended.
        """
        self._output.begin()
        try:
            async with asyncio.timeout(message.seconds):
                await self._send(message)
                return await self._receive()
        except TimeoutError:
            await self.end()
            raise PluginTimeoutError(
                f"the plugin took longer than {message.seconds:g} s, and was ended",
                hint="[plugins] timeout sets the limit",
            ) from None
        except PluginDiedError:
            await self.end()
            raise
        except BaseException:  # cancelled: the answer would be taken for that of the next call
            await self.end()
            raise

    async def _send(self, message: msgspec.Struct) -> None:
        data = frame(message)
        try:
            self._writer.write(data)
            await self._writer.drain()
        except (ConnectionError, OSError):
            raise PluginDiedError(await self._reason()) from None

    async def _receive(self) -> Any:
        try:
            (length,) = LENGTH.unpack(await self._reader.readexactly(LENGTH.size))
            _check(length)
            return self._decode(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError, OSError):
            raise PluginDiedError(await self._reason()) from None
        except (TooLargeError, msgspec.DecodeError) as error:
            raise PluginDiedError(
                f"the plugin's process sent what it should not: {error}"
            ) from None

    async def _reason(self) -> str:
        """Return how the process ended."""
        try:
            async with asyncio.timeout(5):
                status = await self._process.wait()
        except TimeoutError:
            return "the plugin's process closed its connection"
        if status < 0:
            with suppress(ValueError):
                return f"the plugin's process was killed by {signal.Signals(-status).name}"
            return f"the plugin's process was killed by signal {-status}"
        return f"the plugin's process exited with status {status}"

    async def end(self) -> None:
        """End the process, and those that it started."""
        if self._process.returncode is None:
            self._kill_group()
        self._writer.close()
        with suppress(ConnectionError, OSError):
            await self._writer.wait_closed()
        await self._left
        await asyncio.to_thread(self._output.join)

    async def _end_children(self) -> None:
        """Wait for the end of the process, and end those that it leaves behind."""
        await self._process.wait()
        self._kill_group()  # at once: later the number may be another process'

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
