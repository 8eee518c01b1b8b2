"""`python -m hubbub.plugins.worker FD`: a process that loads plugins and runs their functions.

It reads messages from a socket, one at a time, and answers each. It has its own open store, may use
only so much memory, and ends when the server does. What plugins print goes to a pipe of the server.
"""

from __future__ import annotations

import inspect
import os
import resource
import select
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import msgspec

from hubbub.calls import exchange, hops
from hubbub.calls.callables import UnknownNameError
from hubbub.errors import EngineError, HubbubError, NotAllowedError, RemoteError, UsageError
from hubbub.language import use_language
from hubbub.plugins import loading
from hubbub.plugins.messages import (
    LENGTH,
    MAX_FRAME,
    Called,
    CallFunction,
    CallHandlers,
    Described,
    Failed,
    Loading,
    Ready,
    RunJob,
    Start,
    TooLargeError,
    ToWorker,
    decoder,
    frame,
)
from hubbub.plugins.schema import describe
from hubbub.registry import REGISTRY, Function
from hubbub.run.configured import configured_runner
from hubbub.run.injection import Injector
from hubbub.run.runner import Runner
from hubbub.store import Store
from hubbub.store.state.overlay import Overlay

__all__ = ["Worker", "main"]

_GRACE = 5.0  # s after the server's time limit: it has died, or it would have ended this process
_MAX_TEXT = 8_000  # characters of a traceback
_LOGGED = "the server's log has the traceback"
_ENGINE_SHARE = 2  # the query engine gets this part of the memory: a half


class Channel:
    """The socket to the server."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._socket.set_inheritable(False)
        self._decode = decoder(ToWorker).decode

    def read(self) -> Any:
        """Return the next message; None at the end."""
        head = self._exactly(LENGTH.size)
        if head is None:
            return None
        (length,) = LENGTH.unpack(head)
        if length > MAX_FRAME:
            raise TooLargeError(f"a message of {length:,} bytes")
        body = self._exactly(length)
        return None if body is None else self._decode(body)

    def _exactly(self, length: int) -> bytes | None:
        parts = bytearray()
        while len(parts) < length:
            part = self._socket.recv(min(length - len(parts), 1 << 20))
            if not part:
                return None
            parts += part
        return bytes(parts)

    def send(self, message: msgspec.Struct) -> None:
        """Send a message.

        Raises:
            TooLargeError: it is too large; nothing was sent.
        """
        self._socket.sendall(frame(message))

    def end_with_server(self) -> None:
        """End this process, and those that it started, as soon as the server is gone."""

        def watch() -> None:
            poll = select.poll()
            poll.register(self._socket.fileno(), select.POLLHUP | select.POLLRDHUP)
            poll.poll()  # returns for nothing else than the end, errors included
            os.killpg(0, signal.SIGKILL)

        threading.Thread(target=watch, name="watch-server", daemon=True).start()


class Worker:
    """The functions of the plugins, over a store of their own.

    Args:
        start: what to load.
        say: sends a message to the server.
    """

    def __init__(self, start: Start, say: Callable[[msgspec.Struct], None]) -> None:
        self.start, self._say = start, say
        self.notes: list[str] = []
        self.failed: dict[str, str] = {}
        loading.load_builtins()
        self._builtins = list(REGISTRY.all())
        self._load()
        self.store = Store.open(start.store, reading=True)
        self.store.engine_memory = start.config.plugins.memory_bytes // _ENGINE_SHARE
        self.store.engine_url = start.config.engine.connect_url

    def _load(self) -> None:
        config = self.start.config.plugins
        entries: dict[str, Callable[[], list[str]]] = {
            "the installed plugins": loading.load_installed
        }
        entries |= {name: partial(loading.load_module, name) for name in config.modules}
        entries |= {file: partial(loading.load_file, Path(file)) for file in self.start.files}
        for plugin, load in entries.items():
            if plugin in self.start.skipped:
                continue
            self._say(Loading(plugin))
            try:
                self.notes += load()
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
                self.failed[plugin] = str(error) or type(error).__name__

    def ready(self) -> Ready:
        """Return what was loaded."""
        functions: list[Described] = []
        for function in self._own():
            try:
                functions.append(describe(function))
            except TypeError as error:
                self.notes.append(f"{function.noun} {function.name!r} is left out: {error}")
        modules = {function.module for function in functions} | REGISTRY.files.keys()
        paths = {module: REGISTRY.module_path(module) for module in sorted(modules)}
        return Ready(functions, paths, self.notes, self.failed)

    def _own(self) -> list[Function]:
        """Return the functions of plugins."""
        builtins = set(map(id, self._builtins))
        return [function for function in REGISTRY.all() if id(function) not in builtins]

    def answer(self, message: Any) -> msgspec.Struct:
        """Do what a message asks for; whatever happens becomes an answer."""
        try:
            return Called(self._do(message))
        except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001
            return self._failed(message, error)

    def _do(self, message: Any) -> bytes:
        if isinstance(message, CallFunction):
            with hops.passing(message.passed), use_language(message.language):
                return self._call(message)
        if isinstance(message, RunJob):
            return self._run_job(message.name)
        if isinstance(message, CallHandlers):
            return self._handle(message.body)
        raise TypeError(f"a {type(message).__name__} cannot be done")

    def _runner(self, **options: Any) -> Runner:
        return configured_runner(self.store, self.start.config, **options)

    def _call(self, message: CallFunction) -> bytes:
        style = None if self.start.style is None else Path(self.start.style)
        inject = Injector(self.store.state, theme=message.theme, style=style, url=message.url)
        runner = self._runner(inject=inject, names=message.names)
        value: Any
        if message.kind == "query":
            result = runner.query(message.name, **message.parameters)
            value = result if REGISTRY.queries[message.name].about_events else result.bare
        else:
            value = runner.view(message.name, **message.parameters)
        return exchange.encode(value)

    def _run_job(self, name: str) -> bytes:
        from hubbub.jobs import Jobs

        def runner(store: Store, **options: Any) -> Runner:
            return configured_runner(store, self.start.config, **options)

        jobs = Jobs(self.store, config=self.start.config.jobs, runner=runner)
        return msgspec.json.encode(jobs.run(name).document())

    def _handle(self, body: bytes) -> bytes:
        from hubbub.run.handling import answer

        overlay = self._overlay
        return answer(body, overlay, REGISTRY, lambda: self._runner(inject=Injector(overlay)))

    @cached_property
    def _overlay(self) -> Overlay:
        """What event handlers change, before the server commits it."""
        return Overlay(self.store.state.path)

    def _failed(self, message: Any, error: BaseException) -> Failed:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, MemoryError):
                memory = self.start.config.plugins.memory
                return Failed(
                    "failed",
                    f"{_subject(message)} needs more memory than plugins may have: {memory}",
                    hint="[plugins] memory sets the limit",
                    ends=True,
                )
            cause = cause.__cause__ or cause.__context__
        text = "".join(traceback.format_exception(error))[-_MAX_TEXT:]
        if isinstance(error, RemoteError):
            return Failed("remote", error.what, error.server, error.hint)
        if isinstance(error, EngineError):
            return Failed("engine", error.what, error.where, error.hint)
        if isinstance(error, HubbubError):
            kind = "failed"
            if isinstance(error, NotAllowedError) or not self._within_plugin(error):
                kind = _kind(error)
            if kind == "failed":
                return Failed(kind, error.what, error.where, _LOGGED, text)
            return Failed(kind, error.what, error.where, error.hint)
        return Failed(
            "failed",
            f"{_subject(message)} failed: {_sentence(error)}",
            hint=_LOGGED,
            traceback=text,
        )

    def _within_plugin(self, error: HubbubError) -> bool:
        """Whether a plugin called what raised the error: its own request was right then."""
        files = {_file(function) for function in self._own()}
        frames = [f.filename for f in traceback.extract_tb(error.__traceback__)]
        return not files.isdisjoint(frames[:-1])


def _file(function: Function) -> str | None:
    """Return the file of a function's code; None if it is no Python function."""
    code = getattr(inspect.unwrap(function.call), "__code__", None)
    return None if code is None else code.co_filename


def _kind(error: HubbubError) -> str:
    if isinstance(error, UnknownNameError):
        return "unknown"
    if isinstance(error, NotAllowedError):
        return "refused"
    return "usage" if isinstance(error, UsageError) else "failed"


def _subject(message: Any) -> str:
    if isinstance(message, CallFunction):
        return f"{message.kind} {message.name!r}"
    return f"job {message.name!r}" if isinstance(message, RunJob) else "an event handler"


def _sentence(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def limit(memory: int) -> None:
    """Let this process have so many bytes of memory, and write no core dump."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


def main(arguments: Sequence[str]) -> None:
    """Serve the socket whose descriptor is given, until it ends."""
    channel = Channel(int(arguments[0]))
    start = channel.read()
    if not isinstance(start, Start):
        return
    channel.end_with_server()
    limit(start.config.plugins.memory_bytes)
    worker = Worker(start, channel.send)
    channel.send(worker.ready())
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    while (message := channel.read()) is not None:
        # the kernel ends a loop in native code, too, should the server not be there to do it
        signal.setitimer(signal.ITIMER_REAL, message.seconds + _GRACE)
        answer = worker.answer(message)
        try:
            channel.send(answer)
        except TooLargeError as error:
            answer = Failed("failed", f"the answer of {_subject(message)} is too large: {error}")
            channel.send(answer)
        signal.setitimer(signal.ITIMER_REAL, 0)
        if isinstance(answer, Failed) and answer.ends:
            return


if __name__ == "__main__":
    ended = 1
    try:
        main(sys.argv[1:])
        ended = 0
    except Exception:  # noqa: BLE001 - the server reports that this process has ended
        with suppress(OSError, ValueError):  # where a plugin has closed the standard error
            traceback.print_exc()
    os._exit(ended)  # without waiting for threads that plugins started
